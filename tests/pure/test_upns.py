"""Email stands in for the UPN for the whole source or not at all, as the last good sync remembers."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import SourceError
from shared.model.changes import Action
from shared.model.people import SourceUser
from shared.planning.mapping import AttributeMap
from shared.planning.upns import UpnFrom, named_by, remembered_upns, told_of_upns, with_upns
from shared.words import said
from tests.support.companies import tenants
from tests.support.errors import raises
from tests.support.model_tenant import ModelTenant
from tests.support.people import DOMAIN, MAP, entra_user, source_user
from tests.support.surveys import surveyed


def with_email(name: str, upn: str = "") -> SourceUser:
    return source_user(upn, source_id=name, email=f"{name}@{DOMAIN}")


def people(without: int, having: int) -> list[SourceUser]:
    return [
        with_email(f"u{number}", "" if number < without else f"u{number}@{DOMAIN}")
        for number in range(without + having)
    ]


class Missed(Exception):
    """The field that named people is gone, or many have lost it."""


def decided(
    source: list[SourceUser], remembered: dict[str, str] | None = None, confirmed: UpnFrom | None = None
) -> UpnFrom:
    named = named_by(source, remembered or {}, confirmed, MAP)
    if named.missed:
        raise Missed(named.field, named.lost, named.had)
    return named.upn_from


class TestWithoutAMemory:
    def test_the_upn_is_the_field_if_anybody_has_one(self) -> None:
        assert decided(people(9, 1)) == "userPrincipalName"
        assert decided(people(9, 0)) == "email"

    def test_the_upn_is_the_field_that_the_administrators_own_map_names(self) -> None:
        own = AttributeMap.of({"userPrincipalName": "Login"})

        assert named_by(people(3, 0), {}, None, own).upn_from == "userPrincipalName"

    def test_the_run_says_how_many_have_none(self) -> None:
        source = with_upns(people(3, 9), "userPrincipalName")

        assert said(told_of_upns(source, "userPrincipalName")).startswith(
            "People in the source without a UPN, where others have one: 3, such as u0, u1, u2."
        )
        assert told_of_upns(with_upns(people(0, 9), "userPrincipalName"), "userPrincipalName") == ()


class TestWithAMemory:
    @pytest.mark.parametrize(
        ("lost", "having", "fails"),
        [(6, 24, True), (6, 25, False), (5, 5, False), (20, 80, True), (19, 81, False), (1, 0, True)],
    )
    def test_the_upn_may_not_be_lost_by_a_fifth_and_more_than_five_nor_by_all(
        self, lost: int, having: int, fails: bool
    ) -> None:
        source = people(lost, having)
        remembered = dict.fromkeys((user.source_id for user in source), "u")

        if fails:
            with pytest.raises(Missed, match="UserPrincipalName"):
                decided(source, remembered)
        else:
            assert decided(source, remembered) == "userPrincipalName"
        assert decided(source, remembered, "email") == "email"
        assert decided(source, remembered, "userPrincipalName") == "userPrincipalName"

    def test_those_who_left_the_source_or_had_none_have_not_lost_it(self) -> None:
        left = {f"gone{number}": "u" for number in range(90)}
        had = {f"u{number}": "u" for number in range(10, 20)}

        assert decided(people(10, 10), left | had) == "userPrincipalName"

    def test_email_stays_the_field_though_some_have_a_upn_now_and_that_is_said(self) -> None:
        source = people(7, 3)
        remembered = dict.fromkeys((user.source_id for user in source), "e")

        upn_from = decided(source, remembered)
        named = with_upns(source, upn_from)

        assert upn_from == "email"
        assert [user.upn for user in named] == [f"u{number}@{DOMAIN}" for number in range(10)]
        assert said(told_of_upns(named, upn_from)).endswith("those who have a UPN are named by it: 3.")
        assert told_of_upns(with_upns(people(7, 0), "email"), "email") == ()

    def test_email_that_is_gone_or_lost_fails_too(self) -> None:
        source = [replace(user, email="") for user in people(8, 0)]
        remembered = dict.fromkeys((user.source_id for user in source), "e")

        with pytest.raises(Missed, match="Email"):
            decided(source, remembered)
        with pytest.raises(Missed, match="Email"):
            decided([*source, with_email("new")], remembered)

    def test_a_survey_fails_and_says_how_it_ends(self) -> None:
        source = people(7, 0)
        remembered = dict.fromkeys((user.source_id for user in source), "u")

        with raises(
            SourceError, match="7 of 7 people in the source have lost their UserPrincipalName, .* UPN_FROM"
        ):
            surveyed(ModelTenant({}), source, upns=remembered)
        assert surveyed(ModelTenant({}), source, upns=remembered, upn_from="email").upn_from == "email"

    def test_remembers_whom_a_field_named_and_nobody_who_is_only_found(self) -> None:
        assert remembered_upns(with_upns(people(1, 1), "userPrincipalName")) == {"u1": "u"}
        assert remembered_upns(with_upns(people(1, 1), "email")) == {"u0": "e", "u1": "u"}


class TestSomebodyWithoutAUpn:
    def test_is_found_by_email_and_updated_but_not_renamed_or_added(self) -> None:
        tenant = ModelTenant(
            {
                "by-email": entra_user(f"found@{DOMAIN}", object_id="by-email", values=(None,) * 4),
                "by-link": entra_user(f"old@{DOMAIN}", object_id="by-link", values=(None,) * 4),
            },
            links={"linked": "by-link"},
        )
        source = [with_email("found"), with_email("linked"), with_email("new"), source_user(f"x@{DOMAIN}")]

        plan = surveyed(tenant, source).plan

        assert {(c.action, c.object_id) for c in plan.writes} == {
            (Action.UPDATE, "by-email"), (Action.UPDATE, "by-link"), (Action.ADD, None),
        }  # fmt: skip
        (left,) = [change for change in plan.changes if change.action is Action.SKIP]
        assert (left.source_id, said(left.reason)) == (
            "new", "Not added: they have no UPN in the source, where others have one. Give them one there.",
        )  # fmt: skip
        assert not any(change.after("userPrincipalName") for change in plan.of(Action.UPDATE))

    @pytest.mark.parametrize("order", [1, -1])
    def test_never_beats_the_upn_of_somebody_else(self, order: int) -> None:
        owner = source_user(f"Shared@{DOMAIN}", source_id="owner")
        other = source_user("", source_id="other", email=f"shared@{DOMAIN}")
        tenant = ModelTenant({"id": entra_user(f"shared@{DOMAIN}", object_id="id", values=(None,) * 4)})

        plan = surveyed(tenant, [owner, other][::order]).plan

        assert [(c.action, c.source_id) for c in plan.writes] == [(Action.UPDATE, "owner")]

    def test_keeps_their_account_wherever_email_is(self) -> None:
        elsewhere = source_user("", source_id="away", email="away@other.com")
        tenant = ModelTenant({"id": entra_user(f"a@{DOMAIN}", object_id="id")}, links={"away": "id"})

        plan = surveyed(tenant, [elsewhere, source_user(f"x@{DOMAIN}")]).plan

        assert not [change for change in plan.writes if change.object_id == "id"]

    def test_is_nobody_on_a_domain_where_a_run_could_begin(self) -> None:
        with raises(SourceError, match="no user on"):
            surveyed(ModelTenant({}), [with_email("a"), source_user("x@other.com")])


class TestGenerated:
    @given(
        tenants(),
        st.lists(
            st.tuples(st.sampled_from("abcde"), st.booleans(), st.sampled_from(["", "a", "b", "c", "z"])),
            unique_by=lambda one: one[0],
            min_size=1,
        ),
        st.dictionaries(st.sampled_from([f"s-{name}" for name in "abcde"]), st.sampled_from("ue")),
    )
    def test_nobody_is_added_or_renamed_by_email_where_the_upn_is_the_field(
        self, tenant: ModelTenant, drawn: list[tuple[str, bool, str]], remembered: dict[str, str]
    ) -> None:
        source = [
            source_user(
                f"{name}@{DOMAIN}" if has_upn else "",
                source_id=f"s-{name}",
                email=f"{email}@{DOMAIN}" if email else "",
            )
            for name, has_upn, email in drawn
        ]
        explicit = {user.source_id: user.upn for user in source if user.upn}
        try:
            seen = surveyed(tenant, source, upns=remembered)
        except SourceError:
            return

        named = {
            change.source_id: change.new_upn
            for change in seen.plan.changes
            if change.action in (Action.ADD, Action.RENAME, Action.RESTORE)
        }
        by_email = named.keys() - explicit.keys()
        assert {who: named[who] for who in named.keys() & explicit.keys()}.items() <= explicit.items()
        assert seen.upn_from == "email" or not by_email
