"""HTTP/2 and gRPC, server side: knows bytes and streams, nothing of inference.

Written by us because ext-proc speed is decided here: a general gRPC library costs ten times more
CPU per request than all scheduling. The rules followed are RFC 9113 (HTTP/2), RFC 7541 (HPACK) and
the gRPC over HTTP/2 protocol description.
"""
