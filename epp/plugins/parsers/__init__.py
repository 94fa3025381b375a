"""Parsers: read request bodies, and say where the token counts of responses are."""
