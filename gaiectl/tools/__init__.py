"""Finds, fetches and verifies the programs we call: helm, helmfile, kubectl.

May import ``errors``.
"""
