"""A deletion needs two reads that agree: the second one may find the person after all."""

import pytest

from shared.model.people import SourceUser
from shared.planning.deletions import reason_to_leave, source_people, still_in_source, unseen
from shared.words import said
from tests.support.people import entra_user, source_user


@pytest.mark.parametrize(
    "found",
    [
        source_user("AOKI@contoso.com", source_id="by-upn"),
        source_user("other@contoso.com", immutable_id="K"),
        source_user("other@elsewhere.com", source_id="linked"),
        source_user("", source_id="linked"),
    ],
    ids=["UPN", "immutable ID", "link", "link, without a UPN"],
)
def test_the_source_has_somebody_under_any_name(found: SourceUser) -> None:
    user = entra_user("aoki@contoso.com", immutable_id="K")

    assert still_in_source(user, source_people([found], {"linked": "id-aoki"}))


def test_the_source_does_not_have_whom_nothing_names() -> None:
    links = {"other": "id-other", "former": "id-aoki"}
    people = source_people([source_user("other@contoso.com"), source_user("", source_id="nobody")], links)

    assert not still_in_source(entra_user(), people)


def test_every_link_to_the_user_counts() -> None:
    links = {"former": "id-aoki", "present": "id-aoki"}

    assert still_in_source(entra_user(), source_people([source_user("b@x.com", source_id="present")], links))


@pytest.mark.parametrize(
    ("upns", "reason"),
    [
        ({"id-aoki": "AOKI@contoso.com"}, ""),
        ({"id-aoki": None}, ""),
        ({"id-aoki": "new@contoso.com"}, "Not deleted: Entra names this user new@contoso.com now."),
        ({}, "Not deleted: Entra could not be asked about this user again."),
    ],
    ids=["unchanged", "gone already", "renamed", "unreadable"],
)
def test_entra_must_still_know_the_user_by_the_same_name(upns: dict[str, str | None], reason: str) -> None:
    assert said(reason_to_leave(entra_user(), source_people([], {}), upns)) == reason
    assert unseen(entra_user(), source_people([], {}), upns) is (not upns)


def test_whom_the_source_has_again_is_not_deleted() -> None:
    people = source_people([source_user()], {})

    assert said(reason_to_leave(entra_user(), people, {})) == "Not deleted: the source has this user again."
    assert not unseen(entra_user(), people, {})
