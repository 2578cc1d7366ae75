"""The queue's messages: `{"domain", "runId"}`."""

from pydantic import ConfigDict

from shared.records import Record

QUEUE, POISON_QUEUE = "sync-runs", "sync-runs-poison"


class RunMessage(Record):
    model_config = ConfigDict(extra="ignore")

    domain: str
    run_id: str


def message(domain: str, run_id: str) -> str:
    return RunMessage(domain=domain, run_id=run_id).model_dump_json(by_alias=True)
