"""The sample people are what the demo promises, whatever the sync makes of them."""

import unicodedata

import pytest

from local import access_control, entra
from local.people import ACCESS_CONTROL_SEED, ENTRA_SEED

MANAGED, FEDERATED, FROM_AD = "contoso.com", "fabrikam.com", "corp.contoso.com"


@pytest.fixture(scope="module")
def source() -> list[access_control.User]:
    seed = access_control.read_seed(ACCESS_CONTROL_SEED)
    return [access_control.User.model_validate(entry) for entry in seed.users]


@pytest.fixture(scope="module")
def target() -> list[dict[str, object]]:
    return entra.read_seed(ENTRA_SEED).users


def upns(people: list[dict[str, object]], domain: str) -> list[str]:
    return [upn for person in people if (upn := str(person["userPrincipalName"])).endswith(f"@{domain}")]


def leavers(source: list[access_control.User], target: list[dict[str, object]], domain: str) -> set[str]:
    """People, and nothing but people, whom the source no longer has."""
    known = {user.user_principal_name for user in source} | {user.immutable_id for user in source}
    return {
        str(person["userPrincipalName"])
        for person in target
        if person["userPrincipalName"] not in known
        and person.get("onPremisesImmutableId") not in known
        and not person.get("onPremisesSyncEnabled")
        and person.get("userType") != "Guest"
        and not {"_mailbox", "_roles"} & person.keys()
        and str(person["userPrincipalName"]).endswith(f"@{domain}")
    }


def test_there_are_about_forty_of_them_in_both_scripts(source: list[access_control.User]) -> None:
    assert 38 <= len(source) <= 45
    japanese = [user for user in source if not user.display_name.isascii()]
    assert 10 < len(japanese) < len(source) - 10


@pytest.mark.parametrize(
    ("domain", "below_the_default_limit"), [(MANAGED, True), (FEDERATED, False), (FROM_AD, True)]
)
def test_deletions_stay_below_twenty_percent_except_on_the_federated_domain(
    source: list[access_control.User],
    target: list[dict[str, object]],
    domain: str,
    below_the_default_limit: bool,
) -> None:
    gone = len(leavers(source, target, domain))

    assert (gone * 100 < 20 * len(upns(target, domain))) is below_the_default_limit
    assert (gone > 0) is (domain != FROM_AD)


def test_two_people_have_moved_between_the_domains_and_one_has_another_upn(
    source: list[access_control.User], target: list[dict[str, object]]
) -> None:
    now = {user.immutable_id: user.user_principal_name for user in source if user.immutable_id}
    changed = {
        (str(person["userPrincipalName"]), now[str(immutable_id)])
        for person in target
        if (immutable_id := person.get("onPremisesImmutableId")) in now
        and person["userPrincipalName"] != now[str(immutable_id)]
    }

    assert changed == {
        ("mei.yamada@contoso.com", "mei.suzuki@contoso.com"),
        ("kazuki.hara@contoso.com", "kazuki.hara@fabrikam.com"),
        ("lucy.cole@fabrikam.com", "lucy.cole@contoso.com"),
    }


def test_somebody_has_a_too_long_given_name_and_somebody_no_immutable_id(
    source: list[access_control.User],
) -> None:
    assert [user.username for user in source if len(user.given_name) > 64] == ["alexandria.winter"]
    without = [user.username for user in source if not user.immutable_id]
    assert "henry.scott" in without
    assert next(user for user in source if user.username == "henry.scott").user_principal_name.endswith(
        FEDERATED
    )


def test_somebody_who_comes_back_is_among_the_deleted_users(source: list[access_control.User]) -> None:
    (deleted,) = entra.read_seed(ENTRA_SEED).deleted_users

    assert deleted["onPremisesImmutableId"] in {user.immutable_id for user in source}


def test_one_name_differs_only_in_its_unicode_form(
    source: list[access_control.User], target: list[dict[str, object]]
) -> None:
    names = {user.user_principal_name: user.display_name for user in source}
    differing = [
        person["userPrincipalName"]
        for person in target
        if (name := str(person["displayName"])) != names.get(str(person["userPrincipalName"]), name)
        and unicodedata.normalize("NFC", name) == names[str(person["userPrincipalName"])]
    ]

    assert differing == ["go.ueda@contoso.com"]


async def test_the_emulators_take_them() -> None:
    async with entra.running_entra(entra.read_seed(ENTRA_SEED)) as graph:
        assert len(graph.directory.users_of(FROM_AD)) == 4
        assert [domain.name for domain in graph.directory.domains.values() if domain.federated] == [FEDERATED]
    seed = access_control.read_seed(ACCESS_CONTROL_SEED)
    async with access_control.running_access_control(seed) as source:
        assert "hdeadmin" in source.users
