"""How plugins declare their parameters: annotated dataclass fields.

    max_num_of_endpoints: Annotated[int, Param("How many endpoints to pick.", minimum=1)] = 1

The field's type and default are the parameter's; ``Param`` adds what the type cannot say. The
decoder, the JSON Schema and the reference table are all made from these declarations.

Names that were parameters once, or are one elsewhere, may be listed with what to do instead; giving
one is an error with that text:

    refused: ClassVar[Mapping[str, str]] = {"blockSize": "use blockSizeTokens"}
"""

from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Annotated, Any, get_args, get_origin, get_type_hints


class Seconds(float):
    """A duration; in the configuration a string in Go's syntax, for example ``1m30s``."""

    __slots__ = ()


class Quantity(int):
    """A number of bytes or things; in the configuration also in Kubernetes' syntax: ``10Mi``."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Param:
    """What a parameter is for and which values it takes.

    Attributes:
        description: one sentence.
        minimum: smallest value allowed.
        maximum: largest value allowed.
        above: value that it must exceed.
        name: name in the configuration, if it is not the field's name in camelCase.
        is_forgiven: a value out of range counts as not given, and only a warning says so: upstream
            falls back to the default without a word.
    """

    description: str
    minimum: float | None = None
    maximum: float | None = None
    above: float | None = None
    name: str = ""
    is_forgiven: bool = False


@dataclass(frozen=True, slots=True)
class Parameter:
    """One declared parameter.

    Attributes:
        field: name of the dataclass field.
        name: name in the configuration.
        type: the annotated type without ``Annotated``.
        about: description and range.
        default: value when it is not given; ``MISSING`` when it must be given.
    """

    field: str
    name: str
    type: Any
    about: Param
    default: Any

    @property
    def is_required(self) -> bool:
        """It must be given."""
        return self.default is MISSING


def camel_case(name: str) -> str:
    """Return the configuration's spelling of a field name: ``watch_file`` is ``watchFile``."""
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


def _default(given: Any, factory: Callable[[], Any] | Any) -> Any:
    if given is not MISSING:
        return given
    return MISSING if factory is MISSING else factory()


def parameters_of(cls: type[Any]) -> tuple[Parameter, ...]:
    """Return the parameters that a dataclass declares: its init fields, in order."""
    hints = get_type_hints(cls, include_extras=True)
    declared = []
    for item in fields(cls):
        if not item.init:
            continue
        hint, about = hints[item.name], Param("")
        if get_origin(hint) is Annotated:
            hint, *notes = get_args(hint)
            about = next((note for note in notes if isinstance(note, Param)), about)
        declared.append(
            Parameter(
                field=item.name,
                name=about.name or camel_case(item.name),
                type=hint,
                about=about,
                default=_default(item.default, item.default_factory),
            )
        )
    return tuple(declared)


def refused_by(cls: type[Any]) -> Mapping[str, str]:
    """Return the names that the class refuses, each with what to do instead."""
    refused: Mapping[str, str] = getattr(cls, "refused", {})
    return refused
