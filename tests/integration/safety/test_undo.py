"""A sync, taken back: what it deleted, changed and renamed is as before; nothing is forced."""

from datetime import timedelta

from local.entra import Fault
from tests.support.outcomes import (
    ANY_DELETION,
    FABRIKAM,
    TWO_DOMAINS,
    approved_sync,
    errors_of,
    names,
    object_id,
    rows_of,
    treated,
    undone,
)
from tests.support.stack import CONTOSO, Json, Stack, StartStack, in_entra, in_source
from tests.support.storage_control import storage_of


def seen(stack: Stack, domain: str = CONTOSO) -> dict[str, Json]:
    """Everybody on the domain as an administrator sees them."""
    shown = ("id", "displayName", "givenName", "surname", "accountEnabled", "onPremisesImmutableId")
    return {upn: {name: user.get(name) for name in shown} for upn, user in stack.users(domain).items()}


def of(name: str, immutable_id: str) -> Json:
    """What shows that the user is this person. Without a mailbox the UPN is free for somebody else."""
    shown = {"displayName": f"{name.title()} 太郎", "surname": name.title()}
    return {"onPremisesImmutableId": immutable_id, "_mailbox": "none", **shown}


async def everything_happens(start_stack: StartStack) -> Stack:
    """A sync would add one, update and block one, rename a swap and one more, and delete one."""
    stack = await start_stack(
        settings={"SIGN_IN": "follow"},
        source=[
            in_source("added"),
            in_source("updated", display_name="Changed", status="disabled", immutable_id="KU"),
            in_source("right", immutable_id="K1"),
            in_source("left", immutable_id="K2"),
            in_source("married", immutable_id="K3"),
        ],
        entra=[
            in_entra("updated"),
            in_entra("left", **of("right", "K1")),
            in_entra("right", **of("left", "K2")),
            in_entra("maiden", onPremisesImmutableId="K3", displayName="Married 太郎", surname="Married"),
            in_entra("deleted"),
        ],
    )
    await stack.set(maxAllowedDeletions=ANY_DELETION)
    return stack


class TestAnUndo:
    async def test_gives_everybody_back_what_the_sync_changed_and_keeps_whom_it_added(
        self, start_stack: StartStack
    ) -> None:
        stack = await everything_happens(start_stack)
        before = seen(stack)
        sync = await stack.sync()

        undo = await undone(stack, sync)

        assert undo.status == "succeeded"
        added = seen(stack).pop("added@contoso.com")
        assert seen(stack) == {**before, "added@contoso.com": added}
        assert (undo.undoes, undo.counts.restore, undo.counts.rename, undo.counts.update) == (
            sync.id,
            1,
            3,
            1,
        )

    async def test_is_a_run_with_its_own_audit_log(self, start_stack: StartStack) -> None:
        stack = await everything_happens(start_stack)
        sync = await stack.sync()

        undo = await undone(stack, sync)

        rows = await rows_of(stack, undo)
        assert {(row["action"], row["result"]) for row in rows.values()} == {
            ("rename", "succeeded"), ("update", "succeeded"), ("restore", "succeeded"), ("skip", "skipped"),
        }  # fmt: skip
        assert all(row["reason"].startswith(f"Undoes the sync {sync.id}.") for row in rows.values())
        assert (await stack.runs())[0].id == undo.id

    async def test_dry_says_the_same_and_writes_nothing(self, start_stack: StartStack) -> None:
        stack = await everything_happens(start_stack)
        sync = await stack.sync()
        stack.entra.requests.clear()

        preview = await undone(stack, sync, dryRun=True)
        assert stack.writes() == []
        undo = await undone(stack, sync)

        assert preview.mode == "dryRun"
        assert preview.counts == undo.counts
        assert {name: action for name, (action, _) in (await treated(stack, preview)).items()} == {
            name: action for name, (action, _) in (await treated(stack, undo)).items()
        }

    async def test_disables_whom_the_sync_added_only_on_request(self, start_stack: StartStack) -> None:
        stack = await start_stack(source=[in_source("aoki")])
        sync = await stack.sync()

        kept = await undone(stack, sync)
        assert stack.users()["aoki@contoso.com"]["accountEnabled"] is True
        disabled = await undone(stack, sync, disableAdded=True)

        assert stack.users()["aoki@contoso.com"]["accountEnabled"] is False
        assert (await rows_of(stack, kept))["aoki"]["reason"].endswith("Added users are kept.")
        assert await treated(stack, disabled) == {"aoki": ("block", "succeeded")}

    async def test_a_second_time_finds_nothing_left(self, start_stack: StartStack) -> None:
        stack = await everything_happens(start_stack)
        sync = await stack.sync()
        await undone(stack, sync)
        stack.entra.requests.clear()

        again = await undone(stack, sync)

        assert (again.status, stack.writes()) == ("succeeded", [])

    async def test_of_an_undo_does_it_all_over_but_deletes_nobody(self, start_stack: StartStack) -> None:
        stack = await everything_happens(start_stack)
        sync = await stack.sync()
        after = seen(stack)
        undo = await undone(stack, sync, disableAdded=True)
        restored = seen(stack)["deleted@contoso.com"]

        again = await undone(stack, undo)

        assert (again.status, again.undoes) == ("succeeded", undo.id)
        assert seen(stack) == {**after, "deleted@contoso.com": restored}

    async def test_followed_by_a_sync_does_it_all_over(self, start_stack: StartStack) -> None:
        stack = await everything_happens(start_stack)
        sync = await stack.sync()
        after = seen(stack)
        await undone(stack, sync)

        await stack.sync()

        assert seen(stack) == after

    async def test_of_a_move_goes_back_to_the_other_domain(self, start_stack: StartStack) -> None:
        stack = await start_stack(
            source=[in_source("aoki", FABRIKAM, immutable_id="K1")],
            entra=[in_entra("aoki", onPremisesImmutableId="K1")],
            domains=TWO_DOMAINS,
        )
        account = object_id(stack, "aoki")
        sync = await stack.sync(FABRIKAM)

        await undone(stack, sync)

        assert (object_id(stack, "aoki"), stack.users(FABRIKAM)) == (account, {})

    async def test_of_a_cancelled_sync_has_nothing_to_do(self, start_stack: StartStack) -> None:
        stack = await start_stack(source=[in_source("stays")], entra=[in_entra("stays"), in_entra("x")])
        sync = await stack.sync()
        assert sync.status == "cancelled"

        undo = await undone(stack, sync)

        assert (undo.status, stack.writes()) == ("succeeded", [])

    async def test_takes_back_an_approved_deletion_too(self, start_stack: StartStack) -> None:
        stack = await start_stack(source=[in_source("stays")], entra=[in_entra("stays"), in_entra("x")])
        before = seen(stack)
        sync = await approved_sync(stack, await stack.dry_run())

        await undone(stack, sync)

        assert (sync.counts.delete, seen(stack)) == (1, before)


class TestAConflict:
    async def test_is_reported_and_not_forced_where_somebody_changed_the_value_since(
        self, start_stack: StartStack
    ) -> None:
        stack = await start_stack(
            source=[in_source("aoki", display_name="New"), in_source("baba", display_name="New")],
            entra=[in_entra("aoki", displayName="Old"), in_entra("baba", displayName="Old")],
        )
        sync = await stack.sync()
        aoki = stack.entra.directory.user("aoki@contoso.com")
        assert aoki is not None
        stack.entra.directory.update(aoki, {"displayName": "By hand"})

        undo = await undone(stack, sync)

        assert undo.status == "completedWithErrors"
        row = (await rows_of(stack, undo))["aoki"]
        assert (row["result"], row["errorCode"]) == ("failed", "Conflict")
        assert row["errorMessage"].startswith(
            "The display name is 'By hand' now, not 'New' as the sync left it"
        )
        shown = {upn: user["displayName"] for upn, user in stack.users().items()}
        assert shown == {"aoki@contoso.com": "By hand", "baba@contoso.com": "Old"}

    async def test_is_reported_where_the_upn_of_a_deleted_user_is_taken_by_now(
        self, start_stack: StartStack
    ) -> None:
        stack = await start_stack(source=[in_source("stays")], entra=[in_entra("stays"), in_entra("x")])
        await stack.set(maxAllowedDeletions=ANY_DELETION)
        sync = await stack.sync()
        stack.entra.directory.create({"userPrincipalName": "x@contoso.com", "displayName": "Newcomer"})

        preview, undo = await undone(stack, sync, dryRun=True), await undone(stack, sync)

        assert await errors_of(stack, preview) == {"x": "AddressTaken"} == await errors_of(stack, undo)
        assert "the user Newcomer" in (await rows_of(stack, preview))["x"]["errorMessage"]
        assert stack.users()["x@contoso.com"]["displayName"] == "Newcomer"

    async def test_is_reported_where_the_former_name_went_to_a_newcomer_in_the_same_sync(
        self, start_stack: StartStack
    ) -> None:
        stack = await start_stack(
            source=[in_source("married", immutable_id="K1"), in_source("maiden")],
            entra=[in_entra("maiden", onPremisesImmutableId="K1", _mailbox="none")],
        )
        sync = await stack.sync()
        account = object_id(stack, "married")

        undo = await undone(stack, sync)

        assert (await errors_of(stack, undo))["married"] == "AddressTaken"
        assert object_id(stack, "married") == account

    async def test_never_leaves_anybody_on_the_way_back_to_the_other_domain(
        self, start_stack: StartStack
    ) -> None:
        stack = await start_stack(
            source=[in_source("aoki", FABRIKAM, immutable_id="K1")],
            entra=[in_entra("aoki", onPremisesImmutableId="K1", _mailbox="none")],
            domains=TWO_DOMAINS,
        )
        sync = await stack.sync(FABRIKAM)
        stack.entra.directory.create({"userPrincipalName": "aoki@contoso.com", "displayName": "Newcomer"})

        undo = await undone(stack, sync)

        assert await errors_of(stack, undo) == {"aoki": "AddressTaken"}
        assert names(stack.users(FABRIKAM)) == {"aoki"}

    async def test_is_reported_for_whom_somebody_deleted_for_good(self, start_stack: StartStack) -> None:
        stack = await start_stack(source=[in_source("stays")], entra=[in_entra("stays"), in_entra("x")])
        await stack.set(maxAllowedDeletions=ANY_DELETION)
        sync = await stack.sync()
        stack.entra.directory.deleted.clear()

        undo = await undone(stack, sync)

        assert await errors_of(stack, undo) == {"x": "Gone"}

    async def test_is_reported_for_whom_nobody_can_read_and_goes_on_with_the_others(
        self, start_stack: StartStack
    ) -> None:
        stack = await start_stack(
            source=[in_source(name, display_name="New") for name in ("aoki", "baba")],
            entra=[in_entra(name, displayName="Old") for name in ("aoki", "baba", "left")],
        )
        await stack.set(maxAllowedDeletions=ANY_DELETION)
        unread = [object_id(stack, name) for name in ("aoki", "left")]
        sync = await stack.sync()
        for unreadable in unread:
            stack.entra.faults.add(
                Fault(kind="status", status=403, method="GET", path=f"/users/{unreadable}")
            )

        undo = await undone(stack, sync)

        assert undo.status == "completedWithErrors"
        assert await errors_of(stack, undo) == {"aoki": "NotLookedAt", "left": "NotLookedAt"}
        assert stack.users()["baba@contoso.com"]["displayName"] == "Old"

    async def test_nobody_is_touched_who_is_protected_by_now(self, start_stack: StartStack) -> None:
        stack = await start_stack(
            source=[in_source("aoki", display_name="New")], entra=[in_entra("aoki", displayName="Old")]
        )
        sync = await stack.sync()
        aoki = stack.entra.directory.user("aoki@contoso.com")
        assert aoki is not None
        aoki.roles = ("Global Administrator",)

        undo = await undone(stack, sync)

        row = (await rows_of(stack, undo))["aoki"]
        assert (row["action"], row["reason"]) == ("skip", "Holds the directory role Global Administrator.")
        assert aoki["displayName"] == "New"


class TestTheJournal:
    async def test_outlives_the_audit_log(self, start_stack: StartStack) -> None:
        stack = await everything_happens(start_stack)
        before = seen(stack)
        sync = await stack.sync()
        assert sync.finished_at is not None
        logs = stack.services.audit_logs
        await logs.delete_expired(sync.finished_at + timedelta(hours=25))
        assert not await logs.has_begun(sync)
        gone = await stack.get(f"domains/{CONTOSO}/runs/{sync.id}/audit-log")

        await undone(stack, sync)

        assert gone.status_code == 410
        assert {**seen(stack), **before} == seen(stack)

    async def test_holds_no_password(self, start_stack: StartStack) -> None:
        stack = await start_stack(source=[in_source("aoki")])
        sync = await stack.sync()

        container = await stack.services.storage.open_container("journal")
        content = await (await container.download_blob(f"{CONTOSO}/{sync.id}")).readall()

        assert b"aoki@contoso.com" in content
        assert b"assword" not in content

    async def test_is_read_by_the_undo_and_not_by_its_start(self, start_stack: StartStack) -> None:
        stack = await start_stack(source=[in_source("aoki")])
        sync = await stack.sync()
        await storage_of(stack).forget()

        await undone(stack, sync)

        journal = f"journal/{CONTOSO}/{sync.id}"
        asked = [one.operation for one in await storage_of(stack).operations() if one.resource == journal]
        assert asked == ["GetBlobProperties", "GetBlob"]


class TestWhatCanNotBeTakenBack:
    async def test_a_dry_run(self, start_stack: StartStack) -> None:
        stack = await start_stack(source=[in_source("aoki")])
        run = await stack.dry_run()

        assert (await stack.post(f"domains/{CONTOSO}/runs/{run.id}/undo")).status_code == 409

    async def test_a_sync_whose_journal_is_gone_after_30_days(self, start_stack: StartStack) -> None:
        stack = await start_stack(source=[in_source("aoki")])
        run = await stack.sync()
        container = await stack.services.storage.open_container("journal")
        await container.delete_blob(f"{CONTOSO}/{run.id}")

        answer = await stack.post(f"domains/{CONTOSO}/runs/{run.id}/undo")

        assert (answer.status_code, answer.json()["title"]) == (410, "Too long ago")
