"""HTTP/2 and gRPC server side. Knows bytes and streams, nothing of inference."""
