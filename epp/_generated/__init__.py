"""Generated protobuf code; see epp/extproc/proto/. Never edited by hand."""
