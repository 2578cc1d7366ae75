"""Settings of the tenant: what is stored has the last word over the app setting, and people of both are protected."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from shared.model.bad_value import BadValue
from shared.planning.tenant_settings import DEFAULTS, TenantSettings, in_force
from shared.settings import Settings
from tests.support.errors import english, raises

NAMES = st.sampled_from(["ceo@contoso.com", "CFO@contoso.com", " x@a.test", ""])
DOMAINS = st.sampled_from(["contoso.net", "Other.example", ""])
FIELDS = st.sampled_from(
    ["Display Name", "custom_attributes.kana", "first(Section, 'x')", "first(Section, x)"]
)
MAPS = st.fixed_dictionaries(
    {"displayName": FIELDS},
    optional={"department": FIELDS | st.none(), "surname": FIELDS | st.none(), "employeeId": FIELDS},
)
RULES = st.sampled_from(
    [
        {"side": "source", "field": "Section", "op": "=", "value": "HR"},
        {"side": "entra", "field": "city", "op": "isEmpty"},
    ]
)
SETTINGS = st.fixed_dictionaries(
    {},
    optional={
        "attribute_map": st.none() | MAPS,
        "usage_location": st.none() | st.sampled_from(["jp", "US"]),
        "protected_users": st.none() | st.lists(NAMES, max_size=3),
        "foreign_domains": st.none() | st.lists(DOMAINS, max_size=3),
        "scope": st.none() | st.lists(RULES, max_size=2).map(lambda rules: {"exclude": rules}),
    },
).map(TenantSettings.model_validate)


@given(SETTINGS, SETTINGS)
def test_what_is_stored_counts_then_the_app_setting_then_the_default(
    app: TenantSettings, stored: TenantSettings
) -> None:
    settings, origins = in_force(app, stored)

    for name, origin in origins.items():
        place = {"stored": stored, "app setting": app, "default": DEFAULTS}[origin]
        wanted = getattr(place, name)
        if name == "protected_users":
            assert settings.protected_users is not None
            assert set(settings.protected_users) == {
                *(app.protected_users or ()),
                *(stored.protected_users or ()),
            }
        else:
            assert getattr(settings, name) == wanted
        given_in = [one for one in (stored, app) if getattr(one, name) is not None]
        assert (origin == "default") == (not given_in)


@given(SETTINGS, SETTINGS)
def test_storing_what_is_shown_changes_nothing(app: TenantSettings, stored: TenantSettings) -> None:
    shown, _ = in_force(app, stored)

    again, origins = in_force(app, shown)

    assert again == shown
    assert {name for name, origin in origins.items() if origin != "stored"} <= {
        "usage_location",
        "sign_in",
        "upn_from",
        "paused_until",
        "pause_reason",
    }


APP = Settings.from_environment(
    {"AzureWebJobsStorage": "x", "HENNGE_CLIENT_ID": "x", "HENNGE_CLIENT_SECRET": "x", "USAGE_LOCATION": "JP"}
)


@given(SETTINGS, SETTINGS)
def test_only_terms_that_are_equal_have_the_same_digest(one: TenantSettings, other: TenantSettings) -> None:
    terms, others = APP.terms(one), APP.terms(other)

    assert (terms == others) == (terms.digest() == others.digest())
    assert terms.digest(ask_unlinked=True) != terms.digest(ask_unlinked=False)


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        ({"attributeMap": {"manager": "boss"}}, "manager can't be mapped"),
        ({"attributeMap": {"displayName": None}}, "displayName must be mapped"),
        ({"usageLocation": "JPN"}, "pattern"),
        ({"protectedUsers": ["ceo"]}, "'ceo' is neither a UPN nor an object id"),
        ({"foreignDomains": ["a b"]}, "a b"),
    ],
)
def test_a_bad_setting_says_what_is_wrong_with_it(bad: Mapping[str, object], says: str) -> None:
    with pytest.raises(ValidationError) as raised:
        TenantSettings.model_validate(bad)

    (error,) = raised.value.errors()
    assert error["loc"] == tuple(bad)
    refused = error.get("ctx", {}).get("error")
    assert says in (english(refused) if refused else error["msg"])


def test_settings_too_long_for_a_row_are_named() -> None:
    people = tuple(f"person{number}@contoso.com" for number in range(400))

    with raises(BadValue, "protectedUsers takes at most 8000 characters"):
        TenantSettings(protected_users=people).require_fitting()
    TenantSettings(protected_users=people[:100]).require_fitting()
