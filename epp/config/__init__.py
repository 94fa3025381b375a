"""EndpointPickerConfig: decode, default, check, build. Pure: no network, no protobuf."""
