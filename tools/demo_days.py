"""An ordinary day of the sample people: what the guide's pictures show.

Yesterday both sides were the same, and two days of hourly syncs had been made; those are made up, but for one. Today
Access Control has the sample people.
"""

import asyncio
import json
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import httpx

from local.host import HostProcess
from local.people import ACCESS_CONTROL_SEED, ENTRA_SEED
from local.stack import Stack, running_stack
from shared.clock import Clock
from shared.model.parts import Parts, verbatim
from shared.model.runs import Counts, DeletionCheck, Mode, Run, Status, Trigger, new_run_id
from shared.planning.limits import Checks
from shared.reports import summary
from shared.services import Services
from shared.settings import Settings

CONTOSO, FABRIKAM, CORP = "contoso.com", "fabrikam.com", "corp.contoso.com"
# Two days of hourly syncs.
HOURS = 47
UNUSUAL = {31: Status.FAILED, 20: Status.CANCELLED, 8: Status.COMPLETED_WITH_ERRORS}
UNREACHABLE = "Access Control: GET users answered 503."
PEOPLE = 27
WITHIN_THE_LIMIT = DeletionCheck(
    deletions=0, target=PEOPLE, percent=0, max_allowed_deletions=20, exceeded=False
)
BEYOND_IT = DeletionCheck(deletions=9, target=PEOPLE, percent=33.3, max_allowed_deletions=20, exceeded=True)
# One that could not read has nothing to check.
CHECKED = {Status.FAILED: None, Status.CANCELLED: BEYOND_IT}


@dataclass(frozen=True)
class Day:
    """Where the console is, and the ids of two runs of contoso.com: today's dry run, and a sync that failed."""

    console: str
    dry_run: str
    failed: str


@asynccontextmanager
async def ordinary_day() -> AsyncIterator[Day]:
    """Runs the whole product on loopback, and lets the two days pass."""
    with running_stack() as stack, HostProcess(stack.settings) as host:
        async with httpx.AsyncClient(base_url=host.url, timeout=60) as client:
            await change_source(stack, yesterdays_people())
            for domain in (FABRIKAM, CORP):
                await run(client, domain, "sync")
            failed = await two_days_of_syncs(stack, await run(client, CONTOSO, "sync"))
            await change_source(stack, json.loads(ACCESS_CONTROL_SEED.read_bytes())["users"])
            await change(client, CONTOSO, periodicSync=True)
            dry_run = await run(client, CONTOSO, "dry-run")
            await run(client, FABRIKAM, "dry-run")
            yield Day(f"{host.url}/api/console", dry_run, failed)


def yesterdays_people() -> list[dict[str, object]]:
    """Everybody who has an account in Entra, as Entra has them, for Access Control's emulator."""
    today = json.loads(ACCESS_CONTROL_SEED.read_bytes())["users"]
    usernames = {user["immutable_id"]: user["username"] for user in today if user["immutable_id"]}
    return [
        {
            "username": usernames.get(immutable_id, upn.partition("@")[0]),
            "family_name": account["surname"],
            "given_name": account["givenName"],
            "display_name": account["displayName"],
            "user_principal_name": upn,
            "email": account["mail"],
            "status": "enabled" if account["accountEnabled"] else "disabled",
            "immutable_id": immutable_id,
        }
        for account in json.loads(ENTRA_SEED.read_bytes())["users"]
        # Guests, administrators and mailboxes without a person have none.
        if "department" in account
        for upn, immutable_id in [(account["userPrincipalName"], account.get("onPremisesImmutableId", ""))]
    ]


async def change_source(stack: Stack, users: list[dict[str, object]]) -> None:
    async with httpx.AsyncClient() as control:
        answer = await control.put(f"{stack.access_control_control}/users", json={"users": users})
        answer.raise_for_status()


async def run(host: httpx.AsyncClient, domain: str, kind: str) -> str:
    """Runs it to its end; returns its id."""
    answer = await host.post(f"/api/domains/{domain}/{kind}", json={})
    run_id = str(answer.raise_for_status().json()["id"])
    async with asyncio.timeout(60):
        while True:
            seen = (await host.get(f"/api/domains/{domain}/runs/{run_id}")).json()
            if seen["finishedAt"]:
                return run_id
            await asyncio.sleep(0.2)


async def change(host: httpx.AsyncClient, domain: str, **settings: object) -> None:
    (await host.patch(f"/api/domains/{domain}", json=settings)).raise_for_status()


async def two_days_of_syncs(stack: Stack, real_id: str) -> str:
    """Writes a sync of contoso.com for each hour, under the real one's terms; returns the id of the one that failed."""
    services = Services(Settings.from_environment(stack.settings))
    chance, now, failed = random.Random(48), datetime.now(UTC), ""
    try:
        real = await services.runs.find(CONTOSO, real_id)
        if real is None:
            raise RuntimeError(f"{CONTOSO} has no run {real_id}")
        for hours_ago in range(HOURS, 0, -1):
            then = now - timedelta(hours=hours_ago)
            status = UNUSUAL.get(hours_ago, Status.SUCCEEDED)
            made_up = Run(
                id=new_run_id(then, Clock().token(4)), domain=CONTOSO, mode=Mode.SYNC, trigger=Trigger.SCHEDULE,
                requested_by="schedule", created_at=then, started_at=then,
                finished_at=then + timedelta(seconds=chance.uniform(3, 20)), status=status,
                counts=a_working_hour(chance, status), deletion_check=CHECKED.get(status, WITHIN_THE_LIMIT),
                map_digest=real.map_digest, terms=real.terms,
            )  # fmt: skip
            made_up = made_up.model_copy(update={"message_parts": what_it_says(made_up)})
            await services.runs.start(made_up)
            hold = await services.runs.take(CONTOSO, made_up.id)
            if hold is None:
                raise RuntimeError(f"{CONTOSO} is busy")
            await services.runs.finish(hold, made_up, {})
            failed = made_up.id if status is Status.FAILED else failed
    finally:
        await services.aclose()
    return failed


def what_it_says(run: Run) -> Parts:
    if run.status is Status.FAILED:
        return summary.cut_short(verbatim(UNREACHABLE), run)
    if run.status is Status.CANCELLED:
        return summary.refused(run, Checks(BEYOND_IT))
    return summary.outcome(run, Checks(WITHIN_THE_LIMIT))


def a_working_hour(chance: random.Random, status: Status) -> Counts:
    """Counts of one hourly sync: mostly no changes or a few."""
    if status is Status.FAILED:
        return Counts()
    if status is Status.CANCELLED:
        return Counts(source=PEOPLE, target=PEOPLE)
    busy = chance.random() < 0.6
    some = {name: chance.choice((0, 0, 1, 2, 4)) for name in ("add", "update", "rename", "delete")}
    failed = 1 if status is Status.COMPLETED_WITH_ERRORS else 0
    return Counts(source=PEOPLE, target=PEOPLE, **(some if busy or failed else {}), failed=failed)
