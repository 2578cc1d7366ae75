"""The functions of an app, as Microsoft's worker library has indexed them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from local.host.rpc import RpcFunctionMetadata


class AppError(Exception):
    """The app cannot be run; the message names the file or function and what is wrong."""


@dataclass(frozen=True)
class Binding:
    """One binding as in function.json: its `type`, the argument's `name`, and all other properties."""

    type: str
    name: str
    output: bool
    properties: Mapping[str, object]

    def text(self, name: str, default: str = "") -> str:
        return str(self.properties.get(name, default))


@dataclass(frozen=True)
class DeclaredFunction:
    """One function: the worker's id for it, its trigger, and its output bindings."""

    name: str
    id: str
    trigger: Binding
    outputs: tuple[Binding, ...]


def declared(metadata: RpcFunctionMetadata) -> DeclaredFunction:
    bindings = [_binding(json.loads(raw)) for raw in metadata.raw_bindings]
    (trigger,) = [binding for binding in bindings if binding.type.lower().endswith("trigger")]
    outputs = tuple(binding for binding in bindings if binding.output)
    return DeclaredFunction(metadata.name, metadata.function_id, trigger, outputs)


def _binding(properties: Mapping[str, object]) -> Binding:
    return Binding(
        type=str(properties["type"]),
        name=str(properties["name"]),
        output=properties["direction"] == "OUT",
        properties=properties,
    )
