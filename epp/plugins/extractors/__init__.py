"""Extractors: read what a data source brings."""
