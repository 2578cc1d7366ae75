"""Whatever is written in whichever cell: no account goes to which somebody without one points, and all come together.

HYPOTHESIS_PROFILE=thorough tries thousands of companies instead of hundreds.
"""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.model.addresses import fold
from shared.model.changes import Action, Plan
from shared.model.people import EntraUser, SourceUser
from shared.model.questions import Decisions, Question
from tests.support.model_tenant import OTHER_DOMAIN, ModelTenant
from tests.support.people import DOMAIN, entra_user, source_user, values
from tests.support.surveys import planned

pytestmark = [pytest.mark.timeout(900), pytest.mark.untraced]

NAMES = ["a", "b", "c", "d"]
DOMAINS = [DOMAIN, DOMAIN, DOMAIN, OTHER_DOMAIN, "conotso.com", "example.org", "unverified.example"]
DECORATIONS = [
    "{0}@{1}", "{0}@{1}", "{0}@{1}", "{0}＠{1}", "{0}@{1}\u200b", "{0}@{1}.", "SMTP:{0}@{1}", "N <{0}@{1}>",
    "{0}@{1}; x@example.org", "-", "",
]  # fmt: skip
ADDRESSES = st.builds(
    str.format, st.sampled_from(DECORATIONS), st.sampled_from(NAMES), st.sampled_from(DOMAINS)
)
KEYS = st.none() | st.sampled_from(["K1", "K2", "K3"])
VALUES = st.builds(
    lambda given_name, family: values(f"{family} {given_name}", given_name, family),
    st.sampled_from(["花子", "太郎", "一郎"]),
    st.sampled_from(["青木", "山田", "佐藤"]),
)
PEOPLE = st.builds(
    source_user,
    ADDRESSES,
    source_id=st.sampled_from([*NAMES, "s1", "s2"]),
    immutable_id=KEYS,
    values=VALUES,
    email=ADDRESSES,
    upn_given=st.booleans(),
)
# A source without anybody on the domain stops the run.
STAYS = source_user("stays@contoso.com", values=values("滞在 者", "者", "滞在"))
SOURCE = st.lists(PEOPLE, unique_by=lambda user: user.source_id, max_size=5).map(
    lambda people: [STAYS, *people]
)


@st.composite
def accounts(draw: st.DrawFn) -> list[EntraUser]:
    found = draw(
        st.lists(
            st.builds(
                entra_user,
                st.builds(
                    "{}@{}".format, st.sampled_from(NAMES), st.sampled_from([DOMAIN, DOMAIN, OTHER_DOMAIN])
                ),
                object_id=st.sampled_from([f"o{number}" for number in range(6)]),
                immutable_id=KEYS,
                values=VALUES,
            ),
            unique_by=(
                lambda user: user.object_id,
                lambda user: user.upn,
                lambda user: user.immutable_id or user.object_id,
            ),
            max_size=5,
        )
    )
    return [
        replace(
            user, nickname=draw(st.sampled_from(NAMES)), aliases=tuple(draw(st.sets(ALIASES, max_size=1)))
        )
        for user in found
    ]


ALIASES = st.builds("{}@{}".format, st.sampled_from(NAMES), st.just("old.example"))


@st.composite
def companies(draw: st.DrawFn) -> ModelTenant:
    people = draw(accounts())
    links = draw(
        st.dictionaries(
            st.sampled_from([*NAMES, "s1", "left"]),
            st.sampled_from([f"o{number}" for number in range(7)]),
            max_size=3,
        )
    )
    return ModelTenant(users={user.object_id: user for user in people}, links=links)


def has_an_account(user: SourceUser, tenant: ModelTenant) -> bool:
    """Whether one is certainly theirs, by what stands on both sides alone."""
    live, link = tenant.users.values(), tenant.links.get(user.source_id)
    return any(
        (user.immutable_id and account.immutable_id == user.immutable_id)
        or account.object_id == link
        or account.upn.lower() == user.upn.lower()
        for account in live
    )


def points_to(user: SourceUser, account: EntraUser) -> bool:
    foreign = all(address.endswith("@example.org") for address in fold(user.upn)) and bool(fold(user.upn))
    named = {*fold(user.email), *(() if foreign else fold(user.upn))}
    keyed = not foreign and user.immutable_id is not None and user.immutable_id == account.immutable_id
    return account.upn.lower() in named or keyed


@given(SOURCE, companies())
def test_no_account_goes_to_which_somebody_without_one_points(
    source: Sequence[SourceUser], tenant: ModelTenant
) -> None:
    without = [user for user in source if not has_an_account(user, tenant)]

    doomed = [tenant.users[str(change.object_id)] for change in planned(tenant, source).of(Action.DELETE)]

    departed = set(tenant.links.values()) - {tenant.links.get(user.source_id) for user in source}
    for account in doomed:
        pointing = [user.source_id for user in without if points_to(user, account)]
        # A new person with another immutable ID and other names has a leaver's UPN: the leaver goes.
        assert not pointing or account.object_id in departed


def decided(plan: Plan, before: Decisions) -> Decisions:
    """Every question answered: the first of each side is the same, the others are not."""
    same, apart = dict(before.same), set(before.apart)
    for question in sorted(plan.questions, key=lambda one: one.id):
        taken = question.source_id in same or question.object_id in same.values()
        if taken or _torn(question, plan):
            apart.add(question.pair)
        else:
            same[question.source_id] = question.object_id
    return Decisions(same=same, apart=frozenset(apart))


def _torn(question: Question, plan: Plan) -> bool:
    return any(one.pair != question.pair and one.source_id == question.source_id for one in plan.questions)


def corrected(user: SourceUser, taken: set[str]) -> SourceUser:
    """As an administrator would correct it: one well-written UPN on the domain, and no second user with it."""
    address = next((one for one in fold(user.upn) if one.endswith(f"@{DOMAIN}")), "")
    upn = address if address and address not in taken else f"{user.source_id}-new@{DOMAIN}"
    taken.add(upn)
    return replace(user, upn=upn, upn_given=True, email="")


@given(SOURCE, companies())
def test_with_every_question_answered_and_every_cell_corrected_both_sides_come_together(
    source: Sequence[SourceUser], tenant: ModelTenant
) -> None:
    taken: set[str] = set()
    keys: set[str | None] = set()
    people = []
    for user in source:
        key = None if user.immutable_id in keys else user.immutable_id
        keys.add(key)
        people.append(replace(corrected(user, taken), immutable_id=key))
    for _ in range(6):
        plan = planned(tenant, people)
        tenant.decisions = decided(plan, tenant.decisions)
        tenant.apply(planned(tenant, people))

    last = planned(tenant, people)

    assert (list(last.writes), last.questions) == ([], ())
