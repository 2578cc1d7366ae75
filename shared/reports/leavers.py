"""Who of the leavers waits, and until when, as people are told. Pure."""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from shared.model.leavers import Leaver, LeaverTerms
from shared.model.parts import Parts, say
from shared.model.records import Record, Time
from shared.planning.stages import reason_kept

State = Literal["blocking", "waiting", "due", "kept"]


class LeaverView(Record):
    """One leaver. `accountDomain`: where the account was last seen. `deleteAt`: null for never. `terms`: as they wait.

    `blocking`: no sync has seen the block yet. `kept`: until somebody decides; `obstacle` says why. Of a row that can't
    be read, nothing is known but the account.
    """

    object_id: str
    source_id: str
    user_principal_name: str
    display_name: str
    account_domain: str
    state: State
    since: Time | None
    delete_at: Time | None
    terms: LeaverTerms | None
    blocked_by_us: bool
    obstacle: Parts | None


def in_order(rows: Mapping[str, Leaver | None], now: datetime) -> list[LeaverView]:
    """Those about whom a person has to decide first, then as their deletions fall due. `rows`: by object id."""
    views = [leaver_view(account, row, now) for account, row in rows.items()]
    return sorted(
        views,
        key=lambda one: (one.state != "kept", one.delete_at is None, one.delete_at or now, one.object_id),
    )


def leaver_view(account: str, row: Leaver | None, now: datetime) -> LeaverView:
    if row is None:
        return LeaverView(
            object_id=account,
            source_id="",
            user_principal_name="",
            display_name="",
            account_domain="",
            state="kept",
            since=None,
            delete_at=None,
            terms=None,
            blocked_by_us=False,
            obstacle=reason_kept(None),
        )
    return LeaverView(
        object_id=account,
        source_id=row.source_id,
        user_principal_name=row.upn,
        display_name=row.display_name,
        account_domain=row.domain,
        state=_state(row, now),
        since=row.since,
        delete_at=None if row.kept else row.due,
        terms=LeaverTerms(block=row.block, delete_after_days=row.days),
        blocked_by_us=row.ours,
        obstacle=reason_kept(row) or (say("leaver.enabledAgain") if row.enabled else None),
    )


def _state(row: Leaver, now: datetime) -> State:
    if row.kept:
        return "kept"
    if row.block and row.stands is None:
        return "blocking"
    return "due" if row.due and row.due <= now else "waiting"
