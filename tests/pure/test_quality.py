"""Whether a sync was good, as the alerts ask it."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.model.runs import Counts, Mode, Run, Status, Trigger
from shared.reports.quality import MOST_DIGESTS, Quality, judge

NOW = datetime(2026, 8, 1, 12, tzinfo=UTC)
people = st.sets(st.text(min_size=1, max_size=8), max_size=30)


def quality(
    made: int = 0,
    failed: int = 0,
    *,
    not_deleted: int = 0,
    status: Status = Status.COMPLETED_WITH_ERRORS,
    mode: Mode = Mode.SYNC,
    undoes: str | None = None,
) -> Quality:
    run = Run(
        id="1",
        domain="contoso.com",
        mode=mode,
        trigger=Trigger.SCHEDULE,
        requested_by="schedule",
        created_at=NOW,
        status=status,
        counts=Counts(update=made, failed=failed),
        undoes=undoes,
    )
    return judge(run, [f"id-{number}" for number in range(failed)], not_deleted)


@pytest.mark.parametrize(
    ("made", "failed", "mostly_failed"),
    [
        (0, 0, False),
        (0, 1, True),
        (1, 1, False),
        (1, 5, False),
        (1, 6, True),
        (54, 6, True),
        (55, 6, False),
        (900, 100, True),
        (901, 100, False),
    ],
)
def test_nothing_that_succeeded_or_a_tenth_that_failed_is_too_much(
    made: int, failed: int, mostly_failed: bool
) -> None:
    found = quality(made, failed)

    assert (found.tried, found.mostly_failed, found.good) == (made + failed, mostly_failed, not mostly_failed)


@pytest.mark.parametrize("status", Status)
def test_somebody_who_was_not_deleted_for_want_of_a_look_spoils_a_run_of_any_status(status: Status) -> None:
    found = quality(1, status=status, not_deleted=1)

    assert (found.not_deleted, found.good) == (1, False)


@pytest.mark.parametrize("status", Status)
def test_a_run_that_did_not_end_well_is_not_good(status: Status) -> None:
    assert quality(1, status=status).good is (status in (Status.SUCCEEDED, Status.COMPLETED_WITH_ERRORS))


def test_a_dry_run_and_an_undo_are_not_good_and_a_dry_run_does_not_fail() -> None:
    assert not quality(mode=Mode.DRY_RUN, failed=9).mostly_failed
    assert not quality(mode=Mode.DRY_RUN, made=1).good
    assert not quality(made=1, undoes="0").good


@given(before=people, since=people)
def test_who_fails_is_told_by_a_digest_that_stays_the_same_when_others_come_and_go(
    before: set[str], since: set[str]
) -> None:
    first, second = (set(_failing(failed)) for failed in (before, since))

    assert len(first) == len(before)
    assert len(first & second) == len(before & since)


def test_a_digest_is_no_name_and_differs_by_domain() -> None:
    (here,), (there,) = _failing({"aoki"}), _failing({"aoki"}, "fabrikam.com")

    assert here != there
    assert (len(here), "aoki" in here) == (8, False)


def test_a_line_of_the_log_holds_so_many_digests_and_the_same_ones_at_each_run() -> None:
    everybody = {f"user{number}@contoso.com" for number in range(2 * MOST_DIGESTS)}
    here, later = set(_failing(everybody)), set(_failing(everybody | {"one more"}))

    assert (len(here), len(later)) == (MOST_DIGESTS, MOST_DIGESTS)
    assert len(here - later) <= 1


def _failing(failed: set[str], domain: str = "contoso.com") -> tuple[str, ...]:
    run = Run(
        id="1",
        domain=domain,
        mode=Mode.SYNC,
        trigger=Trigger.SCHEDULE,
        requested_by="schedule",
        created_at=NOW,
    )
    return judge(run, failed, 0).failing
