"""Whatever is converted, its comments are still there, and they are comments."""

from functools import cache
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from epp.config.convert import convert
from epp.config.releases import RELEASES

OLD = """\
apiVersion: inference.networking.x-k8s.io/v1alpha1
kind: EndpointPickerConfig
featureGates:
- prepareDataPlugins
plugins:
- type: queue-scorer
- type: prefix-cache-scorer
  parameters:
    blockSize: 64
- type: by-label
  name: "role # 1"
  parameters:
    label: role
    validValues: [decode]
- type: label-selector-filter
  parameters:
    matchLabels:
      text: 'one

        # two'
schedulingProfiles:
- name: default
  plugins:
  - pluginRef: queue-scorer
  - {pluginRef: "role # 1"}
saturationDetector:
  queueDepthThreshold: 7
  kvCacheUtilThreshold: 0.5
data:
  sources: []
parser:
  pluginRef: openai-parser
"""
LINES = OLD.splitlines()
INSIDE = {LINES.index("      text: 'one"), LINES.index("      text: 'one") + 1}
"""Lines in the midst of a text, where nothing is a comment."""


@cache
def values(release: str) -> object:
    return yaml.safe_load(convert(OLD, RELEASES[release]).text)


@settings(max_examples=25)
@given(
    st.dictionaries(st.integers(0, len(LINES) - 1), st.sampled_from(["above", "behind"])),
    st.sampled_from(["python", "gaie-1.5", "llm-d-0.9"]),
)
def test_no_comment_gets_lost_or_changes_a_value(places: dict[int, str], release: str) -> None:
    lines = []
    for number, line in enumerate(LINES):
        where = places.get(number)
        if where == "above" and number - 1 not in INSIDE:
            lines.append(f"{' ' * (len(line) - len(line.lstrip()))}# comment {number}.")
        is_commented = where == "behind" and number not in INSIDE
        lines.append(f"{line}  # comment {number}." if is_commented else line)
    text = "\n".join(lines)

    made = convert(text, RELEASES[release]).text

    assert yaml.safe_load(made) == values(release)
    assert sorted(w for w in text.split() if w.endswith(".") and w[0].isdigit()) == sorted(
        w for w in made.split() if w.endswith(".") and w[0].isdigit()
    )


def test_comments_go_where_goes_what_they_are_about() -> None:
    made = convert(
        OLD.replace("- prepareDataPlugins", "- prepareDataPlugins  # needed")
        .replace("blockSize: 64", "blockSize: 64  # characters")
        .replace("saturationDetector:", "# full\nsaturationDetector:")
        .replace("  queueDepthThreshold: 7", "  # a week\n  queueDepthThreshold: 7  # days")
        .replace("data:", "\n# sources\ndata:  # old")
        + "# end\n"
    ).text

    for part in (
        "kind: EndpointPickerConfig\n# - prepareDataPlugins  # needed\nplugins:",
        "    blockSizeTokens: 16  # characters\n",
        "    # a week\n    queueDepthThreshold: 7  # days\n",
        "\n\n# sources\ndataLayer:  # old\n",
        "  # full\n  saturationDetector:\n",
    ):
        assert part in made
    assert made.endswith("\n# end\n")


@pytest.mark.parametrize("path", sorted((Path(__file__).parent / "valid").glob("*.yaml")), ids=str)
def test_what_is_valid_keeps_its_comments(path: Path) -> None:
    text = path.read_text()

    made = convert(text).text

    comments = [line.partition("# ")[2] for line in text.splitlines() if "# " in line]
    assert [c for c in comments if c not in made] == []
