"""A dry run and a sync, from the HTTP trigger through the queue to Entra: who is touched, how, and who never is."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from local.access_control import User
from local.people import ACCESS_CONTROL_SEED, ENTRA_SEED
from shared.model.runs import Counts, Run
from tests.support.stack import Json, Stack, StartStack, in_entra, in_source

FEDERATED = [{"id": "fed.example", "authenticationType": "Federated"}]
DEEDS = ("add", "update", "rename", "restore", "delete")
CONTOSO = "contoso.com"


def deeds(counts: Counts) -> dict[str, int]:
    return {deed: getattr(counts, deed) for deed in DEEDS if getattr(counts, deed)}


def outcomes(rows: list[dict[str, str]]) -> set[tuple[str, str, str]]:
    """(action, UPN, result) of each person; an add has a row per attribute and still is one."""
    people = {(row["action"], row["userPrincipalName"], row["result"], row["attribute"]) for row in rows}
    assert len(people) == len(rows), "a row stands there twice"
    return {person[:3] for person in people}


def shown(user: Json) -> dict[str, Any]:
    names = ("displayName", "givenName", "surname", "accountEnabled")
    return {name: user.get(name) for name in names}


def as_in_source(stack: Stack, domain: str = CONTOSO) -> dict[str, Json]:
    """What Entra's users of the domain must look like, by UPN."""
    return {
        user.user_principal_name: {
            "displayName": user.display_name,
            "givenName": user.given_name or None,
            "surname": user.family_name or None,
            "accountEnabled": user.status == "enabled",
        }
        for user in stack.access_control.users.all()
        if user.user_principal_name.endswith(f"@{domain}")
    }


async def reasons(stack: Stack, run: Run) -> dict[str, str]:
    """Why each person was skipped, by UPN."""
    rows = await stack.audit_log(run)
    return {row["userPrincipalName"]: row["reason"] for row in rows if row["action"] == "skip"}


class TestSamplePeople:
    """The tenant of the demo, which has something of everything."""

    @staticmethod
    async def started(start_stack: StartStack) -> Stack:
        def read(path: Path) -> Json:
            seed: Json = json.loads(path.read_bytes())
            return seed

        tenant, access_control = read(ENTRA_SEED), read(ACCESS_CONTROL_SEED)
        return await start_stack(
            source=access_control.pop("users"),
            entra=tenant.pop("users"),
            domains=tenant.pop("domains"),
            tenant=tenant,
            access_control=access_control,
        )

    async def test_a_dry_run_foretells_the_sync_and_writes_nothing(self, start_stack: StartStack) -> None:
        stack = await self.started(start_stack)

        foretold = await stack.dry_run()
        assert stack.writes() == []
        done = await stack.sync()

        assert deeds(done.counts) == {"add": 3, "update": 3, "rename": 2, "restore": 1, "delete": 3}
        assert done.counts == foretold.counts
        assert (foretold.status, done.status) == ("succeeded", "completedWithErrors")

    async def test_after_a_sync_there_is_nothing_left_to_do(self, start_stack: StartStack) -> None:
        stack = await self.started(start_stack)
        await stack.sync()

        again = await stack.dry_run()

        assert deeds(again.counts) == {}
        assert again.message.startswith("Nothing to do; 1 would fail; 7 skipped.")

    async def test_somebody_who_changed_domains_keeps_the_account(self, start_stack: StartStack) -> None:
        stack = await self.started(start_stack)
        before = stack.users("contoso.com")["kazuki.hara@contoso.com"]["id"]

        left = await stack.sync("contoso.com")
        await stack.set("fabrikam.com", maxAllowedDeletions=100)
        await stack.sync("fabrikam.com")

        assert (
            "Still in the source, now on fabrikam.com"
            in (await reasons(stack, left))["kazuki.hara@contoso.com"]
        )
        assert stack.users("fabrikam.com")["kazuki.hara@fabrikam.com"]["id"] == before

    async def test_people_from_active_directory_are_never_changed(self, start_stack: StartStack) -> None:
        stack = await self.started(start_stack)

        run = await stack.sync("corp.contoso.com")

        assert stack.writes() == []
        assert run.counts.skipped == 4
        assert "Synchronised from Active Directory" in str(await reasons(stack, run))


class TestAThousandChanges:
    async def test_every_change_is_made_once_recorded_once_and_leaves_nothing_to_do(
        self, start_stack: StartStack
    ) -> None:
        both = [f"both{n}" for n in range(900)]
        stack = await start_stack(
            source=[in_source(name) for name in [*both, *(f"joiner{n}" for n in range(400))]],
            entra=[
                *(in_entra(name, displayName="old") for name in both[:400]),
                *(in_entra(name) for name in both[400:]),
                *(in_entra(f"leaver{n}") for n in range(200)),
            ],
        )

        run = await stack.sync()

        assert (run.status, deeds(run.counts)) == ("succeeded", {"add": 400, "update": 400, "delete": 200})
        assert {upn: shown(user) for upn, user in stack.users().items()} == as_in_source(stack)
        assert outcomes(await stack.audit_log(run)) == {
            *(("add", f"joiner{n}@contoso.com", "succeeded") for n in range(400)),
            *(("update", f"both{n}@contoso.com", "succeeded") for n in range(400)),
            *(("delete", f"leaver{n}@contoso.com", "succeeded") for n in range(200)),
        }
        writes = Counter(stack.writes())
        assert writes.pop("POST /users") == 400
        assert (len(writes), set(writes.values())) == (600, {1})
        again = await stack.dry_run()
        assert await stack.audit_log(again) == []

    async def test_requests_go_out_in_full_batches_of_at_most_twenty(self, start_stack: StartStack) -> None:
        stack = await start_stack(source=[in_source(f"joiner{n}") for n in range(200)])

        await stack.sync()

        calls = stack.entra.requests
        assert calls.count("POST", "/users", inner=False) == 0
        assert calls.count("POST", "/users", inner=True) == 200
        # And two that read: what protects, for all domains, and for this one with who has the UPNs.
        assert calls.count("POST", "/$batch", status=200) == calls.count("POST", "/$batch") == 10 + 2

    async def test_a_throttled_sync_waits_and_sends_nothing_twice(self, start_stack: StartStack) -> None:
        stack = await start_stack(
            source=[in_source(f"joiner{n}") for n in range(100)],
            tenant={"limits": {"writes": {"count": 60, "seconds": 5}, "resourceUnits": None}},
        )

        run = await stack.sync()

        assert (run.status, run.counts.add) == ("succeeded", 100)
        assert stack.entra.requests.count("POST", "/users", status=429) > 0
        assert stack.entra.requests.count("POST", "/users", status=201) == 100


class TestMaxAllowedDeletions:
    @staticmethod
    async def started(start_stack: StartStack, deletions: int) -> Stack:
        names = [f"user{n}" for n in range(100)]
        stack = await start_stack(
            source=[in_source(name) for name in names[deletions:]], entra=[in_entra(name) for name in names]
        )
        await stack.set(maxAllowedDeletions=65)
        return stack

    async def test_65_of_100_at_65_percent_are_cancelled_and_nothing_is_applied(
        self, start_stack: StartStack
    ) -> None:
        stack = await self.started(start_stack, 65)
        stack.access_control.users.add(User.model_validate(in_source("joiner")))

        run = await stack.sync()

        assert run.status == "cancelled"
        assert "nothing was applied: 65 of 100 users = 65% ≥ 65%" in run.message
        assert stack.writes() == []
        assert {row["result"] for row in await stack.audit_log(run)} == {"notApplied"}

    async def test_64_of_100_at_65_percent_go_through(self, start_stack: StartStack) -> None:
        stack = await self.started(start_stack, 64)

        run = await stack.sync()

        assert (run.status, run.counts.delete, len(stack.users())) == ("succeeded", 64, 36)

    @pytest.mark.parametrize(
        ("deletions", "sign", "consequence"), [(64, "<", "go ahead"), (65, "≥", "be cancelled")]
    )
    async def test_a_dry_run_is_never_cancelled_and_shows_the_arithmetic(
        self, start_stack: StartStack, deletions: int, sign: str, consequence: str
    ) -> None:
        stack = await self.started(start_stack, deletions)

        run = await stack.dry_run()

        assert run.status == "succeeded"
        assert f" {deletions} of 100 users = {deletions}% {sign} 65%" in run.message
        assert run.message.endswith(f"a sync would {consequence}.")
        assert [row["result"] for row in await stack.audit_log(run)] == ["planned"] * deletions


class TestCreatedUsers:
    async def test_they_get_what_entra_asks_for_and_must_change_the_password(
        self, start_stack: StartStack
    ) -> None:
        stack = await start_stack(
            source=[in_source("aoki", immutable_id="aoki+id==")], settings={"USAGE_LOCATION": "JP"}
        )

        await stack.sync()

        user = stack.users()["aoki@contoso.com"]
        assert (user["mailNickname"], user["onPremisesImmutableId"], user["usageLocation"]) == (
            "aoki", "aoki+id==", "JP",
        )  # fmt: skip
        assert user["_passwordProfile"] == {"forceChangePasswordNextSignIn": True}

    async def test_they_get_no_licence(self, start_stack: StartStack) -> None:
        stack = await start_stack(source=[in_source("aoki")])

        await stack.sync()

        called = {(call.method, call.path) for call in stack.entra.requests.calls if call.method != "GET"}
        assert called == {("POST", "/$batch"), ("POST", "/users")}

    async def test_on_a_federated_domain_nobody_is_created_without_an_immutable_id(
        self, start_stack: StartStack
    ) -> None:
        stack = await start_stack(
            source=[
                in_source("without", "fed.example"),
                in_source("aoki", "fed.example", immutable_id="aoki+id=="),
            ],
            domains=FEDERATED,
        )

        run = await stack.sync("fed.example")

        assert list(stack.users("fed.example")) == ["aoki@fed.example"]
        assert (run.status, run.counts.failed) == ("completedWithErrors", 1)
        codes = {row["userPrincipalName"]: row["errorCode"] for row in await stack.audit_log(run)}
        assert codes == {"without@fed.example": "ImmutableIdMissing", "aoki@fed.example": ""}


class TestOneBadUser:
    async def test_a_value_entra_would_refuse_stops_nobody_else(self, start_stack: StartStack) -> None:
        stack = await start_stack(
            source=[in_source("long", given_name="x" * 65), in_source("aoki")],
            entra=[],
        )

        run = await stack.sync()

        assert run.status == "completedWithErrors"
        assert run.message == "Added 1; 1 failed. The audit log says why for each."
        assert list(stack.users()) == ["aoki@contoso.com"]
        refusals = {row["errorMessage"] for row in await stack.audit_log(run) if row["result"] == "failed"}
        assert refusals == {"Given name has 65 characters, Entra takes 64: shorten it in the source."}

    async def test_an_address_that_somebody_else_has_stops_nobody_else(self, start_stack: StartStack) -> None:
        taken = {
            "displayName": "Sales",
            "mail": "sales@contoso.com",
            "proxyAddresses": ["SMTP:sales@contoso.com"],
        }
        stack = await start_stack(source=[in_source("sales"), in_source("aoki")], tenant={"groups": [taken]})

        run = await stack.sync()

        assert (run.status, list(stack.users())) == ("completedWithErrors", ["aoki@contoso.com"])
        (code,) = {row["errorCode"] for row in await stack.audit_log(run) if row["result"] == "failed"}
        assert code == "ObjectConflict:proxyAddresses"


class TestNeverTouched:
    @pytest.mark.parametrize(
        ("marks", "reason"),
        [
            ({"onPremisesSyncEnabled": True}, "Synchronised from Active Directory"),
            ({"userType": "Guest"}, "Guest of the tenant."),
            ({"_roles": ["Global Administrator"]}, "Holds the directory role Global Administrator."),
            ({"_mailbox": "shared"}, "Is a shared mailbox, not a person."),
            ({"_mailbox": "room"}, "Is a meeting room, not a person."),
            ({"_mailbox": "equipment"}, "Is equipment, not a person."),
        ],
    )
    @pytest.mark.parametrize("source", [[in_source("x", display_name="new")], []], ids=["update", "delete"])
    async def test_whoever_is_no_ordinary_user(
        self, start_stack: StartStack, source: list[Json], marks: Json, reason: str
    ) -> None:
        stack = await start_stack(
            source=[in_source("aoki"), *source], entra=[in_entra("aoki"), in_entra("x", **marks)]
        )

        run = await stack.sync()

        assert (run.status, stack.writes()) == ("succeeded", [])
        assert (await reasons(stack, run))["x@contoso.com"].startswith(reason)

    @pytest.mark.parametrize("name", ["x@contoso.com", "00000000-0000-4000-8000-000000000001"])
    async def test_whoever_is_listed_in_protected_users(self, start_stack: StartStack, name: str) -> None:
        stack = await start_stack(
            source=[in_source("aoki")],
            entra=[in_entra("aoki"), in_entra("x", id="00000000-0000-4000-8000-000000000001")],
            settings={"PROTECTED_USERS": name.upper()},
        )

        run = await stack.sync()

        assert stack.writes() == []
        assert await reasons(stack, run) == {
            "x@contoso.com": "Listed in PROTECTED_USERS or in the tenant's settings."
        }

    async def test_the_users_of_subdomains_and_of_other_domains(self, start_stack: StartStack) -> None:
        domains = [{"id": "contoso.com"}, {"id": "sub.contoso.com"}, {"id": "notcontoso.com"}]
        stack = await start_stack(
            source=[in_source("aoki")],
            entra=[in_entra("aoki"), in_entra("x", "sub.contoso.com"), in_entra("x", "notcontoso.com")],
            domains=domains,
        )

        run = await stack.sync()

        assert (run.counts.target, run.counts.unchanged, stack.writes()) == (1, 1, [])


class TestRenames:
    async def test_an_edited_upn_is_a_rename_by_immutable_id(self, start_stack: StartStack) -> None:
        stack = await start_stack(
            source=[in_source("baba", immutable_id="id1")],
            entra=[in_entra("aoki", onPremisesImmutableId="id1")],
        )
        before = stack.users()["aoki@contoso.com"]["id"]

        run = await stack.sync()

        assert deeds(run.counts) == {"rename": 1}
        assert stack.users()["baba@contoso.com"]["id"] == before

    async def test_an_edited_upn_is_a_rename_by_the_link_of_an_earlier_sync(
        self, start_stack: StartStack
    ) -> None:
        stack = await start_stack(source=[in_source("aoki")])
        await stack.sync()
        created = stack.users()["aoki@contoso.com"]["id"]
        stack.access_control.users.edit("aoki", {"user_principal_name": "married@contoso.com"})

        run = await stack.sync()

        assert deeds(run.counts) == {"rename": 1}
        assert stack.users()["married@contoso.com"]["id"] == created

    async def test_two_people_who_swap_their_upns_keep_their_accounts(self, start_stack: StartStack) -> None:
        stack = await start_stack(
            source=[in_source("aoki", immutable_id="id2"), in_source("baba", immutable_id="id1")],
            entra=[
                in_entra("aoki", onPremisesImmutableId="id1", _mailbox="none"),
                in_entra("baba", onPremisesImmutableId="id2", _mailbox="none"),
            ],
        )

        run = await stack.sync()

        assert (run.status, deeds(run.counts)) == ("succeeded", {"rename": 2})
        immutable_ids = {upn: user["onPremisesImmutableId"] for upn, user in stack.users().items()}
        assert immutable_ids == {"aoki@contoso.com": "id2", "baba@contoso.com": "id1"}
        assert deeds((await stack.dry_run()).counts) == {}


class TestUnusualNames:
    @pytest.mark.parametrize("name", ["o'brien", "a#b", "a^b", "a~b", "a!b", "x_y", "-dash", "Upper.Case"])
    async def test_every_character_a_upn_may_have_is_added_updated_and_found_again(
        self, start_stack: StartStack, name: str
    ) -> None:
        stack = await start_stack(source=[in_source(name)])
        added = await stack.sync()
        stack.access_control.users.edit(name, {"display_name": "new"})
        updated = await stack.sync()

        assert (deeds(added.counts), deeds(updated.counts)) == ({"add": 1}, {"update": 1})
        assert stack.users()[f"{name}@contoso.com"]["displayName"] == "new"
        assert await stack.audit_log(await stack.dry_run()) == []
