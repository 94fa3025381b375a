"""What a plugin author imports: endpoints, requests, plugin interfaces, the registry, errors.

The lowest layer: it imports the standard library only, and nothing here does I/O.
"""
