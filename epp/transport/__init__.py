"""HTTP/2 and gRPC, server side: knows bytes and streams, nothing of inference.

Written by us because ext-proc speed is decided here: a general gRPC library costs several times the
CPU of everything else. The rules followed are RFC 9113 (HTTP/2), RFC 7541 (HPACK) and the gRPC over
HTTP/2 protocol description.

``call`` is what a handler sees, ``limits`` what a peer may ask. The way of a message is
``connection`` (frames of one read), ``stream`` (its call), the handler, ``stream`` again, and
``sender`` (one write). Beside it stand ``control`` (frames that carry no request), ``headers`` and
``literals`` (header blocks), ``ending`` (drain, close, slow peers) and ``server`` (listeners).
"""
