"""Texts as data: codes of sentences, and their parameters. The sentences are in `shared/words/` only."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import TypeAdapter

from shared.errors import SyncError
from shared.model.characters import escaped

LONGEST_TEXT = 500

Language = Literal["en", "ja"]
Parameter = str | int | float | tuple["Part", ...] | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """One sentence, or a phrase inside one: its code in `shared/words/`, and its parameters by name.

    A parameter is text, a number, a list of texts, or parts. The code `verbatim` is for English that has no code.
    Texts come from elsewhere, and of each no more than `LONGEST_TEXT` characters are kept: what is said must fit into
    a row of storage.
    """

    code: str
    parameters: Mapping[str, Parameter] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(
            self, "parameters", {name: _kept(value) for name, value in self.parameters.items()}
        )


def _kept(value: Parameter) -> Parameter:
    if isinstance(value, str):
        return _cut(value, LONGEST_TEXT)
    return tuple(_first(value)) if isinstance(value, tuple) else value


def _first(items: tuple[Part, ...] | tuple[str, ...]) -> Iterator[Any]:
    """The parts, or as many of the texts as there is room for."""
    room = LONGEST_TEXT
    for item in items:
        if isinstance(item, Part):
            yield item
            continue
        if room <= 0:
            yield "…"
            return
        yield _cut(item, room)
        # What stands between two of them takes room, too.
        room -= len(item) + 2


def _cut(text: str, room: int) -> str:
    whole = text if text.isascii() else escaped(text[: room + 1])
    return whole if len(whole) <= room else whole[: room - 1] + "…"


# A text: its sentences in order; empty if there is nothing to say.
Parts = tuple[Part, ...]

_STORED = TypeAdapter(Parts)


def say(code: str, /, **parameters: Parameter) -> Parts:
    """A text of one sentence. Texts are joined by `+`."""
    return (Part(code, parameters),)


def verbatim(text: str) -> Parts:
    """A text that is known as English only: one that an earlier version stored."""
    return say("verbatim", text=text) if text else ()


def parts_of(error: Exception) -> Parts:
    """The sentences of an error and of its causes; for an error that is not a SyncError, its text."""
    if not isinstance(error, SyncError):
        return verbatim(str(error))
    return (Part(error.sentence, error.parameters), *(parts_of(error.because) if error.because else ()))


def stored_parts(stored: object) -> Parts:
    """A text as it was stored: parts as JSON, or the English of an earlier version."""
    return verbatim(stored) if isinstance(stored, str) else _STORED.validate_python(stored)
