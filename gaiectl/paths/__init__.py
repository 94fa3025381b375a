"""One module per path: a pure function that turns a ``Stack`` into a ``Plan``.

May import ``stack``, ``plan``, ``providers``, ``model``. Never runs anything.
"""
