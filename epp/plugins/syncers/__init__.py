"""Syncers: how replicas share state."""
