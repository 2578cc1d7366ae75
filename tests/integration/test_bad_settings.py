"""A missing or bad setting is seen from outside, and named in the log."""

import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from local.host import serve
from tests.support.stack import NO_CERTIFICATES, Events, Json, captured_events, load_app, until

GOOD = {
    "AzureWebJobsStorage": "UseDevelopmentStorage=true",
    "HENNGE_CLIENT_ID": "an-id",
    "HENNGE_CLIENT_SECRET": "a-secret",
}
BAD = [
    ({"HENNGE_CLIENT_SECRET": ""}, "HENNGE_CLIENT_SECRET"),
    ({"AzureWebJobsStorage": ""}, "AzureWebJobsStorage"),
    ({"SYNC_SCHEDULE": "whenever"}, "SYNC_SCHEDULE"),
    ({"AUTH_MODE": "Nobody"}, "AUTH_MODE"),
    ({"GRAPH_BASE_URL": "http://graph.example"}, "GRAPH_BASE_URL"),
    (
        {"HENNGE_CLIENT_SECRET": "@Microsoft.KeyVault(SecretUri=https://vault.example/s)"},
        "HENNGE_CLIENT_SECRET",
    ),
]


@asynccontextmanager
async def running(settings: dict[str, str]) -> AsyncIterator[tuple[httpx.AsyncClient, Events]]:
    app = load_app({**GOOD, **settings})
    async with (
        serve(app, environ={}) as host,
        httpx.AsyncClient(base_url=host.url, verify=NO_CERTIFICATES) as http,
    ):
        with captured_events() as events:
            yield http, events
    await app.services.aclose()


@pytest.mark.parametrize(("settings", "name"), BAD)
async def test_health_and_console_say_so_and_the_log_names_it(settings: dict[str, str], name: str) -> None:
    async with running(settings) as (http, events):
        answers = [await http.get(f"/api/{path}") for path in ("health", "health?deep=true", "console")]

    for answer in answers:
        assert (answer.status_code, answer.json()["title"]) == (503, "A setting is missing or bad")
        assert not [text for text in (*GOOD.values(), *settings.values()) if text and text in answer.text]
    seen = events.named("settings.bad")
    assert len(seen) == len(answers)
    assert all(name in event["message"] and "a-secret" not in event["message"] for event in seen)


async def test_each_tick_names_it_too_at_the_highest_level(caplog: pytest.LogCaptureFixture) -> None:
    async with running({"SYNC_SCHEDULE": "whenever"}) as (http, events):
        assert (await http.post("/admin/functions/hourly_sync", json={})).status_code == 202

        async def named() -> list[Json]:
            return events.named("settings.bad")

        await until(named)

    (record,) = [r for r in caplog.records if r.name == "sync"]
    assert record.levelno == logging.CRITICAL
    assert "SYNC_SCHEDULE" in json.loads(record.getMessage())["message"]


async def test_nothing_else_is_there() -> None:
    async with running({"SOURCE": "ldap"}) as (http, _):
        answers = [
            await http.get("/api/domains"),
            await http.post("/api/domains/contoso.com/sync", json={}),
            await http.get("/api/console/api.js"),
            await http.post("/admin/functions/perform_run", json={"input": "{}"}),
        ]

    assert [(answer.status_code, answer.text) for answer in answers] == [(404, "")] * len(answers)


async def test_with_good_settings_nothing_of_it_is_there() -> None:
    async with running({}) as (http, events):
        assert (await http.get("/api/health")).status_code == 200

    assert events.named("settings.bad") == []
