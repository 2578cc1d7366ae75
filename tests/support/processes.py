"""The product as it runs in Azure: the host, both sides and storage, each in its own process.

    async with apart(sides, storage, people) as product:
        with product.host():
            run = await product.sync("contoso.com")
        await product.assert_settled(run, people)

The result of a sync is checked from outside: by Entra's users before and after, Entra's request log, and the audit log.
"""

import contextlib
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

import httpx

from local.access_control.seed import CLIENT_ID, CLIENT_SECRET
from local.host import HostProcess
from local.processes import ChildProcess
from shared.model.runs import Run
from tests.support.stack import (
    CONTOSO,
    HOST_SETTINGS,
    NO_CERTIFICATES,
    Json,
    Product,
    in_entra,
    in_source,
    until,
)

DEEDS = ("add", "update", "rename", "restore", "delete")
ATTRIBUTES = ("displayName", "givenName", "surname", "accountEnabled", "onPremisesImmutableId")
_KINDS = ("keep", "update", "rename", "swap", "restore", "delete")
DOMAINS = 100
NO_LIMITS = {"writes": None, "resourceUnits": None}
_URL = r"(http://127\.0\.0\.1:\d+)"


class Sides:
    """The emulators of Entra and Access Control, each in its own process."""

    def __init__(self) -> None:
        self._processes = [
            ChildProcess([sys.executable, "-m", f"local.{name}", "--port", "0"])
            for name in ("entra", "access_control")
        ]
        self.entra, self.access_control = (process.wait_for(_URL)[1] for process in self._processes)

    def end(self) -> None:
        for process in self._processes:
            process.terminate()


@dataclass
class People:
    """The users of one domain on both sides; `counts` are the changes that a sync must make."""

    domain: str
    federated: bool = False
    source: list[Json] = field(default_factory=list)
    entra: list[Json] = field(default_factory=list)
    deleted: list[Json] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    @property
    def wanted(self) -> dict[str, tuple[object, ...]]:
        """The users that Entra must have in the end, by UPN."""
        return {
            str(user["user_principal_name"]): (
                user["display_name"],
                user["given_name"],
                user["family_name"],
                True,
                user.get("immutable_id") or None,
            )
            for user in self.source
        }


def domain(number: int) -> str:
    return f"d{number}.example"


def people(number: int, **changes: int) -> People:
    """`changes` is the number of changes of each kind; `keep` people are equal on both sides.

    `swap` counts people who exchange UPNs in pairs. Object ids begin with the `number` and the kind, so that a fault
    can match one kind; usernames end in the number, so that no two domains share a person.
    """
    name_of_domain = domain(number)
    them = People(name_of_domain)

    def wanted(name: str, **fields: object) -> None:
        them.source.append(in_source(name, name_of_domain, username=f"{name}-{number}", **fields))

    def known(kind: str, n: int, name: str, **properties: object) -> Json:
        object_id = f"{_prefix(number, kind)}-0000-4000-8000-{n:012d}"
        nickname = f"{name}-{number}"  # as their username
        return in_entra(name, name_of_domain, id=object_id, mailNickname=nickname, **properties)

    for kind, count in changes.items():
        for n in range(count):
            name, key = f"{kind}{n}", f"{kind}{n}@{name_of_domain}=="
            if kind == "keep":
                wanted(name)
                them.entra.append(known(kind, n, name))
            elif kind == "add":
                wanted(name)
            elif kind == "update":
                wanted(name)
                them.entra.append(known(kind, n, name, surname="former"))
            elif kind == "delete":
                them.entra.append(known(kind, n, name))
            elif kind == "restore":
                wanted(name, immutable_id=key)
                them.deleted.append(known(kind, n, name, surname="former", onPremisesImmutableId=key))
            else:
                former = f"swap{n ^ 1}" if kind == "swap" else f"former{n}"
                upn = {"userPrincipalName": f"{former}@{name_of_domain}"}
                wanted(name, immutable_id=key)
                # Two with mailboxes can't exchange UPNs: each keeps the old one as an alias.
                mailbox = "none" if kind == "swap" else "user"
                them.entra.append(known(kind, n, name, onPremisesImmutableId=key, _mailbox=mailbox, **upn))
    them.counts = Counter({kind: n for kind, n in changes.items() if kind not in ("keep", "swap")})
    them.counts["rename"] += changes.get("swap", 0)
    return them


def _prefix(number: int, kind: str) -> str:
    return f"{number:04d}{_KINDS.index(kind):04d}"


def of_kind(number: int, kind: str) -> str:
    """The path pattern of all users of one kind in one domain, for a fault."""
    return f"/users/{_prefix(number, kind)}-*"


@dataclass
class Apart(Product):
    """A product whose host is started, killed and started again by the test."""

    settings: dict[str, str]
    sides: Sides
    before: Json = field(default_factory=dict)

    @contextlib.contextmanager
    def host(self, message_lock: int = 600) -> Iterator[HostProcess]:
        """Runs a host for this product until the block ends."""
        with HostProcess(self.settings, message_lock=message_lock, drain=0.2) as host:
            self.connect(host)
            yield host

    async def faults(self, *rules: Json, **others: object) -> None:
        """Sets Entra's faults, in place of earlier ones."""
        await self._put(f"{self.sides.entra}/_emulator/faults", {"seed": 7, "rules": rules, **others})

    async def source_faults(self, *rules: Json) -> None:
        await self._put(f"{self.sides.access_control}/_emulator/faults", {"rules": rules})

    async def struck(self) -> list[int]:
        """How often each rule of Entra's faults has struck."""
        answer = await self.http.get(f"{self.sides.entra}/_emulator/faults")
        return [int(rule["count"]) for rule in answer.json()["struck"]]

    async def asked(self) -> list[Json]:
        """Entra's request log, in order."""
        answer = await self.http.get(f"{self.sides.entra}/_emulator/requests?log=true")
        log: list[Json] = answer.json()["log"]
        return log

    async def writes(self) -> int:
        """The number of writes that have reached Entra."""
        counts = (await self.http.get(f"{self.sides.entra}/_emulator/requests")).json()["counts"]
        return sum(c["inner"] for name, c in counts.items() if not name.startswith("GET"))

    async def written(self, count: int, seconds: float = 60) -> None:
        """Waits until `count` writes have reached Entra."""

        async def enough() -> bool:
            return await self.writes() >= count

        await until(enough, seconds, poll=0.1)

    async def tenant(self) -> Json:
        tenant: Json = (await self.http.get(f"{self.sides.entra}/_emulator/users")).json()
        return tenant

    async def seed(self, *them: People) -> None:
        """Replaces everything on both sides by these people."""
        federated = {one.domain for one in them if one.federated}
        names = [domain(number) for number in range(1, DOMAINS)]
        kinds = {name: "Federated" if name in federated else "Managed" for name in names}
        seed = {
            # All domains at once, because the host caches the tenant's domains for a minute.
            "domains": [
                {"id": CONTOSO},
                *({"id": name, "authenticationType": kind} for name, kind in kinds.items()),
            ],
            "users": [user for one in them for user in one.entra],
            "deletedUsers": [user for one in them for user in one.deleted],
            "limits": NO_LIMITS,
            "faults": {},
        }
        await self._put(f"{self.sides.entra}/_emulator/seed", seed)
        users = {"users": [user for one in them for user in one.source], "pageSize": 500, "faults": {}}
        await self._put(f"{self.sides.access_control}/_emulator/seed", users)
        await self.http.delete(f"{self.sides.entra}/_emulator/requests")
        self.before = await self.tenant()

    async def assert_settled(self, run: Run, them: People) -> None:
        """Entra equals the source, each person has one account, and the audit log has each change exactly once."""
        rows, after, asked = await self.audit_log(run), await self.tenant(), await self.asked()
        assert_settled(run, them, rows, self.before, after, asked)

    async def _put(self, url: str, body: object) -> None:
        answer = await self.http.put(url, json=body)
        assert answer.status_code == 204, answer.text


def assert_settled(
    run: Run,
    them: People,
    rows: Sequence[Mapping[str, str]],
    before: Json,
    after: Json,
    asked: Sequence[Json],
) -> None:
    """The same check, on data that was read before."""
    on_domain = [user for user in after["users"] if _is_on(them.domain, user)]
    assert {user["userPrincipalName"]: _shown(user) for user in on_domain} == them.wanted
    assert len(on_domain) == len(them.wanted)
    done = deeds(before, after, them.domain)
    assert Counter(action for action, _ in done) == +them.counts
    # If a sync is interrupted after a restore, the rest of the user's changes follows as an update.
    assert told(rows) - {("update", who) for action, who in done if action == "restore"} == done
    assert [row for row in rows if row["result"] == "failed"] == []
    cells = Counter((row["action"], row["objectId"], row["attribute"]) for row in rows)
    assert max(cells.values(), default=0) <= 1, "a row stands there twice"
    counted = {deed: getattr(run.counts, deed) for deed in DEEDS}
    assert counted == {deed: sum(action == deed for action, _ in told(rows)) for deed in DEEDS}
    assert run.counts.failed == 0
    concerned = {str(user["id"]) for user in (*on_domain, *before["users"]) if _is_on(them.domain, user)}
    written = {_object_of(call) for call in asked if _is_write(call) and 200 <= call["status"] < 300}
    assert written & concerned <= {who for _, who in told(rows)}, "every write has its row"


def deeds(before: Json, after: Json, domain: str) -> set[tuple[str, str]]:
    """(action, object id) of each change, from comparing the tenant before and after."""
    was = {user["id"]: user for user in before["users"]}
    were_deleted = {user["id"] for user in before["deletedUsers"]}
    done = {
        ("delete", str(user["id"]))
        for user in after["deletedUsers"]
        if user["id"] in was and _is_on(domain, was[user["id"]])
    }
    for user in after["users"]:
        former, object_id = was.get(user["id"]), str(user["id"])
        if not _is_on(domain, user):
            continue
        if object_id in were_deleted:
            done.add(("restore", object_id))
        elif former is None:
            done.add(("add", object_id))
        elif former["userPrincipalName"] != user["userPrincipalName"]:
            done.add(("rename", object_id))
        elif _shown(former) != _shown(user):
            done.add(("update", object_id))
    return done


def told(rows: Sequence[Mapping[str, str]], result: str = "succeeded") -> set[tuple[str, str]]:
    """(action, object id) of each row of the audit log with this result."""
    return {(row["action"], row["objectId"]) for row in rows if row["result"] == result}


def _is_write(call: Json) -> bool:
    return bool(call["inner"]) and call["method"] != "GET"


def _object_of(call: Json) -> str:
    """The object id in a write's URL; empty for a creation."""
    return next((part for part in str(call["url"]).split("/") if len(part) == 36), "")


def _is_on(domain: str, user: Json) -> bool:
    return str(user["userPrincipalName"]).endswith(f"@{domain}")


def _shown(user: Json) -> tuple[object, ...]:
    return tuple(user.get(name, True if name == "accountEnabled" else None) for name in ATTRIBUTES)


def settings_of(
    sides: Sides, storage: str, settings: Mapping[str, str] = MappingProxyType({})
) -> dict[str, str]:
    """The app's settings for these sides and this storage."""
    return {
        "AzureWebJobsStorage": storage,
        "GRAPH_BASE_URL": f"{sides.entra}/v1.0",
        "HENNGE_TOKEN_URL": f"{sides.access_control}/oauth/token",
        "HENNGE_API_URL": f"{sides.access_control}/20230822",
        "HENNGE_CLIENT_ID": CLIENT_ID,
        "HENNGE_CLIENT_SECRET": CLIENT_SECRET,
        **HOST_SETTINGS,
        **settings,
    }


@contextlib.asynccontextmanager
async def apart(
    sides: Sides, storage: str, *them: People, settings: Mapping[str, str] = MappingProxyType({})
) -> AsyncIterator[Apart]:
    """Yields the product with these people on both sides; the test starts the host."""
    async with httpx.AsyncClient(timeout=60, verify=NO_CERTIFICATES) as http:
        product = Apart(http, settings_of(sides, storage, settings), sides)
        if them:
            await product.seed(*them)
        yield product
