"""The check of a deployed app, run against the local host."""

import asyncio

import pytest

from local.host import HostProcess
from local.smoke import Smoke
from tests.stack import CONTOSO, StartStack, in_entra, in_source


@pytest.mark.parametrize(
    ("required", "given", "failed"),
    [
        ("secret", "secret", []),
        ("", "", ["callers without a key or token are refused"]),
        (
            "secret",
            "another",
            ["a dry run completes", "the audit log's link works, for one blob and for a while"],
        ),
    ],
    ids=["a sound app passes", "an open door is found", "a wrong key is found"],
)
async def test_the_smoke_check_tells_what_is_wrong(
    start_stack: StartStack, required: str, given: str, failed: list[str]
) -> None:
    stack = await start_stack(source=[in_source("aoki")], entra=[in_entra("aoki")], host=False)

    settings = {**stack.settings, "LOCAL_FUNCTION_KEY": required}

    with await asyncio.to_thread(HostProcess, settings) as host:
        smoke = Smoke(host.url, CONTOSO, {"x-functions-key": given})

        assert await smoke.check() == failed


async def test_an_app_that_cannot_reach_its_source_fails(start_stack: StartStack) -> None:
    stack = await start_stack(source=[in_source("aoki")], entra=[in_entra("aoki")], host=False)
    settings = {**stack.settings, "HENNGE_CLIENT_SECRET": "wrong", "LOCAL_FUNCTION_KEY": "secret"}

    with await asyncio.to_thread(HostProcess, settings) as host:
        failed = await Smoke(host.url, CONTOSO, {"x-functions-key": "secret"}).check()

    assert failed[:2] == ["storage, source and Graph are reached", "a dry run completes"]
