"""Pickers: choose endpoints from the scored candidates."""
