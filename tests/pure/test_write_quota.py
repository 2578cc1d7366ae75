"""The write quota: a burst, then exactly what refills; and a pause that holds for everybody."""

import pytest

from shared.entra.write_quota import Gate
from tests.support.graph_client import TestClock


def test_the_burst_goes_out_at_once() -> None:
    gate = Gate(3000, 150, clock=TestClock())

    assert gate.wait_for(3000) == 0
    assert (gate.left, gate.per_second) == (3000, 20)


def test_after_the_burst_writes_wait_for_the_refill() -> None:
    gate = Gate(3000, 150, clock=TestClock())
    gate.spend(3000)

    assert gate.wait_for(20) == pytest.approx(1.0)


def test_the_gate_refills_with_time_and_not_beyond_its_size() -> None:
    clock = TestClock()
    gate = Gate(3000, 150, clock=clock)
    gate.spend(3000)

    clock.elapsed += 10
    assert gate.left == pytest.approx(200)
    clock.elapsed += 10_000
    assert gate.left == 3000


def test_more_than_the_gate_ever_holds_waits_until_it_is_full() -> None:
    gate = Gate(10, 10, clock=TestClock())
    gate.spend(10)

    assert gate.wait_for(20) == pytest.approx(10)


def test_reads_pass_while_nothing_is_overdrawn() -> None:
    gate = Gate(20, 1, clock=TestClock())
    gate.spend(20)

    assert gate.wait_for(0) == 0


def test_a_pause_holds_reads_and_writes_alike() -> None:
    gate = Gate(3000, 150, clock=TestClock())

    gate.pause(7)

    assert gate.wait_for(0) == 7
    assert gate.wait_for(20) == 7


def test_after_a_pause_there_is_no_burst_left() -> None:
    clock = TestClock()
    gate = Gate(3000, 150, clock=clock)
    gate.pause(2)

    clock.elapsed += 2

    assert gate.left == pytest.approx(40)
    assert gate.wait_for(40) == 0


def test_a_shorter_pause_does_not_end_a_longer_one() -> None:
    gate = Gate(clock=TestClock())

    gate.pause(10)
    gate.pause(1)

    assert gate.wait_for(1) == 10


def test_a_pause_for_reads_leaves_the_burst_to_the_writes() -> None:
    clock = TestClock()
    gate = Gate(writes=3000, window_seconds=150, clock=clock)

    gate.pause(2, writes=False)

    assert (gate.paused, gate.wait_for(20)) == (2, 2)
    clock.elapsed += 2
    assert (gate.paused, gate.left) == (0, 3000)
