"""Pods are killed as a crash would end them."""

from gaiectl.checks.check import Skipped
from gaiectl.cluster.api import Cluster, path
from gaiectl.cluster.failures import ApiError
from gaiectl.cluster.rights import NotAllowed, needing
from gaiectl.documents import Document
from gaiectl.validation.fields import name_of, namespace_of, word

_GRACE_SECONDS = 1
"""As short as Kubernetes allows while it still tells the node: a crash is what is to be survived.
"""


def kill(cluster: Cluster, pod: Document) -> None:
    """Delete this very pod; one that is gone already is none the less.

    Raises:
        Skipped: the user may not.
    """
    place = namespace_of(pod)
    where = path(cluster.kinds.need("", "Pod"), place, name_of(pod))
    uid = word(pod, "metadata", "uid")
    options = {"gracePeriodSeconds": _GRACE_SECONDS, "preconditions": {"uid": uid}}
    try:
        with needing("pods", "delete", namespace=place):
            cluster.ask("DELETE", where, {}, options)
    except NotAllowed as error:
        raise Skipped(f"{error.message}; {error.hint}") from None
    except ApiError as error:
        if error.status not in (404, 409):  # somebody else was faster
            raise
