"""What companies do on ordinary days goes through, without a flood of questions and with nobody left behind."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import pytest

from shared.model.changes import Action, Plan
from shared.model.people import EntraUser, SourceUser
from shared.model.questions import Decisions, Kind
from tests.support.model_tenant import OTHER_DOMAIN, ModelTenant
from tests.support.people import DOMAIN, entra_user, source_user, values
from tests.support.surveys import planned, surveyed

Pair = tuple[SourceUser, EntraUser]


def pair(
    number: int,
    was: str = DOMAIN,
    now: str = DOMAIN,
    *,
    prefix: str = "u",
    immutable_id: bool = False,
    source_id: str | None = None,
) -> Pair:
    """A person on both sides, with a name of their own; in Entra their UPN was on `was`."""
    names = values(f"姓{number} 名{number}", f"名{number}", f"姓{number}")
    key = f"K{number}" if immutable_id else None
    return (
        source_user(
            f"{prefix}{number}@{now}", source_id=source_id or f"u{number}", immutable_id=key, values=names
        ),
        replace(
            entra_user(f"u{number}@{was}", object_id=f"id-{number}", immutable_id=key, values=names),
            nickname=f"u{number}",
        ),
    )


def tenant(pairs: Sequence[Pair], *others: EntraUser, known: bool = True) -> ModelTenant:
    users = [*(account for _, account in pairs), *others]
    links = {person.source_id: account.object_id for person, account in pairs} if known else {}
    return ModelTenant(users={user.object_id: user for user in users}, links=links)


def actions(plan: Plan) -> dict[Action, int]:
    return dict(Counter(change.action for change in plan.changes))


def leaver(number: int) -> EntraUser:
    return pair(number)[1]


def test_two_domains_merge() -> None:
    here, joining = [pair(n) for n in range(5)], [pair(n, was=OTHER_DOMAIN) for n in range(5, 30)]

    plan = planned(tenant([*here, *joining]), [person for person, _ in (*here, *joining)])

    assert (actions(plan), plan.questions) == ({Action.RENAME: 25}, ())
    assert all(change.obstacle is None for change in plan.changes)


@pytest.mark.parametrize("immutable_id", [True, False])
def test_everybody_is_renamed(immutable_id: bool) -> None:
    pairs = [pair(n, prefix="new-", immutable_id=immutable_id) for n in range(50)]

    plan = planned(tenant(pairs), [person for person, _ in pairs])

    assert (actions(plan), plan.questions) == ({Action.RENAME: 50}, ())


def test_a_department_moves_to_a_domain_with_a_sync_of_its_own() -> None:
    stays, moves = [pair(n) for n in range(5)], [pair(n, now=OTHER_DOMAIN) for n in range(5, 9)]
    here = tenant([*stays, *moves])

    plan = planned(here, [person for person, _ in (*stays, *moves)])
    without = planned(replace(here, syncing=frozenset({DOMAIN})), [person for person, _ in (*stays, *moves)])

    for of in (plan, without):
        assert (actions(of), of.questions) == ({Action.SKIP: 4}, ())


def test_three_hundred_contractors_of_an_affiliate_keep_no_leaver() -> None:
    pairs = [pair(n) for n in range(5)]
    contractors = [pair(n, now="affiliate.example")[0] for n in range(100, 400)]

    seen = surveyed(tenant(pairs, leaver(9)), [*(person for person, _ in pairs), *contractors])

    assert (actions(seen.plan), seen.plan.questions) == ({Action.DELETE: 1}, ())
    assert ("people.foreign", 300) in [(part.code, part.parameters.get("count")) for part in seen.warnings]


@pytest.mark.parametrize("immutable_ids", [True, False])
def test_a_upn_is_handed_on_a_week_later(immutable_ids: bool) -> None:
    """The account of the departed lies in the recycle bin by then, and stays there."""
    pairs = [pair(n) for n in range(5)]
    gone = replace(pair(9)[1], immutable_id="K9" if immutable_ids else None)
    here = replace(tenant(pairs), deleted={gone.object_id: gone})
    here.links["u9"] = gone.object_id
    heir = source_user(
        gone.upn,
        source_id="heir",
        immutable_id="K-heir" if immutable_ids else None,
        values=values("別 人", "人", "別"),
    )

    plan = planned(here, [*(person for person, _ in pairs), heir])

    assert (actions(plan), plan.questions) == ({Action.ADD: 1}, ())
    assert plan.changes[0].obstacle is None


@pytest.mark.parametrize("immutable_id", [True, False])
def test_the_first_sync_of_a_tenant_that_another_sync_has_filled_asks_nothing(immutable_id: bool) -> None:
    pairs = [pair(n, immutable_id=immutable_id) for n in range(100)]
    newcomers = [pair(n)[0] for n in range(200, 205)]

    plan = planned(
        tenant(pairs, *map(leaver, range(300, 303)), known=False),
        [*(person for person, _ in pairs), *newcomers],
    )

    assert (actions(plan), plan.questions) == ({Action.ADD: 5, Action.DELETE: 3}, ())


@pytest.mark.parametrize("immutable_id", [True, False])
def test_a_thousand_usernames_are_made_anew_and_answered_at_once(immutable_id: bool) -> None:
    old = [pair(n, immutable_id=immutable_id) for n in range(1000)]
    new = [
        replace(person, source_id=f"{n}-new", immutable_id=f"N{n}" if immutable_id else None)
        for n, (person, _) in enumerate(old)
    ]
    stays = pair(5000)
    here = tenant([*old, stays])

    asked = planned(here, [*new, stays[0]])
    same = {one.source_id: one.object_id for one in asked.questions}
    decided = planned(replace(here, decisions=Decisions(same=same)), [*new, stays[0]])

    assert {(one.kind, one.alike) for one in asked.questions} == {(Kind.SAME_UPN, True)}
    assert (len(asked.questions), len(same), list(asked.writes)) == (1000, 1000, [])
    assert (actions(decided), decided.questions) == ({Action.UPDATE: 1000} if immutable_id else {}, ())
    assert {change.obstacle for change in decided.changes} <= {None}
