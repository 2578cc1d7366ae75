"""Python's cycle collector, put off while a function runs that makes millions of objects and not one cycle.

It walks through everything that lives each time that has grown by a quarter: for a large domain this takes longer
than planning itself.
"""

import gc
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class _Collector:
    """Runs are planned in threads side by side: it goes on once the last of them is done."""

    def __init__(self) -> None:
        # A list, since appending to it and taking from it can't be interrupted; whoever empties it comes last.
        self._calls: list[None] = []

    def put_off(self) -> None:
        self._calls.append(None)
        gc.disable()

    def go_on(self) -> None:
        self._calls.pop()
        if not self._calls:
            gc.enable()


_collector = _Collector()


def makes_no_cycles(function: Callable[P, T]) -> Callable[P, T]:
    """Keeps the collector from looking for cycles while the function runs."""

    @wraps(function)
    def uncollected(*args: P.args, **kwargs: P.kwargs) -> T:
        _collector.put_off()
        try:
            return function(*args, **kwargs)
        finally:
            _collector.go_on()

    return uncollected
