"""The adapter to the helm binary, version 3 or 4; the only importer of pyhelm3.

May import ``tools``, ``plan``, ``documents`` and ``errors``.
"""
