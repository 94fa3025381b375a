"""Names of the well-lit path: every one follows from the stack's name and namespace."""

from typing import NamedTuple

from gaiectl.errors import UsageError

LONGEST = 33
"""Istio calls the Gateway's Service infra-NAME-inference-gateway-istio, of at most 63 letters."""


class Names(NamedTuple):
    """What the parts of one deployment are called.

    The values may be texts for another program to fill in, such as ``{{ .Values.name }}``.

    Attributes:
        name: of the stack; llm-d calls it the postfix of the releases.
        namespace: of all parts.
    """

    name: str
    namespace: str

    @property
    def infra(self) -> str:
        """Return the release with the Gateway."""
        return f"infra-{self.name}"

    @property
    def gaie(self) -> str:
        """Return the release with EPP and InferencePool; the pool is called the same."""
        return f"gaie-{self.name}"

    @property
    def ms(self) -> str:
        """Return the release with the model servers."""
        return f"ms-{self.name}"

    @property
    def gateway(self) -> str:
        """Return the Gateway."""
        return f"{self.infra}-inference-gateway"

    @property
    def claim(self) -> str:
        """Return the claim that keeps downloaded weights."""
        return f"{self.name}-model-storage"

    @property
    def tokenizer(self) -> str:
        """Return the Service that makes tokens of text, where the EPP asks for them."""
        return f"{self.ms}-tokenizer"

    @property
    def epp_host(self) -> str:
        """Return the DNS name of the EPP's Service, as a DestinationRule names it."""
        return f"{self.gaie}-epp.{self.namespace}.svc.cluster.local"

    @property
    def labels(self) -> dict[str, str]:
        """Return the labels of the model servers' pods, by which the pool finds them.

        The second keeps two deployments in a namespace apart.
        """
        return {"llm-d.ai/inferenceServing": "true", "llm-d.ai/model": self.ms}


def checked(name: str, namespace: str) -> Names:
    """Return the names of a deployment.

    Raises:
        UsageError: the name leaves too little room for those that are made from it.
    """
    if len(name) > LONGEST:
        raise UsageError(
            f"name: {name!r} has {len(name)} letters, and names of the well-lit path grow from it",
            hint=f"use up to {LONGEST} letters",
        )
    return Names(name, namespace)
