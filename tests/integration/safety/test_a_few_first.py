"""A sync of chosen people: everybody is read and planned, and nobody else is touched."""

import pytest

from shared.model.runs import Run
from tests.support.outcomes import ANY_DELETION, FABRIKAM, TWO_DOMAINS, object_id
from tests.support.stack import CONTOSO, Json, Stack, StartStack, in_entra, in_source

SYNC = f"domains/{CONTOSO}/sync"


async def company(start_stack: StartStack) -> Stack:
    """Three are new, two changed, one leaves, and two exchange their UPNs."""
    stack = await start_stack(
        source=[
            *(in_source(name) for name in ("new1", "new2", "new3")),
            *(in_source(name, given_name="次郎") for name in ("edited1", "edited2")),
            in_source("left", immutable_id="K1"),
            in_source("right", immutable_id="K2"),
        ],
        entra=[
            *map(in_entra, ("edited1", "edited2", "leaver")),
            in_entra("right", onPremisesImmutableId="K1", _mailbox="none"),
            in_entra("left", onPremisesImmutableId="K2", _mailbox="none"),
        ],
    )
    await stack.set(maxAllowedDeletions=ANY_DELETION)
    return stack


async def sync_only(stack: Stack, *people: str, **more: Json) -> Run:
    answer = await stack.post(SYNC, {"only": list(people), **more})
    assert answer.status_code == 202, answer.text
    return await stack.finished(Run.model_validate(answer.json()))


async def test_the_chosen_are_synchronised_and_nobody_else(start_stack: StartStack) -> None:
    stack = await company(start_stack)
    leaver = object_id(stack, "leaver")

    run = await sync_only(stack, "new1", "edited1", leaver)

    assert (run.status, run.only) == ("succeeded", 3)
    assert (run.counts.add, run.counts.update, run.counts.delete, run.counts.rename) == (1, 1, 1, 0)
    users = stack.users()
    assert "new1@contoso.com" in users
    assert not {"new2@contoso.com", "leaver@contoso.com"} & users.keys()
    assert users["edited2@contoso.com"]["givenName"] == "太郎"
    rows = await stack.audit_log(run)
    assert {row["userPrincipalName"].partition("@")[0] for row in rows} == {"new1", "edited1", "leaver"}


async def test_a_leaver_who_is_not_chosen_stays(start_stack: StartStack) -> None:
    stack = await company(start_stack)

    await sync_only(stack, "edited1")

    assert "leaver@contoso.com" in stack.users()


async def test_half_a_swap_is_refused_and_names_the_other(start_stack: StartStack) -> None:
    stack = await company(start_stack)
    left, right = object_id(stack, "left"), object_id(stack, "right")

    half = await sync_only(stack, left)
    whole = await sync_only(stack, left, right)

    rows = await stack.audit_log(half)
    assert (half.status, half.counts.failed) == ("completedWithErrors", 1)
    assert {(row["errorCode"], row["objectId"]) for row in rows} == {("NeedsOthers", left)}
    assert all(right in row["errorMessage"] for row in rows)
    assert (whole.status, whole.counts.rename) == ("succeeded", 2)
    assert object_id(stack, "left") == right


async def test_it_is_no_good_sync_of_the_domain(start_stack: StartStack) -> None:
    stack = await company(start_stack)

    await sync_only(stack, "edited1", "nobody")

    pointers = await stack.services.runs.read_pointers(CONTOSO)
    assert pointers.last_good_source is None
    run = await stack.sync()
    assert (run.status, run.counts.add, run.only) == ("succeeded", 3, None)


async def test_limits_count_the_chosen_against_everybody(start_stack: StartStack) -> None:
    stack = await company(start_stack)
    await stack.set(maxAllowedDeletions=20)
    leaver = object_id(stack, "leaver")

    kept = await sync_only(stack, leaver)
    await stack.set(maxAllowedDeletions=10)

    assert (kept.status, kept.counts.delete) == ("cancelled", 0)
    assert kept.deletion_check
    assert (kept.deletion_check.deletions, kept.deletion_check.target) == (1, 5)


@pytest.mark.parametrize("only", [[], [""], ["x"] * 201, "edited1"])
async def test_a_bad_choice_is_refused(start_stack: StartStack, only: object) -> None:
    stack = await start_stack()

    answer = await stack.post(SYNC, {"only": only})

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"].startswith("only")


async def test_those_whom_nobody_has_are_named(start_stack: StartStack) -> None:
    stack = await company(start_stack)

    run = await sync_only(stack, "nobody")

    assert run.status == "succeeded"
    assert any("nobody" in warning for warning in run.warnings)


@pytest.mark.parametrize("tried", [None, {"attributeMap": {"givenName": None}}], ids=["dry run", "what if"])
async def test_a_dry_run_of_a_few_is_not_the_domains(start_stack: StartStack, tried: Json | None) -> None:
    stack = await company(start_stack)
    whole = await stack.dry_run()
    order = {"only": ["edited1", "new1"], **({"settings": tried} if tried else {})}

    answer = await stack.post(f"domains/{CONTOSO}/dry-run", order)
    run = await stack.finished(Run.model_validate(answer.json()))

    assert (run.status, run.only, run.counts.add) == ("succeeded", 2, 1)
    assert {row["userPrincipalName"] for row in await stack.audit_log(run)} <= {
        "edited1@contoso.com", "new1@contoso.com",
    }  # fmt: skip
    assert (await stack.get(f"domains/{CONTOSO}")).json()["lastDryRun"]["id"] == whole.id
    assert len(await stack.audit_log(whole)) > len(await stack.audit_log(run))


async def test_a_leaver_is_chosen_by_the_username_that_a_sync_knew(start_stack: StartStack) -> None:
    stack = await start_stack(source=list(map(in_source, ("aoki", "baba", "gone", "foreign"))))
    await stack.set(maxAllowedDeletions=ANY_DELETION)
    await stack.sync()
    stack.access_control.users.remove("gone")
    stack.access_control.users.edit("foreign", {"user_principal_name": "foreign@gmail.com"})

    run = await sync_only(stack, "gone", "foreign")

    assert run.counts.delete == 2
    assert not any(part.code == "warning.notFound" for part in run.warning_parts)
    assert set(stack.users()) >= {"aoki@contoso.com", "baba@contoso.com"}


async def test_an_object_id_is_taken_in_either_case(start_stack: StartStack) -> None:
    stack = await company(start_stack)

    run = await sync_only(stack, object_id(stack, "leaver").upper())

    assert (run.counts.delete, run.warnings) == (1, ())


async def test_somebody_of_another_domain_is_named(start_stack: StartStack) -> None:
    stack = await start_stack(source=[in_source("aoki"), in_source("else", FABRIKAM)], domains=TWO_DOMAINS)

    run = await sync_only(stack, "else")

    assert "else" in " ".join(run.warnings)
