"""TLS: a certificate made on the spot, and one from a directory that changes while we serve."""

import ssl
from pathlib import Path
from typing import Any

import grpc
import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from epp.transport import tls
from machine.certificates import self_signed


def certificate_of(server: Any) -> str:
    return ssl.get_server_certificate(("127.0.0.1", server.port))


def name_of(server: Any) -> str:
    certificate = x509.load_pem_x509_certificate(certificate_of(server).encode())
    return str(certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)


def channel_to(server: Any, certificate: str) -> grpc.Channel:
    credentials = grpc.ssl_channel_credentials(root_certificates=certificate.encode())
    options = [
        ("grpc.ssl_target_name_override", "localhost"),
        ("grpc.use_local_subchannel_pool", 1),
    ]
    return grpc.secure_channel(server.address, credentials, options=options)


def echo(channel: grpc.Channel, message: bytes) -> Any:
    call = channel.unary_unary("/test/Echo", request_serializer=None, response_deserializer=None)
    return call(message, timeout=60)


def test_a_self_signed_certificate_serves_grpc(start: Any) -> None:
    server = start(tls=tls.self_signed())

    with channel_to(server, certificate_of(server)) as channel:
        assert echo(channel, bytes(1_000_000)) == bytes(1_000_000)


def test_http2_is_agreed_on_by_alpn(start: Any) -> None:
    server = start(tls=tls.self_signed())
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["http/1.1", "h2"])

    with start.RawPeer(server.port, context) as peer:
        assert peer.socket.selected_alpn_protocol() == "h2"
        assert peer.socket.version() == "TLSv1.3"
        peer.greet()


def test_a_changed_certificate_is_for_new_connections_and_open_ones_stay(
    start: Any, tmp_path: Path
) -> None:
    self_signed(tmp_path, "first")
    context = tls.from_directory(tmp_path)
    watch = tls.CertificateWatch(tmp_path, context)
    server = start(tls=context)
    assert name_of(server) == "first"
    assert not watch.reload_if_changed()

    with channel_to(server, certificate_of(server)) as old:
        assert echo(old, b"1") == b"1"
        self_signed(tmp_path, "second")
        assert watch.reload_if_changed()

        assert name_of(server) == "second"
        with channel_to(server, certificate_of(server)) as new:
            assert echo(new, b"2") == b"2"
        # A connection begun anew would fail: this client trusts the first certificate only.
        assert echo(old, b"3") == b"3"


@pytest.mark.parametrize("breakage", ["key of another", "cut short", "missing"])
def test_a_broken_pair_leaves_the_old_one_in_use_until_it_is_mended(
    start: Any, tmp_path: Path, breakage: str
) -> None:
    self_signed(tmp_path, "first")
    context = tls.from_directory(tmp_path)
    watch = tls.CertificateWatch(tmp_path, context)
    server = start(tls=context)

    if breakage == "key of another":
        key = (tmp_path / "tls.key").read_bytes()
        self_signed(tmp_path, "broken").key.write_bytes(key)
    elif breakage == "cut short":
        key = tmp_path / "tls.key"
        key.write_bytes(key.read_bytes()[:60])
    else:
        (tmp_path / "tls.key").unlink()
    for _ in range(2):
        with pytest.raises((ssl.SSLError, OSError)):
            watch.reload_if_changed()
        assert name_of(server) == "first"

    self_signed(tmp_path, "mended")
    assert watch.reload_if_changed()
    assert name_of(server) == "mended"


def test_a_client_that_speaks_no_tls_disturbs_nobody(start: Any) -> None:
    server = start(tls=tls.self_signed())

    with start.RawPeer(server.port) as peer:
        peer.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(100))
        peer.socket.settimeout(start.patience_seconds)
        while peer.socket.recv(1000):
            pass

    with channel_to(server, certificate_of(server)) as channel:
        assert echo(channel, b"x") == b"x"
