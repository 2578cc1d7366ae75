"""Who a caller is, and what they may do: believed only from the platform, and only while it is in front."""

import pytest

from shared.http.principal import Principal, Role, identified, require_role
from shared.http.problems import Problem
from tests.support.callers import (
    HEADER,
    IN_FRONT,
    OBJECT_ID,
    OBJECT_ID_CLAIM,
    ROLE_CLAIM,
    application,
    header_of,
    signed_in,
)


def admitted(
    headers: dict[str, str],
    role: Role = Role.READER,
    environment: dict[str, str] = IN_FRONT,
    auth_mode: str = "entra",
) -> Principal:
    caller = identified(auth_mode, environment, headers)
    require_role(caller, role)
    return caller


def refusal(
    headers: dict[str, str], role: Role = Role.READER, environment: dict[str, str] = IN_FRONT
) -> Problem:
    with pytest.raises(Problem) as raised:
        admitted(headers, role, environment)
    return raised.value


@pytest.mark.parametrize("role_claim", ["roles", ROLE_CLAIM])
def test_roles_come_as_roles_or_under_the_type_that_the_platform_names(role_claim: str) -> None:
    caller = admitted(signed_in("Sync.Reader", role_claim=role_claim))

    assert str(caller) == f"aoki@contoso.com ({OBJECT_ID})"


def test_an_application_is_admitted_by_the_same_roles_under_its_own_name() -> None:
    caller = admitted(application("Sync.Administrator"), Role.ADMINISTRATOR)

    assert str(caller) == f"nightly-job ({OBJECT_ID})"


def test_an_application_without_the_role_is_refused() -> None:
    problem = refusal(application("Sync.Reader"), Role.OPERATOR)

    assert (problem.status, "needs the app role Sync.Operator" in problem.detail) == (403, True)


@pytest.mark.parametrize(
    ("held", "asked"),
    [(held, asked) for held in Role for asked in Role if list(Role).index(held) < list(Role).index(asked)],
)
def test_a_lesser_role_is_refused_and_the_missing_one_is_named(held: Role, asked: Role) -> None:
    problem = refusal(signed_in(held.value), asked)

    assert problem.status == 403
    assert (
        problem.detail == f"aoki@contoso.com needs the app role {asked.value} of this application for that."
    )


@pytest.mark.parametrize("claim", ["sync.administrator", "Sync.Administrator2", "Administrator", ""])
def test_a_role_is_its_whole_name(claim: str) -> None:
    assert refusal(signed_in(claim)).status == 403


def test_a_role_in_a_claim_of_another_type_counts_for_nothing() -> None:
    assert refusal(signed_in("Sync.Administrator", role_claim="groups")).status == 403


@pytest.mark.parametrize("said", [None, "", "False", "0", "Truely"])
def test_without_the_platform_in_front_nobody_is_believed(said: str | None) -> None:
    environment = {} if said is None else {"WEBSITE_AUTH_ENABLED": said}

    problem = refusal(signed_in("Sync.Administrator"), environment=environment)

    assert problem.status == 503
    assert "WEBSITE_AUTH_ENABLED" in problem.detail
    assert "AUTH_MODE" in problem.detail


_CLAIM = {"typ": OBJECT_ID_CLAIM, "val": OBJECT_ID}


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {HEADER: ""},
        {HEADER: "not base64!"},
        {HEADER: "bm90IGpzb24="},
        header_of([]),
        header_of(None),
        header_of({"claims": None}),
        header_of({"claims": "roles"}),
        header_of({"claims": [None]}),
        header_of({"claims": [{"typ": "roles"}]}),
        header_of({"claims": {"roles": ["Sync.Administrator"]}}),
        # Roles, but nobody who has them.
        header_of({"claims": [{"typ": "roles", "val": "Sync.Administrator"}]}),
        header_of({"claims": [{"typ": OBJECT_ID_CLAIM, "val": ""}]}),
        # The header's own word for a name is no identity.
        {"X-MS-CLIENT-PRINCIPAL-NAME": "aoki@contoso.com", "X-MS-CLIENT-PRINCIPAL-ID": OBJECT_ID},
    ],
)
def test_whatever_is_no_principal_is_nobody(headers: dict[str, str]) -> None:
    assert refusal(headers).status == 401


def test_with_keys_a_principal_header_is_not_looked_at() -> None:
    caller = admitted(signed_in(name="somebody@else.example"), Role.ADMINISTRATOR, auth_mode="keys")

    assert str(caller) == "function key"


def test_somebody_without_any_role_is_told_which_one_it_takes() -> None:
    assert "Sync.Reader" in refusal(header_of({"claims": [_CLAIM]})).detail
