"""Function keys, checked as the platform does."""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Self

from aiohttp import web

# Settings of this host only; the platform keeps its keys in storage.
_HOST_KEYS = "LOCAL_FUNCTION_KEY"
_MASTER_KEY = "LOCAL_MASTER_KEY"


class Level(IntEnum):
    """What a request's key allows."""

    ANONYMOUS = 0
    FUNCTION = 1
    ADMIN = 2


@dataclass(frozen=True)
class Keys:
    """A host key allows every function; the master key allows `/admin` too.

    `host` are the host keys. If no key is set, none is required, as with `func start`.
    """

    host: frozenset[str]
    master: str

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Self:
        """`LOCAL_FUNCTION_KEY` may hold several keys, separated by commas."""
        named = environ.get(_HOST_KEYS, "").split(",")
        return cls(frozenset(filter(None, named)), environ.get(_MASTER_KEY, ""))

    def level(self, request: web.BaseRequest) -> Level:
        """The header is used even if it is wrong or empty; `?code=` counts only without a header.

        From azure-functions-host, AuthenticationLevelHandler.cs. Seen on the host: `?Code=` is not read.
        """
        if not self.host and not self.master:
            return Level.ADMIN
        given = request.headers.get("x-functions-key", request.query.get("code", ""))
        if _same(given, self.master):
            return Level.ADMIN
        return Level.FUNCTION if any(_same(given, key) for key in self.host) else Level.ANONYMOUS


def _same(given: str, key: str) -> bool:
    return key != "" and hmac.compare_digest(given.encode(errors="replace"), key.encode())
