"""``gaiectl image``: build the image of EPP and simulator, and bring it to a cluster."""

import shlex
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from gaiectl.cli.cluster_options import Where, takes_cluster
from gaiectl.cli.interruptions import Interruptions
from gaiectl.cli.options import DryRun, DryRunOption, examples
from gaiectl.console import terminal
from gaiectl.containers.engine import Kind
from gaiectl.containers.places import Place
from gaiectl.errors import GaieError, UsageError

app = typer.Typer(
    name="image",
    help="Build the image of EPP and simulator, push it to a registry, load it into a cluster.",
    short_help="Build the EPP's image, push it, load it into a cluster.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

_Image = Annotated[str | None, typer.Argument(metavar="[IMAGE]", help="Its name.  [default: ours]")]
_Engine = Annotated[
    Kind | None, typer.Option(help="What holds images.  [default: the first in PATH]")
]
_Commands = Annotated[
    bool, typer.Option("--print-commands", help="Print the commands instead of running them.")
]


@app.command(
    short_help="Build the image from the gaiectl that you run.",
    epilog=examples(
        "gaiectl image build",
        "gaiectl image build --tag registry.example/team/epp:1 --sbom epp.cdx.json",
        "gaiectl image build --engine docker -- --platform linux/arm64",
        "gaiectl image build --base-image mirror.example/python:3.13-slim \\\n"
        "    --build-image mirror.example/python:3.13",
    ),
)
def build(
    flags: Annotated[
        list[str] | None, typer.Argument(metavar="[-- FLAG...]", help="Flags for the engine.")
    ] = None,
    *,
    engine: _Engine = None,
    tag: Annotated[
        str | None, typer.Option("-t", "--tag", metavar="REF", help="Its name.  [default: ours]")
    ] = None,
    base_image: Annotated[
        str | None, typer.Option(metavar="REF", help="Image with Python to stand on.")
    ] = None,
    build_image: Annotated[
        str | None,
        typer.Option(
            metavar="REF",
            help="Image to build in: the same Python, ensurepip and a C compiler.  [default: as "
            "--base-image]",
        ),
    ] = None,
    compiled: Annotated[
        bool,
        typer.Option("--compile/--no-compile", help="Make machine code of the EPP's hot path."),
    ] = True,
    sbom: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write its bill of materials there too.")
    ] = None,
    context: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write what it is built from there; keep it.")
    ] = None,
    start: Annotated[
        bool,
        typer.Option("--start/--no-start", help="Start it once, and tell how long that takes."),
    ] = True,
    print_commands: _Commands = False,
) -> None:
    """Build the image from the gaiectl that you run: its EPP, its simulator, its patches.

    What they require is installed from the Python package index, by the hashes of a lock file.
    """
    from importlib.metadata import version

    from gaiectl.containers.engine import find
    from gaiectl.model.builtin import image
    from gaiectl.operations.image_build import Build, commands, look, write_context
    from gaiectl.operations.image_build import build_image as make

    wanted = Build(
        tag=_named(tag or image()),
        version=version("gaiectl"),
        base=base_image or "",
        builder=build_image or "",
        is_compiled=compiled,
        sbom=sbom,
        flags=tuple(flags or ()),
    )
    if print_commands:
        if context is None:
            raise UsageError(
                "the commands need a folder to build from",
                hint="name one that is written and stays: --context DIR",
            )
        write_context(context)
        exported = sbom.parent if sbom else Path()
        _print(commands(find(engine), wanted, context, exported))
        return
    found = find(engine)
    with _telling() as tell:
        make(found, wanted, tell, context=context)
        if start:
            terminal.show_progress("starting it once")
        seen = look(found, wanted.tag, starts=start)
    size = f": {seen.size}" if seen.size else ""
    serves = "" if seen.seconds is None else f"; it serves {seen.seconds:.2f} s after its start"
    terminal.say(f"{terminal.symbol('done')} built {wanted.tag}{size}{serves}")
    if seen.trouble:
        terminal.say(f"{terminal.symbol('warning')} it could not be started here: {seen.trouble}")
    terminal.data(wanted.tag)


@app.command(
    short_help="Push an image to a registry.",
    epilog=examples(
        "gaiectl image push --to registry.example:5000/team",
        "gaiectl image push --to localhost:5000 --insecure",
    ),
)
def push(
    to: Annotated[
        str, typer.Option("--to", metavar="REGISTRY", help="Registry, perhaps with a path.")
    ],
    image: _Image = None,
    *,
    engine: _Engine = None,
    insecure: Annotated[
        bool, typer.Option("--insecure", help="HTTP will do, and any certificate.")
    ] = False,
    print_commands: _Commands = False,
    dry_run: DryRunOption = DryRun.NONE,
) -> None:
    """Push an image to a registry; its path and tag stay, and its name there is printed.

    The engine logs in, as with: podman login REGISTRY.
    """
    from gaiectl.containers.engine import find
    from gaiectl.model.builtin import image as ours
    from gaiectl.operations.image_move import push_image, target_of

    name = _named(image or ours())
    target = target_of(name, to)
    found = find(engine)
    if print_commands or _is_tried(dry_run):
        _print(found.push(name, target, is_insecure=insecure))
        return
    with _telling() as tell:
        push_image(found, name, target, tell, is_insecure=insecure)
    terminal.say(f"{terminal.symbol('done')} pushed; a stack uses it with --epp-image {target}")
    terminal.data(target)


@app.command(
    short_help="Load an image into a cluster without a registry.",
    epilog=examples(
        "gaiectl image load",
        "gaiectl image load --to kind --cluster dev",
        "sudo gaiectl image load --to containerd",
        "gaiectl image load --to archive --file epp.tar",
        "gaiectl image load --from epp.tar --to containerd",
    ),
)
@takes_cluster
def load(
    where: Where,
    image: _Image = None,
    *,
    engine: _Engine = None,
    to: Annotated[
        Place | None, typer.Option(help="Where it goes.  [default: the context's cluster]")
    ] = None,
    cluster: Annotated[
        str, typer.Option(metavar="NAME", help="The cluster of kind, k3d or minikube.")
    ] = "",
    socket: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The socket of containerd on a node.")
    ] = None,
    file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The archive to write, for --to archive.")
    ] = None,
    source: Annotated[
        Path | None, typer.Option("--from", metavar="FILE", help="An archive; no engine is asked.")
    ] = None,
    print_commands: _Commands = False,
    dry_run: DryRunOption = DryRun.NONE,
) -> None:
    """Load an image into a cluster of kind, k3d or minikube, into containerd, or into an archive.

    Nodes tell of a loaded image within a minute; gaiectl install waits for that.
    """
    from gaiectl.containers.engine import find
    from gaiectl.model.builtin import image as ours
    from gaiectl.operations.image_move import Load, load_commands, load_image, place_of

    if (to is Place.ARCHIVE) != (file is not None):
        raise UsageError(
            "--to archive and --file belong together", hint="--to archive --file epp.tar"
        )
    if source is not None and (image or to is Place.ARCHIVE):
        raise UsageError(
            f"--from {source} is an archive already"
            if to is Place.ARCHIVE
            else f"{image} is what --from has",
            hint="leave --from out to take the image from an engine",
        )
    if source is not None and not source.is_file():
        raise UsageError(f"there is no archive {source}", hint="gaiectl image load --to archive")
    place, name = to, cluster
    if place is None:
        place, name = place_of(where.cluster().connection.context)
        name = cluster or name
    if file is not None:
        _require_place(file)
    wanted = Load(_named(image or ours()), place, name, socket, source or file)
    found = None if source else find(engine)
    if print_commands or _is_tried(dry_run):
        _print(load_commands(found, wanted, wanted.archive or Path("image.tar")))
        return
    with _telling() as tell:
        load_image(found, wanted, tell)
    done = f"wrote {file}" if file else f"loaded {source or wanted.image} into {name or place}"
    terminal.say(f"{terminal.symbol('done')} {done}")


def _named(image: str) -> str:
    """Return the name of an image.

    Raises:
        UsageError: it is none.
    """
    from gaiectl.references import is_reference

    if not is_reference(image):
        raise UsageError(
            f"{image!r} is no name of an image", hint="for example registry.example/team/epp:1"
        )
    return image


def _require_place(file: Path) -> None:
    """Make sure that an archive can be written there.

    Raises:
        UsageError: it cannot.
    """
    folder = file.absolute().parent
    if not folder.is_dir() or file.is_dir():
        why = f"there is no folder {folder}" if not folder.is_dir() else "it is a folder"
        raise UsageError(f"--file {file}: {why}", hint="name a file in a folder that exists")


def _is_tried(dry_run: DryRun) -> bool:
    if dry_run is DryRun.SERVER:
        raise UsageError(
            "--dry-run=server: images are not sent by way of the API server",
            hint="--dry-run prints the commands that would be run",
        )
    return dry_run is DryRun.CLIENT


@contextmanager
def _telling() -> Iterator[Callable[[str], None]]:
    """Yield what tells of a program's lines: the last one on a terminal, all of them in a log.

    A signal that ends us ends the program too, and leaves no temporary files.
    """
    heard, is_seen = Interruptions(), terminal.is_terminal()
    try:
        yield terminal.show_progress if is_seen else terminal.say
    except KeyboardInterrupt:
        raise typer.Exit(heard.code) from None
    except GaieError as error:
        if not is_seen:
            error.detail = ""  # it stands in the log already
        raise


def _print(commands: Iterable[tuple[str, ...]]) -> None:
    terminal.data("\n".join(shlex.join(command) for command in commands))
