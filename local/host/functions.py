"""The functions of an app, read from the app itself the way the Python worker indexes it."""

import importlib
import inspect
import json
import sys
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import azure.functions as func

# `get_functions()` may be called once per app: a second call takes every name for a duplicate.
_read_before: "weakref.WeakKeyDictionary[func.FunctionApp, list[DeclaredFunction]]" = (
    weakref.WeakKeyDictionary()
)


class AppError(Exception):
    """The app cannot be run as it is; the message names the file or function and what is wrong."""


@dataclass(frozen=True)
class Binding:
    """One binding as function.json would hold it: `type`, the argument's `name`, and the rest."""

    type: str
    name: str
    output: bool
    properties: Mapping[str, object]

    def text(self, name: str, default: str = "") -> str:
        return str(self.properties.get(name, default))


@dataclass(frozen=True)
class DeclaredFunction:
    """One function: what to call, what triggers it, and where its outputs go."""

    name: str
    call: Callable[..., object]
    trigger: Binding
    outputs: tuple[Binding, ...]
    wants_context: bool

    @property
    def returns(self) -> bool:
        """Whether it may return a value: it has a `$return` binding."""
        return any(output.name == "$return" for output in self.outputs)


def load_app(folder: Path) -> func.FunctionApp:
    """The one function app that `function_app.py` in the folder makes, imported as the worker imports it."""
    path = folder / "function_app.py"
    if not path.exists():
        raise AppError(f"there is no {path}")
    sys.path.insert(0, str(folder))
    module = importlib.import_module("function_app")
    apps = [value for value in vars(module).values() if isinstance(value, func.FunctionApp)]
    if len(apps) != 1:
        raise AppError(f"{path} must make exactly one FunctionApp, not {len(apps)}")
    return apps[0]


def declared_functions(app: func.FunctionApp) -> list[DeclaredFunction]:
    """Every function of the app; an app may be asked again, by the next test for one."""
    if app not in _read_before:
        _read_before[app] = [
            _declared(
                str(function.get_function_name()),
                function.get_user_function(),
                [_binding(json.loads(raw)) for raw in function.get_raw_bindings()],
            )
            for function in app.get_functions()
        ]
    return _read_before[app]


def _declared(name: str, call: Callable[..., object], bindings: list[Binding]) -> DeclaredFunction:
    (trigger,) = [binding for binding in bindings if binding.type.lower().endswith("trigger")]
    arguments = {binding.name for binding in bindings} - {"$return"}
    parameters = set(inspect.signature(call).parameters)
    # The worker refuses to load such a function; `context` needs no binding.
    if unbound := parameters - arguments - {"context"}:
        raise AppError(f"function {name}: no binding is called {', '.join(sorted(unbound))}")
    if missing := arguments - parameters:
        raise AppError(f"function {name}: it takes no argument called {', '.join(sorted(missing))}")
    return DeclaredFunction(
        name=name,
        call=call,
        trigger=trigger,
        outputs=tuple(binding for binding in bindings if binding.output),
        wants_context="context" in parameters,
    )


def _binding(properties: Mapping[str, object]) -> Binding:
    return Binding(
        type=str(properties["type"]),
        name=str(properties["name"]),
        output=properties["direction"] == "OUT",
        properties=properties,
    )
