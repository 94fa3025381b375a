"""Reads YAML and JSON so that every value keeps its place in the text."""
