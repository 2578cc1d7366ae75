"""What is pure about these tests: none opens a socket or starts a process."""

import sys
from collections.abc import Iterator

import pytest


class _Watch:
    """An audit hook, which can't be taken away again: it is switched off between tests."""

    on = False

    def __call__(self, event: str, _: object) -> None:
        if self.on and event.startswith(("socket.", "subprocess.", "os.fork", "os.posix_spawn")):
            raise AssertionError(f"a pure test came to {event}: its place is in tests/edges")


_watch = _Watch()
sys.addaudithook(_watch)


@pytest.fixture(autouse=True)
def pure() -> Iterator[None]:
    _watch.on = True
    yield
    _watch.on = False
