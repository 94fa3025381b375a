"""The candidate subset that a gateway may dictate (Endpoint Picker Protocol, proposal 004)."""

from collections.abc import Sequence

from epp.api.endpoint import Candidate


def restrict(candidates: Sequence[Candidate], subset: Sequence[str]) -> Sequence[Candidate]:
    """Keep the candidates that a list of ``ip:port`` names.

    The Go EPP compares addresses only. Here an entry that names a candidate's port selects just
    that candidate, so that the ranks of one pod stay apart; an entry whose port no candidate has
    falls back to its address, as upstream.
    """
    wanted = set(subset)
    exact = {candidate.endpoint.host_port for candidate in candidates} & wanted
    loose = {_address(entry) for entry in wanted - exact}
    return [
        candidate
        for candidate in candidates
        if candidate.endpoint.host_port in exact or candidate.endpoint.address in loose
    ]


def _address(entry: str) -> str:
    host, colon, _ = entry.rpartition(":")
    return (host if colon else entry).removeprefix("[").removesuffix("]")
