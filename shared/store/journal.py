"""Blob `journal/{domain}/{runId}`: what a sync was about to do, written before it is done, and how it ended.

After a crash it says which writes are in doubt; for 30 days it is what an undo needs. A lifecycle rule deletes it.
One JSON object a line: `{"intent": [change, …]}`, `{"withdrawn": [[action, person]]}` or
`{"outcome": [[action, person, result, objectId]]}`.
"""

import io
from collections.abc import Iterable, Sequence
from dataclasses import asdict

import orjson

from shared.clock import Clock
from shared.errors import JournalGone
from shared.model.changes import Action, AttributeChange, Change
from shared.model.parts import stored_parts
from shared.model.results import Key, Result, key
from shared.store.append_blob import AppendedLog
from shared.store.storage import JOURNAL, Storage

Ended = tuple[Change, Result, str | None]


class Journal:
    """One sync's journal, open for writing by the invocation that holds the run."""

    def __init__(self, log: AppendedLog, clock: Clock) -> None:
        self._clock = clock
        self._log = log

    @classmethod
    async def open(cls, storage: Storage, domain: str, run_id: str, invocation: int) -> "Journal":
        container = await storage.container(JOURNAL)
        log = await AppendedLog.open(container.get_blob_client(f"{domain}/{run_id}"), invocation, {})
        return cls(log, storage.clock)

    async def intend(self, changes: Sequence[Change]) -> None:
        """Before a batch goes out; LeaseLost if another invocation writes this journal by now."""
        await self._log.append([_line({"intent": [asdict(change) for change in changes]})])

    async def withdraw(self, changes: Iterable[Change]) -> None:
        """Takes intents back: Graph refused them for now, and nobody will send them again."""
        await self._log.append(_line({"withdrawn": [key(change)]}) for change in changes)

    async def record(self, ended: Iterable[Ended]) -> None:
        await self._log.append(
            _line({"outcome": [[*key(change), result, object_id]]}) for change, result, object_id in ended
        )

    async def read(self) -> "JournalContent":
        return await self._clock.in_thread(JournalContent.parse, await self._log.read())

    @classmethod
    async def read_finished(cls, storage: Storage, domain: str, run_id: str) -> "JournalContent":
        """What a finished sync did; JournalGone if it left no journal, or one older than 30 days."""
        from azure.core.exceptions import ResourceNotFoundError

        container = await storage.container(JOURNAL)
        try:
            content = await (await container.download_blob(f"{domain}/{run_id}")).readall()
        except ResourceNotFoundError:
            raise JournalGone("undo.journalGone", domain=domain, run=run_id) from None
        return await storage.clock.in_thread(JournalContent.parse, content)


class JournalContent:
    """Every intent by its key, and how each ended, None where nobody knows."""

    def __init__(self) -> None:
        self.intents: dict[Key, Change] = {}
        self.outcomes: dict[Key, tuple[Result, str | None]] = {}

    @classmethod
    def parse(cls, content: bytes) -> "JournalContent":
        journal = cls()
        for line in io.BytesIO(content):
            entry = orjson.loads(line)
            for change in entry.get("intent", ()):
                intended = _change(change)
                journal.intents[key(intended)] = intended
            for action, person in entry.get("withdrawn", ()):
                journal.intents.pop((action, person), None)
            for action, person, result, object_id in entry.get("outcome", ()):
                journal.outcomes[action, person] = (Result(result), object_id)
        return journal


def _line(entry: dict[str, object]) -> bytes:
    return orjson.dumps(entry) + b"\n"


def _change(item: dict[str, object]) -> Change:
    attributes = item["attributes"]
    if not isinstance(attributes, list):
        raise TypeError("a journal's change has a list of attributes")
    return Change(
        Action(str(item["action"])),
        str(item["upn"]),
        str(item["display_name"]),
        _optional(item["object_id"]),
        _optional(item["source_id"]),
        tuple(AttributeChange(a["attribute"], a["before"], a["after"]) for a in attributes),
        stored_parts(item["reason"]),
        via=_optional(item["via"]),
    )


def _optional(value: object) -> str | None:
    return None if value is None else str(value)
