"""The write quota: a burst, then exactly what refills; and pauses, each for the workload that asked for it."""

import pytest

from shared.entra.workloads import Workload
from shared.entra.write_quota import WriteQuota
from tests.support.graph_client import TestClock

WRITES, READS = Workload.DIRECTORY_WRITES, Workload.DIRECTORY_READS


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


def test_reads_pass_however_much_is_overdrawn() -> None:
    quota = WriteQuota(20, 1, clock=TestClock())
    quota.spend(40)

    assert quota.wait_for(0) == 0


def test_a_pause_holds_its_own_workload_and_no_other() -> None:
    quota = WriteQuota(3000, 150, clock=TestClock())

    quota.pause(7, [WRITES], drained=True)

    assert [quota.paused([one]) for one in Workload] == [7 if one is WRITES else 0 for one in Workload]
    assert quota.paused([READS, WRITES]) == 7


def test_after_a_pause_there_is_no_burst_left() -> None:
    clock = TestClock()
    quota = WriteQuota(3000, 150, clock=clock)
    quota.pause(2, [WRITES], drained=True)

    clock.elapsed += 2

    assert quota.left == pytest.approx(40)
    assert quota.wait_for(40) == 0


def test_a_shorter_pause_does_not_end_a_longer_one() -> None:
    quota = WriteQuota(clock=TestClock())

    quota.pause(10, [WRITES], drained=True)
    quota.pause(1, [WRITES], drained=True)

    assert quota.paused([WRITES]) == 10


def test_a_pause_for_reads_leaves_the_burst_to_the_writes() -> None:
    clock = TestClock()
    quota = WriteQuota(writes=3000, window_seconds=150, clock=clock)

    quota.pause(2, [READS, WRITES], drained=False)

    assert (quota.paused([WRITES]), quota.wait_for(20)) == (2, 0)
    clock.elapsed += 2
    assert (quota.paused([WRITES]), quota.left) == (0, 3000)
