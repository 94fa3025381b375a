"""Many objects are listed page by page, whatever happens between two pages."""

import http.server
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from gaiectl.cluster.api import Cluster
from gaiectl.cluster.connection import Access, connect
from gaiectl.cluster.failures import ApiError
from gaiectl.cluster.resources import Resource

Answer = tuple[int, dict[str, object]]
Query = dict[str, list[str]]

PODS = Resource("", "v1", "Pod", "pods", is_namespaced=True)
GONE = (410, {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old"})


@pytest.fixture
def serving(tmp_path: Path) -> Iterator[Callable[[Callable[[Query], Answer]], Cluster]]:
    """Return what makes a cluster of an API server that answers lists in this way."""
    servers = []

    def serve(answer: Callable[[Query], Answer]) -> Cluster:
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                status, body = answer(parse_qs(urlsplit(self.path).query))
                text = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_: object) -> None: ...

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        config = {
            "clusters": [
                {"name": "c", "cluster": {"server": f"http://127.0.0.1:{server.server_port}"}}
            ],
            "users": [{"name": "u", "user": {"token": "t"}}],
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
            "current-context": "c",
        }
        (tmp_path / "config").write_text(json.dumps(config))
        return Cluster(connect(Access(kubeconfig=str(tmp_path / "config"))))

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


def page(*names: str, more: str = "") -> Answer:
    items = [{"metadata": {"namespace": "ns", "name": name}} for name in names]
    return 200, {"metadata": {"continue": more}, "items": items}


def test_a_server_that_forgot_the_first_page_is_asked_for_all_and_nothing_comes_twice(
    serving: Callable[[Callable[[Query], Answer]], Cluster],
) -> None:
    def answer(query: Query) -> Answer:
        if "continue" in query:
            return GONE
        return page("a", "b", more="next") if query.get("limit") else page("a", "b", "c", "d")

    found = serving(answer).list(PODS)

    assert [one["metadata"]["name"] for one in found] == ["a", "b", "c", "d"]


def test_a_server_that_forgets_what_it_was_never_asked_is_an_error(
    serving: Callable[[Callable[[Query], Answer]], Cluster],
) -> None:
    with pytest.raises(ApiError, match="too old"):
        list(serving(lambda _: GONE).list(PODS))
