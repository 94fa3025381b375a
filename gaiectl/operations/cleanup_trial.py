"""A cleanup that the API server only tries: rights and webhooks speak, and everything stays."""

from collections.abc import Iterable

from gaiectl.cluster.api import Cluster, path
from gaiectl.cluster.failures import ApiError
from gaiectl.documents import Document, Identity, identity
from gaiectl.errors import GaieError


def try_out(cluster: Cluster, documents: Iterable[Document]) -> list[Identity]:
    """Return what the server would delete.

    Raises:
        GaieError: it would refuse some; tells all of them at once.
    """
    done: list[Identity] = []
    refused: list[str] = []
    for document in documents:
        who = identity(document)
        place = path(cluster.kinds.of(document), who.namespace, who.name)
        try:
            cluster.ask("DELETE", place, {"dryRun": "All"})
        except ApiError as error:
            if error.status != 404:  # it is gone meanwhile
                refused.append(f"{who}: {error.message}")
            continue
        done.append(who)
    if refused:
        raise GaieError(
            f"the API server would not delete {len(refused)} object{'s'[: len(refused) != 1]}",
            hint="ask whoever says so: a webhook, or an administrator for the rights",
            detail="\n".join(refused),
        )
    return done
