"""``gaiectl images`` as a user runs it."""

import json
import subprocess
import sys
from pathlib import Path

import yaml

from gaiectl.helm.binary import Helm


def images(helm: Helm, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "gaiectl", "images", *arguments, "--helm", helm.path],
        capture_output=True,
        text=True,
        check=False,
    )


def test_every_image_of_a_stack_is_listed_with_who_needs_it(helm: Helm) -> None:
    done = images(helm, "standalone", "llm", "-n", "ns", "--model-server", "sim", "-o", "json")
    found = {image["repository"]: image for image in json.loads(done.stdout)["images"]}

    assert {"object": "Deployment.apps ns/llm-epp", "container": "epp"} in found[
        "localhost/gaiectl/epp"
    ]["usedBy"]
    assert "docker.io/envoyproxy/envoy" in found
    assert len(found) == 3


def test_a_pinned_image_has_its_digest(helm: Helm) -> None:
    digest = "sha256:" + "a" * 64
    done = images(helm, "standalone", "--selector", "app=x", "-o", "yaml",
                  "--set", f"inferenceExtension.image.digest={digest}")  # fmt: skip
    digests = [image["digest"] for image in yaml.safe_load(done.stdout)["images"]]

    assert sorted(digests) == ["", digest]


def test_a_mirror_shows_what_to_copy_where(helm: Helm) -> None:
    done = images(helm, "inferencepool", "--selector", "app=x", "--registry", "m.io:5000/x")
    header, *rows = [line.split() for line in done.stdout.splitlines()]

    assert header == ["IMAGE", "SOURCE", "USED", "BY"]
    assert [row[:2] for row in rows] == [
        ["m.io:5000/x/gaiectl/epp:0.1.0", "localhost/gaiectl/epp:0.1.0"]
    ]


def test_a_mirror_that_is_none_is_refused_and_nothing_is_listed(helm: Helm) -> None:
    done = images(helm, "inferencepool", "--selector", "app=x", "--registry", "https://m.io")

    assert (done.returncode, done.stdout) == (2, "")
    assert "'https://m.io' is not a registry" in done.stderr
