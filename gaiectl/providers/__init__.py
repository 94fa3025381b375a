"""What differs from one gateway implementation to the next: data plus pure functions.

One module per provider; ``catalog`` lists them. May import ``documents``, ``plan`` and ``errors``.
"""
