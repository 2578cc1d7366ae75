"""Four eyes: with APPROVALS=two, what loosens or deletes by approval waits for a second person."""

from datetime import UTC, datetime, timedelta

import pytest

from shared.model.pending import Pending
from shared.model.runs import Run
from tests.support.callers import IN_FRONT, application, signed_in
from tests.support.stack import CONTOSO, Json, Stack, StartStack, in_entra, in_source

DOMAIN = f"domains/{CONTOSO}"
ADMINISTRATOR = "Sync.Administrator"
AOKI = signed_in(ADMINISTRATOR)
BABA = signed_in(ADMINISTRATOR, name="baba@contoso.com", object_id="22222222-2222-4222-8222-222222222222")
READER = signed_in("Sync.Reader", name="chiba@contoso.com", object_id="33333333-3333-4333-8333-333333333333")


@pytest.fixture
async def stack(start_stack: StartStack, monkeypatch: pytest.MonkeyPatch) -> Stack:
    for name, value in IN_FRONT.items():
        monkeypatch.setenv(name, value)
    stack = await start_stack(
        source=list(map(in_source, ("aoki", "baba"))),
        entra=list(map(in_entra, ("aoki", "baba", "leaver"))),
        settings={"AUTH_MODE": "entra", "APPROVALS": "two"},
    )
    stack.http.headers.update(READER)
    return stack


async def waiting(stack: Stack) -> list[Json]:
    answer = await stack.get("approvals", **READER)
    assert answer.status_code == 200, answer.text
    found: list[Json] = answer.json()["approvals"]
    return found


async def put_off(stack: Stack, method: str, path: str, body: Json, **headers: str) -> Json:
    """The approval that a call waits for."""
    answer = await stack.http.request(method, f"/api/{path}", json=body, headers={**AOKI, **headers})
    assert answer.status_code == 202, answer.text
    approval: Json = answer.json()["approval"]
    assert answer.headers["Location"] == f"/api/approvals/{approval['id']}"
    return approval


async def limit(stack: Stack) -> int:
    answer = await stack.get(DOMAIN, **READER)
    return int(answer.json()["maxAllowedDeletions"])


async def test_a_raised_limit_waits_for_another_person(stack: Stack) -> None:
    asked = await put_off(stack, "PATCH", DOMAIN, {"maxAllowedDeletions": 60})
    before = await limit(stack)
    alone = await stack.post(f"approvals/{asked['id']}", **AOKI)
    program = await stack.post(f"approvals/{asked['id']}", **application(ADMINISTRATOR))
    reader = await stack.post(f"approvals/{asked['id']}", **READER)

    confirmed = await stack.post(f"approvals/{asked['id']}", **BABA)

    assert [(one["code"], one["parameters"]["setting"]) for parts in asked["list"] for one in parts] == [
        ("second.setting", "maxAllowedDeletions")
    ]
    assert (alone.status_code, program.status_code, reader.status_code) == (403, 403, 403)
    assert (before, confirmed.status_code, await limit(stack)) == (20, 200, 60)
    newest = (await stack.changes())[0]
    assert "aoki@contoso.com" in newest["changedBy"]
    assert "baba@contoso.com" in newest["changedBy"]
    assert await waiting(stack) == []
    assert (await stack.post(f"approvals/{asked['id']}", **BABA)).status_code == 404


async def test_what_only_holds_back_never_waits(stack: Stack) -> None:
    later = (datetime.now(UTC) + timedelta(days=1)).isoformat()

    for body in (
        {"maxAllowedDeletions": 5},
        {"pausedUntil": later},
        {"periodicSync": True},
        {"unlinked": "ask"},
    ):
        assert (await stack.patch(DOMAIN, body, **AOKI)).status_code == 200
    protected = await stack.patch("settings", {"protectedUsers": ["a@contoso.com", "b@contoso.com"]}, **AOKI)
    assert protected.status_code == 200
    assert await waiting(stack) == []


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("settings", {"attributeMap": {"surname": None}}),
        (
            "settings",
            {
                "scope": {
                    "exclude": [{"side": "entra", "field": "userPrincipalName", "op": "=", "value": "x"}]
                }
            },
        ),
        ("settings", {"signIn": "follow"}),
        (DOMAIN, {"maxRenames": None}),
    ],
)
async def test_a_map_a_scope_and_a_removed_limit_wait(stack: Stack, path: str, body: Json) -> None:
    asked = await put_off(stack, "PATCH", path, body)

    assert [one["id"] for one in await waiting(stack)] == [asked["id"]]
    assert (await stack.post(f"approvals/{asked['id']}", **BABA)).status_code == 200


async def test_an_approval_waits_with_the_list_of_people(stack: Stack) -> None:
    started = await stack.post(f"{DOMAIN}/dry-run", **AOKI)
    dry_run = await stack.finished(Run.model_validate(started.json()))

    asked = await put_off(stack, "POST", f"{DOMAIN}/sync", {"approve": {"dryRunId": dry_run.id}})
    assert "leaver@contoso.com" in stack.users()
    confirmed = await stack.post(f"approvals/{asked['id']}", **BABA)
    run = await stack.finished(Run.model_validate(confirmed.json()))

    assert [part["parameters"]["upn"] for parts in asked["list"] for part in parts] == ["leaver@contoso.com"]
    assert (confirmed.status_code, run.counts.delete) == (202, 1)
    assert run.approval is not None
    assert "baba@contoso.com" in run.approval.approved_by
    assert "leaver@contoso.com" not in stack.users()


async def test_a_sync_without_an_approval_and_an_undo_that_restores_do_not_wait(stack: Stack) -> None:
    assert (await stack.patch(DOMAIN, {"maxAllowedDeletions": 34}, **AOKI)).status_code == 202
    asked = (await waiting(stack))[0]
    await stack.post(f"approvals/{asked['id']}", **BABA)
    started = await stack.post(f"{DOMAIN}/sync", **AOKI)
    sync = await stack.finished(Run.model_validate(started.json()))

    undone = await stack.post(f"{DOMAIN}/runs/{sync.id}/undo", **AOKI)

    assert sync.counts.delete == 1
    await stack.finished(Run.model_validate(undone.json()))
    assert "leaver@contoso.com" in stack.users()


async def test_an_undo_that_deletes_waits(stack: Stack) -> None:
    stack.access_control.users.put(
        stack.access_control.users["aoki"].model_copy(
            update={"username": "new", "user_principal_name": "new@contoso.com"}
        )
    )
    started = await stack.post(f"{DOMAIN}/sync", {"only": ["new"]}, **AOKI)
    sync = await stack.finished(Run.model_validate(started.json()))
    assert sync.counts.add == 1

    preview = await stack.post(
        f"{DOMAIN}/runs/{sync.id}/undo", {"dryRun": True, "disableAdded": True}, **AOKI
    )
    await stack.finished(Run.model_validate(preview.json()))
    asked = await put_off(stack, "POST", f"{DOMAIN}/runs/{sync.id}/undo", {"disableAdded": True})

    assert [part["parameters"]["upn"] for parts in asked["list"] for part in parts] == ["new@contoso.com"]


async def test_a_hold_is_set_at_once_and_shortened_or_lifted_by_two(stack: Stack) -> None:
    account = stack.users()["aoki@contoso.com"]["id"]
    now = datetime.now(UTC)
    path = f"people/{account}/hold"

    async def hold(days: int) -> int:
        body = {"until": (now + timedelta(days=days)).isoformat(), "reason": "HR"}
        return (await stack.http.put(f"/api/{path}", json=body, headers=AOKI)).status_code

    assert [await hold(9), await hold(10), await hold(3)] == [200, 200, 202]
    lifted = await put_off(stack, "DELETE", path, {})
    assert (await stack.post(f"approvals/{lifted['id']}", **BABA)).status_code == 200


async def test_what_has_changed_since_is_not_confirmed(stack: Stack) -> None:
    asked = await put_off(stack, "PATCH", DOMAIN, {"maxAllowedDeletions": 60})
    assert (await stack.patch(DOMAIN, {"maxAllowedDeletions": 5}, **BABA)).status_code == 200

    answer = await stack.post(f"approvals/{asked['id']}", **BABA)

    assert (answer.status_code, answer.json()["parts"][0]["code"]) == (412, "second.changed")
    assert await limit(stack) == 5


async def test_what_another_version_has_put_off_is_refused(stack: Stack) -> None:
    asked = await put_off(stack, "PATCH", DOMAIN, {"maxAllowedDeletions": 60})
    kept = await stack.services.pending.find(asked["id"])
    assert kept is not None
    await stack.services.pending.write(kept.model_copy(update={"route": "domains/{domain}/gone"}))

    assert (await stack.post(f"approvals/{asked['id']}", **BABA)).status_code == 412


async def test_it_can_be_withdrawn_and_expires_after_a_day(stack: Stack) -> None:
    asked = await put_off(stack, "PATCH", DOMAIN, {"maxAllowedDeletions": 60})
    withdrawn = await stack.http.delete(f"/api/approvals/{asked['id']}", headers=AOKI)
    again = await put_off(stack, "PATCH", DOMAIN, {"maxAllowedDeletions": 60})
    kept = await stack.services.pending.find(again["id"])
    assert isinstance(kept, Pending)
    await stack.services.pending.write(kept.model_copy(update={"expires_at": datetime.now(UTC)}))

    expired = await stack.post(f"approvals/{again['id']}", **BABA)

    assert (withdrawn.status_code, expired.status_code) == (204, 410)
    assert kept.expires_at - kept.at == timedelta(hours=24)
    assert await waiting(stack) == []
    assert await limit(stack) == 20


async def test_a_refusal_at_the_confirmation_can_be_confirmed_again(stack: Stack) -> None:
    started = await stack.post(f"{DOMAIN}/dry-run", **AOKI)
    dry_run = await stack.finished(Run.model_validate(started.json()))
    asked = await put_off(stack, "POST", f"{DOMAIN}/sync", {"approve": {"dryRunId": dry_run.id}})
    stack.hold_up()
    active = Run.model_validate((await stack.post(f"{DOMAIN}/sync", {"only": ["aoki"]}, **AOKI)).json())

    refused = await stack.post(f"approvals/{asked['id']}", **BABA)
    stack.let_go()
    await stack.finished(active)
    confirmed = await stack.post(f"approvals/{asked['id']}", **BABA)

    assert (refused.status_code, confirmed.status_code) == (409, 202)
    await stack.finished(Run.model_validate(confirmed.json()))


async def test_bad_calls_are_refused_at_once(stack: Stack) -> None:
    bad = await stack.patch(DOMAIN, {"maxAllowedDeletions": 600}, **AOKI)
    unknown = await stack.post(f"{DOMAIN}/sync", {"approve": {"dryRunId": "8204562098021-3a0b02ae"}}, **AOKI)

    nowhere = await stack.patch("domains/nobody.example", {"maxAllowedDeletions": 60}, **AOKI)
    pair = {"sourceId": "aoki", "objectId": stack.users()["leaver@contoso.com"]["id"], "same": True}
    not_asked = await stack.post(f"{DOMAIN}/decisions", {"decisions": [pair]}, **AOKI)

    assert (bad.status_code, unknown.status_code) == (400, 404)
    assert (nowhere.status_code, not_asked.status_code) == (404, 409)
    assert await waiting(stack) == []


async def test_word_of_what_waits_goes_out_and_addresses_never_wait(stack: Stack) -> None:
    new = {"id": "ops", "kind": "slack", "url": "https://hooks.test/secret", "events": ["approval.waiting"]}
    # Who gets word loosens nothing; with something that does, it would have to be kept.
    mixed = {"notifications": [new], "foreignDomains": ["contosox.com"]}
    together = await stack.http.patch("/api/settings", json=mixed, headers=AOKI)
    alone = await stack.http.patch("/api/settings", json={"notifications": [new]}, headers=AOKI)

    asked = await put_off(stack, "PATCH", DOMAIN, {"maxAllowedDeletions": 60})

    assert (together.status_code, alone.status_code) == (400, 200)
    assert "in a call of their own" in together.text
    (message,) = await stack.services.outbox.read(CONTOSO)
    assert (message.to, message.happening.event, message.happening.about) == (
        "ops", "approval.waiting", asked["id"],
    )  # fmt: skip


async def test_a_leaver_is_deleted_before_their_time_by_two_people(stack: Stack) -> None:
    settings = {"leavers": {"block": True, "deleteAfterDays": None}, "maxAllowedDeletions": 100}
    asked = await put_off(stack, "PATCH", DOMAIN, settings)
    await stack.post(f"approvals/{asked['id']}", **BABA)
    await stack.finished(Run.model_validate((await stack.post(f"{DOMAIN}/sync", **AOKI)).json()))
    (leaver,) = (await stack.get(f"{DOMAIN}/leavers", **READER)).json()["leavers"]
    place = f"{DOMAIN}/leavers/{leaver['objectId']}"
    until = (datetime.now(UTC) + timedelta(days=1)).isoformat()

    kept = await stack.post(place, {"do": "keep"}, **AOKI)
    await put_off(stack, "POST", place, {"do": "wait", "until": until})
    asked = await put_off(stack, "POST", place, {"do": "delete"})
    still = len(stack.users())
    confirmed = await stack.post(f"approvals/{asked['id']}", **BABA)
    deleted = await stack.finished(Run.model_validate(confirmed.json()))

    assert (kept.status_code, still, confirmed.status_code) == (200, 3, 202)
    assert (deleted.counts.delete, len(stack.users())) == (1, 2)
    assert (await stack.post(place, {"do": "delete"}, **AOKI)).status_code == 404
