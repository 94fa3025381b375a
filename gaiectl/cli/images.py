"""``gaiectl images``: what a stack pulls."""

import json
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gaiectl.cli.options import examples
from gaiectl.cli.stack_options import Wanted, takes_stack
from gaiectl.console import terminal

if TYPE_CHECKING:
    from gaiectl.operations.images import Image


class Form(StrEnum):
    """Forms of the list."""

    TEXT = "text"
    YAML = "yaml"
    JSON = "json"


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(
        "images",
        short_help="List the images a stack needs.",
        epilog=examples(
            "gaiectl images standalone --model-server sim",
            "gaiectl images --stack gaie.yaml -o json | jq -r '.images[].reference'",
            "gaiectl images --stack gaie.yaml --registry registry.example:5000/mirror",
        ),
    )(images)


@takes_stack
def images(
    wanted: Wanted,
    output: Annotated[Form, typer.Option("-o", "--output", help="Form of the list.")] = Form.TEXT,
    registry: Annotated[
        str | None,
        typer.Option(
            metavar="MIRROR", help="List them as they are called in this registry, paths kept."
        ),
    ] = None,
) -> None:
    """List the images a stack needs, and who needs them; digests where they are pinned."""
    from gaiectl.operations.images import images as images_of
    from gaiectl.operations.images import in_registry
    from gaiectl.operations.render import render

    rendered = render(wanted.plan(), wanted.helm())
    found = images_of(rendered.documents)
    copies = ["" if registry is None else in_registry(image.reference, registry) for image in found]
    if output is Form.TEXT:
        _show_table(found, copies)
        return
    answer = {"images": [_described(*pair) for pair in zip(found, copies, strict=True)]}
    if output is Form.JSON:
        terminal.data(json.dumps(answer, indent=2))
    else:
        from gaiectl.documents import dump

        terminal.data(dump([answer]).rstrip("\n"))


def _show_table(found: "list[Image]", copies: list[str]) -> None:
    from gaiectl.console.tables import table

    if not found:
        terminal.say("this stack needs no image")
        return
    rows = [
        (copy or image.reference, *([image.reference] if copy else []), _users(image))
        for image, copy in zip(found, copies, strict=True)
    ]
    terminal.data(table(("image", *(["source"] if any(copies) else []), "used by"), rows))


def _users(image: "Image") -> str:
    return ", ".join(f"{use.owner} ({use.container})" for use in image.uses)


def _described(image: "Image", copy: str) -> dict[str, Any]:
    """Return what ``-o json`` prints for an image; with a mirror also where it is copied from."""
    described: dict[str, Any] = {"reference": copy or image.reference}
    if copy:
        described["source"] = image.reference
    return described | {
        "repository": image.repository,
        "tag": image.tag,
        "digest": image.digest,
        "usedBy": [{"object": use.owner, "container": use.container} for use in image.uses],
    }
