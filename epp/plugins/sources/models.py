"""models-data-source: the models that each endpoint serves.

What:
    Asks each endpoint for its list of models again and again.

Formula:
    None.

Reads:
    GET of the path at each endpoint.

Parameters:
    scheme: http or https.
    path: the path.
    insecureSkipVerify: do not verify the endpoints' certificates.
    interval: time between two polls of an endpoint.

When to use:
    With models-data-extractor, to see on the debug page which endpoint serves which adapters.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from epp.api.parameters import Param, Seconds
from epp.api.registry import Family, plugin
from epp.datalayer.sources import Polling, check_polling

SELDOM = Seconds(10)


@plugin("models-data-source", Family.DATA_SOURCE)
@dataclass(frozen=True, slots=True)
class ModelsDataSource:
    """Polls lists of models."""

    scheme: Annotated[Literal["http", "https"], Param("http or https.")] = "http"
    path: Annotated[str, Param("Path.", minimum=1)] = "/v1/models"
    insecure_skip_verify: Annotated[bool, Param("Do not verify the endpoints' certificates.")] = (
        True
    )
    interval: Annotated[Seconds, Param("Time between two polls of an endpoint.", above=0)] = SELDOM

    brings: ClassVar[str] = "models"
    subject: ClassVar[str] = "models"
    accept: ClassVar[str] = "application/json"

    def __post_init__(self) -> None:
        check_polling(self.polling())

    def polling(self) -> Polling:
        """Return how it asks."""
        return Polling(self.scheme, self.path, not self.insecure_skip_verify, self.interval)
