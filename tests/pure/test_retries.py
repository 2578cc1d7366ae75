"""When a request is tried again, and after how long."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.clock import Clock
from shared.outbound.retries import LONGEST_BACKOFF, passes, retry_after_seconds, wait_before

CHANCE = Clock().chance
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_what_may_pass_is_tried_again(status: int) -> None:
    assert passes(status)


@pytest.mark.parametrize("status", [200, 204, 400, 401, 403, 404, 409, 410, 501])
def test_what_would_be_answered_the_same_is_not(status: int) -> None:
    assert not passes(status)


@given(st.integers(1, 50), st.floats(0, 100_000))
def test_what_the_service_asks_for_is_kept_however_long_it_is(attempt: int, asked: float) -> None:
    assert wait_before(CHANCE, attempt, asked) == asked


@given(st.integers(1, 50))
def test_the_longest_wait_doubles_up_to_a_minute(attempt: int) -> None:
    longest = min(LONGEST_BACKOFF, 2 ** (attempt - 1))

    waits = [wait_before(CHANCE, attempt) for _ in range(200)]

    assert min(waits) >= 0
    assert longest / 2 < max(waits) <= longest


def test_two_who_failed_together_do_not_come_back_together() -> None:
    assert len({wait_before(CHANCE, 6) for _ in range(20)}) > 1


def test_a_retry_after_in_seconds() -> None:
    assert retry_after_seconds("200", NOW) == 200


def test_a_retry_after_as_a_date() -> None:
    later = format_datetime(NOW + timedelta(seconds=200), usegmt=True)

    assert retry_after_seconds(later, NOW) == 200


@pytest.mark.parametrize("value", ["-5", "Thu, 01 Jan 1970 00:00:00 GMT"])
def test_a_retry_after_that_is_over_is_no_wait(value: str) -> None:
    assert retry_after_seconds(value, NOW) == 0


@pytest.mark.parametrize("value", [None, "", "soon", "31 Foo 2026"])
def test_a_retry_after_that_makes_no_sense_is_none(value: str | None) -> None:
    assert retry_after_seconds(value, NOW) is None


@pytest.mark.parametrize("value", ["nan", "inf"])
def test_a_retry_after_that_is_no_time_is_none(value: str) -> None:
    assert retry_after_seconds(value, NOW) is None
