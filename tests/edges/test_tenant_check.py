"""tools/tenant_check on real sockets: what it asks and prints, and that it leaves nothing behind."""

import asyncio
import base64
import json
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import httpx
import pytest

from local.entra import Entra, Fault, running_entra
from local.entra.kinds import Kind
from local.processes import REPOSITORY, inherited_environment
from tests.support.graph_contract import lines
from tools.tenant_check import Caller, TenantCheck, callers

DOMAINS = [
    {"id": "contoso.com", "isDefault": True},
    {"id": "fed.example", "authenticationType": "Federated"},
    {"id": "fed2.example", "authenticationType": "Federated"},
    {"id": "unverified.example", "isVerified": False},
    {"id": "contoso.onmicrosoft.com"},
]
SEED = {
    "domains": DOMAINS,
    "users": [{"userPrincipalName": "aoki@contoso.com", "displayName": "青木"}],
    "groups": [
        {"displayName": "Sales", "mail": "sales@contoso.com", "proxyAddresses": ["SMTP:sales@contoso.com"]},
        {"displayName": "Administrators", "isAssignableToRole": True},
    ],
}
ADMINISTRATOR = Caller("the administrator", "opaque")
WITHOUT_REVOKING = ["User.ReadWrite.All", "Domain.Read.All", "GroupMember.Read.All"]


def token(*roles: str) -> str:
    """An unsigned one of an application that may do this."""
    claims = base64.urlsafe_b64encode(json.dumps({"roles": roles}).encode()).rstrip(b"=").decode()
    return f"e30.{claims}.sig"


@dataclass
class Checked:
    """A check in a thread of its own, as the emulator answers in this one's event loop."""

    entra: Entra
    said: list[str] = field(default_factory=list)
    undone: bool = False

    async def run(self, *, users: bool = True, pause: Callable[[float], object] = lambda _: None) -> str:
        application = Caller("an application", token(*(self.entra.permissions or ())))

        def ask() -> None:
            with httpx.Client(base_url=self.entra.url) as http:
                check = TenantCheck(http, self.said.append, {"domain": "contoso.com"}, pause)
                check.find_domains(ADMINISTRATOR)
                check.read(ADMINISTRATOR)
                if users:
                    try:
                        check.try_out(ADMINISTRATOR, application)
                    finally:
                        self.undone = check.undo(ADMINISTRATOR)

        await asyncio.to_thread(ask)
        return "\n".join(self.said)

    def line(self, words: str) -> str:
        (line,) = [line for line in self.said if words in line]
        return line


def test_every_read_that_the_app_may_send_is_asked() -> None:
    from tools.tenant_check import READS

    def kind(path: str) -> Kind:
        parts = urlsplit(path)
        template = re.sub(r"\{\w+\}|(?<=')[\w-]+(?=')", "{id}", parts.path)
        return Kind.of("GET", template, parts.query, eventual="$count=true" in path)

    asked = {(k.path, _filter(k)) for k in map(kind, READS)}
    assert {(line.kind.path, _filter(line.kind)) for line in lines() if line.kind.method == "GET"} <= asked


def _filter(kind: Kind) -> tuple[str, ...]:
    return tuple(o for o in kind.query.split("&") if o.startswith(("$filter", "$count", "$expand")))


async def test_without_test_users_it_only_reads_each_once() -> None:
    async with running_entra(SEED) as entra:
        said = await Checked(entra).run(users=False)

    assert {call.method for call in entra.requests.calls} == {"GET"}
    assert "200  GET /groups/{group}/owners?$select=id&$top=1  (nothing found)" in said
    assert "200  GET /users/delta?$select=id,isManagementRestricted&$deltatoken=latest" in said
    assert "not asked" not in said


async def test_what_a_tenant_lacks_is_not_asked() -> None:
    async with running_entra({"domains": [{"id": "contoso.com"}]}) as entra:
        said = await Checked(entra).run()

    assert (
        "not asked  /users/{user}/mailboxSettings?$select=userPurpose: the tenant has no user for it" in said
    )
    assert "not asked  immutable IDs and UPNs on a federated domain: the tenant has none" in said
    assert "204  " not in said, "only what stands on a federated domain is changed"


async def test_its_users_are_created_changed_and_gone_in_the_end() -> None:
    async with running_entra(SEED) as entra:
        before = dict(entra.directory.users)
        checked = Checked(entra)
        said = await checked.run()

    assert (entra.directory.users, entra.directory.deleted, checked.undone) == (before, {}, True)
    assert "Everything is undone." in said
    assert entra.requests.count("POST", "/users", status=201) == 2
    assert checked.line("after a create with a password").startswith("200  ")
    assert "null" in checked.line("after a create with a password")
    assert "after revokeSignInSessions: set" in said
    assert (
        said.count("GET /directory/deletedItems/{user}?$select=id,proxyAddresses  (without proxyAddresses)")
        == 2
    )


@pytest.mark.parametrize("taken", [True, False])
async def test_what_graph_takes_on_a_federated_domain_is_what_it_says(taken: bool) -> None:
    tenant = {"federatedRenames": taken, "firstImmutableIds": taken}
    async with running_entra({**SEED, "tenant": tenant}) as entra:
        checked = Checked(entra)
        await checked.run()

    status = "204" if taken else "400"
    assert checked.line("a UPN to another federated domain").startswith(status)
    assert checked.line("an immutable ID changed in place").startswith("400")
    assert checked.line("a UPN to a federated domain, without an immutable ID").startswith(status)
    if taken:
        assert checked.line("a first immutable ID, in place").startswith("204")
    else:
        assert checked.line("a first immutable ID, on the onmicrosoft.com domain").startswith("204")
        assert checked.line("a UPN to a federated domain, with an immutable ID").startswith("204")


@pytest.mark.parametrize(
    ("permissions", "status"),
    [(WITHOUT_REVOKING, 403), ([*WITHOUT_REVOKING, "User.RevokeSessions.All"], 200)],
)
async def test_whether_an_application_may_revoke_is_said_with_its_permissions(
    permissions: list[str], status: int
) -> None:
    async with running_entra({**SEED, "permissions": permissions}) as entra:
        checked = Checked(entra)
        await checked.run()

    line = checked.line("revokeSignInSessions as an application")
    assert line.startswith(f"{status}  ")
    assert f"who may: {' '.join(sorted(permissions))}" in line


async def test_nothing_of_the_tenant_is_in_what_is_to_be_reported() -> None:
    async with running_entra(SEED) as entra:
        entra.faults.add(Fault(kind="status", status=403, path="/roleManagement/*"))
        said = await Checked(entra).run()
        ids = [*entra.directory.users, *entra.directory.groups]

    assert [name for name in ("contoso.", "fed.example", "aoki", "青木", "Sales", *ids) if name in said] == []
    assert "tenant-check-" not in said


async def test_a_new_user_who_is_not_found_at_first_is_waited_for() -> None:
    async with running_entra({**SEED, "faults": {"freshNotFoundSeconds": 600}}) as entra:
        waits: list[float] = []

        def pause(seconds: float) -> None:
            waits.append(seconds)
            entra.faults.plan.fresh_not_found_seconds = 0

        checked = Checked(entra)
        await checked.run(pause=pause)

    assert waits == [3.0]
    assert checked.undone


async def test_a_throttled_question_is_asked_again_after_the_named_time() -> None:
    async with running_entra(SEED) as entra:
        waits: list[float] = []
        entra.faults.add(Fault(kind="status", status=429, retry_after=7, count=1, path="/applications"))
        await Checked(entra).run(users=False, pause=waits.append)

    assert waits == [7.0]


class TestOnTheCommandLine:
    @staticmethod
    async def run(entra: Entra, *arguments: str, **environment: str) -> tuple[int | None, str]:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tools.tenant_check", "--domain", "contoso.com", "--graph", entra.url),
            *arguments,
            cwd=REPOSITORY,
            env={**inherited_environment(), **environment},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await process.communicate()
        return process.returncode, output.decode()

    async def test_it_asks_undoes_and_says_what_to_report(self) -> None:
        async with running_entra(SEED) as entra:
            tokens = {"TENANT_CHECK_TOKEN": "t", "TENANT_CHECK_APP_TOKEN": token("User.ReadWrite.All")}
            code, said = await self.run(entra, "--test-users", **tokens)

        assert code == 0, said
        assert "Read as the administrator, who may: unknown" in said
        assert "Read as an application, who may: User.ReadWrite.All" in said
        assert said.endswith("Please report these lines: they name nobody, and nothing of your tenant.\n")
        assert (len(entra.directory.users), entra.directory.deleted) == (1, {})

    @pytest.mark.parametrize(
        "fault",
        [
            Fault(kind="drop", method="PATCH", path="/users/*", count=1),
            Fault(kind="drop", method="POST", path="/users", count=1, took_effect=True),
            Fault(kind="status", status=504, method="POST", path="/users", count=1, took_effect=True),
        ],
        ids=["a change", "a create", "a create that timed out"],
    )
    async def test_it_undoes_also_what_no_answer_told_of(self, fault: Fault) -> None:
        async with running_entra(SEED) as entra:
            entra.faults.add(fault)
            code, said = await self.run(entra, "--test-users", TENANT_CHECK_TOKEN="t")

        assert ("no answer  (" in said) == (fault.kind == "drop")
        assert (code, len(entra.directory.users), entra.directory.deleted) == (0, 1, {})

    async def test_it_fails_and_names_whom_it_could_not_delete(self) -> None:
        async with running_entra(SEED) as entra:
            fault = Fault(
                kind="status", status=403, method="DELETE", path="/directory/deletedItems/*", count=1
            )
            entra.faults.add(fault)
            code, said = await self.run(entra, "--test-users", TENANT_CHECK_TOKEN="t")
            (left,) = entra.directory.deleted.values()

        assert code == 1
        assert "Left behind, please delete by hand: tenant-check-" in said
        assert str(left["displayName"]) in said

    async def test_a_token_that_graph_refuses_ends_it_with_graphs_words(self) -> None:
        async with running_entra(SEED) as entra:
            entra.expired_tokens.add("old")
            code, said = await self.run(entra, TENANT_CHECK_TOKEN="old")

        assert code == 1
        assert "Graph answered 401" in said

    def test_without_a_token_it_says_where_one_comes_from(self) -> None:
        with pytest.raises(SystemExit, match="az account get-access-token"):
            callers({"TENANT_CHECK_APP_TOKEN": "t"})
