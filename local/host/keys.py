"""Function keys, as the platform keeps and checks them."""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Self

from aiohttp import web

# Settings of this host alone; the platform keeps its keys in storage.
_HOST_KEYS = "LOCAL_FUNCTION_KEY"
_MASTER_KEY = "LOCAL_MASTER_KEY"


class Level(IntEnum):
    """What a request's key opens."""

    ANONYMOUS = 0
    FUNCTION = 1
    ADMIN = 2


@dataclass(frozen=True)
class Keys:
    """Any host key opens every function; the master key opens `/admin` too.

    `host` are the host keys. Without any key at all nothing asks for one, as with `func start`.
    """

    host: frozenset[str]
    master: str

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Self:
        """`LOCAL_FUNCTION_KEY` may be several, separated by commas."""
        named = environ.get(_HOST_KEYS, "").split(",")
        return cls(frozenset(filter(None, named)), environ.get(_MASTER_KEY, ""))

    def level(self, request: web.BaseRequest) -> Level:
        """A header wins over `?code=`, also a wrong or empty one.

        From azure-functions-host, AuthenticationLevelHandler.cs; that `?Code=` is no key was seen on the host.
        """
        if not self.host and not self.master:
            return Level.ADMIN
        given = request.headers.get("x-functions-key", request.query.get("code", ""))
        if _same(given, self.master):
            return Level.ADMIN
        return Level.FUNCTION if any(_same(given, key) for key in self.host) else Level.ANONYMOUS


def _same(given: str, key: str) -> bool:
    return key != "" and hmac.compare_digest(given.encode(errors="replace"), key.encode())
