"""The certificates of the ports: found, restricted to what flags allow, followed when they change.

The ext-proc port has one of its own making where no directory is named: gateways do not verify it.
The metrics port speaks plain HTTP then, as the Go EPP's does.
"""

import asyncio
import contextlib
import logging
import ssl
from pathlib import Path

from epp.server.errors import StartError
from epp.server.options import Options
from epp.transport import tls
from epp.transport.cipher_suites import restrict

log = logging.getLogger("setup")

_CHECK_SECONDS = 1.0
_VERSIONS = {"VersionTLS12": ssl.TLSVersion.TLSv1_2, "VersionTLS13": ssl.TLSVersion.TLSv1_3}


class Certificate:
    """What a port is served with.

    Args:
        context: of its connections.
        watch: loads the files again when they change; None if nobody asked for it.
    """

    def __init__(self, context: ssl.SSLContext, watch: tls.CertificateWatch | None = None) -> None:
        self.context = context
        self._watch = watch
        self._following: asyncio.Task[None] | None = None

    def follow(self) -> None:
        """Begin to watch the files; needs a running event loop."""
        if self._watch is not None and self._following is None:
            self._following = asyncio.create_task(_follow(self._watch))

    async def stop(self) -> None:
        """Stop watching them."""
        if self._following is not None:
            self._following.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._following


def of_ext_proc(options: Options) -> Certificate | None:
    """Return the certificate of the ext-proc port; None where that is not encrypted.

    Raises:
        StartError: the files, or the cipher suites asked for, cannot be used.
    """
    if not options.secure_serving:
        return None
    directory = Path(options.cert_path) if options.cert_path else None
    context = tls.self_signed() if directory is None else _read("--cert-path", directory, "h2")
    context.minimum_version = _VERSIONS[options.tls_min_version]
    try:
        restrict(context, options.tls_cipher_suites)
    except ssl.SSLError as error:
        names = ",".join(options.tls_cipher_suites)
        raise StartError(f"--tls-cipher-suites {names}: {error.reason or error}") from error
    if directory is None or not options.enable_cert_reload:
        return Certificate(context)
    return Certificate(context, tls.CertificateWatch(directory, context))


def of_metrics(options: Options) -> Certificate | None:
    """Return the certificate of the metrics port; None where that is not encrypted.

    With a CA for clients, whoever connects must have a certificate of it, probes included.

    Raises:
        StartError: a file cannot be used.
    """
    if not options.metrics_cert_dir:
        return None
    directory = Path(options.metrics_cert_dir)
    context = _read("--metrics-cert-dir", directory, "http/1.1")
    if authorities := options.metrics_client_ca_file:
        try:
            context.load_verify_locations(authorities)
        except (OSError, ssl.SSLError) as error:
            raise StartError(
                f"--metrics-client-ca-file {authorities}: {error}; it must hold CAs in PEM"
            ) from error
        context.verify_mode = ssl.CERT_REQUIRED
    return Certificate(context, tls.CertificateWatch(directory, context))


def _read(flag: str, directory: Path, protocol: str) -> ssl.SSLContext:
    try:
        return tls.from_directory(directory, protocol)
    except (OSError, ssl.SSLError) as error:
        raise StartError(
            f"{flag} {directory}: {error}; it must hold tls.crt and tls.key in PEM"
        ) from error


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
