"""The fields of EndpointPickerConfig, as written (GAIE v1.3 to v1.5 and llm-d-router)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from epp.api.parameters import Param, Quantity, Seconds

ApiVersion = Literal["inference.networking.x-k8s.io/v1alpha1", "llm-d.ai/v1alpha1"]
DEFAULT_STALENESS = Seconds(0.2)
NO_LIMIT = Quantity(0)


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
        int, Param("Requests waiting at which an endpoint is saturated.", above=0, is_forgiven=True)
    ] = 5
    kv_cache_util_threshold: Annotated[
        float,
        Param(
            "Share of the KV cache at which an endpoint is saturated.",
            above=0,
            maximum=1,
            is_forgiven=True,
        ),
    ] = 0.8
    metrics_staleness_threshold: Annotated[
        Seconds, Param("Age at which metrics count as unknown.", above=0, is_forgiven=True)
    ] = DEFAULT_STALENESS
    plugin_ref: Annotated[
        str, Param("Name of a saturation detector, instead of the values above.")
    ] = ""


@dataclass(frozen=True, slots=True)
class Reference:
    """Names a plugin."""

    plugin_ref: Annotated[str, Param("Name of a plugin.", minimum=1)]


@dataclass(frozen=True, slots=True)
class DataSourceReference:
    """One entry of ``dataLayer.sources``."""

    plugin_ref: Annotated[str, Param("Name of a data source.", minimum=1)]
    extractors: Annotated[
        tuple[Reference, ...], Param("Extractors that read what the source brings.")
    ] = ()


@dataclass(frozen=True, slots=True)
class DataLayer:
    """``dataLayer``, and ``data`` as GAIE 1.3 and 1.4 called it."""

    sources: Annotated[
        tuple[DataSourceReference, ...], Param("Where figures of endpoints come from.")
    ] = ()
    inject_defaults: Annotated[
        bool, Param("Add the source and extractor of the usual metrics.")
    ] = True
    discovery: Annotated[
        Reference | None, Param("Where endpoints come from, instead of Kubernetes.")
    ] = None
    peer_discovery: Annotated[Reference | None, Param("How replicas find each other.")] = None
    cross_replica_syncer_plugin_ref: Annotated[str, Param("How replicas share state.")] = ""
    cross_replica_sync_interval: Annotated[
        Seconds | None, Param("How often replicas share state.", above=0)
    ] = None


@dataclass(frozen=True, slots=True)
class Band:
    """A template of priority bands."""

    max_bytes: Annotated[Quantity | None, Param("Bytes queued in the band.", minimum=0)] = None
    max_requests: Annotated[Quantity | None, Param("Requests queued in the band.", minimum=0)] = (
        None
    )
    fairness_policy_ref: Annotated[str, Param("Which flow of the band is next.")] = ""
    ordering_policy_ref: Annotated[str, Param("Which request of a flow is next.")] = ""


@dataclass(frozen=True, slots=True)
class PriorityBand(Band):
    """One entry of ``flowControl.priorityBands``."""

    priority: Annotated[int, Param("Priority of the requests in this band.")] = 0


@dataclass(frozen=True, slots=True)
class FlowControl:
    """``flowControl``; in force with the feature gate of that name."""

    max_bytes: Annotated[Quantity, Param("Bytes queued in all; 0 is unlimited.", minimum=0)] = (
        NO_LIMIT
    )
    max_requests: Annotated[
        Quantity, Param("Requests queued in all; 0 is unlimited.", minimum=0)
    ] = NO_LIMIT
    default_request_ttl: Annotated[
        Seconds | None,
        Param("Longest time in the queue; 0 is unlimited.", name="defaultRequestTTL", minimum=0),
    ] = None
    no_endpoint_request_ttl: Annotated[
        Seconds | None,
        Param("The same while the pool has no endpoint.", name="noEndpointRequestTTL", minimum=0),
    ] = None
    default_priority_band: Annotated[
        Band | None, Param("Template of the bands of priorities that are not listed.")
    ] = None
    default_negative_priority_band: Annotated[
        Band | None, Param("The same for priorities below 0.")
    ] = None
    priority_bands: Annotated[tuple[PriorityBand, ...], Param("Bands by priority.")] = ()
    usage_limit_policy_plugin_ref: Annotated[
        str, Param("How much of the pool each band may use.")
    ] = ""
    enable_eviction: Annotated[
        bool, Param("Revoke sheddable requests in flight for more important ones.")
    ] = False
    saturation_detector: Annotated[Reference | None, Param("Tells how full the pool is.")] = None


@dataclass(frozen=True, slots=True)
class RequestHandler:
    """``requestHandler``."""

    parsers: Annotated[tuple[Reference, ...], Param("Parsers of request bodies.")] = ()


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
    data: Annotated[DataLayer | None, Param("Older name of dataLayer.")] = None
    data_layer: Annotated[
        DataLayer | None, Param("Where endpoints and their figures come from.")
    ] = None
    flow_control: Annotated[FlowControl | None, Param("Queues in front of a full pool.")] = None
    parser: Annotated[Reference | None, Param("Parser of request bodies.")] = None
    request_handler: Annotated[RequestHandler | None, Param("Parsers of request bodies.")] = None
