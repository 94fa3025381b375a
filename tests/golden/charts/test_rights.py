"""The Python EPP may do what it needs and no more: the charts grant what the READMEs list."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from epp.server.flags import parse
from gaiectl.documents import Document, load

FOLDER = Path(__file__).parent
ROOT = FOLDER.parents[2]
CASES = [
    path
    for path in sorted(FOLDER.glob("*/documents.yaml"))
    if "/gaiectl/epp:" in (text := path.read_text()) and "gaiectl.simulator" not in text
]
OPTIONAL = "llm-d.ai"
READERS = {("nonResourceURL", page, "get") for page in ("/metrics", "/debug/state")}
"""The rights of Prometheus and of ``gaiectl status``, which come with the EPP's token."""

Right = tuple[str, str, str]
"""API group, resource, verb."""


def rows(readme: str, first: str) -> list[list[str]]:
    """Return the cells of the table in a README whose head begins with a word."""
    text = (ROOT / readme).read_text()
    table = re.search(rf"^\| {first} .*\n\|[-| ]+\n((?:\|.*\n)+)", text, re.MULTILINE)
    assert table, f"{readme} has no table of {first}"
    lines = [line.strip("| ").split(" | ") for line in table[1].splitlines()]
    return [[cell.replace("`", "").strip() for cell in line] for line in lines]


def documented() -> dict[str, set[Right]]:
    """Return the rights by what they are for."""
    found: dict[str, set[Right]] = {}
    for purpose, _, groups, resources, verbs in rows("charts/inferencepool/README.md", "for"):
        found.setdefault(purpose, set()).update(
            (group.strip('"'), resource, verb)
            for group in groups.split(", ")
            for resource in resources.split(", ")
            for verb in verbs.split(", ")
            if group != OPTIONAL
        )
    return found


def granted(documents: list[Document], account: str) -> Iterator[Right]:
    """Yield what roles that are bound to a service account allow."""
    roles = {(d["kind"], d["metadata"]["name"]): d for d in documents}
    for document in documents:
        if document["kind"] not in {"RoleBinding", "ClusterRoleBinding"}:
            continue
        if any(subject["name"] == account for subject in document["subjects"]):
            role = roles[document["roleRef"]["kind"], document["roleRef"]["name"]]
            for rule in role["rules"]:
                yield from rights(rule)


def rights(rule: Any) -> Iterator[Right]:
    for verb in rule["verbs"]:
        yield from (("nonResourceURL", url, verb) for url in rule.get("nonResourceURLs", ()))
        for group in rule.get("apiGroups", ()):
            yield from ((group, resource, verb) for resource in rule["resources"])


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.parent.name)
def test_a_chart_grants_what_its_epp_needs_and_no_more(case: Path) -> None:
    documents = list(load(case.read_text()))
    (pod,) = [
        document["spec"]["template"]["spec"]
        for document in documents
        if document["kind"] == "Deployment" and "jaeger" not in document["metadata"]["name"]
    ]
    (epp,) = [one for one in pod["containers"] if one["name"] == "epp"]
    options = parse(epp["args"]).options
    table = documented()
    expected = set(table["endpoints"])
    if options.pool_name:
        pools = {(options.pool_group, *rest) for _, *rest in table["a pool"]}
        expected |= pools | table["priorities and rewrites"]
    if options.ha_enable_leader_election:
        expected |= table["leader election"]
    if options.metrics_endpoint_auth:
        expected |= table["readers of metrics"] | READERS

    assert set(granted(documents, pod["serviceAccountName"])) == expected


def test_both_readmes_say_the_same() -> None:
    ours = {(resource, verb) for all_ in documented().values() for _, resource, verb in all_}
    main = {
        (resource, verb)
        for resources, verbs, _ in rows("README.md", "resource")
        for resource in re.sub(r", (in|of) .*", "", resources).split(", ")
        for verb in verbs.split(", ")
    }
    assert main == ours
