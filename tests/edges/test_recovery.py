"""What became of writes whose answers nobody got: looked up in Entra, person by person."""

from datetime import UTC, datetime, timedelta

import pytest

from local.entra import Fault
from shared.entra.unheard import Unheard
from shared.model.changes import Action, AttributeChange, Change
from shared.model.results import Result
from shared.runs.recovery import settle_doubts
from shared.words import said
from tests.support import people
from tests.support.graph_client import Connected, connected
from tests.support.people import entra_user

AOKI = entra_user("aoki@contoso.com")


def change(action: Action, *attributes: AttributeChange, via: str | None = None) -> Change:
    return Change(
        action=action,
        upn=AOKI.upn,
        display_name="青木",
        object_id=AOKI.object_id,
        source_id="aoki",
        attributes=attributes,
        via=via,
    )


def renamed(upn: str, via: str | None = None) -> Change:
    return change(Action.RENAME, AttributeChange("userPrincipalName", AOKI.upn, upn), via=via)


def add(upn: str) -> Change:
    attribute = AttributeChange("userPrincipalName", None, upn)
    return Change(action=Action.ADD, upn=upn, display_name="青木", source_id="aoki", attributes=(attribute,))


def is_new(tenant: Connected) -> None:
    """The account of AOKI is no older than the run."""
    created = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    tenant.entra.directory.users[AOKI.object_id].properties["createdDateTime"] = created


async def settled(tenant: Connected, doubt: Change) -> tuple[Result, str, str | None] | None:
    """How the doubt ended, by what code, and on which object; None if it left no row."""
    entries = await settle_doubts([Unheard.of(doubt, datetime.now(UTC))], tenant.graph())
    assert len(entries) <= 1
    return next(((e.result, e.error_code, e.object_id) for e in entries), None)


async def test_no_doubt_asks_nobody() -> None:
    async with connected(AOKI) as tenant:
        assert await settle_doubts([], tenant.graph()) == []

        assert tenant.entra.requests.calls == []


async def test_a_user_who_is_there_as_wanted_was_created() -> None:
    async with connected(AOKI) as tenant:
        is_new(tenant)
        assert await settled(tenant, add(AOKI.upn)) == (Result.SUCCEEDED, "", AOKI.object_id)


async def test_an_older_user_who_is_as_wanted_was_not_created() -> None:
    """Somebody has restored them meanwhile."""
    async with connected(AOKI) as tenant:
        assert await settled(tenant, add(AOKI.upn)) is None


async def test_a_user_who_shows_only_after_a_while_was_created() -> None:
    async with connected(AOKI) as tenant:
        directory = tenant.entra.directory
        is_new(tenant)
        hidden = directory.users[AOKI.object_id]
        directory.delete(hidden)

        def shows() -> None:
            directory.restore(directory.deleted[hidden.id], None, drop_conflicting_addresses=False)

        tenant.stop.on_sleep = shows
        assert await settled(tenant, add(AOKI.upn)) == (Result.SUCCEEDED, "", AOKI.object_id)


async def test_a_user_who_never_shows_is_reported_and_not_taken_for_granted() -> None:
    async with connected() as tenant:
        assert await settled(tenant, add("nobody@contoso.com")) == (Result.IN_DOUBT, "InDoubt", None)


async def test_a_restored_user_who_does_not_show_is_reported_too() -> None:
    async with connected() as tenant:
        assert await settled(tenant, change(Action.RESTORE)) == (Result.IN_DOUBT, "InDoubt", None)


@pytest.mark.parametrize("action", [Action.UPDATE, Action.RENAME, Action.BLOCK, Action.UNBLOCK])
async def test_a_user_who_was_deleted_since_leaves_it_open_whether_they_were_changed(action: Action) -> None:
    async with connected() as tenant:
        assert await settled(tenant, change(action)) == (Result.IN_DOUBT, "InDoubt", None)


async def test_values_that_are_as_wanted_were_written() -> None:
    wanted = AttributeChange("displayName", "former", str(AOKI.values[0]))
    async with connected(AOKI) as tenant:
        assert await settled(tenant, change(Action.UPDATE, wanted)) == (Result.SUCCEEDED, "", AOKI.object_id)


async def test_values_that_are_still_the_former_ones_were_not_written() -> None:
    async with connected(AOKI) as tenant:
        assert await settled(tenant, change(Action.UPDATE, AttributeChange("surname", None, "never"))) is None


async def test_whoever_has_the_new_upn_was_renamed_and_whoever_has_the_former_was_not() -> None:
    async with connected(AOKI) as tenant:
        assert await settled(tenant, renamed(AOKI.upn)) == (Result.SUCCEEDED, "", AOKI.object_id)
        assert await settled(tenant, renamed("new@contoso.com")) is None


async def test_whoever_has_stepped_aside_is_named_with_the_temporary_upn() -> None:
    doubt = renamed("new@contoso.com", via=AOKI.upn)
    async with connected(AOKI) as tenant:
        (entry,) = await settle_doubts([Unheard.of(doubt, datetime.now(UTC))], tenant.graph())

    assert (entry.result, entry.error_code) == (Result.FAILED, "SteppedAside")
    assert AOKI.upn in said(entry.error_message)


async def test_whoever_is_gone_was_deleted_and_whoever_is_there_was_not() -> None:
    gone = Change(
        action=Action.DELETE,
        upn="gone@contoso.com",
        display_name="馬場",
        object_id="00000000-0000-4000-8000-00000000dead",
    )
    async with connected(AOKI) as tenant:
        assert await settled(tenant, gone) == (Result.SUCCEEDED, "", gone.object_id)
        assert await settled(tenant, change(Action.DELETE)) is None


async def test_whoever_is_back_was_restored() -> None:
    async with connected(AOKI) as tenant:
        assert await settled(tenant, change(Action.RESTORE)) == (Result.SUCCEEDED, "", AOKI.object_id)


async def test_what_graph_cannot_tell_stays_in_doubt_and_says_so() -> None:
    async with connected(AOKI) as tenant:
        tenant.entra.faults.add(Fault(kind="status", status=503))
        (entry,) = await settle_doubts([Unheard.of(change(Action.DELETE), datetime.now(UTC))], tenant.graph())

    assert (entry.result, entry.error_code) == (Result.IN_DOUBT, "InDoubt")
    assert "could not tell whether it took effect" in said(entry.error_message)


async def test_a_look_that_is_stopped_leaves_the_rest_in_doubt() -> None:
    async with connected(AOKI) as tenant:
        tenant.stop.before_request = 1

        assert await settled(tenant, change(Action.DELETE)) == (Result.IN_DOUBT, "InDoubt", None)


async def test_whom_the_run_created_it_has_created_whatever_they_are_called_by_now() -> None:
    """Their name was corrected in Entra before anybody asked."""
    async with connected() as tenant:
        created = tenant.entra.directory.create({"userPrincipalName": "new@contoso.com", "displayName": "誤"})
        tenant.entra.directory.update(created, {"displayName": "正"})
        wrong = people.add("new@contoso.com", display_name="誤")

        assert await settled(tenant, wrong) == (Result.SUCCEEDED, "", created.id)


async def test_whose_upn_was_corrected_since_is_found_by_the_immutable_id() -> None:
    async with connected() as tenant:
        doubt = people.add("new@contoso.com", immutable_id="K")
        values: dict[str, object] = {
            "userPrincipalName": "correct@contoso.com",
            "onPremisesImmutableId": "K",
            "displayName": "新人",
        }
        created = tenant.entra.directory.create(values)

        assert await settled(tenant, doubt) == (Result.SUCCEEDED, "", created.id)


async def test_who_was_there_before_the_run_and_is_somebody_else_was_not_created_by_it() -> None:
    async with connected(AOKI) as tenant:
        assert await settled(tenant, people.add(AOKI.upn)) is None


async def test_whoever_is_back_is_said_to_be_restored_and_no_more() -> None:
    """The second step may not have been taken, and the next run takes it."""
    surname = AttributeChange("surname", "青木", "鈴木")
    async with connected(AOKI) as tenant:
        (entry,) = await settle_doubts(
            [Unheard.of(change(Action.RESTORE, surname), datetime.now(UTC))], tenant.graph()
        )

    assert (entry.succeeded, entry.change.attributes) == (True, ())


async def test_one_value_of_several_is_enough_where_another_was_changed_since() -> None:
    attributes = (AttributeChange("surname", "旧姓", "青木"), AttributeChange("givenName", "旧名", "新名"))
    async with connected(AOKI) as tenant:
        assert await settled(tenant, change(Action.UPDATE, *attributes)) == (
            Result.SUCCEEDED,
            "",
            AOKI.object_id,
        )


async def test_a_change_of_letter_case_alone_is_a_change() -> None:
    lower = AttributeChange("displayName", "青木 花子", "青木 花子 a")
    upper = AttributeChange("displayName", "青木 花子", "青木 花子 A")
    aoki = entra_user(values=people.values(display_name="青木 花子 A"))
    async with connected(aoki) as tenant:
        assert await settled(tenant, change(Action.UPDATE, lower)) is None
        assert await settled(tenant, change(Action.UPDATE, upper)) == (Result.SUCCEEDED, "", AOKI.object_id)


def left_behind(doubt: Change, *, ended_ago: timedelta) -> Unheard:
    """By a run of an hour."""
    until = datetime.now(UTC) - ended_ago
    return Unheard.of(doubt, until - timedelta(hours=1), until)


async def test_what_an_earlier_run_announced_has_an_end_in_any_case() -> None:
    left = [
        left_behind(one, ended_ago=timedelta(minutes=16))
        for one in (add("gone@contoso.com"), change(Action.DELETE))
    ]
    async with connected(AOKI) as tenant:
        entries = await settle_doubts(left, tenant.graph())

    assert [(e.result, e.error_code) for e in entries] == [(Result.FAILED, "NotMade")] * 2


@pytest.mark.parametrize(
    ("ended_ago", "last_word"), [(14, (Result.IN_DOUBT, "InDoubt")), (16, (Result.FAILED, "NotMade"))]
)
@pytest.mark.parametrize("doubt", [add("gone@contoso.com"), change(Action.RESTORE)])
async def test_the_last_word_is_not_spoken_while_entra_may_not_show_whom_it_made(
    doubt: Change, ended_ago: int, last_word: tuple[Result, str]
) -> None:
    async with connected() as tenant:
        left = left_behind(doubt, ended_ago=timedelta(minutes=ended_ago))
        (entry,) = await settle_doubts([left], tenant.graph())

    assert (entry.result, entry.error_code) == last_word


@pytest.mark.parametrize(("ended_ago", "made"), [(1, Result.SUCCEEDED), (60, Result.FAILED)])
async def test_who_was_created_after_that_run_was_created_by_another(ended_ago: int, made: Result) -> None:
    """Under another UPN: by the sync of the domain to which they have moved, say."""
    doubt = people.add("new@contoso.com", immutable_id="K")
    async with connected() as tenant:
        tenant.entra.directory.create(
            {"userPrincipalName": "moved@contoso.com", "onPremisesImmutableId": "K", "displayName": "新人"}
        )
        (entry,) = await settle_doubts(
            [left_behind(doubt, ended_ago=timedelta(minutes=ended_ago))], tenant.graph()
        )

    assert entry.result is made
