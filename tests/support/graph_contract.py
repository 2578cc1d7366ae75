"""The contract with Microsoft Graph: every kind of request that the product may send, each a line of a table.

Columns: `query` and `consistency` as `Kind` has them; `least`, the least application permission that Microsoft lists;
`granted`, the one of infra/graph/permissions.json that allows it; `by hand`, why msgraph-sdk's request builder can't
make it; `source`, the page that documents it, or else "undocumented: " and why it is sent all the same.
"""

import csv
import json
import re
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qsl, unquote, urlsplit

from local.entra.kinds import Kind

TABLE = Path(__file__).with_name("graph_contract.tsv")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    kind: Kind
    least: str
    granted: str
    by_hand: str
    reason: str
    source: str


@dataclass(frozen=True, slots=True)
class Sent:
    """The first request of its kind in one process, and the test that sent it."""

    kind: Kind
    url: str
    test: str

    @classmethod
    def read(cls, line: str) -> Self:
        record = json.loads(line)
        return cls(Kind(*(record[name] for name in Kind.__slots__)), record["url"], record["test"])


@cache
def lines() -> tuple[Line, ...]:
    with TABLE.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE, strict=True))
    return tuple(
        Line(
            kind=Kind(row["method"], row["path"], row["query"], row["consistency"] == "eventual"),
            least=row["least"],
            granted=row["granted"],
            by_hand=row["by hand"],
            reason=row["reason"],
            source=row["source"],
        )
        for row in rows
    )


def recorded(folder: Path) -> list[Sent]:
    files = (file.read_text(encoding="utf-8").splitlines() for file in sorted(folder.glob("*.jsonl")))
    return [Sent.read(line) for line in chain.from_iterable(files)]


def breaches(sent: Iterable[Sent], contract: Sequence[Line], *, whole: bool) -> Iterator[str]:
    """What was sent against the contract; of a `whole` test suite also which of its lines nobody sent."""
    known = {line.kind: line for line in contract}
    first = {one.kind: one for one in reversed(list(sent))}
    for kind, one in sorted(first.items()):
        if kind not in known:
            yield f"not in {TABLE.name}: {kind}, sent by {one.test or 'a process of its own'}"
        elif not known[kind].by_hand and plain(one.url) != plain(made := sdk_url(kind, one.url)):
            yield f"sent by {one.test}: {one.url}, where msgraph-sdk makes {made}"
    if whole:
        yield from (f"in {TABLE.name}, and sent by nobody: {kind}" for kind in sorted(known.keys() - first))


def sdk_url(kind: Kind, url: str) -> str:
    """The URL that msgraph-sdk's request builder makes of the same ids and options.

    Raises AttributeError or TypeError if there is no builder for the path, or none with that method or option.
    """
    from kiota_abstractions.base_request_configuration import RequestConfiguration
    from kiota_abstractions.method import Method
    from kiota_abstractions.request_information import RequestInformation

    parts = urlsplit(url)
    with warnings.catch_warnings():
        # Each builder's module warns of its own old configuration classes.
        warnings.simplefilter("ignore", DeprecationWarning)
        builder = _builder(kind.path, [unquote(part) for part in parts.path.split("/")[1:]])
    make = getattr(builder, f"to_{kind.method.lower()}_request_information")
    if kind.method != "GET":
        # Without its body, for which it would ask for a model.
        return str(RequestInformation(Method(kind.method), builder.url_template, builder.path_parameters).url)
    options = {
        name.removeprefix("$"): _typed(name, value)
        for name, value in parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
    }
    parameters = next(
        inner for name, inner in vars(type(builder)).items() if name.endswith("QueryParameters")
    )
    return str(make(RequestConfiguration(query_parameters=parameters(**options))).url)


def _builder(template: str, segments: Sequence[str]) -> Any:
    """The builder at the path, followed from the SDK's client, property by property."""
    builder: Any = _client()
    for part, segment in zip(template.split("/")[1:], segments, strict=True):
        if part.startswith("{"):
            by_id = next(name for name in dir(builder) if name.startswith("by_"))
            builder = getattr(builder, by_id)(segment)
        elif keyed := re.fullmatch(r"(\w+)\((\w+)='.*'\)", segment):  # an alternate key
            builder = getattr(builder, _snake(f"{keyed[1]}_with_{keyed[2]}"))(segment.split("'")[1])
        else:
            builder = getattr(builder, _snake(part.replace("microsoft.graph.", "graph_")))
    return builder


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z])([A-Z])", r"_\1", name).lower()


@cache
def _client() -> Any:
    from kiota_abstractions.authentication import AnonymousAuthenticationProvider
    from msgraph.graph_request_adapter import GraphRequestAdapter
    from msgraph.graph_service_client import GraphServiceClient

    return GraphServiceClient(request_adapter=GraphRequestAdapter(AnonymousAuthenticationProvider()))


def _typed(name: str, value: str) -> object:
    if name in ("$select", "$expand", "$orderby"):
        return value.split(",")
    if name == "$top":
        return int(value)
    return value == "true" if name == "$count" else value


def plain(url: str) -> tuple[list[str], list[tuple[str, str]]]:
    """Path and options, decoded: the SDK encodes more than it must, and shortens the name of a cast."""
    parts = urlsplit(url)
    path = [unquote(part) for part in parts.path.replace("/microsoft.graph.", "/graph.").split("/")]
    return path, sorted(parse_qsl(parts.query, keep_blank_values=True))
