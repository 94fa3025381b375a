"""Data sources that hear of changes, and what replicas share."""

from epp.datalayer.sources import EventSource, PolledSource
from epp.plugins.sources.endpoint_notification import EndpointNotificationSource
from epp.plugins.sources.k8s_notification import K8sNotificationSource
from epp.plugins.syncers.local import LocalSyncer


def test_a_source_of_kubernetes_objects_says_which_ones_to_watch() -> None:
    pods = K8sNotificationSource("v1", "Pod")
    routes = K8sNotificationSource("v1", "HTTPRoute", "gateway.networking.k8s.io")

    assert isinstance(pods, EventSource)
    assert pods.objects() == ("", "v1", "Pod")
    assert routes.objects() == ("gateway.networking.k8s.io", "v1", "HTTPRoute")


def test_a_source_of_endpoints_needs_nothing_but_the_pool() -> None:
    source: EventSource = EndpointNotificationSource()

    assert isinstance(source, EventSource)
    assert not isinstance(source, PolledSource)
    assert source.objects() is None


def test_what_shares_nothing_needs_nothing() -> None:
    assert LocalSyncer() == LocalSyncer()
