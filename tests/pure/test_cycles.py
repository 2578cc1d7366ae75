"""The cycle collector is put off while a plan is made, and never for longer."""

import gc
import threading

import pytest

from shared.planning.cycles import makes_no_cycles


@makes_no_cycles
def collecting() -> bool:
    return gc.isenabled()


def test_nothing_is_collected_while_the_function_runs() -> None:
    assert not collecting()
    assert gc.isenabled()


def test_collecting_goes_on_after_an_exception() -> None:
    @makes_no_cycles
    def fails() -> None:
        raise LookupError

    with pytest.raises(LookupError):
        fails()

    assert gc.isenabled()


def test_the_last_of_several_threads_lets_it_go_on() -> None:
    may_end = threading.Event()
    slow = threading.Thread(target=makes_no_cycles(may_end.wait))

    slow.start()
    collecting()
    collects_beside_the_slow_one = gc.isenabled()
    may_end.set()
    slow.join()

    assert not collects_beside_the_slow_one
    assert gc.isenabled()
