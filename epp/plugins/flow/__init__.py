"""Policies of flow control: order, fairness, usage limits, eviction."""
