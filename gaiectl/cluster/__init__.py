"""The adapter to Kubernetes: objects in and out of an API server, and what became of them.

The only importer of the ``kubernetes`` package. Nothing here knows of plans or stacks.
"""
