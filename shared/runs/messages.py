"""The queue's messages: `{"domain", "runId"}`."""

import logging

from pydantic import ConfigDict, ValidationError

from shared.log import event
from shared.model.records import Record

QUEUE, POISON_QUEUE = "sync-runs", "sync-runs-poison"


class RunMessage(Record):
    model_config = ConfigDict(extra="ignore")

    domain: str
    run_id: str


def read_message(body: bytes) -> RunMessage | None:
    """Logs a body that is not a valid message and returns None: no retry can succeed, and it names no run to end."""
    try:
        return RunMessage.model_validate_json(body)
    except ValidationError as error:
        event("queue.unreadable", logging.ERROR, error=str(error))
        return None


def message(domain: str, run_id: str) -> str:
    return RunMessage(domain=domain, run_id=run_id).model_dump_json(by_alias=True)
