"""Saturation detectors: they tell how full a pool is."""
