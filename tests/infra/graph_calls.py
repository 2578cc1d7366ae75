"""The calls to Microsoft Graph that the code makes, read from the code: method and path, what is filled in as `{}`.

A call is a `Request` of a batch or a read of the client. Whatever can't be followed raises NotUnderstood, and so does
text that looks like a path and belongs to no call: nothing is missed in silence.
"""

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import TypeAlias

READS = {"get", "read", "read_all", "read_all_if_granted"}
# What else `Graph` can do. `GraphClient` has the path of a batch inside, where it is found.
OTHERS = {"send", "pause", "within"}
CLIENTS = {"Graph": {"graph", "_graph"}}
# Between them a path is handed on as it is.
WITHIN = {"Graph", "GraphClient"}
# Texts that look like a path of Graph's and are none.
ELSEWHERE = re.compile(
    r"shared/http/.*: (?:\{\}|/api)/"  # this app's own addresses
    r"|shared/store/.*: \{\}/"  # names of blobs
    r"|shared/source/hennge.py: \{\}/users$"
    r"|shared/entra/client.py: \{\}/any\("  # conditions of a filter
    r"|shared/entra/writes.py: /restore$"  # the end of a path, which others are compared with
)

Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef


class NotUnderstood(Exception):
    """The code calls Graph in a way that this can't follow."""


@dataclass
class Module:
    """One file: its functions by name, its constants, and around which node which function stands."""

    name: str
    tree: ast.Module
    seen: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.functions = {node.name: node for node in ast.walk(self.tree) if isinstance(node, Function)}
        # Inner functions come later, and have the last word on what is theirs.
        self.function_of = {
            id(node): function
            for function in ast.walk(self.tree)
            if isinstance(function, Function)
            for node in ast.walk(function)
        }
        self.methods = {
            id(method): node.name
            for node in ast.walk(self.tree)
            if isinstance(node, ast.ClassDef)
            for method in node.body
        }

    def calls(self) -> Iterator[tuple[str, str]]:
        for node in ast.walk(self.tree):
            if isinstance(node, ast.arg) and node.annotation is not None:
                self._require_usual_name(node, ast.unparse(node.annotation).strip("'\""))
            if isinstance(node, ast.Call) and (call := self._graph_call(node)):
                method, path = call
                yield from ((method, text.partition("?")[0]) for text in self._paths(path, node))

    def leftovers(self) -> Iterator[str]:
        """Texts that look like paths and that no call has led to."""
        nodes = list(ast.walk(self.tree))
        pieces = {id(piece) for node in nodes if isinstance(node, ast.JoinedStr) for piece in node.values}
        for node in nodes:
            if isinstance(node, ast.Constant | ast.JoinedStr) and id(node) not in self.seen | pieces:
                text = "".join(_texts(node))
                if re.match(r"(?:\{\})?/[\w$]", text) and not ELSEWHERE.match(f"{self.name}: {text}"):
                    yield f"{self.name}: {text}"

    def _graph_call(self, call: ast.Call) -> tuple[str, ast.expr] | None:
        callee = call.func
        if isinstance(callee, ast.Name):
            return self._written(call) if callee.id == "Request" else None
        if not isinstance(callee, ast.Attribute):
            return None
        receiver = ast.unparse(callee.value)
        if receiver == "self" and self._class_around(call) == "GraphClient":
            return self._written(call) if callee.attr == "_send" else None
        if receiver.rpartition(".")[2] not in CLIENTS["Graph"] or callee.attr in OTHERS:
            return None
        if callee.attr in READS and call.args:
            return "GET", call.args[0]
        raise self._lost(call)

    def _written(self, call: ast.Call) -> tuple[str, ast.expr]:
        named = {keyword.arg: keyword.value for keyword in call.keywords}
        method, path = (named.get("method"), named.get("path")) if named else (None, None)
        if len(call.args) >= 2:
            method, path = call.args[0], call.args[1]
        if not isinstance(method, ast.Constant) or path is None:
            raise self._lost(call)
        return str(method.value), path

    def _paths(self, expression: ast.expr, call: ast.Call) -> Iterator[str]:
        for text in self._values(expression, self.function_of.get(id(call))):
            if not text.startswith("/"):
                raise self._lost(call)
            yield text

    def _values(self, expression: ast.expr, function: Function | None) -> Iterator[str]:
        """Every text that an expression may stand for."""
        self.seen.add(id(expression))
        match expression:
            case ast.Constant(value=str(text)):
                yield text
            case ast.JoinedStr(values=parts):
                yield from map("".join, product(*(self._part(part, function) for part in parts)))
            case ast.Name(id=name):
                yield from self._named(name, function, expression)
            case ast.Call(func=ast.Attribute(value=template, attr="format")):
                yield from self._values(template, function)
            case ast.Call(func=ast.Attribute(attr="url"), args=[path]):
                yield from self._values(path, function)
            case ast.Call(func=ast.Name(id="next_link")):
                return  # Graph's own, followed as it is
            case ast.Call(func=ast.Name(id=name)) if name in self.functions:
                inner = self.functions[name]
                for node in ast.walk(inner):
                    if isinstance(node, ast.Return) and node.value is not None:
                        yield from self._values(node.value, inner)
            case _:
                raise self._lost(expression)

    def _part(self, part: ast.expr, function: Function | None) -> list[str]:
        """A piece of an f-string; `{}` unless it is known from the code."""
        match part:
            case ast.FormattedValue(value=ast.Call(func=ast.Name(id=name)) as call) if name in self.functions:
                try:
                    return list(self._values(call, function))
                except NotUnderstood:
                    return ["{}"]  # no path, but a part of one
        if isinstance(part, ast.FormattedValue) and isinstance(part.value, ast.Name):
            name = part.value.id
            if assigned := self._assigned(name, function):
                try:
                    return [text for value in assigned for text in self._values(value, function)]
                except NotUnderstood:
                    return ["{}"]
        return list(_texts(part))

    def _named(self, name: str, function: Function | None, place: ast.expr) -> Iterator[str]:
        assigned = self._assigned(name, function)
        for value in assigned:
            yield from self._values(value, function)
        names = [argument.arg for argument in function.args.args] if function else []
        if name in names and function:
            yield from self._handed_in(function, names.index(name))
        elif not assigned:
            raise self._lost(place)

    def _handed_in(self, function: Function, position: int) -> Iterator[str]:
        """The paths that callers give a function of this file; callers of the client are looked at anyway."""
        if self.methods.get(id(function)) in WITHIN:
            return
        if id(function) in self.methods or not function.name.startswith("_"):
            raise self._lost(function.args)
        for node in ast.walk(self.tree):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id == function.name
            ):
                if len(node.args) <= position:
                    raise self._lost(node)
                yield from self._paths(node.args[position], node)

    def _assigned(self, name: str, function: Function | None) -> list[ast.expr]:
        """What a name is given: in the function, by a loop over literals, or else in the module."""
        for scope in (list(ast.walk(function)) if function else [], self.tree.body):
            found: list[ast.expr] = []
            for node in scope:
                match node:
                    case (
                        ast.Assign(targets=[ast.Name(id=target)], value=ast.expr() as value)
                        | ast.AnnAssign(target=ast.Name(id=target), value=ast.expr() as value)
                    ) if target == name:
                        found.append(value)
                    case ast.For(target=target, iter=ast.Tuple() as values):
                        found.extend(_looped(name, target, values))
            if found:
                return found
        return []

    def _class_around(self, node: ast.AST) -> str | None:
        return self.methods.get(id(self.function_of.get(id(node))))

    def _require_usual_name(self, argument: ast.arg, annotation: str) -> None:
        """By their names calls are told from those of a dictionary."""
        if annotation in CLIENTS and argument.arg not in CLIENTS[annotation]:
            raise self._lost(argument)

    def _lost(self, node: ast.AST) -> NotUnderstood:
        return NotUnderstood(f"{self.name}:{getattr(node, 'lineno', 0)}: {ast.unparse(node)}")


def graph_calls(files: Mapping[str, str]) -> set[tuple[str, str]]:
    """Method and path of every call that these files make; NotUnderstood names what it can't follow."""
    modules = [Module(name, ast.parse(text)) for name, text in files.items()]
    calls = {call for module in modules for call in module.calls()}
    if left := [text for module in modules for text in module.leftovers()]:
        raise NotUnderstood("; ".join(left))
    return calls


def _looped(name: str, target: ast.expr, values: ast.Tuple) -> Iterator[ast.expr]:
    if isinstance(target, ast.Name) and target.id == name:
        yield from values.elts
    elif isinstance(target, ast.Tuple):
        for position, part in enumerate(target.elts):
            if isinstance(part, ast.Name) and part.id == name:
                yield from (value.elts[position] for value in values.elts if isinstance(value, ast.Tuple))


def _texts(node: ast.expr) -> Iterator[str]:
    """A piece of text as it stands; what is filled in as `{}`."""
    for part in node.values if isinstance(node, ast.JoinedStr) else [node]:
        yield part.value if isinstance(part, ast.Constant) and isinstance(part.value, str) else "{}"
