"""Queues in front of a full pool: bands, flows, fairness, limits, dispatch. Pure."""
