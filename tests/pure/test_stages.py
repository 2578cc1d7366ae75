"""Leavers in stages: what is done about one of them, in a table; and what holds over any history of hours."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.model.changes import Action, AttributeChange, Change, Stage
from shared.model.leavers import (
    AT_ONCE,
    Leaver,
    LeaverTerms,
    counts_again,
    merged_rows,
    read,
    read_all,
    without_old,
    written,
)
from shared.model.people import EntraUser
from shared.planning.stages import Do, Now, Staging, leaver_after, next_step
from tests.support.people import DOMAIN, entra_user

T = datetime(2026, 3, 1, 9, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
BLOCK_30 = LeaverTerms(block=True, delete_after_days=30)
WAIT_30 = LeaverTerms(block=False, delete_after_days=30)
NEVER = LeaverTerms(block=True, delete_after_days=None)


def row(**fields: object) -> Leaver:
    """A leaver who begins to wait at T, for 30 days."""
    return Leaver.model_validate(
        {"domain": DOMAIN, "upn": f"aoki@{DOMAIN}", "display_name": "青木", "since": T, "days": 30, **fields}
    )


def at(moment: datetime) -> Now:
    return Now(moment, moment)


STOOD = {"blocked": T, "ours": True, "stands": T + HOUR, "signed_out": True}
SEEN_ON = {**STOOD, "enabled": T + 2 * HOUR}


@pytest.mark.parametrize(
    ("leaver", "enabled", "terms", "now", "expected"),
    [
        # Who begins.
        (row(), True, BLOCK_30, at(T), Do.BLOCK),
        (row(), False, BLOCK_30, at(T), Do.WAIT),
        (row(), True, WAIT_30, at(T), Do.WAIT),
        # The block did not stand: again, however often.
        (row(blocked=T, ours=True), True, BLOCK_30, at(T + HOUR), Do.BLOCK),
        (row(blocked=T, ours=True), True, BLOCK_30, at(T + 31 * DAY), Do.BLOCK),
        (row(blocked=T, ours=True), False, BLOCK_30, at(T + HOUR), Do.WAIT),
        # The wait, by both clocks.
        (row(**STOOD), False, BLOCK_30, at(T + 30 * DAY), Do.WAIT),
        (row(**STOOD), False, BLOCK_30, at(T + 30 * DAY + HOUR), Do.DELETE),
        (row(**STOOD), False, BLOCK_30, Now(T + 31 * DAY, T + 29 * DAY), Do.WAIT),
        (row(**STOOD), False, BLOCK_30, Now(T + 29 * DAY, T + 31 * DAY), Do.WAIT),
        (row(**STOOD), False, BLOCK_30, Now(T + 31 * DAY), Do.WAIT),
        (row(), True, WAIT_30, at(T + 31 * DAY), Do.DELETE),
        # The wait is counted from the block, where there was one.
        (row(**{**STOOD, "blocked": T + DAY}), False, BLOCK_30, at(T + 30 * DAY + HOUR), Do.WAIT),
        # A shorter wait is for new leavers; a longer one holds at once.
        (row(**STOOD), False, LeaverTerms(block=True, delete_after_days=1), at(T + 2 * DAY), Do.WAIT),
        (row(**STOOD), False, AT_ONCE, at(T + 2 * DAY), Do.WAIT),
        (row(**STOOD), False, AT_ONCE, at(T + 31 * DAY), Do.DELETE),
        (row(**STOOD), False, LeaverTerms(block=True, delete_after_days=60), at(T + 31 * DAY), Do.WAIT),
        (row(**STOOD), False, NEVER, at(T + 3_000 * DAY), Do.WAIT),
        (row(days=None, **STOOD), False, BLOCK_30, at(T + 3_000 * DAY), Do.WAIT),
        # Once seen to stand, nobody is blocked again: enabled is a hint, and an hour later a decision of somebody's.
        (row(**STOOD), True, BLOCK_30, at(T + 2 * HOUR), Do.WAIT),
        (row(**STOOD), True, BLOCK_30, at(T + 31 * DAY), Do.WAIT),
        (row(**SEEN_ON), True, BLOCK_30, at(T + 3 * HOUR), Do.KEEP),
        (row(**SEEN_ON), True, BLOCK_30, at(T + 2 * HOUR + timedelta(minutes=30)), Do.WAIT),
        (row(**SEEN_ON), False, BLOCK_30, at(T + 3 * HOUR), Do.WAIT),
        # Who is kept stays, until somebody decides.
        (row(kept="enabled", **SEEN_ON), False, BLOCK_30, at(T + 31 * DAY), Do.KEEP),
        (row(kept="undone", **STOOD), True, BLOCK_30, at(T + 31 * DAY), Do.KEEP),
        (row(kept="decided", **STOOD), False, BLOCK_30, at(T + 31 * DAY), Do.KEEP),
        (row(kept="decided", blocked=T, ours=True), True, BLOCK_30, at(T + HOUR), Do.BLOCK),
        # A date that somebody has decided on.
        (row(until=T + DAY, **STOOD), False, BLOCK_30, at(T + 2 * DAY), Do.DELETE),
        (row(until=T + 60 * DAY, **STOOD), False, BLOCK_30, at(T + 31 * DAY), Do.WAIT),
        (row(until=T + DAY, **STOOD), False, LeaverTerms(delete_after_days=40), at(T + 31 * DAY), Do.WAIT),
        (row(until=T + DAY, **STOOD), False, NEVER, at(T + 31 * DAY), Do.WAIT),
        # Who may have been somebody in the source waits anew; a date that is still to come holds.
        (row(asked=True, **STOOD), False, BLOCK_30, at(T + 31 * DAY), Do.WAIT),
        (row(asked=True, until=T + DAY, **STOOD), False, BLOCK_30, at(T + 31 * DAY), Do.WAIT),
        # A block that is switched on later is made, and seen, before anybody goes.
        (row(), True, BLOCK_30, at(T + 31 * DAY), Do.BLOCK),
        (row(), False, BLOCK_30, at(T + 31 * DAY), Do.DELETE),
    ],
)  # fmt: skip
def test_one_leaver_now(leaver: Leaver, enabled: bool, terms: LeaverTerms, now: Now, expected: Do) -> None:
    step = next_step(leaver, enabled, terms, now)

    assert step.do is expected
    assert step.reason


def test_an_order_ends_any_wait() -> None:
    for leaver in (row(), row(days=None, **STOOD), row(kept="decided", **STOOD)):
        assert next_step(leaver, False, NEVER, at(T), ordered=True).do is Do.DELETE


def test_a_date_is_told_with_each_stage() -> None:
    block = next_step(row(), True, BLOCK_30, at(T))
    waits = next_step(row(**STOOD), False, BLOCK_30, at(T + DAY))
    never = next_step(row(), False, NEVER, at(T))

    assert [part.code for part in block.reason] == ["leaver.block", "leaver.dueOn"]
    assert waits.reason[-1].parameters["date"] == "2026-03-31"
    assert [part.code for part in never.reason] == ["leaver.waits", "leaver.neverDue"]


def test_who_enabled_the_account_again_owns_its_next_block() -> None:
    seen = next_step(row(**STOOD), True, BLOCK_30, at(T + 2 * HOUR)).row

    assert seen is not None
    assert (seen.ours, seen.enabled) == (False, T + 2 * HOUR)


def test_the_wait_of_whom_a_question_was_about_is_counted_from_its_end() -> None:
    now = at(T + 20 * DAY)
    anew = next_step(row(asked=True, **STOOD), False, BLOCK_30, now).row
    dated = next_step(row(asked=True, until=T + 25 * DAY, **STOOD), False, BLOCK_30, now).row

    assert anew
    assert dated
    assert (anew.asked, anew.blocked, anew.due) == (False, T, T + 50 * DAY)
    assert dated.due == T + 25 * DAY


class TestBeginning:
    ACCOUNT = entra_user()

    def staging(self, terms: LeaverTerms = BLOCK_30, **rows: Leaver | None) -> Staging:
        by_id = {name.replace("_", "-"): one for name, one in rows.items()}
        return Staging(domain=DOMAIN, terms=terms, now=at(T), rows=by_id)

    def test_without_stages_nobody_waits(self) -> None:
        assert self.staging(AT_ONCE).step(self.ACCOUNT, "", approved=False) is None

    def test_who_waits_goes_on_waiting_where_stages_are_switched_off(self) -> None:
        step = self.staging(AT_ONCE, id_aoki=row(**STOOD)).step(self.ACCOUNT, "", approved=False)
        assert step
        assert step.do is Do.WAIT

    @pytest.mark.parametrize("old", [row(ended=True, **STOOD), row(back=True, **STOOD), None])
    def test_whoever_was_deleted_or_came_back_begins_anew(self, old: Leaver | None) -> None:
        rows = {"id-aoki": old} if old else {}
        staging = Staging(domain=DOMAIN, terms=BLOCK_30, now=at(T + 40 * DAY), rows=rows)
        step = staging.step(self.ACCOUNT, "aoki", approved=True)
        assert step
        assert step.row
        assert (step.do, step.row.since, step.row.approved) == (Do.BLOCK, T + 40 * DAY, True)

    def test_that_the_block_was_ours_outlives_a_return(self) -> None:
        staging = self.staging(id_aoki=row(back=True, **STOOD))
        step = staging.step(entra_user(enabled=False), "", approved=False)
        assert step
        assert step.row
        assert (step.do, step.row.ours, step.row.blocked) == (Do.WAIT, True, None)

    def test_a_row_that_cannot_be_read_keeps_the_account(self) -> None:
        staging = self.staging(id_aoki=None)
        step = staging.step(self.ACCOUNT, "", approved=False)
        assert step
        assert (step.do, step.row, staging.waits("id-aoki")) == (Do.KEEP, None, True)

    def test_an_order_also_ends_a_row_that_cannot_be_read(self) -> None:
        staging = Staging(
            domain=DOMAIN, terms=BLOCK_30, now=at(T), rows={"id-aoki": None}, ordered={"id-aoki"}
        )
        step = staging.step(self.ACCOUNT, "", approved=False)
        assert step
        assert step.do is Do.DELETE

    def test_the_clock_that_is_ahead_says_when_the_wait_begins(self) -> None:
        staging = Staging(domain=DOMAIN, terms=WAIT_30, now=Now(T, T + 2 * HOUR))
        step = staging.step(self.ACCOUNT, "", approved=False)
        assert step
        assert step.row
        assert step.row.since == T + 2 * HOUR

    def test_the_run_that_begins_a_wait_of_no_days_does_not_end_it(self) -> None:
        staging = Staging(domain=DOMAIN, terms=LeaverTerms(block=True, delete_after_days=0), now=at(T))
        step = staging.step(entra_user(enabled=False), "", approved=False)
        assert step
        assert step.do is Do.WAIT


class TestChanging:
    def staging(self, elsewhere: Mapping[str, EntraUser | None] = MappingProxyType({})) -> Staging:
        return Staging(
            domain=DOMAIN,
            now=at(T),
            rows={"id-aoki": row(**STOOD), "id-baba": row(**STOOD), "old": row(ended=True)},
            elsewhere=elsewhere,
        )

    def test_who_is_back_and_enabled_has_no_row(self) -> None:
        assert self.staging().changed({}, [entra_user()]) == {"id-aoki": None}

    def test_who_is_back_and_still_blocked_is_unblocked_first(self) -> None:
        blocked = entra_user(enabled=False)
        staging = self.staging()
        (changed,) = staging.changed({}, [blocked]).values()
        assert changed
        assert changed.back
        assert (changed.waits, staging.is_ours(blocked)) == (False, True)

    def test_a_block_of_others_is_not_ours(self) -> None:
        theirs = Staging(rows={"id-aoki": row(stands=T)})
        assert not theirs.is_ours(entra_user(enabled=False))
        assert theirs.changed({}, [entra_user(enabled=False)]) == {"id-aoki": None}

    def test_who_has_ended_stays_so(self) -> None:
        assert self.staging().changed({}, [entra_user(object_id="old")]) == {}

    def test_who_is_gone_and_was_not_blocked_by_us_has_no_row(self) -> None:
        waiting = Staging(domain=DOMAIN, now=at(T), rows={"1": row()}, elsewhere={"1": None})
        assert waiting.changed({}, []) == {"1": None}

    def test_whoever_was_deleted_and_is_there_again_is_unblocked_first(self) -> None:
        ended = Staging(domain=DOMAIN, now=at(T), rows={"id-aoki": row(ended=True, **STOOD)})
        off = entra_user(enabled=False)
        assert ended.is_ours(off)
        assert ended.changed({}, [off]) == {"id-aoki": row(back=True, **STOOD)}
        # What somebody has turned on since is ours no more.
        assert ended.changed({}, [entra_user()]) == {"id-aoki": row(ended=True, **{**STOOD, "ours": False})}

    def test_who_is_gone_has_ended_and_who_is_elsewhere_waits_there(self) -> None:
        moved = entra_user("aoki@other.com")
        staging = self.staging({"id-aoki": moved, "id-baba": None, "strange": moved})
        changed = staging.changed({}, [])
        assert changed["id-baba"] == row(ended=True, **STOOD)
        assert changed["id-aoki"]
        assert (changed["id-aoki"].domain, changed["id-aoki"].upn) == ("other.com", "aoki@other.com")
        assert len(changed) == 2

    def test_whom_a_question_is_about_waits_no_more_until_it_ends(self) -> None:
        changed = self.staging().changed({}, [], ["id-aoki", "old", "strange"])
        assert changed == {"id-aoki": row(asked=True, **STOOD)}

    def test_what_has_not_changed_is_not_written(self) -> None:
        staging = self.staging({"id-aoki": entra_user()})
        assert staging.changed({"id-baba": row(**STOOD)}, []) == {}


class TestAfterwards:
    def after(
        self, action: Action, stage: Stage | None = None, *, undone: bool = False, **fields: object
    ) -> Leaver | None:
        change = Change(action=action, upn="", display_name="", stage=stage)
        rows = leaver_after({"1": written(row(**fields))}, change, "1", T + HOUR, undone=undone)
        return read(rows["1"]) if rows else row(**fields)

    def test_a_block_is_ours_and_has_to_be_seen(self) -> None:
        now = self.after(Action.BLOCK, "block", signed_out=True)
        assert now
        assert (now.blocked, now.ours, now.stands, now.signed_out) == (T + HOUR, True, None, False)

    def test_a_deletion_ends_the_row_but_for_the_limit(self) -> None:
        assert self.after(Action.DELETE, "due", blocked=T - DAY) is None
        ended = self.after(Action.DELETE, "due", blocked=T)
        assert ended
        assert (ended.ended, ended.since) == (True, T + HOUR)

    def test_whom_a_run_blocked_is_known_after_the_deletion_until_the_restore(self) -> None:
        ended = self.after(Action.DELETE, "due", blocked=T - DAY, ours=True)
        assert ended
        on = (AttributeChange("accountEnabled", False, True),)
        restore = Change(action=Action.RESTORE, upn="", display_name="", attributes=on)
        assert leaver_after({"1": written(ended)}, restore, "1", T, undone=False) == {"1": ""}
        # An undo restores the account as it was.
        assert self.after(Action.RESTORE, undone=True, ended=True, ours=True) == row(ended=True, ours=True)

    def test_an_unblock_ends_the_row_and_one_by_an_undo_keeps_the_account(self) -> None:
        assert self.after(Action.UNBLOCK, blocked=T, ours=True) is None
        kept = self.after(Action.UNBLOCK, undone=True, blocked=T, ours=True)
        assert kept
        assert (kept.kept, kept.ours) == ("undone", False)

    def test_nothing_else_says_anything_of_a_leaver(self) -> None:
        assert self.after(Action.UPDATE, stands=T) == row(stands=T)
        assert self.after(Action.DELETE, "due", ended=True) == row(ended=True)
        assert (
            leaver_after({}, Change(action=Action.DELETE, upn="", display_name=""), "1", T, undone=False)
            == {}
        )


class TestRows:
    def test_as_written_so_read(self) -> None:
        for one in (row(), row(days=None), row(kept="enabled", approved=True, **SEEN_ON)):
            assert read(written(one)) == one

    @pytest.mark.parametrize("text", ["", "{", "[]", '{"since": 1}', written(row())[:-1] + ',"newer": 1}'])
    def test_what_is_not_understood_is_no_row(self, text: str) -> None:
        assert read_all({"1": text}) == {"1": None}

    def test_whom_the_limit_counts_again(self) -> None:
        assert counts_again(row(blocked=T), T + 23 * HOUR)
        assert not counts_again(row(blocked=T), T + 24 * HOUR)
        assert not counts_again(row(), T)
        for other in ({"approved": True}, {"back": True}, {"kept": "undone"}):
            assert not counts_again(row(blocked=T, **other), T)

    def test_a_row_that_has_ended_goes_after_a_day(self) -> None:
        rows = {"1": written(row(ended=True, blocked=T)), "2": "", "3": written(row()), "4": "{"}
        assert without_old(rows, T + HOUR).keys() == {"1", "3", "4"}
        assert without_old(rows, T + DAY).keys() == {"3", "4"}

    def test_the_row_of_whom_a_run_blocked_goes_once_the_account_can_not_be_restored(self) -> None:
        rows = {"1": written(row(ended=True, ours=True))}
        assert without_old(rows, T + 30 * DAY - HOUR) == rows
        assert without_old(rows, T + 30 * DAY) == {}

    def test_a_run_and_a_person_may_change_a_row_at_the_same_time(self) -> None:
        before, blocked, kept = (
            written(one) for one in (row(), row(blocked=T, ours=True), row(kept="decided"))
        )
        both = row(kept="decided", blocked=T, ours=True)
        assert read(merged_rows(kept, before, blocked)) == both
        assert read(merged_rows(blocked, before, kept)) == both
        assert read(merged_rows(blocked, written(row(until=T)), written(row(days=None)))) == row(
            days=None, blocked=T, ours=True
        )

    @pytest.mark.parametrize(
        ("there", "before", "after", "expected"),
        [
            ("a", "a", "b", "b"),
            ("a", "b", "", "a"),
            ("", "b", "a", ""),
            ("a", "", "b", "a"),
            ("{", "b", "c", "{"),
            ("1", "2", "3", "1"),
        ],
    )
    def test_where_it_ended_or_cannot_be_read_it_stays(
        self, there: str, before: str, after: str, expected: str
    ) -> None:
        assert merged_rows(there, before, after) == expected


@dataclass
class Life:
    """One account over hours: what the model does to it, by what `next_step` and `leaver_after` say."""

    terms: LeaverTerms
    enabled: bool = True
    alive: bool = True
    listed: bool = False
    row: str = ""
    waits_since: datetime | None = None
    first_seen_off: datetime | None = None
    log: list[tuple[Do, datetime]] = field(default_factory=list)


_hours = st.lists(
    st.tuples(
        st.sampled_from(
            ["run"] * 6 + ["enable", "disable", "back", "leave", "lost", "blockFails", "keep", "ask"]
        ),
        st.integers(1, 40 * 24),
    ),
    max_size=30,
)


@given(
    _hours,
    st.booleans(),
    st.sampled_from([0, 1, 30, None]),
    st.integers(-72, 72),
)
def test_nobody_early_nobody_twice_nobody_stuck(
    hours: list[tuple[str, int]], block: bool, days: int | None, skew: int
) -> None:
    terms = LeaverTerms(block=block, delete_after_days=days)
    life, now = Life(terms), T
    for event, passed in hours:
        now += timedelta(hours=passed)
        _happens(life, event, Now(now, now + timedelta(hours=skew)))
    if terms == AT_ONCE or life.listed or not life.alive:
        return
    # With nobody interfering any more, every leaver ends: deleted, or kept for a person to decide, or never due.
    for _ in range(4):
        now += timedelta(days=200)
        _happens(life, "run", Now(now, now + timedelta(hours=skew)))
    left = read(life.row)
    assert not life.alive or (left and (left.kept or left.due is None))
    if life.alive and block and left and not left.kept:
        assert not life.enabled


def _happens(life: Life, event: str, now: Now) -> None:
    if not life.alive:
        return
    if event == "enable":
        life.enabled = True
    elif event == "disable":
        life.enabled = False
    elif event == "back":
        life.listed = True
        _run(life, now)
    elif event == "leave":
        life.listed = False
    elif event == "lost":
        life.row, life.waits_since = "", None
    elif event == "keep" and (left := read(life.row)):
        life.row = written(left.model_copy(update={"kept": "decided"}))
    if event == "ask" and not life.listed:
        _ask(life, now)
        return
    _run(life, now, fails=event == "blockFails")


def _ask(life: Life, now: Now) -> None:
    """A run that finds that somebody in the source may be this one."""
    rows = {"1": read(life.row)} if life.row else {}
    for row in Staging(domain=DOMAIN, terms=life.terms, now=now, rows=rows).changed({}, [], ["1"]).values():
        life.row, life.waits_since = written(row), now.ours


def _run(life: Life, now: Now, *, fails: bool = False) -> None:
    account = entra_user(enabled=life.enabled)
    rows = {account.object_id: read(life.row)} if life.row else {}
    staging = Staging(domain=DOMAIN, terms=life.terms, now=now, rows=rows)
    if life.listed:
        life.waits_since = None
        if staging.is_ours(account):
            before = rows[account.object_id]
            assert before
            assert before.ours
            life.enabled, life.row = True, ""
        elif rows:
            life.row = written(staging.changed({}, [account]).get(account.object_id, rows[account.object_id]))
        return
    step = staging.step(account, "", approved=False)
    if step is None:
        life.alive = False
        return
    assert step.row
    before = rows.get(account.object_id)
    if not (before and before.waits):
        life.waits_since = now.ours
        assert step.do is not Do.DELETE
    life.row = written(step.row)
    if step.do is Do.BLOCK:
        assert life.terms.block
        assert life.enabled
        assert not (before and before.waits and before.stands)
        if not fails:
            life.enabled = False
            made = Change(action=Action.BLOCK, upn="", display_name="", stage="block")
            life.row = leaver_after({"1": life.row}, made, "1", now.ours, undone=False)["1"]
    elif step.do is Do.DELETE:
        assert life.waits_since is not None
        assert now.ours - life.waits_since >= timedelta(days=life.terms.delete_after_days or 0)
        assert not (life.terms.block and life.enabled)
        life.alive = False
