"""What ``test`` runs against a gateway, each check proving one thing that users rely on.

``catalog`` holds the checks, one file each; the other modules are what they stand on: a client
that misses nothing (``gateway``), the shapes of answers (``answers``, ``sse``), the gateway's side
of the bargain (``target``), the run and its report. A check knows neither flags nor terminals, and
of a stack only what ``Target`` says, so that it runs against any gateway.
"""
