"""One bad thing stops one thing: a row, a domain, a service that does not answer."""

import asyncio
from collections.abc import Callable

import pytest
from azure.storage.blob import ContentSettings

from local.access_control.users import User
from local.entra import Fault
from shared.clock import Clock
from shared.http import inspection
from shared.model.runs import Run
from shared.runs import hourly, lifecycle
from shared.store.leases import take_lease
from shared.store.runs import PEOPLE
from shared.store.storage import DOMAINS, LINKS, RUNS
from tests.support.outcomes import undone
from tests.support.stack import Json, Stack, StartStack, in_entra, in_source, until
from tests.support.storage_control import storage_of

ONE, TWO, GONE = "one.example", "two.example", "gone.example"
# After so long the tenant's domains are asked for again.
ONE_MINUTE = 61


@pytest.fixture
async def stack(start_stack: StartStack) -> Stack:
    stack = await start_stack(
        source=[in_source("aoki", ONE), in_source("baba", TWO)],
        entra=[in_entra("aoki", ONE), in_entra("baba", TWO)],
        domains=[{"id": ONE}, {"id": TWO}, {"id": GONE}],
    )
    for domain in (ONE, TWO, GONE):
        await stack.set(domain, periodicSync=True, maxAllowedDeletions=5)
    return stack


@pytest.fixture
def let_pass(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Lets so many seconds pass at once, while no run is under way."""
    measured = Clock.monotonic

    def let_pass(seconds: float) -> None:
        monkeypatch.setattr(Clock, "monotonic", lambda clock: measured(clock) + seconds)

    return let_pass


async def damage(stack: Stack, **columns: object) -> None:
    table = await stack.services.storage.open_table(DOMAINS)
    await table.update_entity({"PartitionKey": ONE, "RowKey": "settings", **columns})


DAMAGES = [
    {"max_allowed_deletions": 500},
    {"max_allowed_deletions": "half"},
    {"periodic_sync": '"of a newer version"'},
    {"max_renames": '{"percent": 20, "count": 5, "of": "both"}'},
]


@pytest.mark.parametrize("columns", DAMAGES, ids=str)
async def test_an_unreadable_setting_is_never_replaced_by_a_default(
    stack: Stack, columns: dict[str, object]
) -> None:
    await damage(stack, **columns)

    tick = await stack.tick()
    refused = await stack.sync(ONE)

    assert (tick["domains"], tick["queued"]) == ([GONE, ONE, TWO], [GONE, TWO])
    assert [line["domain"] for line in stack.events.named("settings.unreadable")] == [ONE]
    assert refused.status == "failed"
    assert "can't be read: set it anew" in refused.message


async def test_an_unreadable_setting_is_named_and_others_are_shown(stack: Stack) -> None:
    await damage(stack, max_allowed_deletions="half")

    listed = {one["name"]: one for one in (await stack.get("domains")).json()["domains"]}

    assert (listed[ONE]["maxAllowedDeletions"], listed[ONE]["unreadable"]) == (None, ["maxAllowedDeletions"])
    assert (listed[ONE]["periodicSync"], listed[ONE]["nextRunAt"]) == (True, None)
    assert (listed[TWO]["maxAllowedDeletions"], listed[TWO]["unreadable"]) == (5, [])


async def test_an_unreadable_setting_is_set_anew_and_leaves_the_others_alone(stack: Stack) -> None:
    await damage(stack, max_allowed_deletions="half", of_a_newer_version="kept")

    untouched = await stack.patch(f"domains/{ONE}", {"periodicSync": False})
    mended = await stack.patch(f"domains/{ONE}", {"maxAllowedDeletions": 7})

    assert untouched.json()["unreadable"] == ["maxAllowedDeletions"]
    assert (mended.json()["unreadable"], mended.json()["maxAllowedDeletions"]) == ([], 7)
    table = await stack.services.storage.open_table(DOMAINS)
    assert (await table.get_entity(ONE, "settings"))["of_a_newer_version"] == "kept"


async def test_a_removed_domain_is_listed_and_can_be_switched_off(
    stack: Stack, let_pass: Callable[[float], None]
) -> None:
    await stack.finished(await stack.sync(GONE))
    del stack.entra.directory.domains[GONE]
    let_pass(ONE_MINUTE)

    listed = {one["name"]: one for one in (await stack.get("domains")).json()["domains"]}
    tick = await stack.tick()
    off = await stack.patch(f"domains/{GONE}", {"periodicSync": False})
    logs = await stack.get(f"domains/{GONE}/runs")
    start = await stack.post(f"domains/{GONE}/sync")

    assert (listed[GONE]["removed"], listed[GONE]["nextRunAt"]) == (True, None)
    assert (listed[ONE]["removed"], listed[ONE]["authenticationType"]) == (False, "Managed")
    assert GONE not in (*tick["domains"], *tick["queued"])
    assert [line["domain"] for line in stack.events.named("timer.removed")] == [GONE]
    assert (off.status_code, off.json()["periodicSync"]) == (200, False)
    assert (logs.status_code, len(logs.json()["runs"])) == (200, 1)
    assert start.status_code == 404


@pytest.mark.parametrize("nothing", ["empty", "refused"])
async def test_a_list_that_can_not_be_had_is_no_removal(
    stack: Stack, let_pass: Callable[[float], None], nothing: str
) -> None:
    if nothing == "empty":
        stack.entra.directory.domains.clear()
    else:
        stack.entra.faults.add(Fault(kind="status", path="/domains", status=429, retry_after=600))
    let_pass(ONE_MINUTE)

    tick = await stack.tick()

    assert (tick["domains"], tick["queued"]) == ([GONE, ONE, TWO], [GONE, ONE, TWO])


async def test_what_needs_no_graph_works_while_graph_throttles_for_ten_minutes(
    stack: Stack, let_pass: Callable[[float], None]
) -> None:
    stack.entra.faults.add(Fault(kind="status", path="/domains", status=429, retry_after=600))
    run = await stack.start_without_message(ONE)
    let_pass(ONE_MINUTE)

    listed = await asyncio.gather(*(stack.get("domains") for _ in range(20)))
    off = await stack.patch(f"domains/{ONE}", {"periodicSync": False})
    cancelled = await stack.post(f"domains/{ONE}/runs/{run.id}/cancel")
    logs = await stack.get(f"domains/{ONE}/runs")

    assert {answer.status_code for answer in listed} == {200}
    assert {answer.json()["asOf"] for answer in listed} < {None, listed[0].json()["asOf"]}
    assert (off.status_code, off.json()["periodicSync"]) == (200, False)
    assert (cancelled.status_code, logs.status_code) == (202, 200)


async def test_who_asks_before_graph_has_ever_answered_is_told_when_to_ask_again(
    start_stack: StartStack,
) -> None:
    stack = await start_stack()
    stack.entra.faults.add(Fault(kind="status", path="/domains", status=429, retry_after=600))

    answers = await asyncio.gather(*(stack.get("domains") for _ in range(20)))

    assert {answer.status_code for answer in answers} == {503}
    assert all(int(answer.headers["Retry-After"]) > 0 for answer in answers)


async def test_the_tick_of_five_hundred_long_names_is_told_in_lines_that_are_not_cut(
    start_stack: StartStack,
) -> None:
    names = [f"{number:03}.{'x' * 60}.{'y' * 60}.example" for number in range(500)]
    stack = await start_stack(domains=[{"id": name} for name in names])
    table = await stack.services.storage.open_table(DOMAINS)
    for name in names:
        await table.create_entity(
            {"PartitionKey": name, "RowKey": "settings", "periodic_sync": "of a newer version"}
        )

    await stack.tick()

    async def told() -> bool:
        return sum(len(line["domains"]) for line in stack.events.named("timer.tick")) == len(names)

    await until(told)
    lines = stack.events.named("timer.tick")
    assert max(len(str(line)) for line in lines) < 20_000
    assert len({line["at"] for line in lines}) == 1
    assert [name for line in lines for name in line["domains"]] == sorted(names)


async def test_settings_and_logs_need_graph_only_for_a_domain_of_which_nothing_is_stored(
    start_stack: StartStack,
) -> None:
    stack = await start_stack(domains=[{"id": ONE}, {"id": TWO}])
    await stack.services.domains.remember(ONE)
    stack.entra.faults.add(Fault(kind="status", path="/domains", status=429, retry_after=600))

    answers = {
        domain: [
            await stack.get(f"domains/{domain}/runs"),
            await stack.patch(f"domains/{domain}", {"periodicSync": False}),
        ]
        for domain in (ONE, TWO)
    }

    assert [answer.status_code for answer in answers[ONE]] == [200, 200]
    assert [answer.status_code for answer in answers[TWO]] == [503, 503]
    assert all(int(answer.headers["Retry-After"]) > 0 for answer in answers[TWO])


@pytest.mark.parametrize("path", [f"domains/{ONE}/pre-check", "people/aoki", "people?q=aoki"])
async def test_a_look_that_takes_too_long_says_when_to_try_again(
    start_stack: StartStack, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    stack = await start_stack(
        source=[in_source("aoki", ONE)],
        entra=[in_entra("aoki", ONE)],
        domains=[{"id": ONE}],
        settings={"READ": "live"},
    )
    monkeypatch.setattr(inspection, "LONGEST_LOOK", 0.1)
    await stack.get("domains")
    stack.entra.faults.add(Fault(kind="status", path="/users", status=429, retry_after=600))

    answer = await stack.get(path)

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "60")
    assert "a dry run has more time" in answer.json()["detail"]


WAYS_TO_LOSE_LINKS = {
    "gone": None,
    "no JSON": b"\x00\xff",
    "a list": b"[1]",
    "of another kind": b'{"a": 1}',
    "no gzip": b"\x1f\x8b\xff",
}


async def lose_links(stack: Stack, how: str) -> None:
    container = await stack.services.storage.open_container(LINKS)
    content = WAYS_TO_LOSE_LINKS[how]
    if content is None:
        await container.delete_blob(PEOPLE)
    else:
        settings = ContentSettings(content_encoding="gzip" if how == "no gzip" else None)
        await container.upload_blob(PEOPLE, content, overwrite=True, content_settings=settings)


def _in_doubt(run: Run) -> bool:
    return f"on {run.domain} nobody is deleted until a dry run made since then" in " ".join(run.warnings)


async def outcomes(stack: Stack, run: Run) -> dict[str, tuple[str, str]]:
    rows = await stack.audit_log(run)
    return {row["userPrincipalName"]: (row["action"], row["result"]) for row in rows}


@pytest.fixture
async def renamed(start_stack: StartStack) -> Stack:
    """One domain after a good sync, where one user was renamed since, one has left and one is new."""
    stack = await start_stack(
        source=[in_source(name, ONE) for name in ("aoki", "baba", "chiba", "doi", "endo")],
        domains=[{"id": ONE}],
    )
    await stack.set(ONE, maxAllowedDeletions=90)
    assert (await stack.sync(ONE)).status == "succeeded"
    people = stack.access_control.users
    people.put(people["aoki"].model_copy(update={"user_principal_name": f"akagi@{ONE}"}))
    people.remove("baba")
    return stack


@pytest.mark.parametrize("how", WAYS_TO_LOSE_LINKS)
async def test_without_its_memory_nobody_is_deleted_nor_added_in_their_place(
    renamed: Stack, how: str
) -> None:
    await lose_links(renamed, how)

    run = await renamed.sync(ONE)
    again = await renamed.sync(ONE)

    for one in (run, again):
        assert (one.status, one.counts.delete, one.counts.add) == ("completedWithErrors", 0, 0)
        assert one.questions == 1  # Akagi may be Aoki
        assert _in_doubt(one)
        found = await outcomes(renamed, one)
        assert {found[f"{name}@{ONE}"] for name in ("aoki", "akagi", "baba")} == {("skip", "skipped")}
    event = "links.lost" if how == "gone" else "links.unreadable"
    assert [line["blob"] for line in renamed.events.named(event)] == [PEOPLE]


@pytest.mark.parametrize("how", WAYS_TO_LOSE_LINKS)
async def test_an_approved_dry_run_ends_the_doubt(renamed: Stack, how: str) -> None:
    await lose_links(renamed, how)
    dry_run = await renamed.dry_run(ONE)

    approved = await renamed.post(f"domains/{ONE}/sync", {"approve": {"dryRunId": dry_run.id}})
    assert (await renamed.finished(Run.model_validate(approved.json()))).counts.delete == 0
    after = await renamed.sync(ONE)

    # The leaver goes; the one renamed since looks like an add beside a deletion, and is a question.
    assert (after.counts.delete, after.counts.add, _in_doubt(after)) == (1, 0, False)


async def test_an_approval_of_what_was_seen_before_the_loss_ends_no_doubt(renamed: Stack) -> None:
    dry_run = await renamed.dry_run(ONE)
    await lose_links(renamed, "gone")

    approved = await renamed.post(f"domains/{ONE}/sync", {"approve": {"dryRunId": dry_run.id}})
    await renamed.finished(Run.model_validate(approved.json()))
    after = await renamed.sync(ONE)

    assert (after.counts.delete, after.counts.add) == (0, 0)
    assert _in_doubt(after)


@pytest.mark.parametrize(
    ("dry_run", "sync", "approve"),
    [
        ({"only": ["aoki"]}, {}, {}),
        ({}, {"only": ["aoki"]}, {}),
        ({}, {}, {"objectIds": []}),
        ({}, {}, {"kinds": ["rename"]}),
    ],
    ids=["a dry run of some", "a sync of some", "of nobody", "of no deletion"],
)
async def test_what_is_no_approval_of_all_deletions_ends_no_doubt(
    renamed: Stack, dry_run: Json, sync: Json, approve: Json
) -> None:
    await lose_links(renamed, "gone")
    started = await renamed.post(f"domains/{ONE}/dry-run", dry_run)
    seen = await renamed.finished(Run.model_validate(started.json()))

    order = {**sync, "approve": {"dryRunId": seen.id, **approve}}
    approved = await renamed.post(f"domains/{ONE}/sync", order)
    assert approved.status_code == 202, approved.text
    await renamed.finished(Run.model_validate(approved.json()))
    after = await renamed.sync(ONE)

    assert (after.counts.delete, after.counts.add) == (0, 0)
    assert _in_doubt(after)


async def test_what_could_not_be_read_is_kept(renamed: Stack) -> None:
    await lose_links(renamed, "no JSON")

    await renamed.sync(ONE)

    container = await renamed.services.storage.open_container(LINKS)
    (name,) = [name async for name in container.list_blob_names(name_starts_with="people-damaged-")]
    kept = await (await container.download_blob(name)).readall()
    assert kept == WAYS_TO_LOSE_LINKS["no JSON"]


@pytest.mark.parametrize("how", ["gone", "no JSON", "no gzip"])
async def test_lost_memory_holds_back_deletions_on_each_domain_until_it_was_reviewed_there(
    stack: Stack, how: str
) -> None:
    for name, domain in (("endo", TWO), ("fuji", ONE)):
        stack.access_control.users.put(User.model_validate(in_source(name, domain)))
    for domain in (ONE, TWO):
        await stack.set(domain, maxAllowedDeletions=100)
        await stack.sync(domain)
    await lose_links(stack, how)
    stack.access_control.users.put(User.model_validate(in_source("chiba", TWO)))
    for name in ("aoki", "baba"):
        stack.access_control.users.remove(name)

    lost = [await stack.sync(domain) for domain in (TWO, ONE)]
    dry_run = await stack.dry_run(ONE)
    approved = await stack.post(f"domains/{ONE}/sync", {"approve": {"dryRunId": dry_run.id}})
    await stack.finished(Run.model_validate(approved.json()))
    after = [await stack.sync(domain) for domain in (TWO, ONE)]

    assert [(run.status, run.counts.delete, _in_doubt(run)) for run in lost] == [("succeeded", 0, True)] * 2
    assert [(run.counts.delete, run.counts.add, _in_doubt(run)) for run in after] == [
        (0, 0, True),
        (1, 0, False),
    ]
    event = "links.lost" if how == "gone" else "links.unreadable"
    assert {line["blob"] for line in stack.events.named(event)} == {PEOPLE}


async def test_an_approval_ends_only_the_doubt_that_its_dry_run_told_of(renamed: Stack) -> None:
    await lose_links(renamed, "gone")
    dry_run = await renamed.dry_run(ONE)
    await lose_links(renamed, "no JSON")

    approved = await renamed.post(f"domains/{ONE}/sync", {"approve": {"dryRunId": dry_run.id}})
    await renamed.finished(Run.model_validate(approved.json()))

    assert _in_doubt(await renamed.sync(ONE))


async def test_a_dry_run_without_deletions_that_is_approved_ends_the_doubt(start_stack: StartStack) -> None:
    stack = await start_stack(source=[in_source("aoki", ONE)], domains=[{"id": ONE}])
    await stack.sync(ONE)
    await lose_links(stack, "gone")
    dry_run = await stack.dry_run(ONE)

    approved = await stack.post(f"domains/{ONE}/sync", {"approve": {"dryRunId": dry_run.id}})
    await stack.finished(Run.model_validate(approved.json()))

    assert (dry_run.counts.delete, _in_doubt(dry_run)) == (0, True)
    assert (await stack.sync(ONE)).warnings == ()


async def test_a_memory_that_was_lost_is_rebuilt_by_what_is_certain(renamed: Stack) -> None:
    """By UPN where a name agrees. Whoever has the UPN of somebody with other names may be another person."""
    people = renamed.access_control.users
    people.edit("chiba", {"family_name": "秋田", "given_name": "次郎"})
    await lose_links(renamed, "gone")

    run = await renamed.sync(ONE)

    memory = await renamed.services.known_people.read(ONE)
    assert memory.links.keys() == {"doi", "endo"}
    found = await outcomes(renamed, run)
    assert found[f"chiba@{ONE}"] == ("skip", "skipped")


async def test_a_run_that_only_a_newer_version_can_read_hides_nothing_else(stack: Stack) -> None:
    run = await stack.sync(ONE)
    await stack.sync(TWO)
    runs = await stack.services.storage.open_table(RUNS)
    for key in (run.id, "last-sync"):
        row = await runs.get_entity(ONE, key)
        row["run"] = row["run"].replace('"succeeded"', '"paused"')
        await runs.update_entity(row)

    listed = {one["name"]: one for one in (await stack.get("domains")).json()["domains"]}
    logs = await stack.get(f"domains/{ONE}/runs")

    assert (listed[ONE]["lastSync"], listed[TWO]["lastSync"]["status"]) == (None, "succeeded")
    assert (logs.status_code, logs.json()["runs"]) == (200, [])
    assert {line["domain"] for line in stack.events.named("run.unreadable")} == {ONE}


async def of_a_newer_version(stack: Stack) -> Run:
    """An active run of ONE that this version can't read, and that nothing performs."""
    run = await stack.start_without_message(ONE)
    runs = await stack.services.storage.open_table(RUNS)
    row = await runs.get_entity(ONE, run.id)
    row["run"] = row["run"].replace('"queued"', '"paused"')
    await runs.update_entity(row)
    return run


async def test_an_active_run_that_only_a_newer_version_can_read_hides_nothing_else(stack: Stack) -> None:
    run = await of_a_newer_version(stack)

    listed = {one["name"]: one for one in (await stack.get("domains")).json()["domains"]}
    changed = await stack.patch(f"domains/{ONE}", {"periodicSync": False})
    start = await stack.post(f"domains/{ONE}/sync")
    other = await stack.sync(TWO)

    assert listed[ONE]["activeRun"] is None
    assert {ONE, TWO, GONE} <= set(listed)
    assert (changed.status_code, changed.json()["periodicSync"]) == (200, False)
    assert (start.status_code, start.json()["runId"]) == (409, run.id)
    assert other.status == "succeeded"


async def test_cancelling_an_unreadable_run_frees_its_domain_and_leaves_its_row(stack: Stack) -> None:
    run = await of_a_newer_version(stack)
    runs = await stack.services.storage.open_table(RUNS)
    before = dict(await runs.get_entity(ONE, run.id))

    cancelled = await stack.post(f"domains/{ONE}/runs/{run.id}/cancel")
    again = await stack.post(f"domains/{ONE}/runs/{run.id}/cancel")

    assert (cancelled.status_code, again.status_code) == (409, 404)
    assert f"{ONE} is free for the next run" in cancelled.json()["detail"]
    assert [(line["runId"], line["by"]) for line in stack.events.named("run.freed")] == [
        (run.id, "function key")
    ]
    assert dict(await runs.get_entity(ONE, run.id)) == before
    assert (await stack.sync(ONE)).status == "succeeded"


async def test_an_unreadable_run_that_is_being_worked_on_is_left_alone(stack: Stack) -> None:
    run = await of_a_newer_version(stack)

    async with take_lease(stack.services.storage, stack.services.settings, ONE):
        cancelled = await stack.post(f"domains/{ONE}/runs/{run.id}/cancel")

    assert cancelled.status_code == 409
    assert "it is being worked on" in cancelled.json()["detail"]
    assert (await stack.services.runs.read_pointers(ONE)).active == run.id


async def test_the_message_of_an_unreadable_run_that_was_given_up_ends_nothing(stack: Stack) -> None:
    run = await of_a_newer_version(stack)

    await lifecycle.give_up(stack.services, ONE, run.id)

    assert (await stack.services.runs.read_pointers(ONE)).active == run.id


async def queued(stack: Stack, *domains: str) -> bool:
    return all([await stack.runs(domain) for domain in domains])


async def test_storage_that_is_busy_for_one_domain_costs_no_other_its_hour(
    stack: Stack, let_pass: Callable[[float], None]
) -> None:
    storage = storage_of(stack)
    await storage.faults({"kind": "refuse", "code": "ServerBusy", "resource": f"Runs({ONE}*"})

    async with asyncio.TaskGroup() as tasks:
        ticking = tasks.create_task(stack.tick())
        await until(lambda: queued(stack, TWO, GONE))
        let_pass(hourly.KEEP_TRYING_SECONDS)

    assert set(ticking.result()["queued"]) == {TWO, GONE}
    assert {line["domain"] for line in stack.events.named("timer.failed")} == {ONE}


async def test_storage_that_never_answers_for_a_domain_ends_its_turn(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hourly, "KEEP_TRYING_SECONDS", 0.5)
    await storage_of(stack).faults({"kind": "hang", "resource": "Runs(*"})

    tick = await stack.tick()

    assert tick["queued"] == []
    assert {line["domain"] for line in stack.events.named("timer.failed")} == {ONE, TWO, GONE}


async def test_an_immutable_id_that_entra_refuses_keeps_nothing_else_back(start_stack: StartStack) -> None:
    stack = await start_stack(
        source=[in_source("aoki", family_name="鈴木", immutable_id="x" * 300), in_source("baba")],
        entra=[in_entra("aoki"), in_entra("baba")],
    )

    run = await stack.sync()

    rows = {row["attribute"]: row for row in await stack.audit_log(run)}
    assert (run.counts.update, stack.users()["aoki@contoso.com"]["surname"]) == (1, "鈴木")
    assert (rows["surname"]["result"], rows["onPremisesImmutableId"]["result"]) == ("succeeded", "failed")
    assert "onPremisesImmutableId" in rows["onPremisesImmutableId"]["errorMessage"]
    again = await stack.sync()
    assert (again.counts.failed, again.status) == (1, "completedWithErrors")
    await undone(stack, run)
    assert stack.users()["aoki@contoso.com"]["surname"] == "Aoki"
