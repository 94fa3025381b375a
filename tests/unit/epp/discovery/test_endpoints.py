"""The discovery file is taken as llm-d-router takes it and more, and refused with every place."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from epp.api.errors import ConfigError
from epp.discovery.endpoints import Entry, read_endpoints


def read(text: str) -> tuple[Entry, ...]:
    return read_endpoints(text.encode(), "endpoints.yaml")


def one(fields: str) -> Entry:
    (entry,) = read(f"endpoints: [{{{fields}}}]")
    return entry


def problems(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        read(text)
    return [str(problem).removeprefix("endpoints.yaml:") for problem in caught.value.problems]


def test_all_fields_of_the_known_format_are_read() -> None:
    entries = read(
        """
endpoints:
- name: vllm-0
  namespace: blue
  address: 10.0.0.1
  port: "8000"
  labels:
    llm-d.ai/role: decode
- name: vllm-1
  address: 10.0.0.2
  port: "8001"
"""
    )

    assert entries == (
        Entry("vllm-0", "blue", "10.0.0.1", False, 8000, {"llm-d.ai/role": "decode"}),
        Entry("vllm-1", "default", "10.0.0.2", False, 8001, {}),
    )


@pytest.mark.parametrize("indent", [None, 2, "\t"])
def test_json_is_read_however_it_is_indented(indent: str | int | None) -> None:
    document = {"endpoints": [{"name": "a", "address": "10.0.0.1", "port": 80}]}

    assert read(json.dumps(document, indent=indent)) == (
        Entry("a", "default", "10.0.0.1", False, 80, {}),
    )


@pytest.mark.parametrize(
    ("address", "host", "is_name"),
    [
        ("10.0.0.1", "10.0.0.1", False),
        ("'::1'", "::1", False),
        ("'[2001:DB8::1]'", "2001:db8::1", False),
        ("localhost", "localhost", True),
        ("vllm_0.Pool.svc.cluster.local.", "vllm_0.pool.svc.cluster.local.", True),
        ("'1host'", "1host", True),
    ],
)
def test_addresses_may_be_ipv4_ipv6_or_names(address: str, host: str, is_name: bool) -> None:
    entry = one(f"name: a, port: 80, address: {address}")

    assert (entry.host, entry.is_name) == (host, is_name)


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("10.0.0.256", "'10.0.0.256' is not an IPv4 address"),
        ("10.0.0.1:8000", "'10.0.0.1:8000' holds a port (give it in the field 'port')"),
        ("'[::1]:8000'", "'[::1]:8000' holds a port (give it in the field 'port')"),
        ("host:80", "'host:80' holds a port (give it in the field 'port')"),
        (
            "http://host",
            "'http://host' is not an address (give the host alone, no URL and no path)",
        ),
        ("'fe80::1%eth0'", "'fe80::1%eth0' has a zone (use an address that is valid everywhere)"),
        ("'a b'", "'a b' is neither an IP address nor a host name"),
        ("-a", "'-a' is neither an IP address nor a host name"),
        ("''", "expected a string that is not empty, got ''"),
        ("17", "expected a string that is not empty, got 17 (quote it)"),
    ],
)
def test_an_address_that_cannot_be_used_is_refused(address: str, message: str) -> None:
    assert problems(f"endpoints:\n- name: a\n  port: 80\n  address: {address}\n") == [
        f"4:12: endpoints[0].address: {message}"
    ]


@pytest.mark.parametrize("port", ["1", "65535", '"1"', "'65535'", "'08000'"])
def test_a_port_may_be_a_number_or_a_string(port: str) -> None:
    assert one(f"name: a, address: h, port: {port}").port in {1, 8000, 65535}


@pytest.mark.parametrize(
    "port", ["0", "65536", "-1", "80.5", "true", "http", "'8 0'", "null", "[]"]
)
def test_a_port_that_is_none_is_refused(port: str) -> None:
    (problem,) = problems(f"endpoints:\n- name: a\n  address: h\n  port: {port}\n")

    assert problem.startswith("4:9: endpoints[0].port: expected a port from 1 to 65535, got ")


def test_every_problem_is_told_at_once_with_place_and_hint() -> None:
    assert problems(
        """endpoints:
- name: a
  adress: 10.0.0.1
  port: 80
- name: b
  address: 10.0.0.2
  port: 99999
  labels: {engine: 1}
- name: b
- just text
extra: 1
"""
    ) == [
        "2:3: endpoints[0]: field 'address' is missing",
        "3:3: endpoints[0].adress: unknown field 'adress' (did you mean 'address'?)",
        "7:9: endpoints[1].port: expected a port from 1 to 65535, got 99999",
        "8:20: endpoints[1].labels.engine: expected a string, got 1 (quote it)",
        "9:3: endpoints[2]: field 'address' is missing",
        "9:3: endpoints[2]: field 'port' is missing",
        "10:3: endpoints[3]: expected an object with name, address and port",
        "11:1: extra: unknown field 'extra' (known: endpoints)",
    ]


def test_a_name_given_twice_in_a_namespace_is_refused() -> None:
    def entry(name: str, namespace: str) -> str:
        return f"- {{name: {name}, namespace: {namespace}, address: h, port: 1}}\n"

    assert len(read("endpoints:\n" + entry("a", "x") + entry("a", "y"))) == 2
    (problem,) = problems("endpoints:\n" + entry("a", "x") + entry("a", "x"))

    assert problem.startswith("3:10: endpoints[1].name: x/a is already the endpoint of line 2")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "1:1: the file is empty (write 'endpoints: []' for no endpoint)"),
        ("# nothing\n", "1:1: the file is empty (write 'endpoints: []' for no endpoint)"),
        ("{}", "1:1: field 'endpoints' is missing (write 'endpoints: []' for no endpoint)"),
        ("endpoints:", "1:11: endpoints: expected a list of endpoints"),
        ("endpoints: 1", "1:12: endpoints: expected a list of endpoints"),
        ("- a", "1:1: expected an object with the list 'endpoints'"),
        ("endpoints: []\n---\nendpoints: []", "3:1: more than one document"),
        (
            "endpoints: [",
            (
                "2:1: not valid YAML: did not find expected node content"
                " (while parsing a flow node that begins in line 2)"
            ),
        ),
        (
            "endpoints: []\nendpoints: []",
            "2:1: endpoints: 'endpoints' is given twice (first in line 1)",
        ),
        ("endpoints: &a [*a]", "1:16: alias *a has no anchor that ends before it"),
        (
            "endpoints: !!binary x",
            "1:12: endpoints: tag 'tag:yaml.org,2002:binary' is not allowed here (remove it)",
        ),
        ("? [a]\n: 1", "1:3: a field name must be a word"),
    ],
)
def test_a_text_that_is_no_list_of_endpoints_is_refused(text: str, message: str) -> None:
    assert message in problems(text)


def test_no_endpoints_is_a_valid_state() -> None:
    assert read("endpoints: []") == ()


@pytest.mark.parametrize("opening", ["[", "{a: ", "- "])
def test_deep_nesting_is_refused(opening: str) -> None:
    (problem,) = problems("endpoints: " * (opening != "- ") + opening * 100_000)

    assert "nested deeper than 40 levels" in problem or "not valid YAML" in problem


def test_a_large_file_is_refused() -> None:
    assert problems("#" * ((1 << 20) + 1)) == ["1:1: larger than 1 MiB"]


def test_bytes_that_are_no_text_are_refused() -> None:
    with pytest.raises(ConfigError, match="not UTF-8 at byte 11"):
        read_endpoints(b"endpoints: \xff", "x")


@given(
    st.binary(max_size=200)
    | st.text(alphabet="[]{}-:,#&*!|>'\"%@` \t\nab1.", max_size=80).map(str.encode)
)
def test_whatever_the_bytes_are_the_answer_is_entries_or_problems(data: bytes) -> None:
    try:
        read_endpoints(data, "x")
    except ConfigError as error:
        assert error.problems  # noqa: PT017 - both ends are good ones


NAMES = st.text(alphabet="abcdefghij-", min_size=1, max_size=10)


@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "name": NAMES,
                "address": st.ip_addresses().map(str),
                "port": st.integers(1, 65535) | st.integers(1, 65535).map(str),
            },
            optional={"labels": st.dictionaries(NAMES, NAMES), "namespace": NAMES},
        ),
        max_size=5,
        unique_by=lambda e: (e.get("namespace", "default"), e["name"]),
    )
)
def test_what_json_says_is_what_is_read(endpoints: list[dict[str, object]]) -> None:
    entries = read(json.dumps({"endpoints": endpoints}))

    assert [(e.name, e.host, e.port, e.labels) for e in entries] == [
        (e["name"], e["address"], int(str(e["port"])), e.get("labels", {})) for e in endpoints
    ]
