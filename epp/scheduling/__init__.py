"""Profiles (filter, score, weigh, pick) and the scheduler that runs them."""
