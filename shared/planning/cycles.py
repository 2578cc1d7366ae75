"""Turns off Python's cyclic garbage collector while a function makes millions of objects and no reference cycle.

The collector walks through all live objects each time their number has grown by a quarter. For a large domain this
takes longer than the planning itself.
"""

import gc
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class _Collector:
    """Counts the calls in progress: runs are planned in parallel threads, and the last one turns it on again."""

    def __init__(self) -> None:
        # A list, since `append` and `pop` are atomic; the call that empties it is the last one.
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
    """Decorator: no cyclic garbage collection while the function runs."""

    @wraps(function)
    def uncollected(*args: P.args, **kwargs: P.kwargs) -> T:
        _collector.put_off()
        try:
            return function(*args, **kwargs)
        finally:
            _collector.go_on()

    return uncollected
