"""Errors by what they say in English."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

import pytest

from shared.model.parts import parts_of
from shared.words import said

E = TypeVar("E", bound=Exception)


def english(error: Exception) -> str:
    """What an administrator reads of this error."""
    return said(parts_of(error))


@contextmanager
def raises(kind: type[E], match: str = "") -> Iterator[pytest.ExceptionInfo[E]]:
    """The block raises an error of this kind; `match` is a pattern in what it says."""
    with pytest.raises(kind) as raised:
        yield raised
    assert re.search(match, english(raised.value)), english(raised.value)
