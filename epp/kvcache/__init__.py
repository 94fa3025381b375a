"""What model servers really have in their prefix caches: their events, block hashes, tokens."""
