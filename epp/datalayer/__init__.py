"""The pool of endpoints, their scraped metrics and the immutable snapshots taken of both."""
