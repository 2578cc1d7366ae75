"""Errors by their English text."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

import pytest

from shared.model.parts import parts_of
from shared.words import said

E = TypeVar("E", bound=Exception)


def english(error: Exception) -> str:
    """The error's text as an administrator reads it."""
    return said(parts_of(error))


@contextmanager
def raises(kind: type[E], match: str = "") -> Iterator[pytest.ExceptionInfo[E]]:
    """The block must raise an error of this kind; `match` is a pattern to find in its English text."""
    with pytest.raises(kind) as raised:
        yield raised
    assert re.search(match, english(raised.value)), english(raised.value)
