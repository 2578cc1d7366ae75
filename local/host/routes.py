"""Routes of HTTP triggers, matched as ASP.NET Core does it for the Functions host."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import unquote

from local.host.functions import AppError, DeclaredFunction

_PARAMETER = re.compile(
    r"\{(?P<star>\*{0,2})(?P<name>[A-Za-z_]\w*)(?P<constraints>(?::[^{}]+)?)(?P<optional>\??)\}"
)
_CONSTRAINTS: dict[str, Callable[[str, str], bool]] = {
    "alpha": lambda value, _: re.fullmatch("[A-Za-z]*", value) is not None,
    "guid": lambda value, _: (
        re.fullmatch("(?i)[0-9a-f]{8}(-?[0-9a-f]{4}){3}-?[0-9a-f]{12}", value) is not None
    ),
    "int": lambda value, _: re.fullmatch(r"[+-]?\d{1,10}", value) is not None,
    "maxlength": lambda value, limit: len(value) <= int(limit),
    "minlength": lambda value, limit: len(value) >= int(limit),
    "regex": lambda value, pattern: re.search(pattern, value) is not None,
}


@dataclass(frozen=True)
class Route:
    """One HTTP trigger's route; `methods` None means all of them."""

    function: DeclaredFunction
    template: str
    methods: frozenset[str] | None
    pattern: re.Pattern[str]
    constraints: tuple[tuple[str, str, str], ...]

    def parameters(self, path: str) -> dict[str, str] | None:
        """The path's route parameters, or None where the path is another one's."""
        match = self.pattern.fullmatch(path)
        if match is None:
            return None
        values = {name: value for name, value in match.groupdict().items() if value is not None}
        fits = all(
            _CONSTRAINTS[kind](values[name], argument)
            for name, kind, argument in self.constraints
            if name in values
        )
        return values if fits else None


class Routes:
    """All routes of an app.

    The Functions host tries them in the order of the functions' names and takes the first that
    fits, whichever is more specific (azure-functions-host#9876); and it answers a known path with
    the wrong method with 404, not 405 (azure-functions-host#10098). So does this.
    """

    def __init__(self, functions: Iterable[DeclaredFunction], prefix: str) -> None:
        ordered = sorted(functions, key=lambda function: function.name.lower())
        self._routes = [_route(function, prefix) for function in ordered]

    def __iter__(self) -> Iterator[Route]:
        return iter(self._routes)

    def find(self, method: str, raw_path: str) -> tuple[DeclaredFunction, dict[str, str]] | None:
        path = _decoded(raw_path)
        for route in self._routes:
            if route.methods is not None and method not in route.methods:
                continue
            parameters = route.parameters(path)
            if parameters is not None:
                return route.function, parameters
        return None


def _route(function: DeclaredFunction, prefix: str) -> Route:
    trigger = function.trigger
    template = "/".join(part for part in (prefix, trigger.text("route").strip("/")) if part)
    methods = trigger.properties.get("methods")
    pattern, constraints = _compiled(template, function.name)
    return Route(
        function=function,
        template=template,
        methods=frozenset(str(method).upper() for method in methods) if isinstance(methods, list) else None,
        pattern=pattern,
        constraints=constraints,
    )


def _compiled(template: str, function: str) -> tuple[re.Pattern[str], tuple[tuple[str, str, str], ...]]:
    if set("{}") & set(_PARAMETER.sub("", template)):
        raise AppError(f"function {function}: cannot read the route {template!r}")
    pattern = ""
    constraints: list[tuple[str, str, str]] = []
    for segment in template.split("/"):
        whole = _PARAMETER.fullmatch(segment)
        if whole and whole["star"]:
            pattern += f"(?:/(?P<{whole['name']}>.*))?"
        elif whole and whole["optional"]:
            pattern += f"(?:/(?P<{whole['name']}>[^/]+))?"
        else:
            pattern += "/" + _segment(segment)
        constraints += _constraints(segment, function)
    return re.compile(pattern + "/?", re.IGNORECASE | re.DOTALL), tuple(constraints)


def _segment(segment: str) -> str:
    """A segment may mix text and parameters, `{id}.json`."""
    pattern, end = "", 0
    for parameter in _PARAMETER.finditer(segment):
        pattern += re.escape(segment[end : parameter.start()]) + f"(?P<{parameter['name']}>[^/]+?)"
        end = parameter.end()
    return pattern + re.escape(segment[end:])


def _constraints(segment: str, function: str) -> list[tuple[str, str, str]]:
    found = []
    for parameter in _PARAMETER.finditer(segment):
        for constraint in re.findall(r":([a-z]+)(?:\((.*?)\)(?=:|$))?", parameter["constraints"]):
            kind, argument = constraint
            if kind not in _CONSTRAINTS:
                raise AppError(f"function {function}: the local host knows no route constraint {kind!r}")
            found.append((parameter["name"], kind, argument))
    return found


def _decoded(raw_path: str) -> str:
    """Percent-decoded except for an encoded slash, which does not separate segments."""
    kept = re.sub("%2f", "%252F", raw_path, flags=re.IGNORECASE)
    return unquote(kept)
