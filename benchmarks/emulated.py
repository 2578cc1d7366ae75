"""Emulators of Entra and Access Control, filled with people, each in its own process."""

import contextlib
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from math import ceil
from pathlib import Path
from typing import Any

import httpx
import orjson

from benchmarks.measuring import Figures, cpu_of
from benchmarks.people import DOMAIN, access_control_user, domains, graph_user, people, room
from local.azurite import ACCOUNT_NAME
from local.stack import Stack, running_stack
from shared.entra.batch import BATCH_SIZE

# The default page size of the Access Control emulator; the real size is not known.
SOURCE_PAGE_SIZE = 50


@dataclass(frozen=True)
class Emulated:
    stack: Stack
    on: int
    strict: bool

    def begin(self) -> Figures:
        """Clears the request log; returns each process's CPU time so far, for `costs`."""
        logs = [f"{self.stack.entra_control}/requests", f"{self.stack.access_control_control}/requests"]
        for log in (*logs, *([self._storage] if self.strict else [])):
            httpx.delete(log, trust_env=False).raise_for_status()
        return self._cpu()

    def costs(self, since: Figures) -> Figures:
        """CPU seconds of the emulators and Azurite since `begin`."""
        return {name: cpu - since[name] for name, cpu in self._cpu().items()}

    def calls(self) -> dict[str, Any]:
        """The Entra emulator's request log: a summary and every call. `outer` counts HTTP requests."""
        return self._look("requests?log=true")

    def requests_beside_writes(self) -> int:
        """Of HTTP; the writes go in batches of their own."""
        found = self.calls()
        writes: int = sum(call["inner"] and call["method"] != "GET" for call in found["log"])
        return int(found["outer"]) - ceil(writes / BATCH_SIZE)

    def rename_in_source(self, count: int) -> None:
        """Gives the first of them another family name."""
        for person in people(count, self.on):
            user = access_control_user(person) | {"family_name": "Changed"}
            url = f"{self.stack.access_control_control}/users/{person.username}"
            httpx.put(url, json=user, trust_env=False).raise_for_status()

    def source_pages(self) -> int:
        """Pages of the source that were asked for."""
        url = f"{self.stack.access_control_control}/requests"
        pages: list[int] = [call["page"] for call in self._asked(url)["log"]]
        return sum(page > 0 for page in pages)

    def storage_operations(self) -> int:
        """Since `begin`, if the tenant is `strict`."""
        return len(self._asked(self._storage)["requests"])

    def users(self) -> int:
        """The number of users in Entra now."""
        return int(self._look("health")["users"])

    def _look(self, what: str) -> dict[str, Any]:
        return self._asked(f"{self.stack.entra_control}/{what}")

    @property
    def _storage(self) -> str:
        origin = self.stack.azurite.url("table").removesuffix(f"/{ACCOUNT_NAME}")
        return f"{origin}/_emulator/{ACCOUNT_NAME}/requests"

    def _asked(self, url: str) -> dict[str, Any]:
        answer = httpx.get(url, trust_env=False, timeout=60)
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
    in_source: int,
    in_entra: int,
    *,
    on: int = 1,
    rooms: bool = False,
    strict: bool = False,
    page_size: int = SOURCE_PAGE_SIZE,
    latency_ms: float = 0,
    clock_rate: float = 1,
) -> Iterator[Emulated]:
    """Runs both sides with the first `in_source` and `in_entra` of the same people, on so many domains.

    `rooms`: each domain has one. `strict`: the operations of storage are counted, which costs time. `page_size`: of the
    source.
    """
    with tempfile.TemporaryDirectory() as folder:
        source, tenant = Path(folder, "source.json"), Path(folder, "tenant.json")
        _write(source, map(access_control_user, people(in_source, on)), {"pageSize": page_size})
        users = chain(map(graph_user, people(in_entra, on)), map(room, domains(on) if rooms else ()))
        names = [{"id": name, "isDefault": name == DOMAIN} for name in domains(on)]
        _write(tenant, users, {"domains": names})
        with running_stack(
            source, tenant, latency_ms=latency_ms, clock_rate=clock_rate, strict=strict
        ) as stack:
            yield Emulated(stack, on, strict)


def _write(seed: Path, users: Iterable[object], others: Mapping[str, object]) -> None:
    """User by user: a million at once would take gigabytes."""
    with seed.open("wb") as file:
        file.write(orjson.dumps({**others, "users": []}).removesuffix(b"]}"))
        for number, user in enumerate(users):
            file.write(b"," * (number > 0) + orjson.dumps(user))
        file.write(b"]}")
