"""UPNs of people with a mailbox, which keeps every UPN as an alias: what works, and what an administrator is told."""

import pytest

from local.entra import Fault
from tests.support.outcomes import ANY_DELETION, errors_of, names, object_id, rows_of, treated
from tests.support.stack import Stack, StartStack, in_entra, in_source

INITIAL = "contoso.onmicrosoft.com"
GONE = "00000000-0000-4000-8000-00000000000f"


async def exchanging(
    start_stack: StartStack, names: dict[str, str], **mailboxes: str
) -> tuple[Stack, dict[str, str]]:
    """A stack whose people are to be called otherwise; their object ids by old name. All have a mailbox by default."""
    stack = await start_stack(
        source=[in_source(new, username=old, immutable_id=f"K{old}") for old, new in names.items()],
        entra=[
            in_entra(old, onPremisesImmutableId=f"K{old}", _mailbox=mailboxes.get(old, "user"))
            for old in names
        ],
    )
    return stack, {name: object_id(stack, name) for name in names}


def by_hand(stack: Stack, account: str, *, upn: str = "", remove: str = "") -> None:
    """An administrator gives somebody another UPN, and takes an alias from their mailbox."""
    user = stack.entra.directory.users[account]
    if upn:
        stack.entra.directory.update(user, {"userPrincipalName": f"{upn}@contoso.com"})
    addresses = user["proxyAddresses"]
    assert isinstance(addresses, list | None)
    left = [entry for entry in addresses or () if entry.lower() != f"smtp:{remove}@contoso.com"]
    stack.entra.directory.set_properties(user, {"proxyAddresses": left})


class TestACircle:
    @pytest.mark.parametrize(("second", "named", "other"), [("user", "b", "a"), ("none", "a", "b")])
    async def test_is_foretold_and_not_begun_and_goes_on_once_the_row_is_obeyed(
        self, start_stack: StartStack, second: str, named: str, other: str
    ) -> None:
        stack, accounts = await exchanging(start_stack, {"a": "b", "b": "a"}, b=second)

        foretold, done = await stack.dry_run(), await stack.sync()

        assert (
            await errors_of(stack, foretold)
            == await errors_of(stack, done)
            == dict.fromkeys("ab", "AddressTaken")
        )
        said = {row["errorMessage"] for row in (await rows_of(stack, foretold)).values()}
        assert any(
            f"({accounts[named]}) another UPN by hand, then remove {named}@contoso.com" in text
            for text in said
        )
        assert stack.writes() == []

        by_hand(stack, accounts[named], upn="by-hand", remove=named)
        await stack.sync()
        by_hand(stack, accounts[other], remove=other)
        await stack.sync()

        assert {name: object_id(stack, name) for name in "ab"} == {"a": accounts["b"], "b": accounts["a"]}

    async def test_that_nobody_could_foresee_leaves_everybody_where_they_were(
        self, start_stack: StartStack
    ) -> None:
        stack, accounts = await exchanging(start_stack, {"a": "b", "b": "a"})
        stack.entra.faults.add(
            Fault(kind="status", status=403, path="/users/*/mailboxSettings"),
            # The first such read is that of groups which may hold a role, the second one that of addresses.
            Fault(kind="status", status=400, path="/groups", nth=(2,)),
        )

        run = await stack.sync()

        rows = await rows_of(stack, run)
        assert {row["errorCode"] for row in rows.values()} == {
            "ObjectConflict:proxyAddresses",
            "ObjectConflict:userPrincipalName",
        }
        assert any(row["errorMessage"].endswith("@contoso.com again.") for row in rows.values())
        assert {name: object_id(stack, name) for name in "ab"} == accounts
        assert stack.users(INITIAL) == {}


class TestAChain:
    async def test_goes_as_far_as_it_can_and_on_once_the_alias_is_removed(
        self, start_stack: StartStack
    ) -> None:
        stack, accounts = await exchanging(start_stack, {"a": "b", "b": "c"})

        foretold, done = await stack.dry_run(), await stack.sync()

        kept = f"b@contoso.com stays an alias of B 太郎 ({accounts['b']}), whom this sync renames"
        assert (await rows_of(stack, foretold))["a"]["errorMessage"].startswith(kept)
        assert await treated(stack, done) == {"a": ("rename", "failed"), "b": ("rename", "succeeded")}

        again = await stack.dry_run()
        assert (await rows_of(stack, again))["a"]["errorMessage"].startswith(
            f"b@contoso.com is taken by the user C 太郎 ({accounts['b']})"
        )
        by_hand(stack, accounts["b"], remove="b")
        await stack.sync()

        assert {name: object_id(stack, name) for name in "bc"} == {"b": accounts["a"], "c": accounts["b"]}

    async def test_of_a_newcomer_who_wants_the_former_upn_too(self, start_stack: StartStack) -> None:
        stack, _ = await exchanging(start_stack, {"maiden": "married"})
        stack.access_control.users.put(
            stack.access_control.users["maiden"].model_copy(
                update={
                    "username": "new",
                    "user_principal_name": "maiden@contoso.com",
                    "immutable_id": "Knew",
                }
            )
        )

        run = await stack.sync()

        rows = {row["action"]: row["errorCode"] for row in await stack.audit_log(run)}
        assert rows == {"rename": "", "add": "AddressTaken"}
        assert names(stack.users()) == {"married"}


class TestWhoHoldsAnAddress:
    async def test_is_named_by_graph_where_it_is_a_mail_contact(self, start_stack: StartStack) -> None:
        contact = {"id": "c1", "displayName": "Sales", "mail": "sales@contoso.com"}
        stack = await start_stack(source=[in_source("sales")], tenant={"contacts": [contact]})

        run = await stack.sync()

        row = (await rows_of(stack, run))["sales"]
        assert row["errorCode"] == "ObjectConflict:proxyAddresses"
        assert "It belongs to Contact_c1 in Entra: free it there" in row["errorMessage"]

    @pytest.mark.parametrize("known", [False, True])
    async def test_is_named_where_it_is_a_deleted_user_and_the_address_is_free(
        self, start_stack: StartStack, known: bool
    ) -> None:
        leaver = in_entra("leaver", id=GONE, proxyAddresses=["smtp:aoki@contoso.com"])
        stack = await start_stack(
            source=[in_source("aoki", username="a", immutable_id="K1")],
            entra=[in_entra("old", onPremisesImmutableId="K1")] if known else [],
            tenant={"deletedUsers": [leaver]},
        )

        foretold, done = await stack.dry_run(), await stack.sync()

        (row,) = {row["reason"]: row for row in await stack.audit_log(foretold)}.values()
        assert (
            f"aoki@contoso.com was an address of the deleted user leaver@contoso.com ({GONE})"
            in row["reason"]
        )
        assert (done.status, names(stack.users())) == ("succeeded", {"aoki"})

    async def test_is_named_where_a_deleted_user_comes_back_with_it(self, start_stack: StartStack) -> None:
        gone = in_entra("aoki", id=GONE, proxyAddresses=["smtp:sales@contoso.com"])
        stack = await start_stack(
            source=[in_source("aoki"), in_source("sales")],
            entra=[in_entra("sales")],
            tenant={"deletedUsers": [gone]},
        )
        await stack.set(maxAllowedDeletions=ANY_DELETION)

        foretold, done = await stack.dry_run(), await stack.sync()

        assert await errors_of(stack, foretold) == {"aoki": "AddressTaken"}
        assert await treated(stack, done) == {"aoki": ("restore", "failed")}
