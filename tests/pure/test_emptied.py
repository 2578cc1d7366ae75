"""Fields that nobody in the source fills: left alone, or a stop until somebody has looked."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.model.changes import Action, Plan
from shared.model.domains import DomainSettings
from shared.model.people import SourceUser
from shared.planning.deeds import consent, deeds
from shared.planning.emptied import Emptied, emptied, filled
from shared.planning.limits import Basis, check_limits
from shared.planning.mapping import AttributeMap
from shared.words import said
from tests.support.companies import SOURCE, tenants
from tests.support.model_tenant import ModelTenant
from tests.support.people import MAP, entra_user, source_user, values
from tests.support.surveys import surveyed

OWN = AttributeMap.of({"surname": "Clan", "onPremisesImmutableId": "Employee No"})
NAMELESS = source_user(values=values(surname=None))


class TestWhatIsFilled:
    def test_is_what_one_user_has_a_value_of(self) -> None:
        people = [source_user(values=values(surname=None)), source_user(immutable_id="K", values=values())]

        assert set(filled(people, MAP)) | {"mailNickname"} == {*MAP.attributes, "onPremisesImmutableId"}
        assert set(filled(people[:1], MAP)) == {"displayName", "givenName"}

    def test_is_no_display_name_that_is_made_of_the_others(self) -> None:
        made = replace(source_user(), name_made=True)

        assert "displayName" not in set(filled([made], MAP))
        assert "displayName" in set(filled([made, source_user()], MAP))


class TestWhatNobodyFills:
    @pytest.mark.parametrize("account", ["青木", None])
    def test_is_left_alone_where_only_the_default_map_names_it(self, account: str | None) -> None:
        found = emptied([NAMELESS], [(NAMELESS, entra_user(values=values(surname=account)))], MAP, ())

        assert found == Emptied(left=("surname", "onPremisesImmutableId"))
        assert said(found.warnings(MAP)).startswith("Nobody in the source has a value in Family Name: ")

    def test_stops_where_it_was_filled_at_the_last_good_sync(self) -> None:
        found = emptied([NAMELESS], [], MAP, ("surname", "onPremisesImmutableId"))

        assert found.stopping == ("surname", "onPremisesImmutableId")
        assert found.untouched == frozenset()
        assert found.warnings(MAP) == ()

    @pytest.mark.parametrize(("account", "stops"), [("青木", True), (None, False)])
    def test_stops_where_the_administrators_own_map_names_it_and_entra_has_values(
        self, account: str | None, stops: bool
    ) -> None:
        target = entra_user(immutable_id="K" if account else None, values=values(surname=account))

        found = emptied([NAMELESS], [(NAMELESS, target)], OWN, ())

        assert bool(found.stopping) is stops
        assert set(found.stopping + found.left) == {"surname", "onPremisesImmutableId"}
        if not stops:
            assert "Clan" in said(found.warnings(OWN))

    def test_ends_when_the_field_is_mapped_to_null_or_filled_again(self) -> None:
        before = ("surname", "onPremisesImmutableId")
        unmapped = AttributeMap.of({"surname": None, "onPremisesImmutableId": None})
        user = unmapped.source_user(
            {"username": "aoki", "Display Name": "A", "Given Name": "A", "Status": "enabled"}
        )

        assert emptied([user], [], unmapped, before) == Emptied()
        assert emptied([source_user(immutable_id="K")], [], MAP, before) == Emptied()

    def test_of_what_entra_never_removes_is_left_as_it_is_also_where_it_stops(self) -> None:
        nobody = source_user(values=values(None))

        found = emptied([nobody], [], MAP, ("displayName", "surname"))

        assert found.stopping == ("displayName",)
        assert "displayName" in found.untouched


class TestCheck:
    @staticmethod
    def exceeded(plan: Plan, *approved: str) -> bool:
        released = (
            {deed for change in plan.changes for deed in deeds(change)} if "clears" in approved else set()
        )
        if "consent" in approved:
            released.add(consent("surname"))
        checks = check_limits(
            plan, DomainSettings(), Basis(emptied={"surname": "Family Name"}), approved=frozenset(released)
        )
        return next(check.exceeded for check in checks if check.name == "emptied")

    def test_ends_with_consent_and_every_removal_approved(self) -> None:
        tenant = ModelTenant({"id-aoki": entra_user()})
        plan = surveyed(tenant, [NAMELESS], filled="surname").plan

        assert [c.action for c in plan.changes] == [Action.UPDATE]
        assert self.exceeded(plan)
        assert self.exceeded(plan, "consent")
        assert self.exceeded(plan, "clears")
        assert not self.exceeded(plan, "clears", "consent")


class TestGenerated:
    @given(
        SOURCE,
        tenants(),
        st.sets(st.sampled_from(MAP.attributes), min_size=1),
        st.sets(st.sampled_from(MAP.attributes)),
    )
    def test_an_attribute_that_nobody_fills_is_changed_only_where_a_sync_would_stop(
        self, source: list[SourceUser], tenant: ModelTenant, empty: set[str], before: set[str]
    ) -> None:
        people = [
            replace(
                user,
                values=tuple(
                    None if attribute in empty else value
                    for attribute, value in zip(MAP.attributes, user.values, strict=True)
                ),
            )
            for user in source
        ]

        seen = surveyed(tenant, people, filled=" ".join(before))

        # Some are empty by chance.
        nobodys = {*MAP.attributes} - {*filled(people, MAP), "mailNickname"}
        changed = {
            one.attribute
            for change in seen.plan.changes
            if change.action in (Action.UPDATE, Action.RENAME, Action.RESTORE)
            for one in change.attributes
        }
        assert set(seen.emptied) == nobodys & before
        assert changed & nobodys <= set(seen.emptied) - {"accountEnabled", "displayName"}
