"""Short-lived tokens of service accounts, as ``kubectl create token`` makes them."""

from urllib.parse import quote

from gaiectl.cluster.api import Cluster
from gaiectl.cluster.failures import ApiError
from gaiectl.cluster.rights import needing
from gaiectl.documents import Document
from gaiectl.errors import GaieError

_LIFETIME_SECONDS = 600  # the shortest that API servers give


def token_of_pod(cluster: Cluster, pod: Document) -> str:
    """Return a token of the account that a pod runs under, as ``token_of`` does.

    An Endpoint Picker that guards its metrics has the right to read them itself, and whom it shows
    them to is its own token: so nobody's credentials leave the cluster.
    """
    account = (pod.get("spec") or {}).get("serviceAccountName") or "default"
    return token_of(cluster, pod["metadata"]["namespace"], str(account))


def token_of(cluster: Cluster, namespace: str, account: str) -> str:
    """Return a token of a ServiceAccount that ends after ten minutes.

    Raises:
        GaieError: there is no such account, or the cluster refuses.
    """
    place = f"/api/v1/namespaces/{quote(namespace)}/serviceaccounts/{quote(account)}/token"
    asked = {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenRequest",
        "spec": {"expirationSeconds": _LIFETIME_SECONDS},
    }
    with needing("serviceaccounts/token", "create", namespace=namespace):
        try:
            made = cluster.ask("POST", place, {}, asked)
        except ApiError as error:
            if error.status != 404:
                raise
            raise GaieError(
                f"there is no ServiceAccount {namespace}/{account}",
                hint=f"kubectl get serviceaccounts -n {namespace} lists them",
            ) from None
    return str(made["status"]["token"])
