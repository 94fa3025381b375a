"""Finds endpoints and tells the pool."""
