"""Response hooks: look at responses, and tell the proxy or the client about them."""
