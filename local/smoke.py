"""Checks a deployed app from outside: `python -m local.smoke https://NAME.azurewebsites.net --domain contoso.com`.

Callers without a key or token are refused, health is deep-green, a dry run completes, and the link to its audit
log works, reads one blob only, and ends. It starts a dry run, which changes nobody but overwrites the last dry
run's audit log. The key or token comes from SMOKE_KEY or SMOKE_TOKEN, so that it stands in no shell history.
"""

import argparse
import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

PATIENCE_SECONDS = 600
LONGEST_LINK = timedelta(minutes=60)
BOM = "\ufeff"


class SmokeError(Exception):
    """The app does not do what it should; the text says what it did instead."""


class Smoke:
    """One app, and what it takes to be let in."""

    def __init__(self, url: str, domain: str, credentials: Mapping[str, str]) -> None:
        self._http = httpx.AsyncClient(base_url=url.rstrip("/"), timeout=60)
        self._domain = f"/api/domains/{domain}"
        self._credentials = credentials
        self._run: dict[str, Any] = {}

    async def check(self) -> list[str]:
        """What failed, each check having said on the way how it went; empty if all is well."""
        checks: tuple[tuple[str, Callable[[], Awaitable[None]]], ...] = (
            ("callers without a key or token are refused", self._refuses_strangers),
            ("storage, source and Graph are reached", self._is_healthy),
            ("a dry run completes", self._completes_a_dry_run),
            ("the audit log's link works, for one blob and for a while", self._links_to_the_audit_log),
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

    async def _refuses_strangers(self) -> None:
        for method, path in (
            ("GET", "/api/domains"),
            ("POST", f"{self._domain}/sync"),
            ("PATCH", self._domain),
        ):
            answer = await self._http.request(method, path, json={} if method != "GET" else None)
            _expect(answer.status_code in (401, 403), f"{method} {path} answered {answer.status_code}")

    async def _is_healthy(self) -> None:
        answer = await self._http.get("/api/health", params={"deep": "true"})
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
        url = answer.json()["url"]
        async with httpx.AsyncClient(timeout=60) as stranger:
            log = await stranger.get(url)
            _expect(log.status_code == 200, f"the link answered {log.status_code}")
            _expect(log.text.startswith(BOM + "runId,"), "the link does not lead to an audit log")
            other = await stranger.get(url.replace(".csv?", "-other.csv?"))
            _expect(other.status_code == 403, f"the link opens another blob too ({other.status_code})")
        _expect_bounded(url)


def _expect_bounded(url: str) -> None:
    parts = urlsplit(url)
    terms = {name: values[0] for name, values in parse_qs(parts.query).items()}
    ends = datetime.fromisoformat(terms["se"])
    _expect(ends <= datetime.now(UTC) + LONGEST_LINK, f"the link ends only at {ends}")
    _expect(terms.get("sp") == "r", f"the link grants {terms.get('sp')}, not reading alone")
    _expect(terms.get("sr") == "b", "the link is not for one blob")
    if parts.scheme == "https":
        _expect(terms.get("spr") == "https", "the link also works without HTTPS")


def _expect(true: bool, otherwise: str) -> None:
    if not true:
        raise SmokeError(otherwise)


def _credentials(environment: Mapping[str, str]) -> dict[str, str]:
    if token := environment.get("SMOKE_TOKEN"):
        return {"Authorization": f"Bearer {token}"}
    if key := environment.get("SMOKE_KEY"):
        return {"x-functions-key": key}
    sys.exit("Set SMOKE_KEY to a function key, or SMOKE_TOKEN to an access token for the app.")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m local.smoke", description=__doc__)
    parser.add_argument("url", help="the app's address, without /api")
    parser.add_argument("--domain", required=True, help="a verified domain whose dry run may be overwritten")
    options = parser.parse_args()
    smoke = Smoke(options.url, options.domain, _credentials(os.environ))
    sys.exit(1 if asyncio.run(smoke.check()) else 0)


if __name__ == "__main__":
    main()
