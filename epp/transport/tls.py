"""Certificates: made on the spot, or read from a directory and read again when they change."""

import datetime as dt
import os
import ssl
import tempfile
from pathlib import Path
from typing import NamedTuple

CERTIFICATE = "tls.crt"
KEY = "tls.key"
_VALID_DAYS = 3650
_MEMORY = Path("/dev/shm")  # noqa: S108 - a directory of our own is made in it


class Demands(NamedTuple):
    """What is asked of TLS beyond a certificate.

    Attributes:
        minimum: the oldest version spoken.
        ciphers: OpenSSL's names of the suites of TLS 1.2, separated by colons; empty for its own.
            Those of TLS 1.3 are always on, as in Go.
        protocol: what is agreed on by ALPN.
        client_ca: PEM file of who signs clients' certificates; None asks for none.
    """

    minimum: ssl.TLSVersion = ssl.TLSVersion.TLSv1_2
    ciphers: str = ""
    protocol: str = "h2"
    client_ca: Path | None = None


USUAL = Demands()


def self_signed(demands: Demands = USUAL) -> ssl.SSLContext:
    """Return a context with a fresh ECDSA P-256 certificate.

    Gateways do not verify it (the Endpoint Picker Protocol asks for encryption, not identity), and
    P-256 costs milliseconds where the RSA-4096 of the Go server costs seconds.
    """
    from cryptography import x509  # noqa: PLC0415 - 10 MB that only this path needs
    from cryptography.hazmat.primitives import hashes, serialization  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415
    from cryptography.x509.oid import NameOID  # noqa: PLC0415

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Inference Ext")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(minutes=5))
        .not_valid_after(now + dt.timedelta(days=_VALID_DAYS))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    context = _new_context(demands)
    _load(
        context,
        certificate.public_bytes(serialization.Encoding.PEM),
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ),
    )
    return context


def from_directory(directory: Path, demands: Demands = USUAL) -> ssl.SSLContext:
    """Return a context with ``tls.crt`` and ``tls.key`` of a directory.

    Raises:
        OSError: a file is missing or cannot be read.
        ssl.SSLError: the files are no matching certificate and key, or the key needs a password.
    """
    context = _new_context(demands)
    _load(context, (directory / CERTIFICATE).read_bytes(), (directory / KEY).read_bytes())
    return context


def _new_context(demands: Demands) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = demands.minimum
    if demands.ciphers:
        context.set_ciphers(demands.ciphers)
    context.set_alpn_protocols([demands.protocol])
    if demands.client_ca is not None:
        context.load_verify_locations(demands.client_ca)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def _load(context: ssl.SSLContext, certificate: bytes, key: bytes) -> None:
    """Load a pair; ssl reads files only, so they exist for the time of this call."""
    # In memory where that can be: the root filesystem of a container may be read-only.
    place = _MEMORY if os.access(_MEMORY, os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=place) as folder:
        certificate_file, key_file = Path(folder) / CERTIFICATE, Path(folder) / KEY
        certificate_file.write_bytes(certificate)
        key_file.touch(mode=0o600)
        key_file.write_bytes(key)
        # Without a password given, an encrypted key would be asked for on the terminal.
        context.load_cert_chain(certificate_file, key_file, password="")


class CertificateWatch:
    """Loads a directory's certificate into a context again whenever its files change.

    New connections get the new certificate, open ones keep theirs.
    """

    def __init__(self, directory: Path, context: ssl.SSLContext) -> None:
        self._directory = directory
        self._context = context
        self._seen = self._fingerprint()

    def reload_if_changed(self) -> bool:
        """Load the files if they changed; True when new ones are in use.

        A pair that does not load leaves the old one in use and is tried again next time.

        Raises:
            OSError: a file is missing or cannot be read.
            ssl.SSLError: the files are no matching certificate and key.
        """
        now = self._fingerprint()
        if now == self._seen:
            return False
        certificate = (self._directory / CERTIFICATE).read_bytes()
        key = (self._directory / KEY).read_bytes()
        # A failed load may leave the context with half of a pair: try on a throw-away one first.
        _load(_new_context(USUAL), certificate, key)
        _load(self._context, certificate, key)
        self._seen = now
        return True

    def _fingerprint(self) -> tuple[tuple[int, int, int], ...]:
        stats = [(self._directory / name).stat() for name in (CERTIFICATE, KEY)]
        return tuple((stat.st_mtime_ns, stat.st_ino, stat.st_size) for stat in stats)
