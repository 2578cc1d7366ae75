"""Where a UPN puts somebody: ours, nearly ours, or not ours."""

import pytest

from shared.errors import DomainNotFound
from shared.model.changes import Action
from shared.model.domains import TenantDomain, domain_named
from shared.model.results import Outcome, Result
from shared.planning.territory import Place, Territory, Where
from tests.support.people import change, source_user

TENANT = [
    TenantDomain(name="contoso.com", authentication_type="Managed"),
    TenantDomain(name="off.com", authentication_type="Managed"),
    TenantDomain(name="new.com", authentication_type="Managed", verified=False),
    TenantDomain(name="xn--eckwd4c7cu47r2wf.jp", authentication_type="Managed"),
]
TERRITORY = Territory.of(TENANT, ["contoso.com"], ["contoso.co", "ドメイン名.example"])


@pytest.mark.parametrize(
    ("upn", "place"),
    [
        ("a@contoso.com", Place(Where.OWN, "contoso.com")),
        ("a@CONTOSO.com.", Place(Where.OWN, "contoso.com")),
        ("a@example.org, b@contoso.com", Place(Where.OWN, "contoso.com")),
        ("a@off.com", Place(Where.OFF, "off.com")),
        ("a@new.com", Place(Where.UNVERIFIED, "new.com")),
        ("a@ドメイン名例.jp", Place(Where.OFF, "xn--eckwd4c7cu47r2wf.jp")),
        ("a@conotso.com", Place(Where.NEAR, "conotso.com", "contoso.com")),
        ("a@contoso.cm", Place(Where.NEAR, "contoso.cm", "contoso.com")),
        ("a@mew.com", Place(Where.NEAR, "mew.com", "new.com")),
        ("a@contoso.co", Place(Where.FOREIGN, "contoso.co")),
        ("a@example.org", Place(Where.FOREIGN, "example.org")),
        ("a@sub.contoso.com", Place(Where.FOREIGN, "sub.contoso.com")),
        *(
            (nowhere, Place(Where.NOWHERE))
            for nowhere in ("", "-", "aoki", "a@b@contoso.com", "@contoso.com")
        ),
    ],
)
def test_where_a_upn_puts_somebody(upn: str, place: Place) -> None:
    assert TERRITORY.place(source_user(upn, source_id="s1")) == place


def test_a_domain_of_the_tenant_is_never_foreign() -> None:
    territory = Territory.of(TENANT, [], ["contoso.com"])

    assert territory.place(source_user("a@contoso.com")).where is Where.OFF


def test_only_a_verified_domain_has_runs() -> None:
    with pytest.raises(DomainNotFound):
        domain_named("new.com", TENANT)
    assert domain_named("off.com", TENANT) is TENANT[1]


def test_a_skip_of_a_cancelled_run_stays_a_skip() -> None:
    assert Outcome.not_applied(change(Action.SKIP)).result is Result.SKIPPED
