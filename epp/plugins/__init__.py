"""Every built-in plugin, one file each. The explicit imports below are the list of built-ins."""
