"""The certificates of the ports: found, restricted to what flags allow, followed when they change.

The ext-proc port has one of its own making where no directory is named: gateways do not verify it.
The metrics port speaks plain HTTP then, as the Go EPP's does.
"""

import asyncio
import logging
import ssl
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from epp.server.errors import StartError
from epp.server.options import Options
from epp.transport import tls
from epp.transport.tls import Demands

log = logging.getLogger("setup")

_CHECK_SECONDS = 1.0
_VERSIONS: Final = {
    "": ssl.TLSVersion.TLSv1_2,
    "VersionTLS12": ssl.TLSVersion.TLSv1_2,
    "VersionTLS13": ssl.TLSVersion.TLSv1_3,
}
_CIPHERS: Final = {
    "AES_128_CBC_SHA": "AES128-SHA",
    "AES_256_CBC_SHA": "AES256-SHA",
    "AES_128_CBC_SHA256": "AES128-SHA256",
    "AES_128_GCM_SHA256": "AES128-GCM-SHA256",
    "AES_256_GCM_SHA384": "AES256-GCM-SHA384",
}
_CHACHA: Final = {"CHACHA20_POLY1305_SHA256": "CHACHA20-POLY1305"}
SUITES: Final[Mapping[str, str]] = MappingProxyType(
    {
        **{
            f"TLS_ECDHE_ECDSA_WITH_{c}": f"ECDHE-ECDSA-{n}" for c, n in (_CIPHERS | _CHACHA).items()
        },
        **{f"TLS_ECDHE_RSA_WITH_{c}": f"ECDHE-RSA-{n}" for c, n in (_CIPHERS | _CHACHA).items()},
        **{f"TLS_RSA_WITH_{c}": n for c, n in _CIPHERS.items()},
        "TLS_AES_128_GCM_SHA256": "",
        "TLS_AES_256_GCM_SHA384": "",
        "TLS_CHACHA20_POLY1305_SHA256": "",
    }
)
"""OpenSSL's names of cipher suites by those that Go's crypto/tls has; empty for TLS 1.3, where
nobody may choose. RC4 and 3DES, which Go still has names for, are not there any more."""


class Certificates:
    """What a port is served with.

    Args:
        flag: that names the directory, for messages.
        directory: with ``tls.crt`` and ``tls.key``; None makes a certificate on the spot.
        demands: of TLS.
        is_watched: load the files again when they change.
    """

    def __init__(
        self, flag: str, directory: Path | None, demands: Demands, *, is_watched: bool
    ) -> None:
        self._flag = flag
        self._directory = directory
        self._demands = demands
        self._is_watched = is_watched
        self._following: asyncio.Task[None] | None = None

    def start(self) -> ssl.SSLContext:
        """Return the context of the port's connections; it follows the files from now on.

        Raises:
            StartError: a file, or none of the cipher suites, can be used.
        """
        directory = self._directory
        try:
            if directory is None:
                return tls.self_signed(self._demands)
            context = tls.from_directory(directory, self._demands)
        except (OSError, ssl.SSLError) as error:
            authorities = self._demands.client_ca
            beside = f", and {authorities} authorities," if authorities is not None else ""
            raise StartError(
                f"{self._flag} {directory or ''}: {error}; it must hold tls.crt and tls.key"
                f"{beside} in PEM"
            ) from error
        if self._is_watched:
            watch = tls.CertificateWatch(directory, context)
            self._following = asyncio.create_task(_follow(watch))
        return context

    def stop(self) -> None:
        """Follow the files no more."""
        if self._following is not None:
            self._following.cancel()


def for_proxy(options: Options) -> Certificates | None:
    """Return what the ext-proc port is served with; None where that is in the clear.

    Raises:
        StartError: the flags ask for something that does not exist.
    """
    if not options.secure_serving:
        return None
    directory = Path(options.cert_path) if options.cert_path else None
    if options.enable_cert_reload and directory is None:
        log.warning("--enable-cert-reload has no effect without --cert-path")
    return Certificates(
        "--cert-path", directory, demands_from(options), is_watched=options.enable_cert_reload
    )


def for_metrics(options: Options) -> Certificates | None:
    """Return what the metrics port is served with; None where that is in the clear.

    With authorities for its clients, whoever connects needs a certificate, probes included.
    Versions and suites of the ext-proc port do not count here (llm-d-router).

    Raises:
        StartError: the flags leave the port open to everybody, or do not fit together.
    """
    if not options.metrics_cert_dir:
        if options.metrics_client_ca_file:
            raise StartError("--metrics-client-ca-file needs --metrics-cert-dir: it is about TLS")
        return None
    authorities = Path(options.metrics_client_ca_file) if options.metrics_client_ca_file else None
    if authorities is None and not options.metrics_endpoint_auth:
        raise StartError(
            "--metrics-cert-dir needs --metrics-client-ca-file or --metrics-endpoint-auth: "
            "otherwise everybody may read the metrics"
        )
    return Certificates(
        "--metrics-cert-dir",
        Path(options.metrics_cert_dir),
        Demands(protocol="http/1.1", client_ca=authorities),
        is_watched=True,
    )


def demands_from(options: Options) -> Demands:
    """Return what the flags demand of the ext-proc port's TLS.

    Raises:
        StartError: a version or suite of this name does not exist.
    """
    minimum = _VERSIONS.get(options.tls_min_version)
    if minimum is None:
        names = ", ".join(filter(None, _VERSIONS))
        raise StartError(f"--tls-min-version: {options.tls_min_version!r} is not one of {names}")
    suites = [name for part in options.tls_cipher_suites.split(",") if (name := part.strip())]
    for name in suites:
        if name not in SUITES:
            known = ", ".join(SUITES)
            raise StartError(f"--tls-cipher-suites: {name!r} is not one of {known}")
    return Demands(minimum=minimum, ciphers=":".join(filter(None, map(SUITES.get, suites))))


async def _follow(watch: tls.CertificateWatch) -> None:
    said = ""
    while True:
        await asyncio.sleep(_CHECK_SECONDS)
        try:
            if watch.reload_if_changed():
                log.info("loaded the certificate again")
            said = ""
        except (OSError, ssl.SSLError) as error:
            if str(error) != said:
                said = str(error)
                log.warning("the changed certificate cannot be used, keeping the old: %s", said)
