"""Failures are foreseen in the dry run, all at once; a sync that follows has the same rows and no others."""

from collections.abc import Iterable
from random import Random

import pytest

from shared.model.runs import Run
from tests.support.outcomes import ANY_DELETION, FABRIKAM, TWO_DOMAINS, errors_of, rows_of
from tests.support.stack import CONTOSO, Json, Product, StartStack, in_entra, in_source

GONE = "00000000-0000-4000-8000-00000000000f"
FEDERATED = ({"id": CONTOSO, "authenticationType": "Federated"},)
SALES = {"id": "g1", "displayName": "Sales", "proxyAddresses": ["SMTP:sales@contoso.com"]}


async def foretold_and_done(product: Product, domain: str = CONTOSO) -> tuple[Run, Run]:
    """A dry run, and a sync with nothing changed in between."""
    foretold = await product.dry_run(domain)
    done = await product.sync(domain)
    return foretold, done


async def people(product: Product, run: Run) -> set[tuple[str, str, bool]]:
    """(UPN, action, whether it failed or would fail) of everybody in the audit log."""
    rows = await product.audit_log(run)
    return {
        (row["userPrincipalName"], row["action"], bool(row["errorCode"]) and row["action"] != "skip")
        for row in rows
    }


class TestAnAddressThatIsTaken:
    @pytest.mark.parametrize(
        ("tenant", "holder"),
        [
            ({"groups": [SALES]}, "the group Sales (g1)"),
            (
                {
                    "users": [
                        in_entra("other", FABRIKAM, id=GONE, proxyAddresses=["smtp:sales@contoso.com"])
                    ],
                },
                f"the user Other 太郎 ({GONE})",
            ),
        ],
        ids=["by a group", "by the alias of a user on another domain"],
    )
    async def test_names_who_has_it(self, start_stack: StartStack, tenant: Json, holder: str) -> None:
        stack = await start_stack(
            source=[in_source("sales")],
            entra=tenant.pop("users", []),
            tenant=tenant,
            domains=TWO_DOMAINS,
        )

        foretold, done = await foretold_and_done(stack)

        row = (await rows_of(stack, foretold))["sales"]
        assert (row["errorCode"], row["result"]) == ("AddressTaken", "planned")
        assert row["errorMessage"].startswith(f"sales@contoso.com is taken by {holder}")
        assert await people(stack, foretold) == await people(stack, done)

    async def test_also_by_the_alias_that_a_renamed_user_keeps(self, start_stack: StartStack) -> None:
        keeps = in_entra("aoki", onPremisesImmutableId="K1", proxyAddresses=["SMTP:aoki@contoso.com"])
        stack = await start_stack(
            source=[in_source("married", immutable_id="K1"), in_source("aoki")], entra=[keeps]
        )

        foretold, done = await foretold_and_done(stack)

        # Two people have this UPN on their rows: the one who gives it up, and the one who can't have it yet.
        failing = {(row["action"], row["errorCode"]) for row in await stack.audit_log(foretold)}
        assert failing == {("rename", ""), ("add", "AddressTaken")}
        assert await people(stack, foretold) == await people(stack, done)

    async def test_by_somebody_in_a_chain_stops_everybody_who_waits_for_them(
        self, start_stack: StartStack
    ) -> None:
        chain = {"a": "b", "b": "c", "c": "sales"}
        stack = await start_stack(
            source=[in_source(new, immutable_id=f"K{old}") for old, new in chain.items()],
            entra=[in_entra(old, onPremisesImmutableId=f"K{old}") for old in chain],
            tenant={"groups": [SALES]},
        )

        foretold, done = await foretold_and_done(stack)

        assert await errors_of(stack, foretold) == dict.fromkeys("abc", "AddressTaken")
        assert await people(stack, foretold) == await people(stack, done)

    async def test_by_somebody_who_is_restored_with_it_in_the_same_run(self, start_stack: StartStack) -> None:
        gone = in_entra("aoki", id=GONE, proxyAddresses=["smtp:new@contoso.com"])
        stack = await start_stack(
            source=[in_source("aoki"), in_source("new")], tenant={"deletedUsers": [gone]}
        )

        foretold, done = await foretold_and_done(stack)

        assert await errors_of(stack, foretold) == {"new": "AddressTaken"}
        assert await people(stack, foretold) == await people(stack, done)


class TestAnImmutableId:
    async def test_of_a_deleted_user_can_not_be_given_to_somebody_who_is_there(
        self, start_stack: StartStack
    ) -> None:
        stack = await start_stack(
            source=[in_source("aoki", immutable_id="K1")],
            entra=[in_entra("aoki")],
            tenant={"deletedUsers": [in_entra("former", id=GONE, onPremisesImmutableId="K1")]},
        )

        foretold, done = await foretold_and_done(stack)

        assert await errors_of(stack, foretold) == {"aoki": "ImmutableIdTaken"}
        assert await people(stack, foretold) == await people(stack, done)

    async def test_that_is_taken_holds_back_nothing_else_of_the_person(self, start_stack: StartStack) -> None:
        stack = await start_stack(
            source=[in_source("aoki", immutable_id="K1", display_name="New")],
            entra=[in_entra("aoki", displayName="Old")],
            tenant={"deletedUsers": [in_entra("former", id=GONE, onPremisesImmutableId="K1")]},
        )

        run = await stack.sync()

        rows = {row["action"]: row for row in await stack.audit_log(run)}
        assert (rows["update"]["attribute"], rows["update"]["result"]) == ("displayName", "succeeded")
        assert (rows["skip"]["errorCode"], GONE in rows["skip"]["errorMessage"]) == ("ImmutableIdTaken", True)
        assert stack.users()["aoki@contoso.com"]["displayName"] == "New"

    async def test_of_somebody_on_another_domain_neither(self, start_stack: StartStack) -> None:
        stack = await start_stack(
            source=[in_source("aoki", immutable_id="K1")],
            entra=[in_entra("aoki"), in_entra("other", FABRIKAM, id=GONE, onPremisesImmutableId="K1")],
            domains=TWO_DOMAINS,
        )

        foretold, done = await foretold_and_done(stack)

        row = (await rows_of(stack, foretold))["aoki"]
        # Two live accounts, by UPN and by immutable ID: a person decides.
        assert row["errorCode"] == "Question"
        assert f"other@fabrikam.com ({GONE})" in row["errorMessage"]
        assert await people(stack, foretold) == await people(stack, done)

    @pytest.mark.parametrize(
        ("entra", "deleted"),
        [([], []), ([in_entra("old")], []), ([], [in_entra("aoki", id=GONE)])],
        ids=["add", "rename", "restore"],
    )
    async def test_must_be_there_on_a_federated_domain(
        self, start_stack: StartStack, entra: list[Json], deleted: list[Json]
    ) -> None:
        stack = await start_stack(
            source=[in_source("aoki" if not entra else "old")],
            entra=entra,
            domains=FEDERATED,
            tenant={"deletedUsers": deleted},
        )
        if entra:
            await stack.sync()
            stack.access_control.users.edit("old", {"user_principal_name": "aoki@contoso.com"})

        foretold, done = await foretold_and_done(stack)

        assert set((await errors_of(stack, foretold)).values()) == {"ImmutableIdMissing"}
        assert await people(stack, foretold) == await people(stack, done)
        assert stack.writes() == []


class TestValues:
    async def test_that_entra_would_refuse_are_foreseen_all_at_once_and_never_sent(
        self, start_stack: StartStack
    ) -> None:
        nameless = {"display_name": "", "given_name": "", "family_name": ""}
        stack = await start_stack(
            source=[
                in_source("given", given_name="x" * 65),
                in_source("family", family_name="x" * 65),
                in_source("x" * 65, username="long"),
                in_source("a b"),
                in_source("青木"),
                in_source("dot."),
                in_source("nameless", **nameless),
                in_source("key", immutable_id="with_underscore"),
                in_source("good"),
            ]
        )

        foretold, done = await foretold_and_done(stack)

        assert await errors_of(stack, foretold) == {
            "given": "ValueTooLong", "family": "ValueTooLong", "x" * 65: "ValueTooLong",
            "a b": "InvalidValue", "青木": "InvalidValue", "dot.": "InvalidValue", "key": "InvalidValue",
            "nameless": "DisplayNameMissing",
        }  # fmt: skip
        assert await people(stack, foretold) == await people(stack, done)
        assert stack.writes() == ["POST /users"]

    async def test_of_an_administrator_are_not_even_tried(self, start_stack: StartStack) -> None:
        stack = await start_stack(
            source=[in_source("admin", status="disabled")],
            entra=[in_entra("admin", _roles=["Global Administrator"])],
        )

        foretold, done = await foretold_and_done(stack)

        assert await people(stack, foretold) == {("admin@contoso.com", "skip", False)}
        assert await people(stack, done) == {("admin@contoso.com", "skip", False)}


class TestAUserWhoOnceCameFromActiveDirectory:
    async def test_fails_once_and_is_left_alone_until_the_source_changes(
        self, start_stack: StartStack
    ) -> None:
        stack = await start_stack(
            source=[in_source("aoki", family_name="鈴木"), in_source("stays")],
            entra=[in_entra("aoki", _exchangeMastered=["surname"]), in_entra("stays")],
            settings={"SIGN_IN": "follow"},
        )

        runs = [await stack.sync(), await stack.dry_run(), await stack.sync()]

        assert [(run.status, run.counts.failed, run.counts.skipped) for run in runs] == [
            ("completedWithErrors", 1, 0),
            ("succeeded", 0, 1),
            ("succeeded", 0, 1),
        ]
        assert await errors_of(stack, runs[0]) == {"aoki": "ExchangeMastered"}
        for run in runs[1:]:
            row = (await rows_of(stack, run))["aoki"]
            assert row["reason"].startswith("Skipped, since Entra refused it once: family name.")
        assert len(stack.writes()) == 1

        stack.access_control.users.edit("aoki", {"family_name": "田中", "status": "disabled"})
        assert await errors_of(stack, await stack.sync()) == {"aoki": "ExchangeMastered"}
        assert stack.users()["aoki@contoso.com"]["accountEnabled"] is False


async def test_a_domain_that_is_not_verified_is_refused_before_any_run(start_stack: StartStack) -> None:
    stack = await start_stack(domains=[{"id": CONTOSO}, {"id": FABRIKAM, "isVerified": False}])

    answer = await stack.post(f"domains/{FABRIKAM}/dry-run")

    assert (answer.status_code, answer.json()["title"]) == (404, "Unknown domain")


class _Company:
    """Two sides of one company that differ in every way at once, the same for the same number."""

    def __init__(self, number: int) -> None:
        self._dice = Random(number)
        self.federated = number % 3 == 2
        self.source = list(self._source())
        self.entra = list(self._entra())
        self.deleted = list(self._deleted())
        here = {user["userPrincipalName"] for user in self.entra}
        self.group = next(f"p{n}" for n in range(26) if f"p{n}@{CONTOSO}" not in here)

    def _chance(self, probability: float) -> bool:
        return self._dice.random() < probability

    def _name(self) -> str:
        return f"p{self._dice.randrange(25)}"

    def _key(self, username: str) -> str:
        owner = self._name() if self._chance(0.1) else username
        return f"K{owner}" if self._chance(0.9 if self.federated else 0.5) else ""

    def _source(self) -> Iterable[Json]:
        for number in range(25):
            username = f"p{number}"
            if self._chance(0.75):
                yield in_source(
                    username,
                    user_principal_name=f"{self._name() if self._chance(0.4) else username}@"
                    f"{FABRIKAM if self._chance(0.1) else CONTOSO}",
                    immutable_id=self._key(username),
                    given_name="長" * self._dice.choice([1, 1, 1, 65]),
                    status=self._dice.choice(["enabled", "enabled", "disabled"]),
                )

    def _entra(self) -> Iterable[Json]:
        keys: set[str] = set()
        for number in range(25):
            key = self._key(f"p{number}")
            if self._chance(0.75):
                yield in_entra(
                    f"p{number}",
                    FABRIKAM if self._chance(0.1) else CONTOSO,
                    onPremisesImmutableId=None if key in {"", *keys} else key,
                    proxyAddresses=[f"SMTP:p{number}@{CONTOSO}"] if self._chance(0.2) else [],
                    onPremisesSyncEnabled=True if self._chance(0.05) else None,
                    userType="Guest" if self._chance(0.05) else "Member",
                    _mailbox=self._dice.choice(["user"] * 8 + ["shared", "room"]),
                    _roles=["User Administrator"] if self._chance(0.05) else [],
                )
                keys.add(key)

    def _deleted(self) -> Iterable[Json]:
        taken = {user["onPremisesImmutableId"] for user in self.entra}
        for number in self._dice.sample(range(25), 6):
            key = f"Kp{number}"
            yield in_entra(
                f"p{number}",
                id=f"00000000-0000-4000-8000-{number:012d}",
                onPremisesImmutableId=key if key not in taken and self._chance(0.6) else None,
                proxyAddresses=[f"smtp:p{self._dice.randrange(25)}@{CONTOSO}"] if self._chance(0.3) else [],
            )


class TestEveryCompany:
    @pytest.mark.parametrize("number", range(5))
    async def test_a_sync_has_the_rows_of_the_dry_run_before_it_and_fails_only_where_that_foresaw_it(
        self, start_stack: StartStack, number: int
    ) -> None:
        company = _Company(number)
        stack = await start_stack(
            source=company.source,
            entra=company.entra,
            domains=[
                {"id": CONTOSO, "authenticationType": "Federated" if company.federated else "Managed"},
                {"id": FABRIKAM},
            ],
            tenant={
                "deletedUsers": company.deleted,
                "groups": [{"displayName": "P", "proxyAddresses": [f"SMTP:{company.group}@{CONTOSO}"]}],
            },
        )
        await stack.set(maxAllowedDeletions=ANY_DELETION)

        foretold, done = await foretold_and_done(stack)

        assert foretold.counts == done.counts
        assert await people(stack, foretold) == await people(stack, done)
        assert foretold.deletion_check == done.deletion_check
        assert not [upn for upn in stack.users("contoso.onmicrosoft.com") if upn.startswith("sync-")]
