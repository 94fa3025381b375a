"""Admitters: they may turn requests away before scheduling."""
