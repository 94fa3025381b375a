"""Decides one request: rewrite, objective, admission, candidates, scheduling."""
