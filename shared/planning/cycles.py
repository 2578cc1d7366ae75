"""Python's cycle collector, put off while a function runs that makes millions of objects and not one cycle.

It walks through everything that lives each time that has grown by a quarter: for a large domain this takes longer
than planning itself.
"""

import gc
import threading
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class _Collector:
    """Runs are planned in threads side by side: it goes on once the last of them is done."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls = 0

    def put_off(self) -> None:
        with self._lock:
            self._calls += 1
            gc.disable()

    def go_on(self) -> None:
        with self._lock:
            self._calls -= 1
            if self._calls == 0:
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
