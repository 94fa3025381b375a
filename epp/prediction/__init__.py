"""Latency prediction: features in, times out, and what was observed back to the predictor.

The predictor is GAIE's sidecar, or another server of the same HTTP interface. Everything but
``predictor`` is free of I/O.
"""
