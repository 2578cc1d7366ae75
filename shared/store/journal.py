"""Blob `journal/{domain}/{runId}`: a sync's write-ahead journal, with each change it intends and how that ended.

The source of truth: after a crash it says which writes are in doubt and which rows the audit log lacks. An undo reads
it. A lifecycle rule deletes it after 30 days. One JSON object a line:

    {"format": 2}                      the first line
    {"intent": [change, …]}            before a batch goes out; `again`: the [action, person] of those among them that
                                       this invocation has sent before, as they were or otherwise
    {"revoked": [[action, person]]}    an intent that is known not to have been carried out
    {"replaced": [[action, person]]}   one that was begun, and that another change of the same user goes on with
    {"ended": [action, person], "time", "position", "result", …}

`time` is that of the row in the audit log, `position` the byte at which the row begins. An `ended` line has its
`change` as well if no intent has exactly that one, as for a change that is never sent; that of a change in doubt has
`sent`, from when until when it may have been sent, perhaps by an earlier run.
"""

import io
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from shared.clock import Clock
from shared.errors import JournalGone
from shared.model.changes import Action, Change, as_one
from shared.model.results import IN_DOUBT, STEPPED_ASIDE, Key, Outcome, Result, Tried, key
from shared.store.append_blob import AppendedLog
from shared.store.attempts import keep_trying, or_none
from shared.store.outcomes import change_document, outcome_document, read_change, read_outcome
from shared.store.previous_version import unescaped
from shared.store.storage import JOURNAL, Storage

_FORMAT = orjson.dumps({"format": 2}) + b"\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """An outcome, and its row in the audit log: the row's time, and the byte at which it begins.

    `sent`: of a change in doubt, from when until when it may have been sent.
    """

    outcome: Outcome
    time: datetime
    position: int
    sent: tuple[datetime, datetime] | None = None


class Journal:
    """One sync's journal, open for writing by the invocation that performs the run."""

    def __init__(self, log: AppendedLog, clock: Clock, *, begins: bool) -> None:
        self._clock = clock
        self._log = log
        self._begins = begins

    @classmethod
    async def open(
        cls, storage: Storage, domain: str, run_id: str, invocation: int, *, begins: bool
    ) -> "Journal":
        """Creates the journal or takes it over. Raises LeaseLost if a later invocation has it.

        `begins` is false if the audit log has rows: an empty journal then lacks what the app's previous version did,
        and is not marked as complete.
        """
        log = await AppendedLog.open(storage, JOURNAL, f"{domain}/{run_id}", invocation, {})
        return cls(log, storage.clock, begins=begins)

    async def intend(self, changes: Sequence[Change], again: Collection[Key] = ()) -> None:
        """Writes what a batch will do, before it is sent. Raises LeaseLost if a later invocation has the journal.

        `again`: what this invocation has sent before.
        """
        line: dict[str, Any] = {"intent": [change_document(change) for change in changes]}
        await self._append([{**line, "again": sorted(again)} if again else line])

    async def revoke(self, changes: Iterable[Change]) -> None:
        """Takes intents back: Graph throttled their requests, so they took no effect."""
        await self._append({"revoked": [key(change)]} for change in changes)

    async def replace(self, changes: Iterable[Change]) -> None:
        """Leaves intents that were begun to other changes of their users."""
        await self._append({"replaced": [key(change)]} for change in changes)

    async def record(self, recorded: Iterable[Recorded], intended: Mapping[Key, Change]) -> None:
        """Writes outcomes. `intended` are the changes that the journal has already: they are not written again."""
        await self._append(_ended(one, intended) for one in recorded)

    async def read(self) -> "JournalContent":
        content = await self._log.read() if self._log.size else b""
        return await self._clock.in_thread(JournalContent.parse, content)

    async def _append(self, lines: Iterable[Mapping[str, Any]]) -> None:
        # The format line is written together with the first record.
        start = [_FORMAT] if self._begins and not self._log.size else []
        written = [orjson.dumps(line) + b"\n" for line in lines]
        await self._log.append([*start, *written] if written else [])

    @classmethod
    async def exists(cls, storage: Storage, domain: str, run_id: str) -> bool:
        """Whether a sync has written a journal that is not gone yet."""

        async def look() -> bool:
            return bool(
                await (await storage.open_container(JOURNAL)).get_blob_client(f"{domain}/{run_id}").exists()
            )

        return await keep_trying(storage, look)

    @classmethod
    async def read_finished(cls, storage: Storage, domain: str, run_id: str) -> "JournalContent":
        """What a finished sync did. Raises JournalGone if it left no journal, or one older than 30 days."""
        container = await storage.open_container(JOURNAL)
        found = await or_none(container.download_blob(f"{domain}/{run_id}"))
        if found is None:
            raise JournalGone("undo.journalGone", domain=domain, run=run_id)
        return await storage.clock.in_thread(JournalContent.parse, await found.readall())


class JournalContent:
    """A parsed journal: intents and outcomes by key, and `recorded`, the outcomes with their rows in order.

    `complete` is false for a journal that the app's previous version began: some rows may be in the audit log only.
    """

    def __init__(self) -> None:
        self.complete = False
        self.intents: dict[Key, Change] = {}
        self.outcomes: dict[Key, Outcome] = {}
        self.recorded: list[Recorded] = []
        # All that was intended for somebody as one change: an invocation goes on from where the one before was cut off.
        self.begun: dict[Key, Change] = {}
        # By the identity of its change, since two may be equal.
        self._tried: dict[int, Tried] = {}

    @classmethod
    def parse(cls, content: bytes) -> "JournalContent":
        journal = cls()
        journal.complete = content.startswith(_FORMAT)
        for line in io.BytesIO(content):
            journal._read(orjson.loads(line))
        return journal

    @property
    def tried(self) -> list[Tried]:
        """What the sync has tried, in this order: of one key, once for each invocation that tried it otherwise."""
        return list(self._tried.values())

    @property
    def in_doubt(self) -> list[Recorded]:
        """Every change that may have taken effect, or may still: an add that was under way when the worker died."""
        last = {key(one.outcome.change): one for one in self.recorded}
        return [one for one in last.values() if one.outcome.error_code == IN_DOUBT]

    def _read(self, line: dict[str, Any]) -> None:
        again = {(action, person) for action, person in line.get("again", ())}
        for document in line.get("intent", ()):
            self._intend(read_change(document), again)
        for action, person in line.get("revoked", ()):
            self._revoke((action, person))
        for action, person in line.get("replaced", ()):
            self.intents.pop((action, person), None)
        if "ended" in line:
            self._read_ended(line)
        self._read_previous(line)

    def _intend(self, change: Change, again: Collection[Key]) -> None:
        known = key(change)
        before = self.intents.get(known)
        if before and (known in again or before == change):
            self._tried.pop(id(before), None)
        self.begun[known] = as_one(self.begun.get(known), change)
        self.intents[known] = change
        self._note(change, None)

    def _revoke(self, known: Key) -> None:
        if change := self.intents.pop(known, None):
            self._note(change, made=False)

    def _end(self, outcome: Outcome) -> None:
        """Notes the outcome of what was intended, or of a change that was never sent.

        What was looked up is named as all that was begun of it, of a restore without the rest. If it was not intended
        here, an earlier sync has done it.
        """
        known = key(outcome.change)
        self.outcomes[known] = outcome
        intended = self.intents.get(known)
        if not (outcome.succeeded or outcome.error_code in (IN_DOUBT, STEPPED_ASIDE)):
            self._note(outcome.change, _made(outcome), outcome.object_id)
        elif intended:
            made = _made(outcome) if intended is outcome.change else None
            self._note(intended, made, outcome.object_id)

    def _note(self, change: Change, made: bool | None, object_id: str | None = None) -> None:
        if change.action is not Action.SKIP:
            self._tried[id(change)] = Tried(change, object_id or change.object_id, made)

    def _read_ended(self, line: dict[str, Any]) -> None:
        action, person = line["ended"]
        change = read_change(line["change"]) if "change" in line else self.intents[action, person]
        outcome = read_outcome(line, change)
        self._end(outcome)
        sent = [datetime.fromisoformat(moment) for moment in line.get("sent", ())]
        self.recorded.append(
            Recorded(
                outcome=outcome,
                time=datetime.fromisoformat(line["time"]),
                position=int(line["position"]),
                sent=(sent[0], sent[1]) if sent else None,
            )
        )

    def _read_previous(self, line: dict[str, Any]) -> None:
        """Lines of the app's previous version. Can be removed 30 days after this version is deployed.

        They name people by cells of the audit log. An outcome without an intent (a change that was not sent) is
        ignored: it is read from the audit log.
        """
        for action, cell in line.get("withdrawn", ()):
            self._revoke(self.named(action, cell))
        for action, cell, result, object_id in line.get("outcome", ()):
            if change := self.intents.get(self.named(action, cell)):
                self._end(Outcome(change=change, result=Result(result), object_id=object_id))

    def named(self, action: str, cell: str) -> Key:
        """The key of the change that the app's previous version names by a cell of its audit log."""
        known = (action, cell) in self.intents or (action, cell) in self.outcomes
        return action, cell if known else unescaped(cell)


def _made(outcome: Outcome) -> bool | None:
    """Nobody knows of what is in doubt, or was refused after a first step: a temporary UPN, a return."""
    change = outcome.change
    begun = outcome.result is Result.FAILED and (change.via or change.action is Action.RESTORE)
    return None if begun or outcome.error_code == IN_DOUBT else outcome.succeeded


def _ended(recorded: Recorded, intended: Mapping[Key, Change]) -> dict[str, Any]:
    change = recorded.outcome.change
    known = key(change)
    line: dict[str, Any] = {"ended": known, **outcome_document(recorded.outcome)}
    if intended.get(known) != change:
        line["change"] = change_document(change)
    if recorded.sent:
        line["sent"] = [moment.isoformat() for moment in recorded.sent]
    return {**line, "time": recorded.time.isoformat(timespec="milliseconds"), "position": recorded.position}
