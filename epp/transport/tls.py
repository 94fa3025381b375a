"""Certificates: made on the spot, or read from a directory and read again when they change."""

import datetime as dt
import ssl
import tempfile
from pathlib import Path

CERTIFICATE = "tls.crt"
KEY = "tls.key"
_VALID_DAYS = 3650


def self_signed() -> ssl.SSLContext:
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
    # ssl reads files only; they live no longer than this call.
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        (directory / CERTIFICATE).write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        key_file = directory / KEY
        key_file.touch(mode=0o600)
        key_file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return from_directory(directory)


def from_directory(directory: Path) -> ssl.SSLContext:
    """Return a context with ``tls.crt`` and ``tls.key`` of a directory.

    Raises:
        OSError: a file is missing or cannot be read.
        ssl.SSLError: the files are no matching certificate and key.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["h2"])
    context.load_cert_chain(directory / CERTIFICATE, directory / KEY)
    return context


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
        # A failed load may leave the context with half of a pair: try on a throw-away one first.
        from_directory(self._directory)
        self._context.load_cert_chain(self._directory / CERTIFICATE, self._directory / KEY)
        self._seen = now
        return True

    def _fingerprint(self) -> tuple[tuple[int, int, int], ...]:
        stats = [(self._directory / name).stat() for name in (CERTIFICATE, KEY)]
        return tuple((stat.st_mtime_ns, stat.st_ino, stat.st_size) for stat in stats)
