"""Scorers: one number in [0, 1] for each candidate endpoint."""
