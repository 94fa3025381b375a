"""The client of the latency predictor."""
