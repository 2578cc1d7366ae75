"""The messages of the queues: `{"domain", "runId"}` of a run, `{"reading"}` of a reading of the source by its number,
`{"hour"}` of what the timer left until that has ended, `{"domain"}` of what waits in an outbox."""

import logging
from contextlib import suppress
from typing import TypeVar

from pydantic import ConfigDict, ValidationError

from shared.log import event
from shared.model.records import Record

M = TypeVar("M", bound=Record)

QUEUE, POISON_QUEUE = "sync-runs", "sync-runs-poison"
OUTBOX_QUEUE = "sync-outbox"
# As in host.json: after so many tries the host sets a message aside.
MOST_TRIES = 5


class RunMessage(Record):
    model_config = ConfigDict(extra="ignore")

    domain: str
    run_id: str


class ReadingMessage(Record):
    model_config = ConfigDict(extra="ignore")

    reading: int


class HourMessage(Record):
    """`hour`: the number of the reading that was begun for it."""

    model_config = ConfigDict(extra="ignore")

    hour: int


class OutboxMessage(Record):
    """`domain`: empty for the tenant."""

    model_config = ConfigDict(extra="ignore")

    domain: str


def read_message(body: bytes) -> RunMessage | ReadingMessage | HourMessage | None:
    """Logs a body that is not a valid message and returns None: no retry can succeed, and it names no run to end."""
    for kind in (ReadingMessage, HourMessage):
        with suppress(ValidationError):
            return kind.model_validate_json(body)
    return _read(RunMessage, body)


def read_outbox_message(body: bytes) -> OutboxMessage | None:
    """As `read_message`."""
    return _read(OutboxMessage, body)


def _read(kind: type[M], body: bytes) -> M | None:
    try:
        return kind.model_validate_json(body)
    except ValidationError as error:
        event("queue.unreadable", logging.ERROR, error=str(error))
        return None


def message(domain: str, run_id: str) -> str:
    return RunMessage(domain=domain, run_id=run_id).model_dump_json(by_alias=True)


def reading_message(number: int) -> str:
    return ReadingMessage(reading=number).model_dump_json(by_alias=True)


def hour_message(number: int) -> str:
    return HourMessage(hour=number).model_dump_json(by_alias=True)


def outbox_message(domain: str) -> str:
    return OutboxMessage(domain=domain).model_dump_json(by_alias=True)
