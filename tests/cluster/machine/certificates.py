"""Keys and certificates of a cluster that lives for one test run."""

import datetime as dt
import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_LIFETIME = dt.timedelta(days=2)


@dataclass(frozen=True, slots=True)
class Pair:
    """A private key and what proves who owns it, as PEM files."""

    key: Path
    certificate: Path


class Authority:
    """Signs certificates and puts them into a folder."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, exist_ok=True)
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name("gaiectl-test-ca")
        certificate = _builder(self._name, self._name, self._key).add_extension(
            x509.BasicConstraints(ca=True, path_length=0), critical=True
        )
        self.pair = self._write("ca", self._key, certificate)

    def issue(
        self, file: str, name: str, *, organization: str = "", addresses: Iterable[str] = ()
    ) -> Pair:
        """Return a pair for ``name``, which Kubernetes reads as user and ``organization`` as group.

        Args:
            file: name of the files, without suffix.
            name: common name.
            organization: group of the user; none when empty.
            addresses: host names and IP addresses at which it serves.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = _builder(_name(name, organization), self._name, key)
        if addresses:
            names = x509.SubjectAlternativeName([_general(address) for address in addresses])
            certificate = certificate.add_extension(names, critical=False)
        return self._write(file, key, certificate)

    def signing_key(self, file: str) -> Pair:
        """Return a key pair without a certificate: ``certificate`` holds the public key."""
        key = ec.generate_private_key(ec.SECP256R1())
        public = key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        return _save(self._folder, file, key, public)

    def _write(
        self, file: str, key: ec.EllipticCurvePrivateKey, certificate: x509.CertificateBuilder
    ) -> Pair:
        signed = certificate.sign(self._key, hashes.SHA256())
        return _save(self._folder, file, key, signed.public_bytes(serialization.Encoding.PEM))


def self_signed(folder: Path, name: str) -> Pair:
    """Write ``tls.key`` and ``tls.crt`` of a server on this machine that vouches for itself.

    Args:
        folder: where to.
        name: common name.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    here = x509.SubjectAlternativeName([_general(at) for at in ("localhost", "127.0.0.1")])
    certificate = (
        _builder(_name(name), _name(name), key)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(here, critical=False)
        .sign(key, hashes.SHA256())
    )
    return _save(folder, "tls", key, certificate.public_bytes(serialization.Encoding.PEM))


def _save(folder: Path, file: str, key: ec.EllipticCurvePrivateKey, public: bytes) -> Pair:
    pair = Pair(folder / f"{file}.key", folder / f"{file}.crt")
    pair.key.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    pair.certificate.write_bytes(public)
    return pair


def _name(common: str, organization: str = "") -> x509.Name:
    attributes = [x509.NameAttribute(NameOID.COMMON_NAME, common)]
    if organization:
        attributes.append(x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization))
    return x509.Name(attributes)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey
) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + _LIFETIME)
    )


def _general(address: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(address))
    except ValueError:
        return x509.DNSName(address)
