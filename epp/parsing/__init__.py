"""Understands request and response bodies of the inference APIs. Pure functions over bytes."""
