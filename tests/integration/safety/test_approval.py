"""Release once: a sync that carries somebody's approval of what one dry run listed."""

from datetime import timedelta

from shared.clock import Clock
from shared.model.records import Author
from shared.model.runs import Compared, Run, new_run_id
from shared.runs.approving import start_approved
from shared.runs.invocation import perform
from shared.store.storage import AUDIT_LOGS
from tests.support.outcomes import approved_sync, names, object_id, rows_of, treated, undone
from tests.support.stack import CONTOSO, Json, Stack, StartStack, in_entra, in_source

PEOPLE = [f"user{number}" for number in range(10)]


async def three_have_left(start_stack: StartStack) -> Stack:
    """Ten people in Entra, seven in the source: 30 percent, where 20 are allowed."""
    return await start_stack(
        source=[in_source(name) for name in PEOPLE[3:]], entra=[in_entra(name) for name in PEOPLE]
    )


async def refusal(stack: Stack, run_id: str) -> tuple[int, str]:
    answer = await stack.post(f"domains/{CONTOSO}/sync", {"approve": {"dryRunId": run_id}})
    return answer.status_code, answer.json()["detail"]


class TestAnApproval:
    async def test_releases_what_the_dry_run_listed_whatever_the_limit_says(
        self, start_stack: StartStack
    ) -> None:
        stack = await three_have_left(start_stack)

        run = await approved_sync(stack, await stack.dry_run())

        assert (run.status, run.counts.delete) == ("succeeded", 3)
        check = run.deletion_check
        assert check is not None
        assert (check.deletions, check.approved, check.exceeded) == (3, 3, False)
        assert names(stack.users()) == set(PEOPLE[3:])

    async def test_is_recorded_with_who_gave_it_in_the_sync_log_and_on_every_row_it_released(
        self, start_stack: StartStack
    ) -> None:
        stack = await three_have_left(start_stack)
        dry_run = await stack.dry_run()

        run = await approved_sync(stack, dry_run)

        approval = (await stack.runs())[0].approval
        assert approval is not None
        assert (approval.dry_run_id, approval.deletions) == (dry_run.id, 3)
        assert approval.approved_by == run.requested_by != ""
        rows = (await rows_of(stack, run)).values()
        assert [row["action"] for row in rows] == ["delete"] * 3
        note = f"Approved by {approval.approved_by} (dry run {dry_run.id})."
        assert all(row["reason"].endswith(note) for row in rows)

    async def test_leaves_one_more_deletion_to_the_limit(self, start_stack: StartStack) -> None:
        stack = await three_have_left(start_stack)
        dry_run = await stack.dry_run()
        for name in PEOPLE[3:5]:
            stack.access_control.users.remove(name)

        run = await approved_sync(stack, dry_run)

        assert (run.status, stack.writes()) == ("cancelled", [])
        assert "2 of 10 users = 20% ≥ 20%" in run.message

    async def test_marks_only_the_rows_it_released_where_the_limit_lets_others_pass(
        self, start_stack: StartStack
    ) -> None:
        stack = await three_have_left(start_stack)
        dry_run = await stack.dry_run()
        stack.access_control.users.remove("user3")

        run = await approved_sync(stack, dry_run)

        rows = await rows_of(stack, run)
        assert (run.status, set(rows)) == ("succeeded", set(PEOPLE[:4]))
        assert {name for name, row in rows.items() if "Approved by" in row["reason"]} == set(PEOPLE[:3])

    async def test_deletes_nobody_who_has_come_back_since(self, start_stack: StartStack) -> None:
        stack = await three_have_left(start_stack)
        dry_run = await stack.dry_run()
        template = stack.access_control.users["user9"]
        back = {"username": "user0", "user_principal_name": "user0@contoso.com"}
        stack.access_control.users.put(template.model_copy(update=back))

        run = await approved_sync(stack, dry_run)

        assert "user0" in names(stack.users())
        assert (await treated(stack, run))["user1"] == ("delete", "succeeded")

    async def test_releases_nobody_whom_something_protects(self, start_stack: StartStack) -> None:
        stack = await three_have_left(start_stack)
        dry_run = await stack.dry_run()
        user = stack.entra.directory.user("user0@contoso.com")
        assert user is not None
        user.mailbox = "shared"

        run = await approved_sync(stack, dry_run)

        assert (await treated(stack, run))["user0"] == ("skip", "skipped")

    async def test_releases_those_accounts_that_no_sync_knew_which_it_names(
        self, start_stack: StartStack
    ) -> None:
        stack = await three_have_left(start_stack)
        await stack.set(unlinked="ask")
        dry_run = await stack.dry_run()
        gone = stack.users()[f"user0@{CONTOSO}"]["id"]
        order = {"approve": {"dryRunId": dry_run.id, "objectIds": [gone]}}

        answer = await stack.post(f"domains/{CONTOSO}/sync", order)

        run = await stack.finished(Run.model_validate(answer.json()))
        assert (dry_run.counts.delete, run.status, run.counts.delete) == (0, "succeeded", 1)
        assert names(stack.users()) == set(PEOPLE[1:])

    async def test_reads_the_plan_as_data_and_not_the_rows_for_people(self, start_stack: StartStack) -> None:
        stack = await three_have_left(start_stack)
        dry_run = await stack.dry_run()
        container = await stack.services.storage.open_container(AUDIT_LOGS)
        log = container.get_blob_client(f"dry-run/{CONTOSO}.csv")
        metadata = (await log.get_blob_properties()).metadata
        await log.upload_blob(b"edited by hand", overwrite=True, metadata=metadata)

        run = await approved_sync(stack, dry_run)

        assert (run.status, run.counts.delete) == ("succeeded", 3)


class TestAReview:
    """Deletions one by one, with a reason, and afterwards what was otherwise than planned."""

    @staticmethod
    async def two_have_left(start_stack: StartStack) -> Stack:
        """Of twelve people: within the limit."""
        return await start_stack(
            source=[in_source(name) for name in [*PEOPLE[2:], "more", "yet"]],
            entra=[in_entra(name) for name in [*PEOPLE, "more", "yet"]],
        )

    async def test_leaves_whose_deletion_was_not_approved_by_name(self, start_stack: StartStack) -> None:
        stack = await self.two_have_left(start_stack)
        dry_run = await stack.dry_run()

        run = await approved_sync(stack, dry_run, objectIds=[object_id(stack, "user1")])

        assert (run.status, run.counts.delete, run.counts.skipped) == ("succeeded", 1, 1)
        assert "user0" in names(stack.users())
        left = (await rows_of(stack, run))["user0"]
        assert (left["action"], left["reason"].endswith("its deletion was not approved.")) == ("skip", True)
        assert (await stack.run(run)).compared == Compared()

    async def test_counts_those_against_the_limit_as_ever(self, start_stack: StartStack) -> None:
        stack = await three_have_left(start_stack)

        run = await approved_sync(stack, await stack.dry_run(), objectIds=[object_id(stack, "user0")])

        assert (run.status, stack.writes()) == ("cancelled", [])
        assert "2 of 10 users = 20% ≥ 20%" in run.message

    async def test_of_nobody_deletes_nobody(self, start_stack: StartStack) -> None:
        stack = await self.two_have_left(start_stack)

        run = await approved_sync(stack, await stack.dry_run(), objectIds=[])

        assert (run.status, run.counts.delete, stack.writes()) == ("succeeded", 0, [])

    async def test_keeps_its_reason_in_the_sync_log(self, start_stack: StartStack) -> None:
        stack = await self.two_have_left(start_stack)
        dry_run = await stack.dry_run()
        too_long = {"approve": {"dryRunId": dry_run.id, "reason": "x" * 501}}

        refused = await stack.post(f"domains/{CONTOSO}/sync", too_long)
        run = await approved_sync(stack, dry_run, reason=" 9 月末の退職者 ")

        assert refused.status_code == 400
        assert run.approval
        assert run.approval.reason == "9 月末の退職者"

    async def test_is_told_exactly_what_was_otherwise(self, start_stack: StartStack) -> None:
        stack = await self.two_have_left(start_stack)
        dry_run = await stack.dry_run()
        stack.access_control.users.put(
            stack.access_control.users["user5"].model_copy(update={"display_name": "Another"})
        )
        back = {"username": "user0", "user_principal_name": f"user0@{CONTOSO}"}
        stack.access_control.users.put(stack.access_control.users["user9"].model_copy(update=back))

        run = await approved_sync(stack, dry_run)

        assert run.compared
        assert {(one.user_principal_name, one.how) for one in run.compared.some} == {
            (f"user0@{CONTOSO}", "otherwise"),
            (f"user5@{CONTOSO}", "unplanned"),
        }

    async def test_of_a_dry_run_that_is_overwritten_meanwhile_compares_nothing(
        self, start_stack: StartStack
    ) -> None:
        stack = await self.two_have_left(start_stack)
        author = Author("somebody", "127.0.0.1")
        dry_run = await stack.dry_run()
        run = await start_approved(stack.services, CONTOSO, dry_run.id, author)
        await stack.services.audit_logs.delete_expired(run.created_at + timedelta(hours=25))

        await perform(stack.services, CONTOSO, run.id)

        ended = await stack.run(run)
        assert (ended.status, ended.compared) == ("succeeded", None)


class TestAnApprovalOfOtherKinds:
    @staticmethod
    async def renamed(start_stack: StartStack) -> Stack:
        """A company gives all of its people another UPN."""
        return await start_stack(
            source=[in_source(f"{name}.new", immutable_id=f"K{name}") for name in PEOPLE],
            entra=[in_entra(name, onPremisesImmutableId=f"K{name}") for name in PEOPLE],
        )

    async def test_lets_a_company_rename_everybody(self, start_stack: StartStack) -> None:
        stack = await self.renamed(start_stack)

        refused, dry_run = await stack.sync(), await stack.dry_run()
        run = await approved_sync(stack, dry_run, kinds=["rename"])
        again = await stack.sync()

        assert (refused.status, refused.counts.rename) == ("cancelled", 0)
        assert "approve what a dry run lists (kinds: rename), or raise the limit" in refused.message
        assert (run.status, run.counts.rename, again.status) == ("succeeded", 10, "succeeded")
        assert names(stack.users()) == {f"{name}.new" for name in PEOPLE}
        assert run.approval is not None
        assert run.approval.released == {"rename": 10}
        (renames,) = [check for check in run.limit_checks if check.name == "renames"]
        assert (renames.amount, renames.approved, renames.exceeded) == (0, 10, False)
        rows = (await rows_of(stack, run)).values()
        assert all(f"(dry run {dry_run.id})" in row["reason"] for row in rows)

    async def test_of_deletions_releases_no_rename(self, start_stack: StartStack) -> None:
        stack = await self.renamed(start_stack)

        run = await approved_sync(stack, await stack.dry_run())

        assert (run.status, stack.writes()) == ("cancelled", [])

    async def test_releases_a_rename_to_the_listed_upn_alone(self, start_stack: StartStack) -> None:
        stack = await self.renamed(start_stack)
        dry_run = await stack.dry_run()
        for name in PEOPLE[:6]:
            user = stack.access_control.users[f"{name}.new"]
            other = {"user_principal_name": f"{name}.other@{CONTOSO}"}
            stack.access_control.users.put(user.model_copy(update=other))

        run = await approved_sync(stack, dry_run, kinds=["rename"])

        assert (run.status, stack.writes()) == ("cancelled", [])
        assert "6 renames of 10 users = 60% ≥ 20% and > 5" in run.message

    async def test_releases_those_who_are_named_and_leaves_the_others_to_the_limit(
        self, start_stack: StartStack
    ) -> None:
        stack = await self.renamed(start_stack)
        dry_run = await stack.dry_run()

        few = await approved_sync(
            stack, dry_run, kinds=["rename"], sourceIds=[f"{name}.new" for name in PEOPLE[:4]]
        )
        enough = await approved_sync(
            stack, dry_run, kinds=["rename"], sourceIds=[f"{name}.new" for name in PEOPLE[:5]]
        )

        assert [few.status, enough.status] == ["cancelled", "succeeded"]
        assert enough.counts.rename == 10

    async def test_releases_values_that_are_removed_and_accounts_that_are_disabled(
        self, start_stack: StartStack
    ) -> None:
        source = [in_source(name, family_name="", status="disabled") for name in PEOPLE[:8]]
        source += [in_source(name) for name in PEOPLE[8:]]
        entra = [in_entra(name) for name in PEOPLE]
        stack = await start_stack(source=source, entra=entra, settings={"SIGN_IN": "follow"})
        dry_run = await stack.dry_run()

        half = await approved_sync(stack, dry_run, kinds=["clear"])
        run = await approved_sync(stack, dry_run, kinds=["clear", "block"])

        assert dry_run.message.endswith(
            "8 accounts to be disabled of 10 users = 80% ≥ 20% and > 5; "
            "8 values of family name to be removed of 10 users = 80% ≥ 20% and > 5: a sync would be cancelled."
        )
        assert [half.status, run.status] == ["cancelled", "succeeded"]
        assert sum(user["accountEnabled"] for user in stack.users().values()) == 2

    async def test_releases_adds(self, start_stack: StartStack) -> None:
        stack = await start_stack(source=[in_source(name) for name in PEOPLE])
        await stack.set(maxAdds={"count": 3})

        run = await approved_sync(stack, await stack.dry_run(), kinds=["add"])

        assert (run.status, run.counts.add) == ("succeeded", 10)


class TestWhatCanNotBeApproved:
    async def test_a_dry_run_that_was_made_with_other_settings(self, start_stack: StartStack) -> None:
        stack = await three_have_left(start_stack)
        dry_run = await stack.dry_run()
        await stack.set(unlinked="ask")

        status, detail = await refusal(stack, dry_run.id)

        assert status == 412
        assert detail == (
            f"The settings that decide what a sync does have changed since the dry run {dry_run.id}: "
            "look at a new dry run, and approve that one."
        )

    async def test_by_a_run_that_was_queued_before_the_settings_changed(
        self, start_stack: StartStack
    ) -> None:
        stack = await three_have_left(start_stack)
        dry_run = await stack.dry_run()
        author = Author("somebody", "127.0.0.1")
        run = await start_approved(stack.services, CONTOSO, dry_run.id, author)
        await stack.set(unlinked="ask")

        await perform(stack.services, CONTOSO, run.id)

        ended = await stack.run(run)
        assert (ended.status, stack.writes()) == ("cancelled", [])
        assert "have changed since the dry run" in ended.message

    async def test_somebody_whom_the_dry_run_does_not_list(self, start_stack: StartStack) -> None:
        stack = await three_have_left(start_stack)
        dry_run = await stack.dry_run()
        order = {"approve": {"dryRunId": dry_run.id, "sourceIds": ["user9"]}}

        answer = await stack.post(f"domains/{CONTOSO}/sync", order)

        assert answer.status_code == 409
        assert answer.json()["detail"] == f"The dry run {dry_run.id} does not list these people: user9."

    async def test_people_for_whom_it_lists_changes_of_another_kind_alone(
        self, start_stack: StartStack
    ) -> None:
        stack = await start_stack(
            source=[in_source("aoki", display_name="New")], entra=[in_entra("aoki"), in_entra("left")]
        )
        dry_run = await stack.dry_run()
        updated = object_id(stack, "aoki")

        order = {"approve": {"dryRunId": dry_run.id, "objectIds": [updated]}}
        answer = await stack.post(f"domains/{CONTOSO}/sync", order)

        assert answer.status_code == 409
        assert updated in answer.json()["detail"]
        assert stack.writes() == []

    async def test_a_dry_run_that_a_later_one_has_overwritten(self, start_stack: StartStack) -> None:
        stack = await three_have_left(start_stack)
        dry_run = await stack.dry_run()
        await stack.dry_run()

        assert await refusal(stack, dry_run.id) == (
            410, "The audit log is gone: it is kept for 24 hours, and the next dry run overwrites it.",
        )  # fmt: skip

    async def test_a_dry_run_whose_list_is_gone_after_24_hours(self, start_stack: StartStack) -> None:
        stack = await three_have_left(start_stack)
        dry_run = await stack.dry_run()
        assert dry_run.finished_at is not None
        await stack.services.audit_logs.delete_expired(dry_run.finished_at + timedelta(hours=25))

        assert (await refusal(stack, dry_run.id))[0] == 410

    async def test_a_sync(self, start_stack: StartStack) -> None:
        stack = await three_have_left(start_stack)
        run = await stack.sync()

        status, detail = await refusal(stack, run.id)

        assert status == 409
        assert detail == f"{run.id} is not a dry run that succeeded: only one of those can be approved."

    async def test_the_dry_run_of_an_undo(self, start_stack: StartStack) -> None:
        stack = await three_have_left(start_stack)
        preview = await undone(stack, await approved_sync(stack, await stack.dry_run()), dryRun=True)

        assert (await refusal(stack, preview.id))[0] == 409

    async def test_a_run_nobody_knows(self, start_stack: StartStack) -> None:
        stack = await three_have_left(start_stack)
        dry_run = await stack.dry_run()
        assert dry_run.finished_at is not None

        assert (await refusal(stack, new_run_id(dry_run.finished_at, Clock().token(4))))[0] == 404

    async def test_what_is_no_run_id(self, start_stack: StartStack) -> None:
        stack = await three_have_left(start_stack)

        bodies: list[Json] = [{"approve": {"dryRunId": "x"}}, {"approve": {}}, {"approve": True}]
        for body in bodies:
            assert (await stack.post(f"domains/{CONTOSO}/sync", body)).status_code == 400
        assert await stack.runs() == []
