"""The write quota: a burst, then exactly what refills; and a pause that holds for everybody."""

import pytest

from shared.entra.write_quota import WriteQuota
from tests.support.graph_client import TestClock


def test_the_burst_goes_out_at_once() -> None:
    quota = WriteQuota(3000, 150, clock=TestClock())

    assert quota.wait_for(3000) == 0
    assert (quota.left, quota.per_second) == (3000, 20)


def test_after_the_burst_writes_wait_for_the_refill() -> None:
    quota = WriteQuota(3000, 150, clock=TestClock())
    quota.spend(3000)

    assert quota.wait_for(20) == pytest.approx(1.0)


def test_it_refills_with_time_and_not_beyond_its_size() -> None:
    clock = TestClock()
    quota = WriteQuota(3000, 150, clock=clock)
    quota.spend(3000)

    clock.elapsed += 10
    assert quota.left == pytest.approx(200)
    clock.elapsed += 10_000
    assert quota.left == 3000


def test_more_than_it_ever_holds_waits_until_it_is_full() -> None:
    quota = WriteQuota(10, 10, clock=TestClock())
    quota.spend(10)

    assert quota.wait_for(20) == pytest.approx(10)


def test_reads_pass_while_nothing_is_overdrawn() -> None:
    quota = WriteQuota(20, 1, clock=TestClock())
    quota.spend(20)

    assert quota.wait_for(0) == 0


def test_a_pause_holds_reads_and_writes_alike() -> None:
    quota = WriteQuota(3000, 150, clock=TestClock())

    quota.pause(7)

    assert quota.wait_for(0) == 7
    assert quota.wait_for(20) == 7


def test_after_a_pause_there_is_no_burst_left() -> None:
    clock = TestClock()
    quota = WriteQuota(3000, 150, clock=clock)
    quota.pause(2)

    clock.elapsed += 2

    assert quota.left == pytest.approx(40)
    assert quota.wait_for(40) == 0


def test_a_shorter_pause_does_not_end_a_longer_one() -> None:
    quota = WriteQuota(clock=TestClock())

    quota.pause(10)
    quota.pause(1)

    assert quota.wait_for(1) == 10


def test_a_pause_for_reads_leaves_the_burst_to_the_writes() -> None:
    clock = TestClock()
    quota = WriteQuota(writes=3000, window_seconds=150, clock=clock)

    quota.pause(2, writes=False)

    assert (quota.paused, quota.wait_for(20)) == (2, 2)
    clock.elapsed += 2
    assert (quota.paused, quota.left) == (0, 3000)
