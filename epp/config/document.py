"""The fields of EndpointPickerConfig, as written (GAIE v1.3 to v1.5 and llm-d-router).

``refused`` names the fields that those know and this version does not serve yet: it says so instead
of ignoring them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from epp.api.parameters import Param, Seconds

ApiVersion = Literal["inference.networking.x-k8s.io/v1alpha1", "llm-d.ai/v1alpha1"]
DEFAULT_STALENESS = Seconds(0.2)
NOT_YET = "not supported yet; remove it"


@dataclass(frozen=True, slots=True)
class PluginEntry:
    """One entry of ``plugins``."""

    type: Annotated[str, Param("Plugin type, for example queue-scorer.", minimum=1)]
    name: Annotated[str, Param("Name that profiles refer to; the type by default.")] = ""
    parameters: Annotated[Mapping[str, Any] | None, Param("Parameters of the type.")] = None


@dataclass(frozen=True, slots=True)
class PluginReference:
    """One entry of a profile's ``plugins``."""

    plugin_ref: Annotated[str, Param("Name of a plugin.", minimum=1)]
    weight: Annotated[float | None, Param("Weight of a scorer's score in the sum; 1.")] = None


@dataclass(frozen=True, slots=True)
class ProfileEntry:
    """One entry of ``schedulingProfiles``."""

    name: Annotated[str, Param("Unique name of the profile.", minimum=1)]
    plugins: Annotated[
        tuple[PluginReference, ...], Param("Filters, scorers and one picker of the profile.")
    ] = ()


@dataclass(frozen=True, slots=True)
class Saturation:
    """When an endpoint counts as saturated; decides whether sheddable requests are admitted."""

    queue_depth_threshold: Annotated[
        int, Param("Requests waiting at which an endpoint is saturated.", above=0)
    ] = 5
    kv_cache_util_threshold: Annotated[
        float, Param("Share of the KV cache at which an endpoint is saturated.", above=0, maximum=1)
    ] = 0.8
    metrics_staleness_threshold: Annotated[
        Seconds, Param("Age at which metrics count as unknown.", above=0)
    ] = DEFAULT_STALENESS

    refused: ClassVar[Mapping[str, str]] = {"pluginRef": NOT_YET}


@dataclass(frozen=True, slots=True)
class DiscoveryReference:
    """``dataLayer.discovery``."""

    plugin_ref: Annotated[str, Param("Name of a discovery plugin.", minimum=1)]


@dataclass(frozen=True, slots=True)
class DataLayer:
    """``dataLayer``."""

    discovery: Annotated[
        DiscoveryReference | None, Param("Where endpoints come from, instead of Kubernetes.")
    ] = None

    refused: ClassVar[Mapping[str, str]] = {
        "sources": NOT_YET,
        "injectDefaults": NOT_YET,
        "peerDiscovery": NOT_YET,
        "crossReplicaSyncerPluginRef": NOT_YET,
        "crossReplicaSyncInterval": NOT_YET,
    }


@dataclass(frozen=True, slots=True)
class ParserReference:
    """``parser``, and one entry of ``requestHandler.parsers``."""

    plugin_ref: Annotated[
        Literal["openai-parser"], Param("Name of the parser; only the built-in one so far.")
    ]


@dataclass(frozen=True, slots=True)
class RequestHandler:
    """``requestHandler``."""

    parsers: Annotated[tuple[ParserReference, ...], Param("Parsers of request bodies.")] = ()


@dataclass(frozen=True, slots=True)
class Document:
    """The whole file."""

    api_version: Annotated[ApiVersion, Param("Write inference.networking.x-k8s.io/v1alpha1.")]
    kind: Annotated[Literal["EndpointPickerConfig"], Param("Write EndpointPickerConfig.")]
    feature_gates: Annotated[tuple[str, ...], Param("Features to switch on.")] = ()
    plugins: Annotated[tuple[PluginEntry, ...], Param("Every plugin in use.")] = ()
    scheduling_profiles: Annotated[
        tuple[ProfileEntry, ...],
        Param("Ways to choose endpoints; by default one that uses every plugin above."),
    ] = ()
    saturation_detector: Annotated[
        Saturation | None, Param("When sheddable requests are refused.")
    ] = None
    data_layer: Annotated[DataLayer | None, Param("Where endpoints come from.")] = None
    parser: Annotated[ParserReference | None, Param("Parser of request bodies.")] = None
    request_handler: Annotated[RequestHandler | None, Param("Parsers of request bodies.")] = None

    refused: ClassVar[Mapping[str, str]] = {"data": NOT_YET, "flowControl": NOT_YET}
