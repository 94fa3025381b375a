"""Gives a command the options that it shares with others, as one argument of its function."""

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any

Command = Callable[..., Any]


def shares(
    options: Command, name: str, make: Callable[[dict[str, Any]], Any]
) -> Callable[[Command], Command]:
    """Return a decorator that adds the parameters of ``options`` to a command's.

    Args:
        options: its parameters are the options; never called.
        name: the command's argument for all of them.
        make: what makes that argument, from their values by name.
    """
    shared = inspect.signature(options).parameters

    def decorate(command: Command) -> Command:
        own = [p for p in inspect.signature(command).parameters.values() if p.name != name]
        # In front: arguments that another decorator is still to provide.
        parameters = sorted([*shared.values(), *own], key=lambda p: p.default is not p.empty)

        @wraps(command)
        def run(**given: Any) -> Any:
            made = make({key: given.pop(key) for key in shared})
            return command(**{name: made}, **given)

        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined] # what typer reads
        run.__annotations__ = {p.name: p.annotation for p in parameters}
        return run

    return decorate
