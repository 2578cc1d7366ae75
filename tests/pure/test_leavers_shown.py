"""Who of the leavers waits, as people are told."""

from datetime import UTC, datetime, timedelta

import pytest

from shared.model.leavers import Leaver
from shared.reports.leavers import in_order, leaver_view

T = datetime(2026, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def row(**fields: object) -> Leaver:
    return Leaver.model_validate(
        {"domain": "contoso.com", "upn": "aoki", "display_name": "青木", "since": T, "days": 30, **fields}
    )


@pytest.mark.parametrize(
    ("leaver", "now", "state", "due"),
    [
        (row(block=True), T, "blocking", T + 30 * DAY),
        (row(block=True, stands=T), T, "waiting", T + 30 * DAY),
        (row(), T, "waiting", T + 30 * DAY),
        (row(), T + 30 * DAY, "due", T + 30 * DAY),
        (row(days=None), T + 30 * DAY, "waiting", None),
        (row(kept="decided"), T + 30 * DAY, "kept", None),
        (row(blocked=T + DAY), T, "waiting", T + 31 * DAY),
        (row(until=T + DAY), T, "waiting", T + DAY),
    ],
)
def test_state_and_date(leaver: Leaver, now: datetime, state: str, due: datetime | None) -> None:
    shown = leaver_view("1", leaver, now)
    assert (shown.state, shown.delete_at) == (state, due)


def test_what_keeps_somebody_is_said() -> None:
    assert [part.code for part in leaver_view("1", row(kept="undone"), T).obstacle or ()] == [
        "leaver.keptUndone"
    ]
    assert [part.code for part in leaver_view("1", row(enabled=T), T).obstacle or ()] == [
        "leaver.enabledAgain"
    ]
    assert leaver_view("1", row(), T).obstacle is None
    unread = leaver_view("1", None, T)
    assert (unread.state, unread.since, [part.code for part in unread.obstacle or ()]) == (
        "kept", None, ["leaver.rowUnreadable"],
    )  # fmt: skip


def test_about_whom_to_decide_comes_first_then_who_is_due_next() -> None:
    rows = {"never": row(days=None), "late": row(), "soon": row(until=T + DAY), "unread": None}
    assert [one.object_id for one in in_order(rows, T)] == ["unread", "soon", "late", "never"]
