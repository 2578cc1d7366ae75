"""Whatever schemathesis makes of /api/openapi.json: no 5xx but to come again later, and no answer that the document
does not know.

FUZZ_EXAMPLES (`make fuzz`) is how many requests are made up for each endpoint, besides those at the edges of every
parameter and field, which are always tried.
"""

import asyncio
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis import Case, CheckContext, Response
from schemathesis.checks import load_all_checks, not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from shared.http.endpoints import ENDPOINTS
from shared.http.openapi import openapi
from tests.support.stack import CONTOSO, in_entra, in_source, running_stack

# The host's thread draws its jitter meanwhile, from the same module as hypothesis.
pytestmark = pytest.mark.filterwarnings("ignore:Do not use the `random` module")
NOBODY = "00000000-0000-4000-8000-000000000000"
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "10"))
load_all_checks()


def no_failure(context: CheckContext, response: Response, case: Case[Any]) -> bool | None:
    """Of the app: while it reads both sides it says when to come again."""
    if response.status_code == 503 and "retry-after" in response.headers:
        return None
    return not_a_server_error(context, response, case)


CONFORMANCE = [
    no_failure,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
# The same examples every time, unless somebody asks for many.
bounded = settings(
    max_examples=EXAMPLES,
    derandomize="FUZZ_EXAMPLES" not in os.environ,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
schema = schemathesis.openapi.from_dict(openapi(ENDPOINTS))


@dataclass(frozen=True)
class Running:
    url: str
    run_id: str


@pytest.fixture(scope="module")
def app(storage_accounts: Iterator[str]) -> Iterator[Running]:
    """The whole product in a thread of its own: schemathesis knows no event loop."""
    ready: threading.Event = threading.Event()
    found: list[Running] = []
    loop = asyncio.new_event_loop()
    ended = asyncio.Event()

    async def run() -> None:
        try:
            people = [in_source(f"user{number}") for number in range(3)]
            async with running_stack(
                next(storage_accounts), source=people, entra=[in_entra("user0"), in_entra("baba")]
            ) as stack:
                found.append(Running(str(stack.http.base_url), (await stack.dry_run()).id))
                ready.set()
                await ended.wait()
        finally:
            ready.set()

    thread = threading.Thread(target=loop.run_until_complete, args=[run()])
    thread.start()
    try:
        ready.wait(60)
        yield found[0]
    finally:
        loop.call_soon_threadsafe(ended.set)
        thread.join(30)
        loop.close()


@schema.parametrize()
@bounded
def test_any_request_is_answered_as_documented(case: Case[Any], app: Running) -> None:
    # The platform leaves out a parameter without a value, so the app can't refuse that one.
    strict = [] if "" in case.query.values() else [negative_data_rejection]

    answer = case.call(base_url=app.url)
    if answer.status_code != httpx.codes.REQUEST_URI_TOO_LONG:  # the platform's: it has not reached the app
        case.validate_response(answer, checks=[*CONFORMANCE, *strict])


@pytest.fixture
def answered() -> Iterator[set[int]]:
    """The statuses of one endpoint's answers, one of which must have got past the checks of what comes in."""
    statuses: set[int] = set()
    yield statuses
    # 404: there is no decision. 409: a run is active already, or the run is none to take back. 410: a later dry run's
    # log is there by now.
    assert statuses & {200, 202, 302, 404, 409, 410}


@schema.include(path_regex="domain}").parametrize()
@bounded
def test_any_request_to_a_real_domain_and_run_is_answered_as_documented(
    case: Case[Any], app: Running, answered: set[int]
) -> None:
    real = {"domain": CONTOSO, "runId": app.run_id, "decisionId": "0" * 20, "objectId": NOBODY}
    case.path_parameters = {name: real[name] for name in case.path_parameters}

    answered.add(case.call_and_validate(base_url=app.url, checks=CONFORMANCE).status_code)


def test_the_document_is_the_one_that_the_app_serves(app: Running) -> None:
    assert httpx.get(f"{app.url}/api/openapi.json").json() == openapi(ENDPOINTS)
