"""`make screenshots`: every view of the admin page, in both languages and both colour schemes, into docs/images/.

The people are the demo's, the runs are real, but for the last two days of hourly syncs, which are made up.
"""

import asyncio
import json
import random
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
from playwright.async_api import Browser, Page, expect

from local.browser import running_browser
from local.host import HostProcess
from local.people import ENTRA_SEED
from local.processes import REPOSITORY
from local.stack import Stack, running_stack
from shared import report
from shared.checks import Checks
from shared.records import Counts, DeletionCheck, Mode, Run, Status, Trigger, new_run_id
from shared.services import Services
from shared.settings import Settings

FOLDER = REPOSITORY / "docs" / "images"
LANGUAGES = {"en": "en-GB", "ja": "ja-JP"}
SCHEMES = ("light", "dark")
DESKTOP = {"width": 1280, "height": 860}
PHONE = {"width": 390, "height": 844}
CONTOSO, FABRIKAM, CORP = "contoso.com", "fabrikam.com", "corp.contoso.com"
# Enough for two days of hourly syncs to look like two days.
HOURS = 47
UNUSUAL = {31: Status.FAILED, 20: Status.CANCELLED, 8: Status.COMPLETED_WITH_ERRORS}
UNREACHABLE = "Access Control can't be read: 503 after 5 tries over 62 s. Nothing was applied."
WITHIN_THE_LIMIT = DeletionCheck(deletions=0, target=26, percent=0, max_allowed_deletions=20, exceeded=False)
STOPPED = "Cancelled, nothing was applied: 9 of 26 users = 34.6 % ≥ 20 % (Max Allowed Deletions)."


@dataclass(frozen=True)
class Picture:
    """One view; `size` is that of the window."""

    name: str
    address: str
    size: dict[str, int]


async def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    async with running_browser() as browser:
        async with product() as (stack, host):
            await pictures(browser, host, await demo_scenes(stack, host))
            await take_running(browser, stack, host)
        with hundred_domains() as tenant:
            async with product(tenant) as (_, host):
                await pictures(browser, host, [Picture("hundred-domains", "#/", DESKTOP)])
    print(f"{len(list(FOLDER.glob('*.png')))} pictures in {FOLDER.relative_to(REPOSITORY)}")


@asynccontextmanager
async def product(tenant: Path = ENTRA_SEED) -> AsyncIterator[tuple[Stack, httpx.AsyncClient]]:
    """The whole of it on loopback, and a client for its host."""
    with (
        running_stack(tenant=tenant) as stack,
        HostProcess(stack.settings) as host,
    ):
        async with httpx.AsyncClient(base_url=host.url, timeout=60) as client:
            yield stack, client


async def demo_scenes(stack: Stack, host: httpx.AsyncClient) -> list[Picture]:
    """Everything that there is to see at the demo's company."""
    failed = await two_days_of_syncs(stack)
    await change(host, CONTOSO, periodicSync=True)
    dry_run = await run(host, CONTOSO, "dry-run")
    await run(host, FABRIKAM, "dry-run")
    await run(host, CORP, "sync")
    contoso = f"#/domains/{CONTOSO}"
    result = f"{contoso}/runs/{dry_run}"
    return [
        Picture("domains", "#/", DESKTOP),
        Picture("dry-run", f"#/?dialog=dry-run&on={CONTOSO}", DESKTOP),
        Picture("dry-run-result", result, DESKTOP),
        Picture("people", f"{result}?show=update", DESKTOP),
        Picture("sync-now", f"#/?dialog=sync-now&on={FABRIKAM}", DESKTOP),
        Picture("periodical-sync", f"#/?dialog=periodical-sync&on={FABRIKAM}", DESKTOP),
        Picture("settings", f"#/?dialog=settings&on={CONTOSO}", DESKTOP),
        Picture("sync-logs", f"{contoso}/sync-logs", DESKTOP),
        Picture("audit-logs", f"{contoso}/audit-logs", DESKTOP),
        Picture("failed-run", f"{contoso}/runs/{failed}", DESKTOP),
        Picture("nothing-yet", "#/domains/contoso.onmicrosoft.com/sync-logs", DESKTOP),
        Picture("pre-check", f"{contoso}/pre-check", DESKTOP),
        Picture("trace", f"{contoso}/trace?user=mei.suzuki@{CONTOSO}", DESKTOP),
        Picture("phone-domains", "#/", PHONE),
        Picture("phone-dry-run-result", result, PHONE),
    ]


async def pictures(browser: Browser, host: httpx.AsyncClient, scenes: list[Picture]) -> None:
    for language in LANGUAGES:
        for scheme in SCHEMES:
            for scene in scenes:
                page = await opened(browser, host, scene, language, scheme)
                await taken(page, f"{scene.name}-{language}-{scheme}")


async def take_running(browser: Browser, stack: Stack, host: httpx.AsyncClient) -> None:
    """The list of domains while a sync goes on, which a slow tenant makes last."""
    async with httpx.AsyncClient() as control:
        await control.put(f"{stack.entra_control}/faults", json={"latencyMs": 4000})
        await change(host, FABRIKAM, maxAllowedDeletions=50)
        await start(host, FABRIKAM, "sync")
        for language in LANGUAGES:
            page = await opened(browser, host, Picture("running", "#/", DESKTOP), language, "light")
            await expect(page.get_by_role("progressbar")).to_be_visible()
            await taken(page, f"running-{language}-light")
        await control.put(f"{stack.entra_control}/faults", json={})


async def opened(
    browser: Browser, host: httpx.AsyncClient, scene: Picture, language: str, scheme: str
) -> Page:
    context = await browser.new_context(
        locale=LANGUAGES[language],
        timezone_id="Asia/Tokyo",
        color_scheme="dark" if scheme == "dark" else "light",
        viewport={"width": scene.size["width"], "height": scene.size["height"]},
        reduced_motion="reduce",
    )
    page = await context.new_page()
    await page.goto(f"{host.base_url}/api/console{scene.address}")
    await expect(page.locator("main h1")).to_be_visible()
    if "dialog=" in scene.address:
        await expect(page.locator("dialog h2")).to_be_visible()
    return page


async def taken(page: Page, name: str) -> None:
    await page.screenshot(path=FOLDER / f"{name}.png")
    await page.context.close()


async def start(host: httpx.AsyncClient, domain: str, kind: str) -> str:
    answer = await host.post(f"/api/domains/{domain}/{kind}", json={})
    return str(answer.raise_for_status().json()["id"])


async def run(host: httpx.AsyncClient, domain: str, kind: str) -> str:
    """The id of a run that has ended."""
    run_id = await start(host, domain, kind)
    async with asyncio.timeout(60):
        while True:
            seen = (await host.get(f"/api/domains/{domain}/runs/{run_id}")).json()
            if seen["finishedAt"]:
                return run_id
            await asyncio.sleep(0.2)


async def change(host: httpx.AsyncClient, domain: str, **settings: object) -> None:
    (await host.patch(f"/api/domains/{domain}", json=settings)).raise_for_status()


async def two_days_of_syncs(stack: Stack) -> str:
    """Writes an hourly sync of contoso.com for each hour; the id of the one that failed."""
    services = Services(Settings.from_environment(stack.settings))
    chance, now, failed = random.Random(48), datetime.now(UTC), ""
    try:
        for hours_ago in range(HOURS, 0, -1):
            then = now - timedelta(hours=hours_ago)
            status = UNUSUAL.get(hours_ago, Status.SUCCEEDED)
            made_up = Run(
                id=new_run_id(then), domain=CONTOSO, mode=Mode.SYNC, trigger=Trigger.SCHEDULE,
                requested_by="schedule", created_at=then,
            )  # fmt: skip
            await services.runs.start(made_up)
            hold = await services.runs.take(CONTOSO, made_up.id)
            if hold is None:
                raise RuntimeError(f"{CONTOSO} is busy")
            ended = made_up.model_copy(
                update={
                    "status": status,
                    "started_at": then,
                    "finished_at": then + timedelta(seconds=chance.uniform(3, 20)),
                    "counts": a_working_hour(chance, status),
                }
            )
            message = {Status.FAILED: UNREACHABLE, Status.CANCELLED: STOPPED}.get(status)
            message = message or report.outcome(ended, Checks(WITHIN_THE_LIMIT))
            ended = ended.model_copy(update={"message": message})
            await services.runs.finish(hold, ended)
            failed = made_up.id if status is Status.FAILED else failed
    finally:
        await services.aclose()
    return failed


def a_working_hour(chance: random.Random, status: Status) -> Counts:
    """Most hours change nobody or a few people."""
    if status in (Status.FAILED, Status.CANCELLED):
        return Counts(source=29, target=26)
    busy = chance.random() < 0.6
    some = {name: chance.choice((0, 0, 1, 2, 4)) for name in ("add", "update", "rename", "delete")}
    failed = 1 if status is Status.COMPLETED_WITH_ERRORS else 0
    return Counts(source=29, target=26, **(some if busy or failed else {}), failed=failed)


@contextmanager
def hundred_domains() -> Iterator[Path]:
    """The seed of a tenant with a hundred domains, some of whose names are long."""
    names = [f"subsidiary-{number:03}.example" for number in range(95)]
    names += [f"a{'-very' * 8}-long-name-of-subsidiary-{number}.holding.example" for number in range(5)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "entra.json"
        kinds = ("Managed", "Managed", "Federated")
        domains = [
            {"id": name, "authenticationType": kinds[index % 3]} for index, name in enumerate(sorted(names))
        ]
        path.write_text(json.dumps({"domains": domains}), encoding="utf-8")
        yield path


if __name__ == "__main__":
    asyncio.run(main())
