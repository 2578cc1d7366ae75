"""Storage that refuses, forgets, or whose queue took no message: what is said of it, and that nobody is harmed."""

from datetime import timedelta

import pytest

from local.access_control import User
from shared.runs import lifecycle
from shared.store import attempts
from shared.store.storage import LINKS
from tests.support.stack import CONTOSO, StartStack, in_entra, in_source, until
from tests.support.storage_control import storage_of
from tools.smoke import Smoke, SmokeError

KEPT = [f"kept{n}" for n in range(9)]
OTHER = "fabrikam.com"
LISTS = ["domains", f"domains/{CONTOSO}/runs", f"domains/{CONTOSO}/runs?limit=1"]


@pytest.mark.parametrize(
    ("service", "role"),
    [("table", "Storage Table Data Contributor"), ("blob", "Storage Blob Data Owner")],
)
@pytest.mark.parametrize("code", ["AuthorizationPermissionMismatch", "AuthorizationFailure"])
async def test_a_403_is_named_with_the_role_that_is_missing(
    start_stack: StartStack, service: str, role: str, code: str
) -> None:
    stack = await start_stack()
    await storage_of(stack).faults({"kind": "refuse", "code": code, "service": service})

    health = await stack.get("health?deep=true")

    assert (health.status_code, health.json()["checks"]["storage"]) == (503, "forbidden")
    told = stack.events.named("storage.forbidden")[0]
    assert (told["service"], told["role"], told["code"]) == (service, role, code)
    assert "half an hour" in told["message"]
    with pytest.raises(SmokeError, match=rf"{role}.*half an hour"):
        await Smoke(str(stack.http.base_url), CONTOSO, {})._is_healthy()


class TestAStartWhoseMessageWasNotSent:
    @pytest.fixture(autouse=True)
    def _at_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(lifecycle, "abandoned_after", lambda _settings: timedelta(0))

    async def test_it_is_no_202_and_goes_on_for_whoever_starts_again(self, start_stack: StartStack) -> None:
        stack = await start_stack(source=[in_source("aoki")])
        storage = storage_of(stack)
        await storage.faults({"kind": "refuse", "code": "AuthorizationFailure", "operation": "PutMessage"})

        refused = await stack.post(f"domains/{CONTOSO}/sync")
        await storage.faults()
        again = await stack.post(f"domains/{CONTOSO}/sync")

        assert (refused.status_code, again.status_code) == (500, 409)
        (run,) = await stack.runs()
        assert again.json()["runId"] == run.id
        assert (await stack.finished(run)).status == "succeeded"

    @pytest.mark.parametrize(
        "asked", ["domains/{domain}/runs/{run}", "domains/{domain}/runs", "domains/{domain}"]
    )
    async def test_it_goes_on_for_whoever_asks_after_it(self, start_stack: StartStack, asked: str) -> None:
        stack = await start_stack(source=[in_source("aoki")])
        run = await stack.start_without_message()

        answer = await stack.get(asked.format(domain=CONTOSO, run=run.id))

        assert answer.status_code == 200
        assert (await stack.finished(run)).status == "succeeded"


async def test_the_end_of_a_run_is_told_although_the_answer_of_its_last_write_was_lost(
    start_stack: StartStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = await start_stack(source=[in_source("aoki")], entra=[in_entra("aoki")])
    storage = storage_of(stack)
    await stack.sync()
    await storage.forget()
    await stack.sync()
    transactions = [one for one in await storage.writes() if one.operation == "EntityGroupTransaction"]
    monkeypatch.setattr(attempts, "KEEP_TRYING_SECONDS", 0.0)
    lost = {
        "kind": "drop",
        "tookEffect": True,
        "operation": "EntityGroupTransaction",
        "nth": len(transactions),
    }
    await storage.faults(lost)

    run = await stack.sync()

    async def told() -> bool:
        return len(stack.events.named("run.finished")) == 3

    await until(told)
    _, first, second = stack.events.named("run.finished")
    assert await storage.struck() == [1]
    assert (run.status, second["runId"], second["good"], second["failing"]) == ("succeeded", run.id, True, [])
    assert first.keys() == second.keys()


async def test_a_container_that_is_deleted_while_the_app_runs_costs_nobody_their_account(
    start_stack: StartStack,
) -> None:
    """The app makes it anew; that what stood in it is lost is remembered, and nobody is deleted."""
    people = [*KEPT, "leaver"]
    stack = await start_stack(
        source=[in_source(name) for name in people], entra=[in_entra(name) for name in people]
    )
    assert (await stack.sync()).status == "succeeded"
    await stack.services.storage.blobs.delete_container(LINKS)
    stack.access_control.users.remove("leaver")

    for _ in range(2):
        run = await stack.sync()

        assert (run.status, run.counts.skipped, len(stack.users())) == ("succeeded", 1, len(people))


async def test_an_empty_page_is_not_the_last_one(start_stack: StartStack) -> None:
    """Storage may answer one at any time, with more behind it: nobody and nothing is forgotten for it."""
    people = [*KEPT, "moved"]
    stack = await start_stack(
        source=[in_source(name) for name in people],
        entra=[in_entra(name) for name in people],
        domains=[{"id": CONTOSO, "isDefault": True}, {"id": OTHER}],
    )
    await stack.set(OTHER, periodicSync=True)
    await stack.sync()
    await stack.dry_run()
    seen = [(await stack.get(path)).json() for path in LISTS]
    moved = in_source("moved", user_principal_name=f"new.name@{OTHER}")
    stack.access_control.users.put(User.model_validate(moved))
    storage = storage_of(stack)
    # Every other page, so that there is an end.
    await storage.faults({"kind": "emptyPage", "nth": list(range(1, 1_000, 2))})

    assert [(await stack.get(path)).json() for path in LISTS] == seen
    assert (await stack.tick())["queued"] == [OTHER]
    run = await stack.finished((await stack.runs(OTHER))[0])

    # Who has moved here is known from the other domain's sync.
    assert (run.counts.rename, run.counts.add) == (1, 0)
    (struck,) = await storage.struck()
    assert struck > len(LISTS)


async def test_a_tick_with_nothing_to_do_asks_for_no_more_than_it_must(start_stack: StartStack) -> None:
    stack = await start_stack(source=[in_source("aoki")], entra=[in_entra("aoki")])
    await stack.set(periodicSync=False)
    await stack.tick()
    storage = storage_of(stack)
    await storage.forget()

    await stack.tick()

    asked = await storage.operations()
    # For the tenant: its settings, the domains', decisions and holds that have lapsed, tables of the history, and how
    # readings of the source stand.
    assert sorted(str(one) for one in asked if one.service != "queue") == [
        "GetEntity Domains(~tenant,tenant-settings)",
        f"GetEntity Runs({CONTOSO},active)",
        "ListBlobs audit-logs",
        "QueryEntities Domains",
        "QueryEntities Domains",
        "QueryEntities Runs",
        "QueryEntities Runs",
        "QueryTables ",
    ]
