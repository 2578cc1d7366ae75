"""The limits beyond deletions: by percent, by count or both, each with its arithmetic."""

import pytest

from local.access_control.users import User as SourceUser
from shared.model.runs import Run
from tests.support.outcomes import ANY_DELETION, FABRIKAM, TWO_DOMAINS, approved_sync, names, treated
from tests.support.stack import CONTOSO, Json, Stack, StartStack, in_entra, in_source

PEOPLE = [f"user{number}" for number in range(10)]


async def with_changes(start_stack: StartStack, kind: str, amount: int, settings: Json) -> Stack:
    """Ten people on both sides, of whom `amount` are to be updated or renamed, or so many more to be added."""
    source = [in_source(name, immutable_id=f"K{name}") for name in PEOPLE]
    for number, user in enumerate(source[:amount]):
        if kind == "maxUpdates":
            user["display_name"] = "Changed"
        elif kind == "maxRenames":
            user["user_principal_name"] = f"renamed{number}@contoso.com"
    if kind == "maxAdds":
        source += [in_source(f"new{number}") for number in range(amount)]
    stack = await start_stack(
        source=source, entra=[in_entra(name, onPremisesImmutableId=f"K{name}") for name in PEOPLE]
    )
    await stack.set(**settings)
    return stack


def action_of(kind: str) -> str:
    return kind.removeprefix("max").removesuffix("s").lower()


class TestAddsUpdatesAndRenames:
    @pytest.mark.parametrize(
        ("limit", "verdict"),
        [
            ({"count": 3}, "4 {what} > 3"),
            ({"percent": 40}, "4 {what} of 10 users = 40% ≥ 40%"),
        ],
        ids=["by count", "by percent"],
    )
    @pytest.mark.parametrize("kind", ["maxAdds", "maxUpdates", "maxRenames"])
    async def test_beyond_the_limit_nothing_at_all_is_applied(
        self, start_stack: StartStack, kind: str, limit: Json, verdict: str
    ) -> None:
        stack = await with_changes(start_stack, kind, 4, {kind: limit})
        text = verdict.format(what=kind.removeprefix("max").lower())

        foretold, done = await stack.dry_run(), await stack.sync()

        assert foretold.message.endswith(f"{text}: a sync would be cancelled.")
        assert (done.status, stack.writes()) == ("cancelled", [])
        assert f"Cancelled, nothing was applied: {text}." in done.message
        assert [check.verdict for check in done.limit_checks if check.exceeded] == [text]
        assert set((await treated(stack, done)).values()) == {(action_of(kind), "notApplied")}

    @pytest.mark.parametrize("kind", ["maxAdds", "maxUpdates", "maxRenames"])
    async def test_up_to_the_limit_everything_is(self, start_stack: StartStack, kind: str) -> None:
        stack = await with_changes(start_stack, kind, 4, {kind: {"count": 4}})

        by_count = (await stack.dry_run()).limit_checks
        by_percent: Json = {kind: {"percent": 41}}
        await stack.set(**by_percent)
        run = await stack.sync()

        assert (run.status, len(stack.writes())) == ("succeeded", 4)
        assert not any(check.exceeded for check in (*by_count, *run.limit_checks))
        name = kind.removeprefix("max").lower()
        assert {check.name for check in by_count} == {name, "renames", "blocks"}

    async def test_are_off_until_somebody_sets_them_and_off_again_with_null(
        self, start_stack: StartStack
    ) -> None:
        stack = await with_changes(start_stack, "maxUpdates", 10, {"maxUpdates": {"count": 0}})

        refused = await stack.sync()
        await stack.set(maxUpdates=None)
        done = await stack.sync()

        assert [refused.status, done.status] == ["cancelled", "succeeded"]
        assert "updates" not in {check.name for check in done.limit_checks}

    async def test_that_have_a_percentage_and_a_count_are_exceeded_by_both_alone(
        self, start_stack: StartStack
    ) -> None:
        both: Json = {"maxUpdates": {"percent": 40, "count": 4}}
        stack = await with_changes(start_stack, "maxUpdates", 5, both)

        refused = await stack.sync()
        await stack.set(maxUpdates={"percent": 40, "count": 5})
        done = await stack.sync()

        assert [refused.status, done.status] == ["cancelled", "succeeded"]
        assert "5 updates of 10 users = 50% ≥ 40% and > 4" in refused.message

    async def test_of_renames_are_on_until_somebody_switches_them_off(self, start_stack: StartStack) -> None:
        stack = await with_changes(start_stack, "maxRenames", 6, {"periodicSync": False})
        default = {"percent": 20, "count": 5}
        before = (await stack.get(f"domains/{CONTOSO}")).json()

        refused = await stack.sync()
        await stack.set(maxRenames=None)
        after = (await stack.get(f"domains/{CONTOSO}")).json()
        done = await stack.sync()

        assert [before[name] for name in ("maxRenames", "maxCleared", "maxBlocks")] == [default] * 3
        assert (after["maxRenames"], after["maxCleared"]) == (None, default)
        assert (refused.status, done.status) == ("cancelled", "succeeded")
        assert "6 renames of 10 users = 60% ≥ 20% and > 5" in refused.message

    async def test_count_the_same_in_a_dry_run_that_foresees_a_failure(self, start_stack: StartStack) -> None:
        group = {"displayName": "New", "proxyAddresses": ["SMTP:new0@contoso.com"]}
        stack = await start_stack(source=[in_source("new0"), in_source("new1")], tenant={"groups": [group]})
        await stack.set(maxAdds={"count": 1})

        foretold, done = await stack.dry_run(), await stack.sync()

        assert foretold.limit_checks == done.limit_checks
        assert (done.status, stack.writes()) == ("cancelled", [])


class TestASourceThatShrank:
    @staticmethod
    async def shrunk(start_stack: StartStack, left: int) -> Stack:
        """After a good sync of ten people `left` of them have left the source; a fifth may."""
        stack = await start_stack(source=[in_source(name) for name in PEOPLE])
        await stack.sync()
        await stack.set(maxAllowedDeletions=ANY_DELETION, maxSourceShrink=20)
        for name in PEOPLE[:left]:
            stack.access_control.users.remove(name)
        return stack

    async def test_by_more_than_the_limit_since_the_last_good_run_cancels(
        self, start_stack: StartStack
    ) -> None:
        stack = await self.shrunk(start_stack, 3)
        text = "the source went from 10 to 7 users = 30% fewer > 20%"

        foretold, done = await stack.dry_run(), await stack.sync()

        assert foretold.message.endswith(f"{text}: a sync would be cancelled.")
        assert (done.status, names(stack.users())) == ("cancelled", set(PEOPLE))
        assert text in done.message

    async def test_by_just_the_limit_goes_ahead_and_is_the_measure_of_the_next_run(
        self, start_stack: StartStack
    ) -> None:
        stack = await self.shrunk(start_stack, 2)

        done = await stack.sync()
        stack.access_control.users.remove(PEOPLE[2])
        after = await stack.dry_run()

        assert (done.status, done.counts.delete) == ("succeeded", 2)
        shrunk = after.limit_checks[-1]
        assert (shrunk.name, shrunk.verdict) == (
            "sourceShrink", "the source went from 8 to 7 users = 12.5% fewer ≤ 20%",
        )  # fmt: skip

    async def test_is_approved_where_nobody_who_left_can_be_deleted(self, start_stack: StartStack) -> None:
        stack = await self.shrunk(start_stack, 3)
        for name in PEOPLE[:3]:
            account = stack.entra.directory.user(f"{name}@{CONTOSO}")
            assert account
            account.roles = ("Global Administrator",)
        foretold = await stack.dry_run()

        done = await approved_sync(stack, foretold)
        stack.access_control.users.remove(PEOPLE[3])
        next_one = await stack.sync()

        assert (foretold.counts.delete, done.status, done.counts.delete) == (0, "succeeded", 0)
        assert (next_one.status, next_one.counts.delete) == ("succeeded", 1)

    async def test_is_not_approved_by_a_dry_run_of_a_few_people(self, start_stack: StartStack) -> None:
        stack = await self.shrunk(start_stack, 4)
        answer = await stack.post(f"domains/{CONTOSO}/dry-run", {"only": [f"{PEOPLE[0]}@{CONTOSO}"]})
        foretold = await stack.finished(Run.model_validate_json(answer.text))

        done = await approved_sync(stack, foretold)

        assert (done.status, names(stack.users())) == ("cancelled", set(PEOPLE))

    async def test_is_not_approved_for_others_than_the_dry_run_lists(self, start_stack: StartStack) -> None:
        stack = await self.shrunk(start_stack, 4)
        foretold = await stack.dry_run()
        for name in PEOPLE[:4]:
            stack.access_control.users.put(SourceUser.model_validate(in_source(name)))
        for name in PEOPLE[4:8]:
            stack.access_control.users.remove(name)

        done = await approved_sync(stack, foretold)

        assert (done.status, names(stack.users())) == ("cancelled", set(PEOPLE))

    async def test_is_approved_for_as_few_users_as_the_dry_run_found(self, start_stack: StartStack) -> None:
        stack = await self.shrunk(start_stack, 3)
        foretold = await stack.dry_run()
        for name in PEOPLE[3:6]:
            stack.access_control.users.remove(name)

        done = await approved_sync(stack, foretold)

        assert (done.status, names(stack.users())) == ("cancelled", set(PEOPLE))

    async def test_is_measured_against_the_last_good_run_however_many_were_cancelled_since(
        self, start_stack: StartStack
    ) -> None:
        stack = await self.shrunk(start_stack, 3)

        runs = [await stack.sync(), await stack.sync()]

        assert [run.status for run in runs] == ["cancelled", "cancelled"]


class TestThoseWhoJoinFromAnotherDomain:
    async def test_are_counted_against_everybody_in_the_source(self, start_stack: StartStack) -> None:
        staying = [f"stays{number}" for number in range(25)]
        moving = PEOPLE[:6]
        stack = await start_stack(
            source=[in_source(name, immutable_id=f"K{name}") for name in staying]
            + [in_source(name, FABRIKAM, immutable_id=f"K{name}") for name in moving],
            entra=[in_entra(name, onPremisesImmutableId=f"K{name}") for name in (*staying, *moving)],
            domains=TWO_DOMAINS,
        )

        run = await stack.sync(FABRIKAM)

        joins = {check.name: check for check in run.limit_checks}["joins"]
        assert (run.status, run.counts.rename) == ("succeeded", 6)
        assert joins.verdict == "6 renames from another domain of 31 users = 19.4% < 20%"
