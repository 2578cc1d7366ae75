"""Clients of the walk-through: for the app's HTTP API and for the Entra emulator's control API."""

import csv
import io
import time
from collections.abc import Callable
from typing import Any

import httpx

Json = dict[str, Any]

_POLL_SECONDS = 0.2
_PATIENCE_SECONDS = 60.0


class Unexpected(Exception):
    """An answer after which the walk-through can't go on."""


class App:
    """The functions host at `url`."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._http = httpx.Client(base_url=url, timeout=60, trust_env=False)

    def get(self, path: str) -> Json:
        return self._call("GET", path)

    def change_domain(self, domain: str, **settings: object) -> Json:
        return self._call("PATCH", f"/api/domains/{domain}", settings)

    def tick(self) -> None:
        """Fires the hourly timer now, through the host's admin API."""
        self._call("POST", "/admin/functions/hourly_sync", {})

    def start(self, domain: str, what: str) -> str:
        """Starts a `dry-run` or `sync`; returns the run's URL. Raises Unexpected."""
        answer = self._http.post(f"/api/domains/{domain}/{what}")
        if answer.status_code != 202:
            raise Unexpected(f"POST {answer.url} answered {answer.status_code}: {answer.text}")
        return answer.headers["Location"]

    def finished(self, location: str, watch: Callable[[Json], None] = lambda _: None) -> Json:
        """Waits until the run has ended and returns it; calls `watch` with each earlier answer. Raises Unexpected."""
        give_up_at = time.monotonic() + _PATIENCE_SECONDS
        while (run := self.get(location))["finishedAt"] is None:
            watch(run)
            if time.monotonic() > give_up_at:
                raise Unexpected(f"The run at {location} has not ended in {_PATIENCE_SECONDS:g} s.")
            time.sleep(_POLL_SECONDS)
        return run

    def runs(self, domain: str) -> list[Json]:
        """The Sync Logs, newest first."""
        runs: list[Json] = self.get(f"/api/domains/{domain}/runs")["runs"]
        return runs

    def audit_log(self, run: Json) -> tuple[Json, list[dict[str, str]]]:
        """The API's link, and the rows of the CSV downloaded through it."""
        path = f"/api/domains/{run['domain']}/runs/{run['id']}/audit-log"
        link = self._http.get(path, headers={"Accept": "application/json"}).raise_for_status().json()
        content = httpx.get(link["url"], trust_env=False).raise_for_status().content
        return link, list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))

    def _call(self, method: str, path: str, body: Json | None = None) -> Json:
        answer = self._http.request(method, path, json=body)
        if not answer.is_success:
            raise Unexpected(f"{method} {answer.url} answered {answer.status_code}: {answer.text}")
        content: Json = answer.json() if answer.content else {}
        return content


class EntraEmulator:
    """The Entra emulator's control API at `url`."""

    def __init__(self, url: str) -> None:
        self._url = url

    def slow_down(self, milliseconds: int) -> None:
        """Delays each later `$batch` by this time."""
        rules = (
            [{"kind": "delay", "ms": milliseconds, "path": "/$batch", "where": "outer"}]
            if milliseconds
            else []
        )
        httpx.put(f"{self._url}/faults", json={"rules": rules}, trust_env=False).raise_for_status()
