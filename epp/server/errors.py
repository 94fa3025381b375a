"""Why the EPP does not start."""


class StartError(Exception):
    """The EPP cannot start; the message says why and what to do."""
