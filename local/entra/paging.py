"""Pages of a listing, and the opaque links that lead from one to the next."""

import struct
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import SystemRandom
from urllib.parse import quote

from local.entra.errors import GraphError, Json, bad_request
from local.entra.tokens import Seal
from shared.clock import Chance

DEFAULT_TOP, MAX_TOP = 100, 999
_MOST_OPEN = 64
# Characters that Graph, too, leaves unencoded in its links.
_UNENCODED = "$'(),:/@"
# The listing and the offset.
_PLACE = struct.Struct(">8sI")


@dataclass(frozen=True, slots=True)
class OpenListing:
    """What a first page found, kept for the pages after it."""

    path: str
    query: Mapping[str, str]
    found: Sequence[Mapping[str, object]]


@dataclass
class Paging:
    """The links of the latest listings. Older links expire; a changed link is refused."""

    chance: Chance = field(default_factory=SystemRandom)
    _open: OrderedDict[bytes, OpenListing] = field(default_factory=OrderedDict)

    def __post_init__(self) -> None:
        self._seal = Seal(self.chance)

    def start(self, listing: OpenListing) -> bytes:
        name = self.chance.randbytes(8)
        self._open[name] = listing
        if len(self._open) > _MOST_OPEN:
            self._open.popitem(last=False)
        return name

    def found(self, name: bytes) -> Sequence[Mapping[str, object]]:
        return self._open[name].found

    def next_link(self, url: str, name: bytes, offset: int) -> str:
        listing = self._open[name]
        options = dict(listing.query)
        options["$skiptoken"] = self._seal.token(_PLACE.pack(name, offset))
        query = "&".join(f"{key}={quote(value, safe=_UNENCODED)}" for key, value in options.items())
        return f"{url}{listing.path}?{query}"

    def resume(self, token: str, path: str, query: Mapping[str, str]) -> tuple[bytes, int]:
        """The listing and offset of a link. Raises GraphError 400 if the link was changed or has expired."""
        rest = {key: value for key, value in query.items() if key != "$skiptoken"}
        said = self._seal.said(token)
        if said is None:
            raise _bad_link()
        name, offset = _PLACE.unpack(said)
        listing = self._open.get(name)
        if listing is None or listing.path != path or listing.query != rest:
            raise _bad_link()
        return name, offset


def page_size(query: Mapping[str, str]) -> int:
    text = query.get("$top")
    if text is None:
        return DEFAULT_TOP
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= MAX_TOP:
        raise bad_request(
            f"Invalid page size specified: '{text}'. Must be between 1 and {MAX_TOP} inclusive."
        )
    return int(text)


def wants_count(query: Mapping[str, str]) -> bool:
    text = query.get("$count", "false").lower()
    if text not in {"true", "false"}:
        raise bad_request(
            f"Invalid value '{text}' for $count query option found. Valid values are 'true', 'false'."
        )
    return text == "true"


def collection(name: str, url: str, values: Sequence[Json]) -> Json:
    return {"@odata.context": f"{url}/$metadata#{name}", "value": list(values)}


def _bad_link() -> GraphError:
    return GraphError(
        400, "Directory_ExpiredPageToken", "The specified page token value has expired or is invalid."
    )
