"""TLS for the listener: given files, or a certificate made at start."""

import datetime as dt
import ssl
import tempfile
from pathlib import Path

from gaiectl.errors import UsageError
from gaiectl.simulator.settings import Serving


def context_for(serving: Serving) -> ssl.SSLContext | None:
    """Return the server's TLS context, or None for plain HTTP.

    Raises:
        UsageError: the files cannot be read or do not belong together.
    """
    if not serving.ssl_certfile and not serving.self_signed_certs:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if serving.ssl_certfile:
        try:
            context.load_cert_chain(serving.ssl_certfile, serving.ssl_keyfile)
        except (OSError, ssl.SSLError) as error:
            raise UsageError(
                f"--ssl-certfile {serving.ssl_certfile} and --ssl-keyfile: {error}",
                hint="give a certificate and its private key, both PEM",
            ) from error
        return context
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "both.pem"
        path.touch(mode=0o600)
        path.write_bytes(_self_signed())
        context.load_cert_chain(path)
    return context


def _self_signed() -> bytes:
    """Return a private key and its certificate for localhost, PEM, valid for ten years."""
    from cryptography import x509  # noqa: PLC0415 - megabytes that only this path needs
    from cryptography.hazmat.primitives import hashes, serialization  # noqa: PLC0415 - see above
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415 - see above

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=3650))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ) + certificate.public_bytes(serialization.Encoding.PEM)
