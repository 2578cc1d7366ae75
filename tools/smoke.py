"""Checks a deployed app from outside: `python -m tools.smoke https://NAME.azurewebsites.net --domain contoso.com`.

It checks that callers without a key or token are refused or sent to sign in, that the deep health check passes, that a
dry run completes, that the link to its audit log works, reads only one blob, and expires, and that the hourly timer
runs. The dry run changes no user but overwrites the last dry run's audit log. The timer does now what it would do at
the next hour: it starts a sync of each domain whose periodic sync is on. SMOKE_KEY is the app's master key, which the
timer needs; with sign-in, set SMOKE_TOKEN too. Both come from the environment, so that they are in no shell history and
no list of processes.
"""

import argparse
import asyncio
import os
import re
import sys
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import parse_qs, quote, urljoin, urlsplit

import httpx

from shared.store.forbidden import ADVICE, ROLES

PATIENCE_SECONDS = 600
LONGEST_LINK = timedelta(minutes=60)
BOM = "\ufeff"
# Where App Service authentication sends callers who are not signed in: to Entra in one of its clouds, or via itself.
SIGN_IN_HOSTS = {
    "login.microsoftonline.com",
    "login.windows.net",
    "login.microsoftonline.us",
    "login.partner.microsoftonline.cn",
    "login.chinacloudapi.cn",
}
SIGN_IN_PATH = "/.auth/login/"


class SmokeError(Exception):
    """A check failed; the message says what the app did instead."""


class Smoke:
    """The checks of one app; `credentials` are the headers that it needs."""

    def __init__(self, url: str, domain: str, credentials: Mapping[str, str]) -> None:
        self._http = httpx.AsyncClient(base_url=url.rstrip("/"), timeout=60)
        self._domain = f"/api/domains/{domain}"
        self._credentials = credentials
        self._run: dict[str, Any] = {}
        self._link = ""

    async def check(self) -> list[str]:
        """Runs and prints each check; returns those that failed."""
        checks: tuple[tuple[str, Callable[[], Awaitable[None]]], ...] = (
            ("callers without a key or token are refused", self._refuses_unauthenticated_calls),
            ("storage, source and Graph are reached", self._is_healthy),
            ("a dry run completes", self._completes_a_dry_run),
            ("the audit log's link works", self._links_to_the_audit_log),
            ("the link is for one blob, and ends", self._bounds_the_link),
            ("the hourly timer runs", self._runs_the_timer),
        )
        failed = []
        async with self._http:
            for name, check in checks:
                try:
                    await check()
                except (SmokeError, httpx.HTTPError) as error:
                    print(f"failed  {name}: {error}")
                    failed.append(name)
                else:
                    print(f"ok      {name}")
        return failed

    async def _refuses_unauthenticated_calls(self) -> None:
        for method, path in (
            ("GET", "/api/domains"),
            ("POST", f"{self._domain}/sync"),
            ("PATCH", self._domain),
        ):
            answer = await self._http.request(method, path, json={} if method != "GET" else None)
            refused = answer.status_code in (401, 403) or _sends_to_sign_in(answer)
            target = f" to {answer.headers['Location']}" if answer.has_redirect_location else ""
            _expect(refused, f"{method} {path} answered {answer.status_code}{target}")

    async def _is_healthy(self) -> None:
        answer = await self._http.get("/api/health", params={"deep": "true"})
        forbidden = (
            answer.status_code == 503 and answer.json().get("checks", {}).get("storage") == "forbidden"
        )
        roles = " or ".join(ROLES.values())
        _expect(not forbidden, f"the app's identity lacks {roles}. {ADVICE}")
        _expect(answer.status_code == 200, f"health answered {answer.status_code}: {answer.text[:500]}")

    async def _completes_a_dry_run(self) -> None:
        answer = await self._http.post(f"{self._domain}/dry-run", json={}, headers=self._credentials)
        _expect(answer.status_code == 202, f"it answered {answer.status_code}: {answer.text[:500]}")
        place = answer.headers["Location"]
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                answer = await self._http.get(place, headers=self._credentials)
                answer.raise_for_status()
                self._run = answer.json()
                if self._run["status"] not in ("queued", "running"):
                    break
                await asyncio.sleep(float(answer.headers.get("Retry-After", "2")))
        _expect(self._run["status"] == "succeeded", f"it {self._run['status']}: {self._run['message']}")

    async def _links_to_the_audit_log(self) -> None:
        _expect(bool(self._run), "there is no dry run to look at")
        headers = {**self._credentials, "Accept": "application/json"}
        answer = await self._http.get(f"{self._domain}/runs/{self._run['id']}/audit-log", headers=headers)
        _expect(answer.status_code == 200, f"it answered {answer.status_code}: {answer.text[:500]}")
        self._link = answer.json()["url"]
        async with httpx.AsyncClient(timeout=60) as stranger:
            log = await stranger.get(self._link)
        _expect(log.status_code == 200, f"the link answered {log.status_code}")
        _expect(log.text.startswith(BOM + "runId,"), "the link does not lead to an audit log")

    async def _bounds_the_link(self) -> None:
        _expect(bool(self._link), "there is no link to look at")
        async with httpx.AsyncClient(timeout=60) as stranger:
            await expect_bounded(stranger, self._link)

    async def _runs_the_timer(self) -> None:
        """Calls the host's admin API, which knows the function only once its trigger is synced."""
        before = await self._runs()
        answer = await self._http.post("/admin/functions/hourly_sync", json={}, headers=self._credentials)
        _expect(answer.status_code != 401, "it answered 401: give the master key as SMOKE_KEY")
        _expect(answer.status_code == 202, f"it answered {answer.status_code}: {answer.text[:500]}")
        domain = await self._get(self._domain)
        if not domain["periodicSync"] or domain["activeRun"] is not None:
            return
        _expect(domain["nextRunAt"] is not None, "periodic sync is on, and there is no nextRunAt")
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                runs = await self._runs()
                if runs != before:
                    break
                await asyncio.sleep(1)
        _expect(runs[0]["trigger"] == "schedule", "the timer started no run")

    async def _runs(self) -> list[dict[str, Any]]:
        return list((await self._get(f"{self._domain}/runs?limit=1"))["runs"])

    async def _get(self, path: str) -> dict[str, Any]:
        answer = await self._http.get(path, headers=self._credentials)
        _expect(answer.status_code == 200, f"{path} answered {answer.status_code}: {answer.text[:500]}")
        return dict(answer.json())


async def expect_bounded(stranger: httpx.AsyncClient, url: str) -> None:
    """Raises SmokeError unless the link reads only one blob and expires at its stated time, within an hour."""
    parts = urlsplit(url)
    terms = {name: values[0] for name, values in parse_qs(parts.query).items()}
    _expect("se" in terms, "the link names no end")
    _expect(terms.get("sp") == "r", f"the link grants {terms.get('sp')}, not reading alone")
    _expect(terms.get("sr") == "b", "the link is not for one blob")
    if parts.scheme == "https":
        _expect(terms.get("spr") == "https", "the link also works without HTTPS")

    as_given = await stranger.get(url)
    _expect(as_given.status_code == 200, f"the link answered {as_given.status_code}")
    # By the clock of storage, which decides when the link expires.
    now, ends = parsedate_to_datetime(as_given.headers["Date"]), datetime.fromisoformat(terms["se"])
    _expect(now < ends <= now + LONGEST_LINK, f"the link ends at {ends}, and now it is {now}")

    other = await stranger.get(url.replace(".csv?", "-other.csv?"))
    _expect(other.status_code == 403, f"the link opens another blob too ({other.status_code})")
    later = quote((ends + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ"), safe="")
    longer = await stranger.get(re.sub(r"(?<=[?&]se=)[^&]+", later, url))
    _expect(longer.status_code == 403, f"its end can be moved: the link does not end ({longer.status_code})")


def _sends_to_sign_in(answer: httpx.Response) -> bool:
    if not answer.has_redirect_location:
        return False
    here = urlsplit(str(answer.url))
    there = urlsplit(urljoin(str(answer.url), answer.headers["Location"]))
    if (there.scheme, there.netloc) == (here.scheme, here.netloc):
        return there.path.startswith(SIGN_IN_PATH)
    return there.scheme == "https" and there.netloc in SIGN_IN_HOSTS


def _expect(true: bool, otherwise: str) -> None:
    if not true:
        raise SmokeError(otherwise)


def credentials(environment: Mapping[str, str]) -> dict[str, str]:
    found = {}
    if token := environment.get("SMOKE_TOKEN"):
        found["Authorization"] = f"Bearer {token}"
    if key := environment.get("SMOKE_KEY"):
        found["x-functions-key"] = key
    if not found:
        sys.exit(
            "Set SMOKE_KEY to the app's master key, and with sign-in SMOKE_TOKEN to an access token for the app."
        )
    return found


def command_line() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tools.smoke", description=__doc__)
    parser.add_argument("url", help="the app's address, without /api")
    parser.add_argument("--domain", required=True, help="a verified domain whose dry run may be overwritten")
    return parser


def main() -> None:
    options = command_line().parse_args()
    smoke = Smoke(options.url, options.domain, credentials(os.environ))
    sys.exit(1 if asyncio.run(smoke.check()) else 0)


if __name__ == "__main__":
    main()
