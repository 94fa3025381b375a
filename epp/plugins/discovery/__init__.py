"""Discovery plugins: where endpoints come from."""
