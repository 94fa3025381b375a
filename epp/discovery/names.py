"""Host names into addresses, with the last good answer kept when a lookup fails."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterable
from ipaddress import ip_address

LOOKUP_TIMEOUT_SECONDS = 5.0

Lookup = Callable[[str], Awaitable[list[str]]]
"""Returns the addresses of a name; raises OSError when there is none."""


async def system_lookup(name: str) -> list[str]:
    """Ask the system's resolver.

    Raises:
        OSError: the name does not resolve.
    """
    answers = await asyncio.get_running_loop().getaddrinfo(name, None, type=socket.SOCK_STREAM)
    return [str(answer[4][0]) for answer in answers]


class Names:
    """Addresses of host names.

    A name stands for one endpoint, so it gets one address: the present one for as long as the name
    still resolves to it, else the lowest, IPv4 before IPv6. Answers in changing order therefore
    change nothing.

    Args:
        lookup: how names are resolved.
    """

    def __init__(self, lookup: Lookup = system_lookup) -> None:
        self._lookup = lookup
        self._addresses: dict[str, str] = {}

    def __getitem__(self, name: str) -> str | None:
        return self._addresses.get(name)

    async def refresh(self, names: Iterable[str]) -> dict[str, str]:
        """Resolve exactly these names, all at once, and forget others.

        Returns:
            Why it failed, by name; the addresses known before stay.
        """
        wanted = set(names)
        self._addresses = {n: a for n, a in self._addresses.items() if n in wanted}
        failures = await asyncio.gather(*(self._resolve(name) for name in wanted))
        return {name: why for name, why in zip(wanted, failures, strict=True) if why}

    async def _resolve(self, name: str) -> str:
        try:
            async with asyncio.timeout(LOOKUP_TIMEOUT_SECONDS):
                found = await self._lookup(name)
        except TimeoutError:
            return f"no answer within {LOOKUP_TIMEOUT_SECONDS:g} s"
        except (OSError, UnicodeError) as error:
            return getattr(error, "strerror", None) or str(error)
        addresses = sorted(
            {address for address in found if "%" not in address}, key=_by_family_and_value
        )
        if not addresses:
            return "no usable address"
        if self._addresses.get(name) not in addresses:
            self._addresses[name] = addresses[0]
        return ""


def _by_family_and_value(address: str) -> tuple[int, int]:
    parsed = ip_address(address)
    return parsed.version, int(parsed)
