"""Plugins that decide whether a request is split between stages."""
