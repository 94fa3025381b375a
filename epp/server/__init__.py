"""Composition root: flags, listeners, health, metrics endpoint, logging, shutdown."""
