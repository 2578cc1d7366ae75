"""Judges where secrets have come: nowhere but to the service that they are for."""

from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from tests.simulation.access_control import CLIENT, SECRET
from tests.simulation.blobs import Blobs
from tests.simulation.tables import Tables

# One search in so many texts is many times as fast as one in each.
_AT_ONCE = 100


@dataclass
class Secrets:
    """`wrong` takes a statement and its detail."""

    wrong: Callable[[str, str], None]
    # Each secret, and whose it is.
    _kept: dict[str, str] = field(
        default_factory=lambda: {SECRET: "", b64encode(f"{CLIENT}:{SECRET}".encode()).decode(): ""}
    )

    def sent(self, body: Mapping[str, Any]) -> None:
        """To Graph: whoever is created has a password that nobody else has, and that is theirs to change."""
        if profile := body.get("passwordProfile"):
            whose = str(body["userPrincipalName"])
            alone = self._kept.setdefault(profile["password"], whose) == whose
            if not alone or profile["forceChangePasswordNextSignIn"] is not True:
                self.wrong("a new password is another's, or for ever", whose)

    def expect_kept(self, log: Iterable[str], tables: Tables, blobs: Blobs) -> None:
        """At the end, of all log lines: whoever makes a password may log it before it is sent."""
        self._expect_none("a secret is in the log", log)
        rows = (row.properties for table in tables.by_name.values() for row in table.values())
        self._expect_none("a secret is in a table", (str(value) for row in rows for value in row.values()))
        contents = (blob.content for container in blobs.by_container.values() for blob in container.values())
        self._expect_none("a secret is in a blob", (one.decode("latin-1") for one in contents))

    def _expect_none(self, statement: str, texts: Iterable[str]) -> None:
        every = iter(texts)
        while some := list(islice(every, _AT_ONCE)):
            together = "\n".join(some)
            if any(one in together for one in self._kept):
                for text in some:
                    if any(one in text for one in self._kept):
                        self.wrong(statement, text[:200])
