"""The options that say which stack is meant: the same for every verb that needs one."""

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gaiectl.cli import completion
from gaiectl.cli.interruptions import Interruptions
from gaiectl.cli.options import HelmOption
from gaiectl.cli.shared_options import Command, shares
from gaiectl.errors import Exit, GaieError, UsageError
from gaiectl.stack.model import (
    PROFILES,
    Api,
    Implementation,
    ModelServerKind,
    PathName,
    ProviderName,
    ServiceType,
)

if TYPE_CHECKING:
    from gaiectl.helm.binary import Helm
    from gaiectl.operations.kept_options import Inputs
    from gaiectl.plan import Plan


PATHS = f"{', '.join([*PathName][:-1])} or {[*PathName][-1]}"
"""The paths, as a sentence lists them."""


class Wanted:
    """What the options say.

    Attributes:
        given: values of the options by their parameter names.
    """

    def __init__(self, given: dict[str, Any]) -> None:
        self.given = given
        self._inputs: Inputs | None = None

    def plan(self, default_namespace: str = "") -> "Plan":
        """Return the plan of the stack.

        Args:
            default_namespace: where it goes when neither options nor the file say so.
        """
        from gaiectl.operations.stack import plan_of

        given = self.given
        if self._inputs is None and given["stack"] is None and given["path"] is None:
            raise UsageError(
                f"say what to deploy: {PATHS}",
                hint="name one of them, or a file that does with --stack gaie.yaml",
            )
        for name in ("selector", "gateway", "epp_image", "epp_config", "chart"):
            if given[name] == "":
                raise UsageError(
                    f"--{name.replace('_', '-')} is empty",
                    hint="leave the option out, or see that the shell variable behind it is set",
                )
        inputs = self.inputs()
        return plan_of(
            inputs.source,
            inputs.flags,
            value_files=inputs.value_files,
            assignments=inputs.assignments,
            include_crds=given["include_crds"],
            create_namespace=given["create_namespace"],
            default_namespace=default_namespace,
        )

    def inputs(self) -> "Inputs":
        """Return what the stack is made from; a ``gaie.yaml`` is read once, for it may be a stream.

        Raises:
            GaieError: it cannot be read.
        """
        if self._inputs is None:
            from gaiectl.operations.kept_options import Inputs
            from gaiectl.plan import Assignment
            from gaiectl.stack.load import read

            given = self.given
            texts = [(text, False) for text in given["set_"]] + [
                (text, True) for text in given["set_string"]
            ]
            self._inputs = Inputs(
                read(given["stack"]) if given["stack"] else None,
                self._flags(),
                tuple(given["values"]),
                tuple(Assignment(text=text, as_string=kind) for text, kind in texts),
            )
        return self._inputs

    def use(self, inputs: "Inputs") -> None:
        """Make the stack from these inputs instead of those given."""
        self._inputs = inputs

    def helm(self) -> "Helm":
        """Return the Helm to use."""
        from gaiectl.helm.binary import find

        return find(self.given["helm"])

    def _flags(self) -> dict[str, Any]:
        """Return what was given, nested as in ``gaie.yaml``."""
        given = self.given
        flags: dict[str, Any] = {
            "path": given["path"],
            "profile": given["profile"],
            "name": given["name"],
            "namespace": given["namespace"],
            "api": given["api"],
            "chart": given["chart"],
            "epp": {
                "implementation": given["epp"],
                "image": given["epp_image"],
                "config": given["epp_config"],
            },
            "modelServer": {
                "kind": given["model_server"],
                "matchLabels": _labels(given["selector"]),
            },
            "provider": {
                "name": given["provider"],
                "gateway": given["gateway"],
                "gatewayService": given["gateway_service"],
            },
        }
        return _without_gaps(flags)


def takes_stack(command: Command) -> Callable[..., int]:
    """Give a command the options of a stack; it gets them as its argument ``wanted``.

    Signals end it as Ctrl-C does: Helm with it, and nothing is left behind.
    """
    inner = shares(_options, "wanted", Wanted)(_says_where(command))

    @wraps(inner)
    def run(**given: Any) -> int:
        heard = Interruptions()
        try:
            done = inner(**given)
        except KeyboardInterrupt:
            return heard.code
        return done if isinstance(done, int) else Exit.OK

    return run


def _says_where(command: Command) -> Command:
    """Let an error that is about the objects name what of the user's input they are made from."""

    @wraps(command)
    def run(**given: Any) -> Any:
        try:
            return command(**given)
        except GaieError as error:
            from gaiectl.validation.objections import Objected

            if isinstance(error, Objected):
                from gaiectl.operations.written import say_where

                say_where(error, given["wanted"].inputs())
            raise

    return run


def _options(  # noqa: PLR0917 - each is an option of the command line
    path: Annotated[
        PathName | None,
        typer.Argument(metavar="[PATH]", help=f"{PATHS}: the way to deploy."),
    ] = None,
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="[NAME]",
            help="Name of the stack.  [default: llm]",
            autocompletion=completion.stacks,
        ),
    ] = None,
    namespace: Annotated[
        str | None,
        typer.Option(
            *("-n", "--namespace"),
            metavar="NS",
            help="Where it goes.  [default: of the context; to render: default]",
            autocompletion=completion.namespaces,
        ),
    ] = None,
    stack: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A gaie.yaml, or -; options win over it."),
    ] = None,
    profile: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Variant of the path, by default the first: "
            + "; ".join(f"{path}: {', '.join(of)}" for path, of in PROFILES.items()),
            autocompletion=lambda: [str(one) for of in PROFILES.values() for one in of],
        ),
    ] = None,
    model_server: Annotated[
        ModelServerKind | None,
        typer.Option(help="Model servers to bring.  [default: none]"),
    ] = None,
    selector: Annotated[
        str | None,
        typer.Option("-l", "--selector", metavar="K=V,..", help="Labels of the pods to serve."),
    ] = None,
    provider: Annotated[
        ProviderName | None,
        typer.Option(
            case_sensitive=False,
            help="The gateway in front of an InferencePool.  [default: none]",
        ),
    ] = None,
    gateway: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Its name; else <NAME>-inference-gateway."),
    ] = None,
    gateway_service: Annotated[
        ServiceType | None,
        typer.Option(
            case_sensitive=False,
            help="Type of its Service.  [default: auto, the provider's, mostly LoadBalancer]",
        ),
    ] = None,
    api: Annotated[
        Api | None,
        typer.Option(help="With an InferencePool, or without any CRD.  [default: crds]"),
    ] = None,
    epp: Annotated[
        Implementation | None,
        typer.Option(help="Which Endpoint Picker.  [default: auto, by its image]"),
    ] = None,
    epp_image: Annotated[
        str | None, typer.Option(metavar="REF", help="Its image, with registry and tag.")
    ] = None,
    epp_config: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Its EndpointPickerConfig, or preset:NAME."),
    ] = None,
    values: Annotated[
        list[Path],
        typer.Option("-f", "--values", metavar="FILE", help="Values of the chart, as Helm's."),
    ] = [],  # noqa: B006 - typer copies it
    set_: Annotated[
        list[str], typer.Option("--set", metavar="K=V", help="One value of the chart.")
    ] = [],  # noqa: B006 - typer copies it
    set_string: Annotated[
        list[str], typer.Option("--set-string", metavar="K=V", help="One value, as a text.")
    ] = [],  # noqa: B006 - typer copies it
    include_crds: Annotated[
        bool, typer.Option("--include-crds", help="Bring the CRDs of the Inference APIs.")
    ] = False,
    create_namespace: Annotated[
        bool, typer.Option("--create-namespace", help="Bring the namespace.")
    ] = False,
    chart: Annotated[
        str | None, typer.Option(metavar="DIR", help="Your own copy of the chart.")
    ] = None,
    helm: HelmOption = None,
) -> None:
    """Hold the options; never called."""


def _labels(text: str | None) -> dict[str, str] | None:
    """Return the labels of ``key=value,key=value``."""
    if text is None:
        return None
    pairs = [pair.partition("=") for pair in text.split(",")]
    labels = {key.strip(): value.strip() for key, _, value in pairs}
    if not all(key and value for key, value in labels.items()):
        raise UsageError(
            f"--selector: {text!r} is not key=value,key=value",
            hint="for example --selector app=vllm",
        )
    return labels


def _without_gaps(flags: dict[str, Any]) -> dict[str, Any]:
    """Return the flags without those that were not given."""
    made = {
        name: _without_gaps(value) if isinstance(value, dict) else value
        for name, value in flags.items()
    }
    return {name: value for name, value in made.items() if value not in (None, {})}
