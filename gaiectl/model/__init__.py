"""Model servers as Kubernetes objects: one module per kind; ``catalog`` lists them.

Pure: settings in, documents out. May import ``validation`` and what that imports.
"""
