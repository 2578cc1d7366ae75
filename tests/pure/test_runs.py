"""What is stored and answered: ids that sort, limits with one unit, and when a run is over."""

from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError

from shared.clock import Clock
from shared.model.domains import Limit
from shared.model.runs import (
    RUN_LIFETIME,
    Status,
    cursor_after,
    is_run_id,
    new_run_id,
    oldest_run_id,
    run_id_in,
)

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def test_a_limit_without_count_and_percentage_is_none() -> None:
    with pytest.raises(ValidationError, match=r"limit\.neither"):
        Limit()


def test_a_run_is_over_unless_it_waits_or_works_and_good_if_it_did_its_work() -> None:
    assert [status for status in Status if status.active] == [Status.QUEUED, Status.RUNNING]
    assert [status for status in Status if status.good] == [Status.SUCCEEDED, Status.COMPLETED_WITH_ERRORS]


def test_run_ids_sort_newest_first_and_no_two_are_equal() -> None:
    earlier, later = (
        new_run_id(NOW, Clock().token(4)),
        new_run_id(NOW + timedelta(milliseconds=1), Clock().token(4)),
    )

    assert later < earlier
    assert new_run_id(NOW, Clock().token(4)) != earlier


def test_what_has_outlived_its_time_sorts_after_the_oldest_id_that_is_kept() -> None:
    kept, outlived = (
        new_run_id(NOW - RUN_LIFETIME + timedelta(milliseconds=ago), Clock().token(4)) for ago in (1, -1)
    )

    assert kept < oldest_run_id(NOW) < outlived


@pytest.mark.parametrize(
    "text", ["", "8227622400000-0123ABCD", "../8227622400000-01234567", "8227622400000-01234567\n"]
)
def test_only_what_has_the_form_of_a_run_id_is_one(text: str) -> None:
    assert is_run_id(new_run_id(NOW, Clock().token(4)))
    assert not is_run_id(text)


def test_a_cursor_has_a_run_id_and_nothing_else() -> None:
    run_id = new_run_id(NOW, "0123abcd")

    assert run_id_in(cursor_after(run_id)) == run_id
    for wrong in ("x", "é", cursor_after("active"), cursor_after(f"{run_id}x")):
        with pytest.raises(ValueError):
            run_id_in(wrong)
