"""Emulators of Entra and Access Control, filled with people, each in its own process."""

import contextlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import orjson

from benchmarks.measuring import Figures, cpu_of
from benchmarks.people import DOMAIN, access_control_user, graph_user, people
from local.stack import Stack, running_stack

# The default page size of the Access Control emulator; the real size is not known.
SOURCE_PAGE_SIZE = 50


@dataclass(frozen=True)
class Emulated:
    stack: Stack

    def begin(self) -> Figures:
        """Clears the request log; returns each process's CPU time so far, for `costs`."""
        httpx.delete(f"{self.stack.entra_control}/requests", trust_env=False).raise_for_status()
        return self._cpu()

    def costs(self, since: Figures) -> Figures:
        """CPU seconds of the emulators and Azurite since `begin`."""
        return {name: cpu - since[name] for name, cpu in self._cpu().items()}

    def calls(self) -> dict[str, Any]:
        """The Entra emulator's request log: a summary and every call. `outer` counts HTTP requests."""
        return self._look("requests?log=true")

    def users(self) -> int:
        """The number of users in Entra now."""
        return int(self._look("health")["users"])

    def _look(self, what: str) -> dict[str, Any]:
        answer = httpx.get(f"{self.stack.entra_control}/{what}", trust_env=False, timeout=60)
        found: dict[str, Any] = orjson.loads(answer.raise_for_status().content)
        return found

    def _cpu(self) -> Figures:
        pids = {
            "entra": self.stack.entra.pid,
            "access_control": self.stack.access_control.pid,
            "azurite": self.stack.azurite.pid,
        }
        return {name: cpu_of(pid) for name, pid in pids.items() if pid is not None}


@contextlib.contextmanager
def emulated(
    in_source: int, in_entra: int, *, latency_ms: float = 0, clock_rate: float = 1
) -> Iterator[Emulated]:
    """Runs both sides with the first `in_source` and `in_entra` of the same people."""
    with tempfile.TemporaryDirectory() as folder:
        source, tenant = Path(folder, "source.json"), Path(folder, "tenant.json")
        everybody = [access_control_user(person) for person in people(in_source)]
        source.write_bytes(orjson.dumps({"users": everybody, "pageSize": SOURCE_PAGE_SIZE}))
        users = [graph_user(person) for person in people(in_entra)]
        tenant.write_bytes(orjson.dumps({"domains": [{"id": DOMAIN}], "users": users}))
        with running_stack(
            source, tenant, latency_ms=latency_ms, clock_rate=clock_rate, strict=False
        ) as stack:
            yield Emulated(stack)
