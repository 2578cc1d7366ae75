"""What function_app.py declares: this is what Azure sees of the app, and what scripts rely on."""

import asyncio
import json
import subprocess
import sys

import pytest

from local.host.functions import DeclaredFunction
from local.host.worker import Worker
from local.processes import REPOSITORY, inherited_environment
from shared.http import endpoints
from shared.http.endpoint import Endpoint
from tests.support.stack import load_app

SETTINGS = {
    "AzureWebJobsStorage": "UseDevelopmentStorage=true",
    "HENNGE_CLIENT_ID": "id",
    "HENNGE_CLIENT_SECRET": "secret",
}
ANY_METHOD = "DELETE,GET,HEAD,OPTIONS,PATCH,POST,PUT"
# Function, methods, route, auth level: the answer for everything else, no part of the API.
BESIDE_THE_API = ("unknown_path", ANY_METHOD, "{*path}", "FUNCTION")
# Function, what triggers it.
OTHERS = [
    ("deliver_messages", "queueTrigger", "sync-outbox"),
    ("give_up_run", "queueTrigger", "sync-runs-poison"),
    ("hourly_sync", "timerTrigger", "0 0 * * * *"),
    ("perform_run", "queueTrigger", "sync-runs"),
]
SENDS = [
    "cancel_run", "confirm_approval", "decide_about_leaver", "find_people", "get_domain", "get_person",
    "get_run", "get_source", "give_up_run", "hourly_sync", "list_runs", "perform_run", "pre_check", "start_dry_run",
    "start_pre_check", "start_sync", "undo_run",
]  # fmt: skip


def declared(**settings: str) -> list[DeclaredFunction]:
    return asyncio.run(Worker.of(load_app({**SETTINGS, **settings}))).functions


def http(functions: list[DeclaredFunction]) -> list[tuple[str, str, str, str]]:
    triggers = [(f.name, f.trigger) for f in functions if f.trigger.type == "httpTrigger"]
    return sorted(
        (
            name,
            ",".join(sorted(_methods(trigger.properties["methods"]))),
            trigger.text("route"),
            trigger.text("authLevel"),
        )
        for name, trigger in triggers
    )


def _methods(methods: object) -> list[str]:
    assert isinstance(methods, list)
    return [str(method) for method in methods]


def test_every_endpoint_has_the_function_of_its_name_and_asks_for_a_key_where_it_has_a_role() -> None:
    named = endpoints.FUNCTIONS
    levels = {True: "ANONYMOUS", False: "FUNCTION"}
    expected = [(name, e.method, e.route, levels[e.role is None]) for name, e in named.items()]

    assert http(declared()) == sorted([*expected, BESIDE_THE_API])
    assert named == {name: e for name, e in vars(endpoints).items() if isinstance(e, Endpoint)}


def test_every_other_function_has_its_queue_or_its_schedule() -> None:
    others = [(f.name, f.trigger) for f in declared() if f.trigger.type != "httpTrigger"]

    seen = sorted((name, t.type, t.text("queueName") or t.text("schedule")) for name, t in others)
    assert seen == OTHERS


def test_messages_are_sent_to_the_queues_of_runs_and_of_the_outbox_in_the_apps_storage() -> None:
    sending = {f.name: f.outputs for f in declared() if f.trigger.type != "httpTrigger" or len(f.outputs) > 1}

    queues = {
        name: [(o.text("queueName"), o.text("connection")) for o in outputs if o.type == "queue"]
        for name, outputs in sending.items()
    }
    assert sorted(name for name, found in queues.items() if found) == SENDS
    found = {found for each in queues.values() for found in each}
    assert found == {("sync-runs", "AzureWebJobsStorage"), ("sync-outbox", "AzureWebJobsStorage")}


def test_the_timer_runs_on_the_schedule_of_the_settings_and_is_watched_for_missed_runs() -> None:
    (timer,) = [f.trigger for f in declared(SYNC_SCHEDULE="0 30 * * * *") if f.trigger.type == "timerTrigger"]

    assert timer.text("schedule") == "0 30 * * * *"
    assert timer.properties["useMonitor"] is True
    assert not timer.properties.get("runOnStartup")


def test_behind_app_service_authentication_no_function_asks_for_a_key() -> None:
    levels = {level for _, _, _, level in http(declared(AUTH_MODE="entra"))}

    assert levels == {"ANONYMOUS"}


def test_the_function_for_unknown_paths_is_tried_last() -> None:
    assert max(f.name for f in declared() if f.trigger.type == "httpTrigger") == "unknown_path"


@pytest.fixture(scope="module")
def imported() -> set[str]:
    """Every module that importing function_app brings in, in a process of its own."""
    answer = subprocess.run(
        [sys.executable, "-c", "import function_app, json, sys; print(json.dumps(sorted(sys.modules)))"],
        cwd=REPOSITORY, env={**inherited_environment(), **SETTINGS}, capture_output=True, check=True,
    )  # fmt: skip
    return set(json.loads(answer.stdout))


@pytest.mark.parametrize(
    "package", ["msgraph", "kiota_abstractions", "httpx", "azure.storage", "azure.data", "azure.identity"]
)
def test_a_cold_start_does_not_import_the_sdks(imported: set[str], package: str) -> None:
    assert "shared.services" in imported
    assert not [name for name in imported if name == package or name.startswith(f"{package}.")]
