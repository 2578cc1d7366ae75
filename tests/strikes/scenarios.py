"""The scenarios: a dry run, a sync, an undo, an approval, a cancel and a settings change, each requested over HTTP.

A scenario prepares without faults, acts with faults, and then checks the answer, Entra, the audit log and the events
in the app's log.
"""

import base64
import json
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

import httpx
from azure.storage.queue.aio import QueueClient

from shared.model.leavers import read
from shared.model.runs import Run
from shared.runs.messages import QUEUE, message
from shared.store.storage import DOMAINS
from tests.strikes.matrix import LEASE
from tests.support.processes import deeds, told
from tests.support.stack import Json, Stack, in_entra, in_source, until
from tests.support.storage_control import storage_of

KEPT = [f"kept{n}" for n in range(7)]
GONE = [f"gone{n}" for n in range(3)]
PATIENCE = LEASE + 3


@dataclass
class Case:
    """One run of a scenario, on its own stack and domain; `wrong` lists what was not as expected."""

    stack: Stack
    domain: str
    before: Json = field(default_factory=dict)
    prepared: Run | None = None
    run: Run | None = None
    wrong: list[str] = field(default_factory=list)

    async def tenant(self) -> Json:
        origin = self.stack.settings["GRAPH_BASE_URL"].removesuffix("/v1.0")
        tenant: Json = (await self.stack.http.get(f"{origin}/_emulator/users")).json()
        return tenant

    def expect(self, what: str, found: object, wanted: object) -> None:
        if found != wanted:
            self.wrong.append(f"{what}: {found!r}, not {wanted!r}")

    def told(self, event: str) -> int:
        """How often the log has this event for the domain."""
        return sum(one.get("domain") == self.domain for one in self.stack.events.named(event))


Step = Callable[[Case], Awaitable[None]]


@dataclass(frozen=True)
class Scenario:
    """`act` sends one request. `starts`: a run must end after it. `queues`: the log must have `run.queued`.

    `only`: the write that is struck, by its kind and number; empty strikes all.
    """

    name: str
    people: Callable[[str], tuple[list[Json], list[Json]]]
    act: Callable[[Case], Awaitable[httpx.Response]]
    judge: Callable[[Case, Run | None], Awaitable[None]]
    prepare: Step | None = None
    starts: bool = True
    queues: bool = True
    only: str = ""


def changed_people(domain: str) -> tuple[list[Json], list[Json]]:
    """The users of the source and of Entra: one of each kind of change, and people who stay."""
    source = [in_source(name, domain) for name in ("added", "updated", "renamed", *KEPT)]
    source[2]["immutable_id"] = "renamed=="
    entra = [
        in_entra("updated", domain, surname="former"),
        in_entra(
            "former", domain, onPremisesImmutableId="renamed==", displayName="Renamed 太郎", surname="Renamed"
        ),
        in_entra("gone", domain),
        *(in_entra(name, domain) for name in KEPT),
    ]
    return source, entra


def leavers(domain: str) -> tuple[list[Json], list[Json]]:
    """The users of the source and of Entra: three of ten have left, more than the limit allows."""
    return [in_source(n, domain) for n in KEPT], [in_entra(n, domain) for n in (*KEPT, *GONE)]


async def perform(scenario: Scenario, case: Case) -> None:
    """Sends the request and waits for the end of its run, at most until after the timer's second tick."""
    answer = await scenario.act(case)
    case.expect("answer", answer.status_code, 202 if scenario.starts else 200)
    if scenario.starts:
        case.run = await _ended(case)


async def judge(scenario: Scenario, case: Case) -> None:
    """Adds everything that is not as expected in the end to `case.wrong`."""
    run = case.run
    if run is not None:
        case.expect("queued told", case.told("run.queued"), int(scenario.queues))
        case.expect("starts told", case.told("run.started"), 1)
        await _wait_for_end_event(case)
        case.expect("end told", case.told("run.finished"), 1)
        view = (await case.stack.get(f"domains/{case.domain}")).json()
        case.expect("active run", view["activeRun"], None)
        last = view["lastDryRun" if run.mode == "dryRun" else "lastSync"] or {}
        case.expect("last run", last.get("id"), run.id)
    if run is not None or not scenario.starts:
        await scenario.judge(case, run)
    await _judge_log(case)


async def _judge_log(case: Case) -> None:
    """Every finished run and every change is in its chain, once."""
    for place in (f"?domain={case.domain}", ""):
        answer = (await case.stack.get(f"integrity{place}")).json()
        while answer["cursor"]:
            case.expect("break", answer["broken"], None)
            answer = (
                await case.stack.get(f"integrity?domain={case.domain}&cursor={answer['cursor']}")
            ).json()
        case.expect("break", answer["broken"], None)
        case.expect("whole log", (answer["whole"], answer["unchained"]), (True, 0))


async def _ended(case: Case) -> Run | None:
    """The run that was started, once it has ended by itself or after a tick of the timer; None if it has not."""
    known = case.prepared.id if case.prepared else ""
    run = next((run for run in await case.stack.runs(case.domain) if run.id != known), None)
    if run is None:
        case.wrong.append("not started")
        return None
    for tick in range(3):
        if tick:
            await case.stack.http.post("/admin/functions/hourly_sync", json={})
        try:
            # A tick resumes only a run that has been idle for the duration of a lease.
            return await case.stack.finished(run, PATIENCE, poll=0.5)
        except TimeoutError:
            continue
    case.wrong.append(f"blocked: {run.status.value} run has not ended by the second tick")
    return None


async def _wait_for_end_event(case: Case) -> None:
    """Waits for the event: if storage's answer to the end of the run was lost, the app looks again before it logs."""

    async def told() -> bool:
        return case.told("run.finished") > 0

    with suppress(TimeoutError):
        await until(told, PATIENCE)


async def judge_sync(case: Case, run: Run | None, *, wanted: Counter[str]) -> None:
    """Each change must be exactly once in Entra and once in the audit log."""
    assert run is not None
    case.expect("status", run.status.value, "succeeded")
    after, rows = await case.tenant(), await case.stack.audit_log(run)
    done = deeds(case.before, after, case.domain)
    case.expect("effects", Counter(action for action, _ in done), wanted)
    # After a restore, the rest of the user's changes follows as an update.
    case.expect("rows", sorted(told(rows)), sorted(done))
    cells = Counter((row["action"], row["objectId"], row["attribute"]) for row in rows)
    case.expect("rows that stand twice", [cell for cell, count in cells.items() if count > 1], [])
    counted = {
        name: getattr(run.counts, name) for name in ("add", "update", "rename", "restore", "delete", "failed")
    }
    case.expect("counts", +Counter(counted), wanted)
    await _judge_memory(case, after)
    writes = Counter(case.stack.writes())
    case.expect("writes sent twice", [write for write, count in writes.items() if count > 1], [])
    memory = await case.stack.services.known_people.read(case.domain)
    case.expect("doubt of the memory", memory.doubt, ())
    added = {who for action, who in done if action == "add"}
    case.expect("added and not linked", added - set(memory.links.values()), set())


async def _judge_memory(case: Case, tenant: Json) -> None:
    """Whom the sync matched and created is known with their account, and nothing is in doubt."""
    accounts = {user["userPrincipalName"].partition("@")[0]: user["id"] for user in tenant["users"]}
    wanted = {name: accounts[name] for name in (*KEPT, "added") if name in accounts}
    memory = await case.stack.services.known_people.read(case.domain)
    case.expect("links", {name: memory.links.get(name) for name in wanted}, wanted)
    case.expect("doubt", memory.doubt, ())


async def judge_dry_run(case: Case, run: Run | None) -> None:
    assert run is not None
    case.expect("status", run.status.value, "succeeded")
    case.expect("Entra", await case.tenant() == case.before, True)
    rows = await case.stack.audit_log(run)
    planned = Counter(
        row["action"]
        for row in rows
        if row["result"] == "planned" and row["attribute"] in ("", "userPrincipalName", "surname")
    )
    case.expect("planned", planned.keys(), {"add", "update", "rename", "delete"})


async def _change(case: Case) -> httpx.Response:
    """A change of the version that is there, as the console asks for it."""
    path = f"domains/{case.domain}"
    seen = (await case.stack.get(path)).headers["ETag"]
    return await case.stack.patch(path, {"maxAllowedDeletions": 33}, **{"If-Match": seen})


async def judge_settings(case: Case, _run: Run | None) -> None:
    view = (await case.stack.get(f"domains/{case.domain}")).json()
    case.expect("setting", view["maxAllowedDeletions"], 33)
    table = await case.stack.services.storage.open_table(DOMAINS)
    condition, parameters = "PartitionKey eq @domain and RowKey ge 'change-'", {"domain": case.domain}
    rows = [row async for row in table.query_entities(condition, parameters=parameters) if "before" in row]
    changes = [[json.loads(row[side])["maxAllowedDeletions"] for side in ("before", "after")] for row in rows]
    case.expect("recorded changes", changes, [[20, 33]])
    case.expect("changes told", case.told("settings.changed"), 1)


async def _sync_first(case: Case) -> None:
    case.prepared = await case.stack.sync(case.domain)


async def _dry_run_first(case: Case) -> None:
    case.prepared = await case.stack.dry_run(case.domain)


async def _undo(case: Case) -> httpx.Response:
    assert case.prepared is not None
    return await case.stack.post(f"domains/{case.domain}/runs/{case.prepared.id}/undo")


def one_leaver(domain: str) -> tuple[list[Json], list[Json]]:
    return [in_source(n, domain) for n in KEPT], [in_entra(n, domain) for n in (*KEPT, "gone")]


async def _in_stages(case: Case) -> None:
    await case.stack.set(case.domain, leavers={"block": True, "deleteAfterDays": 30})


async def judge_block(case: Case, run: Run | None) -> None:
    """The leaver is blocked once, and their row knows it."""
    assert run is not None
    case.expect("status", run.status.value, "succeeded")
    case.expect("blocked", run.counts.block, 1)
    case.expect("enabled", case.stack.users(case.domain)[f"gone@{case.domain}"]["accountEnabled"], False)
    sent = [write for write in case.stack.writes() if write.startswith(("PATCH", "DELETE"))]
    case.expect("writes", len(sent), 1)
    memory = await case.stack.services.known_people.read(case.domain)
    (row,) = map(read, memory.leavers.values())
    case.expect("row", row and (row.ours, row.blocked is not None, row.signed_out), (True, True, True))


async def _approve(case: Case) -> httpx.Response:
    assert case.prepared is not None
    return await case.stack.post(f"domains/{case.domain}/sync", {"approve": {"dryRunId": case.prepared.id}})


async def _start_without_message(case: Case) -> None:
    """A sync whose message was lost."""
    await case.stack.start_without_message(case.domain)


async def _cancel(case: Case) -> httpx.Response:
    (run,) = await case.stack.runs(case.domain)
    return await case.stack.post(f"domains/{case.domain}/runs/{run.id}/cancel")


async def judge_cancelled(case: Case, run: Run | None) -> None:
    assert run is not None
    case.expect("status", run.status.value, "cancelled")
    case.expect("Entra", await case.tenant() == case.before, True)
    case.expect("request told", case.told("run.cancelRequested"), 1)


async def _send_twice(case: Case) -> httpx.Response:
    """Sync Now with its queue message delivered twice."""
    answer = await case.stack.post(f"domains/{case.domain}/sync")
    if answer.status_code == 202:
        again = message(case.domain, answer.json()["id"])
        connection = case.stack.settings["AzureWebJobsStorage"]
        async with QueueClient.from_connection_string(connection, QUEUE, initial_backoff=1) as queue:
            await queue.send_message(base64.b64encode(again.encode()).decode())
    return answer


async def _sync_until_its_lease_is_renewed(case: Case) -> httpx.Response:
    """Sync Now of a run that reads its users until a heartbeat has succeeded."""

    async def renewed() -> bool:
        asked = await storage_of(case.stack).writes()
        return any(one.operation == "RenewBlobLease" and one.status == 200 for one in asked)

    case.stack.hold_up()
    answer = await case.stack.post(f"domains/{case.domain}/sync")
    await until(renewed, poll=0.2)
    case.stack.let_go()
    return answer


EVERYTHING = Counter(add=1, update=1, rename=1, delete=1)
SCENARIOS = {
    one.name: one
    for one in (
        Scenario(
            "dry run",
            changed_people,
            lambda case: case.stack.post(f"domains/{case.domain}/dry-run"),
            judge_dry_run,
        ),
        Scenario(
            "sync",
            changed_people,
            lambda case: case.stack.post(f"domains/{case.domain}/sync"),
            partial(judge_sync, wanted=EVERYTHING),
        ),
        Scenario(
            "undo",
            changed_people,
            _undo,
            partial(judge_sync, wanted=Counter(update=1, rename=1, restore=1)),
            _sync_first,
        ),
        Scenario(
            "approval", leavers, _approve, partial(judge_sync, wanted=Counter(delete=3)), _dry_run_first
        ),
        Scenario(
            "leaver",
            one_leaver,
            lambda case: case.stack.post(f"domains/{case.domain}/sync"),
            judge_block,
            _in_stages,
        ),
        Scenario("cancel", changed_people, _cancel, judge_cancelled, _start_without_message, queues=False),
        Scenario("second message", changed_people, _send_twice, partial(judge_sync, wanted=EVERYTHING)),
        Scenario(
            "slow sync",
            changed_people,
            _sync_until_its_lease_is_renewed,
            partial(judge_sync, wanted=EVERYTHING),
            only="RenewBlobLease locks/{domain} #1",
        ),
        Scenario(
            "settings change",
            leavers,
            _change,
            judge_settings,
            starts=False,
        ),
    )
}
