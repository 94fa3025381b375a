"""How to speak https with endpoints, by files that may change while the process runs."""

import logging
import ssl
import time
from collections.abc import Callable
from pathlib import Path

log = logging.getLogger(__name__)

CHECK_SECONDS = 1.0
"""Between two looks at the files; nobody looks while no connection is opened."""

_Stamp = tuple[tuple[int, int, int], ...]


class ClientTls:
    """Gives the terms of a new connection; connections that are open keep theirs.

    Args:
        is_verified: the servers' certificates must be valid for their addresses.
        ca: file with the authorities to trust; empty is those of the system.
        certificate: file with a client certificate; empty shows none.
        key: file with its key; empty if that is in the same file.
        clock: monotonic seconds.

    Raises:
        OSError: a file cannot be read, or is no certificate or key (``ssl.SSLError``).
    """

    def __init__(
        self,
        *,
        is_verified: bool,
        ca: str = "",
        certificate: str = "",
        key: str = "",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._is_verified = is_verified
        self._ca = ca
        self._certificate = certificate
        self._key = key
        self._clock = clock
        self._files = [Path(file) for file in (ca, certificate, key) if file]
        self._stamp = self._look()
        self._context = self._load()
        self._look_at = clock() + CHECK_SECONDS
        self._said = ""

    def context(self) -> ssl.SSLContext:
        """Return what is in force now; files that changed and cannot be used leave the old."""
        if self._files and self._clock() >= self._look_at:
            self._look_at = self._clock() + CHECK_SECONDS
            try:
                stamp = self._look()
                if stamp != self._stamp:
                    self._context = self._load()
                    self._stamp = stamp
                    log.info("loaded the certificates for scraping again")
                self._said = ""
            except (OSError, ssl.SSLError) as error:
                if str(error) != self._said:
                    self._said = str(error)
                    log.warning(
                        "changed certificates for scraping cannot be used, keeping the old: %s",
                        self._said,
                    )
        return self._context

    def _look(self) -> _Stamp:
        stats = [file.stat() for file in self._files]
        return tuple((stat.st_mtime_ns, stat.st_ino, stat.st_size) for stat in stats)

    def _load(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=self._ca or None)
        if not self._is_verified:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if self._certificate:
            # Without a password given, an encrypted key would be asked for on the terminal.
            context.load_cert_chain(self._certificate, self._key or None, password="")
        return context
