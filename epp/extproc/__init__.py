"""The conversation with Envoy, sans-IO: messages in, actions out. The only user of protobuf."""
