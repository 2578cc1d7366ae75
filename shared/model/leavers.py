"""Leavers in stages: what a domain sets for them, and a leaver's row in the tenant's memory of people. Pure.

A row is JSON text by object id. It begins with the block, or the wait, and ends with the deletion or the return. After
the deletion it is kept for a day for the limit, and while the account can be restored, if it was turned off by a run.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Literal

import orjson
from pydantic import Field, StrictBool, ValidationError

from shared.model.records import Record, Time

# A run that would block somebody adds those who were blocked so long ago: limits hold for a day, not for an hour.
COUNTED_AGAIN = timedelta(hours=24)
REMINDED_BEFORE = timedelta(days=1)
LONGEST_WAIT_DAYS = 3650
# Entra keeps a deleted user for 30 days.
IN_RECYCLE_BIN = timedelta(days=30)

# Why a leaver is kept: enabled after the block was seen to stand, the block undone, or a person's decision.
Kept = Literal["enabled", "undone", "decided"]


class LeaverTerms(Record):
    """`block`: leavers are blocked and signed out before they wait. `deleteAfterDays`: null is never deleted.

    No block and 0 days: a leaver is deleted at once, by the run that finds that the source has nobody for the account.
    """

    block: StrictBool = False
    delete_after_days: Annotated[int, Field(strict=True, ge=0, le=LONGEST_WAIT_DAYS)] | None = 0


AT_ONCE = LeaverTerms()
# Where the setting can't be read.
NEVER = LeaverTerms(delete_after_days=None)


@dataclass(frozen=True, slots=True)
class Leaving:
    """What a domain sets for its leavers. `ask_unlinked`: about accounts that no sync ever knew."""

    terms: LeaverTerms = AT_ONCE
    ask_unlinked: bool = False

    @property
    def facts(self) -> dict[str, object]:
        """For a digest, which stays the same where leavers have no stages."""
        stages = {} if self.terms == AT_ONCE else {"leavers": self.terms.model_dump(mode="json")}
        return {"ask_unlinked": self.ask_unlinked, **stages}


class Leaver(Record):
    """One leaver. `domain`: that of the account when it was last seen; `block`: what is set there.

    `days`: the longest wait that has been in force since it began, null without an end; `until`: what a person has
    decided instead. `blocked`: when a run last turned the account off; `ours`: it was turned off by a run, and not on
    again. `stands`: when the account was seen turned off, where it is to be. `enabled`: since when it has been seen
    turned on after that. `approved`: somebody approved the block. `asked`: somebody in the source may be this
    one, by the last run. `back`: the source has them again, and the account is still turned off. `ended`: deleted, at
    `since`.
    """

    domain: str
    upn: str
    display_name: str
    source_id: str = ""
    block: bool = False
    since: Time
    days: int | None
    until: Time | None = None
    blocked: Time | None = None
    ours: bool = False
    stands: Time | None = None
    enabled: Time | None = None
    signed_out: bool = False
    kept: Kept | None = None
    approved: bool = False
    asked: bool = False
    back: bool = False
    ended: bool = False

    @property
    def waits(self) -> bool:
        """Whether there is somebody to wait: neither deleted nor back."""
        return not (self.back or self.ended)

    @property
    def to_sign_out(self) -> bool:
        return self.stands is not None and self.enabled is None and not self.signed_out

    @property
    def due(self) -> datetime | None:
        """When they may be deleted; None for never."""
        if self.until or self.days is None:
            return self.until
        return max(self.blocked or self.since, self.since) + timedelta(days=self.days)


def written(row: Leaver | None) -> str:
    """The row as memory keeps it; empty for none."""
    return row.model_dump_json(by_alias=True, exclude_defaults=True) if row else ""


def read(text: str) -> Leaver | None:
    """None for a row that can't be read: damaged, or written by a newer version."""
    try:
        return Leaver.model_validate_json(text)
    except ValidationError:
        return None


def read_all(rows: Mapping[str, str]) -> dict[str, Leaver | None]:
    """Object id → row; None for one that can't be read."""
    return {account: read(text) for account, text in rows.items()}


def due_soon(rows: Iterable[Leaver | None], domain: str, now: datetime) -> int:
    """How many of those who wait on this domain are deleted within a day, unless somebody decides otherwise."""
    waiting = (one for one in rows if one and one.waits and not one.kept and one.domain == domain)
    return sum(1 for one in waiting if one.due and now < one.due <= now + REMINDED_BEFORE)


def counts_again(row: Leaver, now: datetime) -> bool:
    """Whether their block counts in a run that would block others."""
    recent = row.blocked is not None and row.blocked > now - COUNTED_AGAIN
    return recent and not (row.approved or row.back or row.kept == "undone")


def deleted(row: Leaver | None, now: datetime) -> Leaver | None:
    """The row of an account that is gone; None where nothing of it matters any more."""
    if row is None or not (row.ours or counts_again(row, now)):
        return None
    return row.model_copy(update={"ended": True, "since": now})


def without_old(rows: Mapping[str, str], now: datetime) -> dict[str, str]:
    """Without rows that have ended, and those of who was deleted once nothing of them matters any more."""
    return {
        account: text
        for account, text in rows.items()
        if text and ((row := read(text)) is None or not row.ended or _matters(row, now))
    }


def _matters(row: Leaver, now: datetime) -> bool:
    """Of who was deleted: whether the block counts still, or they may be restored, and are to be unblocked then."""
    return counts_again(row, now) or (row.ours and row.since > now - IN_RECYCLE_BIN)


def merged_rows(there: str, before: str, after: str) -> str:
    """The row that is there, with what a run or a person has changed of it, field by field; `before` is as it was read.

    A row that ended meanwhile, or that began anew, stays as it is.
    """
    if there == before:
        return after
    if not (there and before and after):
        return there
    try:
        current, known, now = (orjson.loads(text) for text in (there, before, after))
        changed = dict(now.items() - known.items())
        gone = known.keys() - now.keys()
        merged = {name: value for name, value in {**current, **changed}.items() if name not in gone}
    except (orjson.JSONDecodeError, AttributeError, TypeError):
        return there
    return there if merged == current else orjson.dumps(merged).decode()
