"""Routes of HTTP triggers, matched as ASP.NET Core does for the Functions host."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

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
class Segment:
    """One segment of a template. `pattern` has a group for each parameter; `name` is that of the last parameter."""

    pattern: re.Pattern[str]
    name: str
    catch_all: bool
    optional: bool


@dataclass(frozen=True)
class Route:
    """One HTTP trigger's route; `methods` None means all of them."""

    function: DeclaredFunction
    template: str
    methods: frozenset[str] | None
    segments: tuple[Segment, ...]
    constraints: tuple[tuple[str, str, str], ...]

    def parameters(self, path: str) -> dict[str, str] | None:
        """The path's route parameters, or None if the path does not match this route."""
        values = _matched(self.segments, path)
        if values is None:
            return None
        fits = all(
            _CONSTRAINTS[kind](values[name], argument)
            for name, kind, argument in self.constraints
            if name in values
        )
        return values if fits else None


class Routes:
    """All routes of an app.

    The Functions host tries them in the order of the functions' names and takes the first match, even if
    another is more specific (azure-functions-host#9876). It answers a known path with the wrong method with
    404, not 405 (azure-functions-host#10098). This class does the same.
    """

    def __init__(self, functions: Iterable[DeclaredFunction], prefix: str) -> None:
        ordered = sorted(functions, key=lambda function: function.name.lower())
        self._routes = [_route(function, prefix) for function in ordered]

    def __iter__(self) -> Iterator[Route]:
        return iter(self._routes)

    def find(self, method: str, path: str) -> tuple[DeclaredFunction, dict[str, str]] | None:
        """The function whose route matches, and the route's parameters; `path` comes from `paths.normalised`."""
        for route in self._routes:
            if route.methods is not None and method.upper() not in route.methods:
                continue
            parameters = route.parameters(path)
            if parameters is not None:
                return route.function, parameters
        return None


def _matched(segments: Sequence[Segment], path: str) -> dict[str, str] | None:
    """From aspnetcore, RoutePatternMatcher.cs, `TryMatch`: only a catch-all matches an empty segment, `//`,
    and not as its first segment. One slash at the end is ignored."""
    parts = path.split("/")[1:]
    given = parts if parts[-1] else parts[:-1]
    values: dict[str, str] = {}
    for number, part in enumerate(given):
        if not part or number >= len(segments):
            return None
        if segments[number].catch_all:
            return {**values, segments[number].name: "/".join(parts[number:])}
        found = segments[number].pattern.fullmatch(part)
        if not found:
            return None
        values |= found.groupdict()
    left = segments[len(given) :]
    return values if all(segment.catch_all or segment.optional for segment in left) else None


def _route(function: DeclaredFunction, prefix: str) -> Route:
    trigger = function.trigger
    template = "/".join(part for part in (prefix, trigger.text("route").strip("/")) if part)
    methods = trigger.properties.get("methods")
    if set("{}") & set(_PARAMETER.sub("", template)):
        raise AppError(f"function {function.name}: cannot read the route {template!r}")
    parts = template.split("/")
    return Route(
        function=function,
        template=template,
        methods=frozenset(str(method).upper() for method in methods) if isinstance(methods, list) else None,
        segments=tuple(_segment(part) for part in parts),
        constraints=tuple(found for part in parts for found in _constraints(part, function.name)),
    )


def _segment(text: str) -> Segment:
    """A segment may mix text and parameters, as in `{id}.json`."""
    pattern, end, name = "", 0, ""
    whole = _PARAMETER.fullmatch(text)
    for parameter in _PARAMETER.finditer(text):
        name = parameter["name"]
        pattern += re.escape(text[end : parameter.start()]) + f"(?P<{name}>.+?)"
        end = parameter.end()
    compiled = re.compile(pattern + re.escape(text[end:]), re.IGNORECASE | re.DOTALL)
    return Segment(compiled, name, bool(whole and whole["star"]), bool(whole and whole["optional"]))


def _constraints(segment: str, function: str) -> list[tuple[str, str, str]]:
    found = []
    for parameter in _PARAMETER.finditer(segment):
        for constraint in re.findall(r":([a-z]+)(?:\((.*?)\)(?=:|$))?", parameter["constraints"]):
            kind, argument = constraint
            if kind not in _CONSTRAINTS:
                raise AppError(f"function {function}: the local host knows no route constraint {kind!r}")
            found.append((parameter["name"], kind, argument))
    return found
