"""`make screenshots`: writes the guide's pictures to docs/images/, in both languages and both colour schemes.

The people are the demo's. The runs are real, except for two days of hourly syncs, which are made up.
"""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import httpx
from playwright.async_api import Browser, Page, ViewportSize, expect

from local.host import HostProcess
from local.processes import REPOSITORY
from local.stack import Stack, running_stack
from shared.clock import Clock
from shared.model.parts import Parts, verbatim
from shared.model.runs import Counts, DeletionCheck, Mode, Run, Status, Trigger, new_run_id
from shared.planning.limits import Checks
from shared.reports import summary
from shared.services import Services
from shared.settings import Settings
from tools.browser import running_browser

FOLDER = REPOSITORY / "docs" / "images"
LANGUAGES = {"en": "en-GB", "ja": "ja-JP"}
SCHEMES = ("light", "dark")
WINDOW: ViewportSize = {"width": 1280, "height": 860}
CONTOSO, FABRIKAM, CORP = "contoso.com", "fabrikam.com", "corp.contoso.com"
# Two days of hourly syncs.
HOURS = 47
UNUSUAL = {31: Status.FAILED, 20: Status.CANCELLED, 8: Status.COMPLETED_WITH_ERRORS}
UNREACHABLE = "Access Control: GET users answered 503."
WITHIN_THE_LIMIT = DeletionCheck(deletions=0, target=26, percent=0, max_allowed_deletions=20, exceeded=False)
BEYOND_IT = DeletionCheck(deletions=9, target=26, percent=34.6, max_allowed_deletions=20, exceeded=True)


@dataclass(frozen=True)
class Picture:
    name: str
    address: str


async def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    async with running_browser() as browser, product() as (stack, host):
        await pictures(browser, host, await demo_scenes(stack, host))
    print(f"{len(list(FOLDER.glob('*.png')))} pictures in {FOLDER.relative_to(REPOSITORY)}")


@asynccontextmanager
async def product() -> AsyncIterator[tuple[Stack, httpx.AsyncClient]]:
    """Runs the whole product on loopback; yields its services and an HTTP client for its host."""
    with (
        running_stack() as stack,
        HostProcess(stack.settings) as host,
    ):
        async with httpx.AsyncClient(base_url=host.url, timeout=60) as client:
            yield stack, client


async def demo_scenes(stack: Stack, host: httpx.AsyncClient) -> list[Picture]:
    """The guide's scenes, with the demo's people."""
    failed = await two_days_of_syncs(stack)
    await change(host, CONTOSO, periodicSync=True)
    dry_run = await run(host, CONTOSO, "dry-run")
    await run(host, FABRIKAM, "dry-run")
    await run(host, CORP, "sync")
    contoso = f"#/domains/{CONTOSO}"
    result = f"{contoso}/runs/{dry_run}"
    return [
        Picture("dry-run-result", result),
        Picture("people", f"{result}?show=update"),
        Picture("sync-now", f"#/?dialog=sync-now&on={FABRIKAM}"),
        Picture("periodical-sync", f"#/?dialog=periodical-sync&on={FABRIKAM}"),
        Picture("settings", f"#/?dialog=settings&on={CONTOSO}"),
        Picture("sync-logs", f"{contoso}/sync-logs"),
        Picture("failed-run", f"{contoso}/runs/{failed}"),
        Picture("pre-check", f"{contoso}/pre-check"),
        Picture("person", f"#/people/mei.suzuki@{CONTOSO}"),
    ]


async def pictures(browser: Browser, host: httpx.AsyncClient, scenes: list[Picture]) -> None:
    for language in LANGUAGES:
        for scheme in SCHEMES:
            for scene in scenes:
                page = await opened(browser, host, scene, language, scheme)
                await taken(page, f"{scene.name}-{language}-{scheme}")


async def opened(
    browser: Browser, host: httpx.AsyncClient, scene: Picture, language: str, scheme: str
) -> Page:
    context = await browser.new_context(
        locale=LANGUAGES[language],
        timezone_id="Asia/Tokyo",
        color_scheme="dark" if scheme == "dark" else "light",
        viewport=WINDOW,
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
    """Runs it to its end; returns its id."""
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
    """Writes an hourly sync of contoso.com for each hour; returns the id of the one that failed."""
    services = Services(Settings.from_environment(stack.settings))
    chance, now, failed = random.Random(48), datetime.now(UTC), ""
    try:
        for hours_ago in range(HOURS, 0, -1):
            then = now - timedelta(hours=hours_ago)
            status = UNUSUAL.get(hours_ago, Status.SUCCEEDED)
            made_up = Run(
                id=new_run_id(then, Clock().token(4)), domain=CONTOSO, mode=Mode.SYNC, trigger=Trigger.SCHEDULE,
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
            ended = ended.model_copy(update={"message_parts": what_it_says(ended)})
            await services.runs.finish(hold, ended, {})
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
    if status in (Status.FAILED, Status.CANCELLED):
        return Counts(source=29, target=26)
    busy = chance.random() < 0.6
    some = {name: chance.choice((0, 0, 1, 2, 4)) for name in ("add", "update", "rename", "delete")}
    failed = 1 if status is Status.COMPLETED_WITH_ERRORS else 0
    return Counts(source=29, target=26, **(some if busy or failed else {}), failed=failed)


if __name__ == "__main__":
    asyncio.run(main())
