"""The machine of the cluster tests: it ends with its users and leaves nothing behind."""
