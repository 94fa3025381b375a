"""Endpoints, objectives and rewrites from Kubernetes: list and watch, and pure readers on top."""
