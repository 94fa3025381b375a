"""A stack as files that work without gaiectl: one module for each kind of reader.

Pure: each returns the texts of its files by their paths, from what a plan renders.
"""
