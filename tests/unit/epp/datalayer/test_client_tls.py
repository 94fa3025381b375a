"""Certificates for scraping follow their files."""

import datetime as dt
import logging
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from epp.datalayer.tls import CHECK_SECONDS, ClientTls


def write(ca: Path, serial: int) -> None:
    """Write a certificate and its key, as authority and as client certificate.

    What was there is replaced as Kubernetes does: by other files, for the time of a change may be
    the same if it follows soon.
    """
    secret = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "authority")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(secret.public_key())
        .serial_number(serial)
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(secret, hashes.SHA256())
    )
    key = secret.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    made = ca.with_suffix(".new")
    for content, place in (
        (certificate.public_bytes(serialization.Encoding.PEM), ca),
        (key, ca.with_suffix(".key")),
    ):
        made.write_bytes(content)
        made.replace(place)


def serials(tls: ClientTls) -> list[int]:
    return [int(str(one["serialNumber"]), 16) for one in tls.context().get_ca_certs()]


def test_changed_files_count_for_new_connections_and_broken_ones_do_not(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    now = 100.0
    file = tmp_path / "ca.pem"
    write(file, 1)
    tls = ClientTls(
        is_verified=True,
        ca=str(file),
        certificate=str(file),
        key=str(file.with_suffix(".key")),
        clock=lambda: now,
    )
    first = tls.context()
    assert serials(tls) == [1]

    write(file, 2)
    assert tls.context() is first  # it is too early to look
    now += CHECK_SECONDS
    assert serials(tls) == [2]
    second = tls.context()

    with caplog.at_level(logging.WARNING):
        for text in ("broken", "broken", ""):
            now += CHECK_SECONDS
            file.write_text(text)
            assert tls.context() is second
        file.unlink()
        now += CHECK_SECONDS
        assert tls.context() is second
    assert 1 <= len(caplog.messages) <= 3

    write(file, 3)
    now += CHECK_SECONDS
    assert serials(tls) == [3]


def test_without_files_nothing_is_looked_at() -> None:
    tls = ClientTls(is_verified=False, clock=iter([0.0]).__next__)

    assert tls.context() is tls.context()


def test_a_file_that_cannot_be_used_at_the_start_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        ClientTls(is_verified=True, ca=str(tmp_path / "gone.pem"))
