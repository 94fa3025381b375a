"""Generated protobuf code; see epp/extproc/proto/. Never edited by hand.

Made with grpcio-tools 1.74.0, whose code runs with protobuf 6.31.1 and newer::

    python -m grpc_tools.protoc -I epp/extproc/proto \
        --python_out=epp/_generated --pyi_out=epp/_generated epp/extproc/proto/*.proto
"""
