"""The emulator as a process of its own: seed files, control endpoints, start and stop."""

import contextlib
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from local.entra import SeedError, parse_seed
from local.entra.seed import build_directory

from .graph import graph, person


@contextlib.contextmanager
def standalone(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    command = [sys.executable, "-m", "local.entra", "--port", "0", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
        assert process.stdout is not None
        try:
            yield process, process.stdout.readline().strip()
        finally:
            process.kill()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_a_seed_file_until_it_is_told_to_stop(tmp_path: Path, how: signal.Signals) -> None:
    seed = tmp_path / "seed.json"
    seed.write_text(json.dumps({"users": [person("青木".encode().hex())]}))
    with standalone("--seed", str(seed), "--latency-ms", "1", "--clock-rate", "10") as (process, url):
        assert url.startswith("http://127.0.0.1:")
        assert url.endswith("/v1.0")
        users = httpx.get(f"{url}/users", headers={"Authorization": "Bearer x"}).json()["value"]
        assert len(users) == 1
        process.send_signal(how)
        assert process.wait(5) == 0


def test_a_bad_seed_file_stops_it_with_one_line(tmp_path: Path) -> None:
    seed = tmp_path / "seed.json"
    seed.write_text('{"users": [{"displayName": "Nobody"}]}')
    command = [sys.executable, "-m", "local.entra", "--port", "0", "--seed", str(seed)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    assert done.returncode == 1
    assert done.stderr == "local.entra: users[0] (Nobody): userPrincipalName is missing\n"


async def test_another_process_looks_and_changes_through_the_control_endpoints() -> None:
    async with graph(users=[person(_roles=["Global Administrator"])]) as g:
        control = g.entra.url.replace("/v1.0", "/_emulator")
        await g.get("/users?$top=5")
        assert (await g.get(f"{control}/health")).json()["users"] == 1
        counted = (await g.get(f"{control}/requests")).json()
        assert counted == {
            "outer": 1,
            "inner": 0,
            "counts": {"GET /users": {"outer": 1, "inner": 0, "statuses": {"200": 1}}},
        }
        log = (await g.get(f"{control}/requests?log=true")).json()["log"]
        assert (log[0]["url"], log[0]["inner"], log[0]["status"]) == ("/users?$top=5", False, 200)
        assert (await g.delete(f"{control}/requests")).status_code == 204
        assert (await g.get(f"{control}/requests")).json()["outer"] == 0

        everyone = (await g.get(f"{control}/users")).json()
        assert everyone["users"][0]["_roles"] == ["Global Administrator"]
        seed = {"users": [person("x"), person("y")], "deletedUsers": [person("z")]}
        assert (await g.http.put(f"{control}/seed", json=seed)).status_code == 204
        everyone = (await g.get(f"{control}/users")).json()
        assert (len(everyone["users"]), len(everyone["deletedUsers"])) == (2, 1)

        faults = {"rules": [{"kind": "status", "count": 1}]}
        assert (await g.http.put(f"{control}/faults", json=faults)).status_code == 204
        assert (await g.get("/users")).status_code == 503
        assert (await g.get(f"{control}/faults")).json()["struck"] == [{"kind": "status", "count": 1}]
        for path, key in (("faults", "rules"), ("seed", "users")):
            assert (await g.http.put(f"{control}/{path}", json={key: [{}]})).status_code == 400


BAD_SEEDS: dict[str, dict[str, Any]] = {
    "shoes: Extra inputs are not permitted": {"shoes": []},
    "domains.0.id": {"domains": [{"id": "no dots"}]},
    "users[1] (b@contoso.com): unknown shoeSize": {"users": [person("a"), person("b", shoeSize=1)]},
    "users[0] (a@other.example): other.example is not among the domains": {
        "users": [person("a", "other.example")]
    },
    "users[1] (A@contoso.com): Another object with the same value": {"users": [person("a"), person("A")]},
    "users[0] (a@contoso.com): _mailbox must be one of": {"users": [person(_mailbox="letter")]},
    "users[0] (a@contoso.com): unknown _shoes": {"users": [person(_shoes=2)]},
    "groups[0] (G): _members: b@contoso.com is not": {
        "groups": [{"displayName": "G", "_members": ["b@contoso.com"]}]
    },
    "applications[0] (unnamed): displayName is missing": {"applications": [{}]},
    "faults.rules.0.kind": {"faults": {"rules": [{"kind": "gremlin"}]}},
}


@pytest.mark.parametrize(("message", "seed"), BAD_SEEDS.items())
def test_a_bad_seed_names_the_entry(message: str, seed: dict[str, Any]) -> None:
    with pytest.raises(SeedError) as raised:
        build_directory(parse_seed(seed))
    assert str(raised.value).startswith(message)


def test_what_a_seed_leaves_out_is_the_same_every_time() -> None:
    first, second = (build_directory(parse_seed({"users": [person()]})) for _ in range(2))
    assert first.users == second.users
    assert set(first.domains) == {"contoso.com", "contoso.onmicrosoft.com"}
