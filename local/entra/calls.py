"""One call to Graph, alone or inside a batch, and its answer."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from urllib.parse import parse_qsl, unquote

from local.entra.errors import Json, bad_request

# A cast may have the alias instead of the namespace.
_ALIAS, _NAMESPACE = "graph.", "microsoft.graph."
# A function may have its namespace and empty brackets: https://learn.microsoft.com/graph/delta-query-users
_SPELLINGS = dict.fromkeys(("delta()", "microsoft.graph.delta", "microsoft.graph.delta()"), "delta")


@dataclass(frozen=True, slots=True)
class Call:
    """`headers` has lower-case names; `body` is parsed JSON, or None if there is no body.

    `sdk`: the HTTP request names the Microsoft SDK that sent it.
    """

    method: str
    path: str
    query_string: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: object = None
    inner: bool = False
    arguments: Mapping[str, str] = field(default_factory=dict)
    sdk: bool = False

    @property
    def segments(self) -> list[str]:
        """The decoded parts of the path, with casts in their long form and functions in their short one."""
        return list(_segments(self.path))

    @property
    def plain_path(self) -> str:
        return "/" + "/".join(self.segments)

    @property
    def query(self) -> dict[str, str]:
        options: dict[str, str] = {}
        for name, value in _options(self.query_string):
            if name in options:
                raise bad_request(
                    f"Query option '{name}' was specified more than once, but it must be at most once."
                )
            options[name] = value
        return options

    @property
    def is_eventual(self) -> bool:
        return self.headers.get("consistencylevel", "").lower() == "eventual"

    def json_object(self) -> Json:
        if not isinstance(self.body, dict):
            raise bad_request("Empty Payload. JSON content expected.")
        return self.body


@lru_cache(maxsize=1024)
def _segments(path: str) -> tuple[str, ...]:
    parts = [unquote(part) for part in path.strip("/").split("/")]
    long = [_NAMESPACE + part.removeprefix(_ALIAS) if part.startswith(_ALIAS) else part for part in parts]
    return tuple(_SPELLINGS.get(part, part) for part in long)


@lru_cache(maxsize=1024)
def _options(query_string: str) -> tuple[tuple[str, str], ...]:
    return tuple(parse_qsl(query_string, keep_blank_values=True))


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: Json | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
