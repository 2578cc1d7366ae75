"""Reads Bicep templates into plain values, as far as the tests ask.

This is a reader, not the compiler: it knows syntax, names and literals, and neither types nor Azure's resources.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import tree_sitter_bicep
from tree_sitter import Language, Node, Parser

INFRA = Path(__file__).parents[2] / "infra"
TEMPLATES = sorted(INFRA.rglob("*.bicep"))

_PARSER = Parser(Language(tree_sitter_bicep.language()))
# Newer than the grammar; as a comment it leaves everything else where it was.
_EXTENSION = re.compile(r"^extension ", re.MULTILINE)


@dataclass(frozen=True)
class Expression:
    """Whatever is not a literal, as it stands in the file."""

    text: str


Value: TypeAlias = "str | int | bool | Expression | list[Value] | dict[str, Value] | None"


@dataclass(frozen=True)
class Declaration:
    """A resource or module: what it is of, its body, and what it is repeated over, if it is."""

    name: str
    of: str
    body: dict[str, Value]
    each: Value = None
    existing: bool = False

    @property
    def type(self) -> str:
        return self.of.partition("@")[0]

    @property
    def api_version(self) -> str:
        return self.of.partition("@")[2]


@dataclass(frozen=True)
class Parameter:
    name: str
    type: str
    default: Value
    required: bool
    decorators: frozenset[str]


@dataclass
class Template:
    path: Path
    faults: list[str] = field(default_factory=list)
    extensions: list[str] = field(default_factory=list)
    parameters: dict[str, Parameter] = field(default_factory=dict)
    variables: dict[str, Value] = field(default_factory=dict)
    resources: dict[str, Declaration] = field(default_factory=dict)
    modules: dict[str, Declaration] = field(default_factory=dict)
    outputs: dict[str, Value] = field(default_factory=dict)
    names_used: set[str] = field(default_factory=set)

    def resource(self, type_: str) -> Declaration:
        """The only resource of a type."""
        (found,) = [r for r in self.resources.values() if r.type == type_ and not r.existing]
        return found


def read(path: Path) -> Template:
    text = path.read_text(encoding="utf-8")
    root = _PARSER.parse(_EXTENSION.sub("//        ", text).encode()).root_node
    template = Template(path, extensions=re.findall(r"^extension (\w+)$", text, re.MULTILINE))
    template.faults = [f"{path.name}:{node.start_point[0] + 1}: {_text(node)[:60]}" for node in _faults(root)]
    decorators: list[str] = []
    for node in root.named_children:
        if node.type == "decorators":
            decorators = [_text(name) for name in _all(node, "identifier")]
            continue
        _declare(template, node, frozenset(decorators))
        decorators = []
    template.names_used = set(_names_used(root, frozenset()))
    return template


def dig(value: Value, *path: str | int) -> Value:
    """A value inside a value; fails the test where there is none."""
    for step in path:
        if isinstance(step, int):
            assert isinstance(value, list), f"no list at {step} of {path}"
            value = value[step]
        else:
            assert isinstance(value, dict), f"no object at {step} of {path}"
            value = value[step]
    return value


def _declare(template: Template, node: Node, decorators: frozenset[str]) -> None:
    names = [child for child in node.named_children if child.type == "identifier"]
    if node.type == "parameter_declaration":
        default = _initial(node)
        template.parameters[_text(names[0])] = Parameter(
            name=_text(names[0]),
            type=_text(next(child for child in node.named_children if child.type == "type")),
            default=None if default is None else _value(default),
            required=default is None,
            decorators=decorators,
        )
    elif node.type == "variable_declaration":
        template.variables[_text(names[0])] = _value(node.named_children[-1])
    elif node.type == "output_declaration":
        template.outputs[_text(names[0])] = _value(node.named_children[-1])
    elif node.type in ("resource_declaration", "module_declaration"):
        declared = template.resources if node.type == "resource_declaration" else template.modules
        declared[_text(names[0])] = _declaration(node, _text(names[0]))


def _declaration(node: Node, name: str) -> Declaration:
    of = next(child for child in node.named_children if child.type == "string")
    value, each = node.named_children[-1], None
    if value.type == "for_statement":
        each = _value(value.named_children[-2])
        value = value.named_children[-1]
    if value.type == "if_statement":
        value = value.named_children[-1]
    body = _value(value)
    assert isinstance(body, dict), f"{name} has no body"
    existing = any(child.type == "existing" for child in node.children)
    return Declaration(name, str(_value(of)), body, each, existing)


def _initial(node: Node) -> Node | None:
    """What stands after the equals sign."""
    signs = [index for index, child in enumerate(node.children) if child.type == "="]
    return node.children[signs[0] + 1] if signs else None


def _value(node: Node) -> Value:
    if node.type == "array":
        return [_value(item) for item in node.named_children if item.type != "comment"]
    if node.type == "object":
        properties = [item for item in node.named_children if item.type == "object_property"]
        return {_key(item): _value(item.named_children[-1]) for item in properties}
    if node.type in ("number", "boolean", "null"):
        literal: int | bool | None = json.loads(_text(node))
        return literal
    if node.type == "string" and not any(part.type == "interpolation" for part in node.named_children):
        return "".join(_text(part).removeprefix("\\") for part in node.named_children)
    return Expression(_text(node))


def _key(node: Node) -> str:
    return _text(node.named_children[0]).strip("'")


def _names_used(node: Node, bound: frozenset[str]) -> Iterator[str]:
    """Names that an expression refers to, without what loops and lambdas bring along."""
    if node.type in ("for_statement", "lambda_expression"):
        bound |= {_text(node.named_children[0])}
    for index, child in enumerate(node.named_children):
        names_something = (
            node.type.endswith("_declaration")
            or (node.type == "call_expression" and index == 0)
            or (node.type == "object_property" and index == 0)
            or (node.type in ("for_statement", "lambda_expression") and index == 0)
        )
        if child.type == "identifier":
            is_value = not names_something or _is_initial(node, child)
            if is_value and _text(child) not in bound:
                yield _text(child)
        elif child.type not in ("decorators", "type"):
            yield from _names_used(child, bound)


def _is_initial(node: Node, child: Node) -> bool:
    return node.type.endswith("_declaration") and _initial(node) == child


def _faults(node: Node) -> Iterator[Node]:
    if node.is_error or node.is_missing:
        yield node
    for child in node.children:
        yield from _faults(child)


def _all(node: Node, type_: str) -> Iterator[Node]:
    if node.type == type_:
        yield node
    for child in node.named_children:
        yield from _all(child, type_)


def _text(node: Node) -> str:
    assert node.text is not None
    return node.text.decode()
