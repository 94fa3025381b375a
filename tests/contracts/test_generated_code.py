"""The generated protobuf code says what the .proto files say."""

import subprocess
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

import pytest
from google.protobuf.descriptor_pb2 import DescriptorProto, FileDescriptorProto, FileDescriptorSet

ROOT = Path(__file__).parents[2]
PROTO = ROOT / "epp" / "extproc" / "proto"
GENERATED = ROOT / "epp" / "_generated"
# The generator that made the committed files: its code runs with protobuf 6.31.1 and newer, which
# is the floor in pyproject.toml. Newer generators ask for newer protobuf.
GENERATOR = "grpcio-tools==1.74.0"
GENCODE = (6, 31, 1)
NAMES = sorted(path.stem for path in PROTO.glob("*.proto"))


def without_json_names(messages: Sequence[DescriptorProto]) -> None:
    """Drop the names in JSON, which follow from the names and which generated code leaves out."""
    for message in messages:
        for field in message.field:
            field.ClearField("json_name")
        without_json_names(message.nested_type)


@pytest.mark.parametrize("name", NAMES)
def test_generated_code_is_fresh(name: str, tmp_path: Path) -> None:
    """Any generator describes the same file, whatever version of code it writes."""
    target = tmp_path / "descriptors"
    subprocess.run(
        [
            *(sys.executable, "-m", "grpc_tools.protoc"),
            f"-I{PROTO}",
            f"--descriptor_set_out={target}",
            f"{name}.proto",
        ],
        check=True,
    )
    described = FileDescriptorSet.FromString(target.read_bytes()).file[0]
    without_json_names(described.message_type)

    committed = FileDescriptorProto()
    import_module(f"epp._generated.{name}_pb2").DESCRIPTOR.CopyToProto(committed)

    assert committed == described, f"generate with {GENERATOR}, see epp/_generated"


@pytest.mark.parametrize("name", NAMES)
def test_generated_code_runs_with_the_oldest_protobuf_allowed(name: str) -> None:
    text = (GENERATED / f"{name}_pb2.py").read_text()

    assert "# Protobuf Python Version: {}.{}.{}\n".format(*GENCODE) in text


def test_every_proto_has_its_generated_code_and_nothing_else_is_there() -> None:
    expected = {f"{name}_pb2{suffix}" for name in NAMES for suffix in (".py", ".pyi")}

    assert {path.name for path in GENERATED.glob("*.py*")} == expected | {"__init__.py"}
