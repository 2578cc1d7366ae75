"""Settings: read once, and a bad one names itself and what it takes."""

import pytest

from shared.planning.tenant_settings import TenantSettings
from shared.settings import Settings, SettingsError, is_loopback
from shared.words import said

COMPLETE = {
    "AzureWebJobsStorage": "UseDevelopmentStorage=true",
    "HENNGE_CLIENT_ID": "client",
    "HENNGE_CLIENT_SECRET": "hush-hush",
}


def settings(**environment: str) -> Settings:
    return Settings.from_environment({**COMPLETE, **environment})


def complaint(**environment: str) -> str:
    with pytest.raises(SettingsError) as raised:
        settings(**environment)
    return said(raised.value.parts)


def test_storage_and_an_api_client_are_all_it_takes() -> None:
    read = settings()

    assert (read.source, read.auth_mode, str(read.schedule)) == ("hennge", "keys", "0 0 * * * *")
    assert read.require_deletion_checks
    assert read.terms(TenantSettings()).attribute_map.attributes == (
        "displayName",
        "givenName",
        "surname",
        "mailNickname",
    )


def test_an_empty_variable_is_one_that_is_not_set() -> None:
    assert settings(USAGE_LOCATION=" ", SYNC_SCHEDULE="").usage_location is None


@pytest.mark.parametrize("zone", ["", "UTC", "Etc/UTC", "utc"])
def test_utc_may_be_said(zone: str) -> None:
    assert settings(WEBSITE_TIME_ZONE=zone, TZ=zone)


def test_variables_of_others_do_not_matter() -> None:
    assert settings(PATH="/bin", WEBSITE_SITE_NAME="sync").source == "hennge"


@pytest.mark.parametrize(
    ("name", "value", "takes"),
    [
        ("SOURCE", "ldap", "'hennge' or 'csv'"),
        ("AUTH_MODE", "none", "'keys' or 'entra'"),
        ("SYNC_SCHEDULE", "0 * * * *", "takes six fields"),
        ("SYNC_SCHEDULE", "0 0 22-2 * * *", "ends before it begins"),
        ("WEBSITE_TIME_ZONE", "Tokyo Standard Time", "UTC alone"),
        ("TZ", "Asia/Tokyo", "UTC alone"),
        ("GRAPH_BASE_URL", "http://graph.example", "https://"),
        ("HENNGE_API_URL", "not an address", "takes an https:// address"),
        ("ATTRIBUTE_MAP", "{", "takes a JSON object"),
        ("ATTRIBUTE_MAP", "[1]", "takes a JSON object"),
        ("ATTRIBUTE_MAP", '{"manager": "boss"}', "manager can't be mapped"),
        ("USAGE_LOCATION", "JPN", "pattern"),
        ("LANGUAGE", "fr", "'en' or 'ja'"),
        ("REQUIRE_DELETION_CHECKS", "perhaps", "boolean"),
        ("BATCHES_IN_FLIGHT", "17", "less than or equal to 16"),
        ("TIME_BUDGET_SECONDS", "soon", "integer"),
    ],
)
def test_a_bad_setting_names_itself_and_what_it_takes_in_one_line(name: str, value: str, takes: str) -> None:
    said = complaint(**{name: value})

    assert said.startswith(f"Setting {name}: ")
    assert takes in said
    assert "\n" not in said


def test_every_bad_setting_is_named_at_once() -> None:
    said = complaint(SOURCE="ldap", USAGE_LOCATION="JPN")

    assert "SOURCE" in said
    assert "USAGE_LOCATION" in said


@pytest.mark.parametrize(
    ("environment", "missing"),
    [
        ({"AzureWebJobsStorage": ""}, "AzureWebJobsStorage"),
        ({"HENNGE_CLIENT_SECRET": ""}, "HENNGE_CLIENT_SECRET"),
        ({"SOURCE": "csv"}, "CSV_PATH"),
    ],
)
def test_a_missing_setting_is_named(environment: dict[str, str], missing: str) -> None:
    assert f"{missing} " in complaint(**environment)


def test_a_csv_needs_no_api_client() -> None:
    read = settings(SOURCE="csv", CSV_PATH="users.csv", HENNGE_CLIENT_ID="", HENNGE_CLIENT_SECRET="")

    assert read.csv_path == "users.csv"


def test_an_emulator_on_this_machine_needs_no_https() -> None:
    assert (
        settings(GRAPH_BASE_URL="http://127.0.0.1:8080/v1.0/").graph_base_url == "http://127.0.0.1:8080/v1.0"
    )


@pytest.mark.parametrize(
    ("url", "loopback"),
    [
        ("http://127.0.0.1:1", True),
        ("http://localhost:1", True),
        ("http://[::1]:1", True),
        ("http://127.0.0.1.example.com", False),
        ("http://localhost.example.com", False),
        ("https://graph.microsoft.com", False),
    ],
)
def test_only_this_machine_is_loopback(url: str, loopback: bool) -> None:
    assert is_loopback(url) is loopback


def test_protected_users_are_known_in_any_case_and_spacing() -> None:
    object_id = "4C65D899-800d-522d-893a-78bdb7d1321c"

    read = settings(PROTECTED_USERS=f" CEO@contoso.com ,, {object_id}")

    assert read.protected_users == (object_id.lower(), "ceo@contoso.com")


@pytest.mark.parametrize("entry", ["ceo", "ceo@a.test; cfo@a.test", "ceo@a.test cfo@a.test"])
def test_a_protected_user_whom_nobody_could_be_is_refused(entry: str) -> None:
    said_of_it = complaint(PROTECTED_USERS=entry)

    assert said_of_it.startswith("Setting PROTECTED_USERS: ")
    assert said_of_it.endswith("is neither a UPN nor an object id.")


@pytest.mark.parametrize(
    ("given", "language"),
    [("", "en"), ("ja", "ja"), ("ja_JP:ja:en", "ja"), ("de_DE:de:en", "en"), ("de_DE.UTF-8", "en")],
)
def test_a_list_of_languages_as_a_desktop_has_it_is_read(given: str, language: str) -> None:
    assert settings(LANGUAGE=given).language == language


def test_a_usage_location_is_kept_in_upper_case() -> None:
    assert settings(USAGE_LOCATION="jp").usage_location == "JP"


def test_the_attribute_map_stands_on_top_of_the_default() -> None:
    read = settings(ATTRIBUTE_MAP='{"department": "custom_attributes.dept", "surname": null}')

    assert read.terms(TenantSettings()).attribute_map.attributes == (
        "displayName",
        "givenName",
        "mailNickname",
        "department",
    )


def test_a_secret_shows_neither_in_the_settings_nor_in_a_complaint() -> None:
    assert "hush-hush" not in repr(settings())
    assert "hush-hush" not in complaint(SOURCE="ldap")
    assert "hush-hush" not in complaint(HENNGE_CLIENT_ID="")


@pytest.mark.parametrize("name", ["HENNGE_CLIENT_SECRET", "AzureWebJobsStorage"])
def test_a_key_vault_reference_that_was_not_resolved_is_refused_by_its_settings_name(name: str) -> None:
    said = complaint(**{name: "@Microsoft.KeyVault(SecretUri=https://vault.example/secrets/hush)"})

    assert said.startswith(f"Setting {name}: is a Key Vault reference that was not resolved")
    assert "vault.example" not in said


def test_the_digest_of_what_decides_a_plan_is_the_same_for_the_same_settings_alone() -> None:
    protected = "mori@contoso.com,aoki@contoso.com,baba@contoso.com"
    one = settings(PROTECTED_USERS=protected).terms(TenantSettings())
    others = [
        settings(PROTECTED_USERS="mori@contoso.com").terms(TenantSettings()),
        settings(PROTECTED_USERS=protected, UPN_FROM="email").terms(TenantSettings()),
        settings(PROTECTED_USERS=protected, ATTRIBUTE_MAP='{"surname": null}').terms(TenantSettings()),
    ]

    again = settings(PROTECTED_USERS=",".join(reversed(protected.split(",")))).terms(TenantSettings())
    assert again.digest(ask_unlinked=False) == one.digest(ask_unlinked=False)
    digests = {each.digest(ask_unlinked=False) for each in (one, *others)} | {one.digest(ask_unlinked=True)}
    assert len(digests) == 5
