"""Finds, fetches and verifies the programs we call: helm, helmfile, kubectl.

Adapters find a program by ``finding.find`` and start it themselves. May import ``errors``.
"""
