"""``gaiectl images``: what a stack pulls."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from gaiectl.cli.options import HeadersOption, Output, examples, output
from gaiectl.cli.stack_options import Wanted, takes_stack
from gaiectl.console import terminal

if TYPE_CHECKING:
    from gaiectl.operations.images import Image


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
    form: Annotated[
        Output, output(Output.TEXT, Output.JSON, Output.YAML, Output.NAME, what="the list")
    ] = Output.TEXT,
    registry: Annotated[
        str | None,
        typer.Option(
            metavar="MIRROR", help="List them as they are called in this registry, paths kept."
        ),
    ] = None,
    no_headers: HeadersOption = False,
) -> None:
    """List the images a stack needs, and who needs them; digests where they are pinned."""
    from gaiectl.console import answers
    from gaiectl.operations.images import images as images_of
    from gaiectl.operations.images import in_registry
    from gaiectl.operations.render import render

    rendered = render(wanted.plan(), wanted.helm())
    found = images_of(rendered.documents)
    copies = ["" if registry is None else in_registry(image.reference, registry) for image in found]
    if form is Output.TEXT:
        _show_table(found, copies, has_headers=not no_headers)
    elif form is Output.NAME:
        for image, copy in zip(found, copies, strict=True):
            terminal.data(copy or image.reference)
    else:
        described = [_described(*pair) for pair in zip(found, copies, strict=True)]
        answers.show({"images": described}, as_yaml=form is Output.YAML)


def _show_table(found: "list[Image]", copies: list[str], *, has_headers: bool) -> None:
    from gaiectl.console.tables import table

    if not found:
        terminal.say("this stack needs no image")
        return
    rows = [
        (copy or image.reference, *([image.reference] if copy else []), _users(image))
        for image, copy in zip(found, copies, strict=True)
    ]
    heads = ("image", *(["source"] if any(copies) else []), "used by")
    terminal.data(table(heads, rows, has_headers=has_headers, shrinks=(len(heads) - 1,)))


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
