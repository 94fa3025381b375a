"""Producers: find out something about a request before it is scheduled."""
