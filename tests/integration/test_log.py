"""The log as an administrator pays for it and reads it."""

import logging

import pytest

from tests.support.stack import StartStack, in_source


def authors(caplog: pytest.LogCaptureFixture) -> set[str]:
    return {record.name.partition(".")[0] for record in caplog.records}


async def test_a_sync_has_lines_of_its_own_and_none_for_each_request(
    start_stack: StartStack, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    stack = await start_stack(source=[in_source("aoki")])

    await stack.sync()

    assert "sync" in authors(caplog)
    assert not authors(caplog) & {"azure", "httpx"}
    assert "aoki" not in caplog.text


async def test_who_debugs_sees_the_requests(
    start_stack: StartStack, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    stack = await start_stack(source=[in_source("aoki")])

    await stack.sync()

    assert {"azure", "httpx"} <= authors(caplog)
