"""Why one user is what they are: whom a name finds, by which rule, and what a sync would do."""

from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.model.people import EntraUser, Memory, SourceUser
from shared.model.questions import Decisions
from shared.planning.lookups import Lookups
from shared.planning.matching import match
from shared.planning.names import Names
from shared.planning.protection import Protection
from shared.planning.surveyed import Survey, Terms
from shared.reports.person import Asked, Person, asked_about, paired, person
from tests.support.model_tenant import ModelTenant
from tests.support.people import DOMAIN, INITIAL_DOMAIN, MAP, entra_user, plan_of, source_user, values
from tests.support.surveys import surveyed

AOKI = source_user(immutable_id="K1", source_id="s-aoki")
ACCOUNT = entra_user(immutable_id="K1", object_id="ACCOUNT")
NOBODY_PROTECTED = Protection()


def traced(
    query: str,
    source: Sequence[SourceUser] = (),
    target: Sequence[EntraUser] = (),
    *,
    links: Mapping[str, str] | None = None,
    protection: Protection = NOBODY_PROTECTED,
    decided: Mapping[str, str] | None = None,
    elsewhere: EntraUser | None = None,
) -> Person:
    remembered = dict(links or {})
    around = Lookups(initial_domain=INITIAL_DOMAIN, protection=protection)
    plan = plan_of(source, target, around, links=remembered)
    decisions = Decisions(same=dict(decided or {}))
    seen = Survey(
        domain=DOMAIN,
        initial_domain=INITIAL_DOMAIN,
        source=list(source),
        target=list(target),
        memory=Memory(remembered),
        protection=protection,
        plan=plan,
        terms=Terms(attribute_map=MAP, protection=NOBODY_PROTECTED),
        decisions=decisions,
        rules=match(DOMAIN, source, target, Memory(remembered), Names(MAP), decisions).rules,
    )
    asked = asked_about(query, source, target, remembered)
    assert asked is not None
    return person(seen, paired(seen, asked), elsewhere)


@pytest.mark.parametrize("query", ["s-aoki", "S-AOKI", " aoki@contoso.com ", "account"])
def test_either_side_is_found_by_any_name_of_the_other(query: str) -> None:
    found = traced(query, [AOKI], [ACCOUNT])

    assert found.source == {
        "sourceId": "s-aoki",
        "userPrincipalName": "aoki@contoso.com",
        "onPremisesImmutableId": "K1",
        "displayName": "青木 花子",
        "givenName": "花子",
        "surname": "青木",
        "mailNickname": None,
        "accountEnabled": True,
    }
    assert found.entra is not None
    assert (found.entra["objectId"], found.matched_by, found.change) == ("ACCOUNT", "immutableId", None)
    assert found.verdict == "Equal on both sides: nothing would change."


def test_whoever_is_renamed_is_found_by_their_link() -> None:
    married = source_user("married@contoso.com", source_id="s-aoki")

    found = traced("s-aoki", [married], [entra_user()], links={"s-aoki": "id-aoki"})

    assert found.change is not None
    assert (found.matched_by, found.change.action) == ("memory", "rename")
    assert found.verdict == "A sync would rename this user."


def test_without_an_immutable_id_or_a_link_the_upn_has_matched() -> None:
    assert traced("id-aoki", [source_user("Aoki@contoso.com")], [entra_user()]).matched_by == "upn"


def test_somebody_on_another_domain_is_not_touched() -> None:
    moved = source_user("aoki@fabrikam.com", source_id="s-aoki")

    found = traced("s-aoki", [moved, source_user("stays@contoso.com")], [ACCOUNT])

    assert (found.entra, found.matched_by) == (None, None)
    assert found.verdict == "In the source, but on another domain: this domain's sync does not touch them."


def test_an_ambiguous_user_is_shown_with_what_makes_them_so() -> None:
    two = [entra_user("baba@contoso.com", object_id="B", immutable_id="K1"), entra_user(object_id="A")]

    found = traced("s-aoki", [replace(AOKI, upn="chiba@contoso.com")], two, links={"s-aoki": "A"})

    assert found.change is not None
    assert found.change.problem is not None
    assert "s-aoki in the source matches two users in Entra" in found.change.problem


@pytest.mark.parametrize("upn", ["", "aoki@other.com"])
def test_whose_account_is_in_question_is_shown_with_it(upn: str) -> None:
    """A person who is no longer on the domain, and somebody who has the account's immutable ID."""
    former = source_user(upn, source_id="s-former")
    newcomer = source_user("y@contoso.com", immutable_id="K1", source_id="s-new")

    found = traced("s-former", [former, newcomer], [ACCOUNT], links={"s-former": "ACCOUNT"})

    assert (found.entra or {})["objectId"] == "ACCOUNT"
    assert "s-former" in found.verdict
    assert "s-new" in found.verdict


def test_what_would_change_is_said_attribute_by_attribute() -> None:
    found = traced("aoki", [source_user(values=values("青木 春子"))], [entra_user()])

    assert found.change is not None
    assert [(a.attribute, a.before, a.after) for a in found.change.attributes] == [
        ("displayName", "青木 花子", "青木 春子")
    ]
    assert found.verdict == "A sync would update this user."


def test_whoever_has_no_upn_is_shown_without_one() -> None:
    found = traced("aoki", [source_user("", source_id="aoki")])

    assert found.source is not None
    assert found.source["userPrincipalName"] is None


def test_what_protects_somebody_is_said() -> None:
    protection = Protection(roles={"ACCOUNT": "Global Administrator"})

    found = traced("account", [source_user("stays@contoso.com")], [ACCOUNT], protection=protection)

    assert found.protection == "Holds the directory role Global Administrator."
    assert found.verdict == "A sync skips this user. Holds the directory role Global Administrator."


def test_a_change_that_can_not_succeed_says_why() -> None:
    found = traced("x y@contoso.com", [source_user("x y@contoso.com", source_id="xy")])

    assert found.verdict.startswith("A sync would fail to add this user: The UPN 'x y@contoso.com' is not")


def test_nobody_is_nobody() -> None:
    for query in ("nobody", f"u:{coded('nobody')}", "u:!", "u:_w"):
        assert asked_about(query, [AOKI], [ACCOUNT], {}) is None


def test_of_nobody_there_is_no_other_side() -> None:
    seen = surveyed(ModelTenant(users={ACCOUNT.object_id: ACCOUNT}), [AOKI])

    assert paired(seen, Asked(query="nobody")) == Asked(query="nobody")


def test_an_object_id_that_nobody_here_has_may_be_a_deleted_accounts() -> None:
    gone = "9B0D0CE8-6F4B-4E60-9D5E-6B2F4F4D5A01"

    assert asked_about(gone, [AOKI], [ACCOUNT], {}) == Asked(query=gone, object_id=gone.lower())


@given(st.text(min_size=1))
def test_any_username_is_named_in_an_address(username: str) -> None:
    username = username.encode(errors="replace").decode()
    user = source_user(source_id=username)

    asked = asked_about(f"u:{coded(username)}", [AOKI, user], [], {})

    assert asked == Asked(query=username, source_id=username)


def test_a_username_is_told_from_the_same_in_another_case() -> None:
    two = [source_user(source_id="Ken"), source_user("ken@contoso.com", source_id="ken")]

    assert [asked_about(each, two, [], {}) for each in ("Ken", "ken", "KEN")] == [
        Asked(query="Ken", source_id="Ken"),
        Asked(query="ken", source_id="ken"),
        Asked(query="KEN", source_id="Ken"),
    ]


def test_a_upn_that_is_handed_on_is_that_of_the_account_that_has_it() -> None:
    chiba = entra_user("chiba@contoso.com", object_id="C")
    baba = entra_user("baba@contoso.com", object_id="B")
    heir = source_user("chiba@contoso.com", source_id="baba")

    found = traced("chiba@contoso.com", [heir], [chiba, baba], links={"chiba": "C", "baba": "B"})

    assert found.source is None
    assert found.entra is not None
    assert found.entra["objectId"] == "C"


def test_a_username_that_only_an_earlier_sync_knew_is_its_account() -> None:
    found = traced("chiba", [AOKI], [entra_user("chiba@contoso.com", object_id="C")], links={"chiba": "C"})

    assert found.entra is not None
    assert found.source is None


def test_who_joins_from_another_domain_has_both_sides() -> None:
    there = entra_user("aoki@fabrikam.com", object_id="F", immutable_id="K1")

    found = traced("s-aoki", [AOKI], links={"s-aoki": "F"}, elsewhere=there)

    assert found.source is not None
    assert found.entra is not None
    assert found.entra["userPrincipalName"] == "aoki@fabrikam.com"


def coded(username: str) -> str:
    return urlsafe_b64encode(username.encode()).decode().rstrip("=")


def test_a_decision_and_a_folded_upn_are_named_as_what_they_are() -> None:
    almost = source_user("ａｏｋｉ@contoso.com", source_id="x")

    found = traced("id-aoki", [almost], [entra_user()])

    assert found.source
    assert (found.matched_by, found.source["sourceId"]) == ("folded", "x")
    assert (
        traced("x", [source_user(source_id="x")], [entra_user()], decided={"x": "id-aoki"}).matched_by
        == "decision"
    )
