"""Every action has an author: who, when, what and from where, in the Run, the log and the record of changes."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.support.callers import IN_FRONT, OBJECT_ID, application, signed_in
from tests.support.stack import CONTOSO, Stack, StartStack, in_entra, in_source

AOKI = f"aoki@contoso.com ({OBJECT_ID})"
ADMINISTRATOR = signed_in("Sync.Administrator")
# Made up by the caller; the platform's front end puts the real one at the end, with its port.
FROM = {"X-Forwarded-For": "10.9.9.9, 203.0.113.7:50312"}
ADDRESS = "127.0.0.1"


@pytest.fixture
async def stack(start_stack: StartStack, monkeypatch: pytest.MonkeyPatch) -> Stack:
    for name, value in IN_FRONT.items():
        monkeypatch.setenv(name, value)
    return await start_stack(
        source=[in_source("aoki")], entra=[in_entra("aoki")], settings={"AUTH_MODE": "entra"}
    )


async def test_a_run_says_who_started_it_and_from_where(stack: Stack) -> None:
    run = (await stack.post(f"domains/{CONTOSO}/sync", **ADMINISTRATOR, **FROM)).json()

    (queued,) = stack.events.named("run.queued")
    assert (run["requestedBy"], run["requestedFrom"]) == (AOKI, ADDRESS)
    assert (queued["runId"], queued["requestedBy"], queued["requestedFrom"]) == (run["id"], AOKI, ADDRESS)


async def test_a_script_is_named_by_its_application(stack: Stack) -> None:
    answer = await stack.post(f"domains/{CONTOSO}/dry-run", **application("Sync.Operator"))

    assert answer.json()["requestedBy"] == f"nightly-job ({OBJECT_ID})"


async def test_a_cancelled_run_says_who_cancelled_it(stack: Stack) -> None:
    stack.hold_up()
    run = (
        await stack.post(
            f"domains/{CONTOSO}/sync", **signed_in("Sync.Administrator", name="baba@contoso.com")
        )
    ).json()

    await stack.post(f"domains/{CONTOSO}/runs/{run['id']}/cancel", **ADMINISTRATOR, **FROM)

    (asked,) = stack.events.named("run.cancelRequested")
    assert (asked["runId"], asked["by"], asked["address"]) == (run["id"], AOKI, ADDRESS)


async def test_a_change_of_settings_is_kept_with_before_and_after(stack: Stack) -> None:
    for percent in (10, 30):
        await stack.patch(f"domains/{CONTOSO}", {"maxAllowedDeletions": percent}, **ADMINISTRATOR, **FROM)

    newest, oldest = await stack.changes()
    assert (newest["PartitionKey"], newest["changedBy"], newest["changedFrom"]) == (CONTOSO, AOKI, ADDRESS)
    assert '"maxAllowedDeletions": 10' in newest["before"]
    assert '"maxAllowedDeletions": 30' in newest["after"]
    assert '"maxAllowedDeletions": 20' in oldest["before"]
    assert datetime.now(UTC) - newest["changedAt"] < timedelta(minutes=1)
    logged = stack.events.named("settings.changed")[-1]
    assert (logged["by"], logged["address"]) == (AOKI, ADDRESS)
    assert (logged["before"]["maxAllowedDeletions"], logged["after"]["maxAllowedDeletions"]) == (10, 30)


async def test_a_refused_change_leaves_no_trace_of_a_change(stack: Stack) -> None:
    await stack.patch(f"domains/{CONTOSO}", {"maxAllowedDeletions": 10}, **signed_in("Sync.Operator"))

    assert await stack.changes() == []
    assert stack.events.named("settings.changed") == []


async def test_a_name_can_not_write_a_log_line_of_its_own(stack: Stack) -> None:
    name = 'aoki", "event": "forged"}\n{"event": "forged"'

    await stack.post(f"domains/{CONTOSO}/dry-run", **signed_in("Sync.Operator", name=name))

    assert stack.events.named("forged") == []
    assert stack.events.named("run.queued")[0]["requestedBy"] == f"{name} ({OBJECT_ID})"


@pytest.mark.parametrize(
    ("path", "accept", "named"),
    [
        ("domains/contoso.com/runs/{run}/audit-log", "*/*", "auditLog.linked"),
        ("domains/contoso.com/runs/{run}/audit-log", "application/json", "auditLog.linked"),
        ("domains/contoso.com/runs/{run}/audit-log", "text/csv", "auditLog.read"),
        ("people/aoki@contoso.com", "*/*", "person.read"),
    ],
)
async def test_whoever_is_given_personal_data_is_on_record(
    stack: Stack, path: str, accept: str, named: str
) -> None:
    stack.http.headers.update(ADMINISTRATOR)
    run = await stack.dry_run()

    await stack.get(path.format(run=run.id), Accept=accept, **signed_in("Sync.Operator"), **FROM)

    (handed_out,) = stack.events.named(named)
    assert (handed_out["domain"], handed_out["by"], handed_out["address"]) == (CONTOSO, AOKI, ADDRESS)


async def test_a_refusal_is_on_record_with_its_author(stack: Stack) -> None:
    await stack.post(f"domains/{CONTOSO}/sync", **signed_in("Sync.Reader"), **FROM)
    await stack.get("domains", **FROM)
    await stack.post(f"domains/{CONTOSO}/sync", **ADMINISTRATOR, **FROM, Origin="https://elsewhere.example")

    refused = [(line["status"], line["by"]) for line in stack.events.named("http.refused")]
    assert refused == [(403, AOKI), (401, "anonymous"), (403, AOKI)]
    assert {line["address"] for line in stack.events.named("http.refused")} == {ADDRESS}


@pytest.mark.parametrize(
    "path", ["health", "console", "console/console.js", "openapi.json", "domains", "nowhere"]
)
async def test_every_answer_tells_browsers_what_not_to_do(stack: Stack, path: str) -> None:
    headers = (await stack.get(path)).headers

    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Strict-Transport-Security"].startswith("max-age=")


@pytest.mark.parametrize(
    ("headers", "name", "role"),
    [
        (ADMINISTRATOR, "aoki@contoso.com", "Sync.Administrator"),
        (signed_in("Sync.Reader", "Sync.Operator"), "aoki@contoso.com", "Sync.Operator"),
        (application("Sync.Reader"), "nightly-job", "Sync.Reader"),
    ],
)
async def test_callers_are_told_who_they_are(
    stack: Stack, headers: dict[str, str], name: str, role: str
) -> None:
    answer = await stack.get("me", **headers)

    assert answer.json() == {"name": name, "objectId": OBJECT_ID, "role": role, "knownBy": "signIn"}


async def test_a_key_names_nobody(start_stack: StartStack) -> None:
    stack = await start_stack()

    answer = await stack.get("me")

    assert answer.json() == {
        "name": "function key", "objectId": None, "role": "Sync.Administrator", "knownBy": "key",
    }  # fmt: skip
