"""Texts as data: codes of sentences, and their parameters. The sentences are in `shared/words/` only."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import TypeAdapter

from shared.errors import SyncError

Parameter = str | int | float | tuple["Part", ...] | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """One sentence, or a phrase inside one: its code in `shared/words/`, and its parameters by name.

    A parameter is text, a number, a list of texts, or parts. The code `verbatim` is for English that has no code.
    """

    code: str
    parameters: Mapping[str, Parameter] = field(default_factory=dict)


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
