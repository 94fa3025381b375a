"""Data sources: where figures of endpoints come from."""
