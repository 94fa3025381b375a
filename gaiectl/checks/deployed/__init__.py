"""The checks of a gateway made against a stack in a cluster, through port-forwards.

``catalog`` holds which: those of every gateway, and those that need a cluster. ``target`` finds the
gateway, the model servers and the endpoint picker of a stack, and leads the checks to them.
"""
