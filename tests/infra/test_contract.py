"""What the templates and the app must agree on: names, settings, roles, and when audit logs are gone."""

import json
import re
from typing import Any

from shared.http.principal import Role
from shared.model.runs import AUDIT_LOG_LIFETIME
from shared.planning.mapping import MAPPABLE
from shared.runs.messages import MOST_TRIES, OUTBOX_QUEUE, POISON_QUEUE, QUEUE
from shared.settings import Settings
from shared.store import storage
from tests.infra.bicep import INFRA, Value, dig, read

# Ours to deploy from; the app has no use for it.
PLATFORM_CONTAINERS = {"packages"}
# On a desk, by connection string, and in clouds of other names, where an account name alone says too little.
SETTINGS_NOT_IN_AZURE = {
    "AzureWebJobsStorage",
    "AzureWebJobsStorage__blobServiceUri",
    "AzureWebJobsStorage__tableServiceUri",
    # Set by the platform itself.
    "WEBSITE_HOSTNAME",
    # For development alone.
    "NOTIFY_LOOPBACK",
    # Read only to be refused.
    "WEBSITE_TIME_ZONE",
    "TZ",
}
# Shortened by tests that wait for them to run out.
SETTINGS_NOT_IN_AZURE |= {"LEASE_SECONDS", "STORAGE_TIMEOUT_SECONDS"}
JOURNAL_DAYS = 30


def test_app_settings_are_those_that_the_app_reads() -> None:
    read_by_the_app = {str(field.alias) for field in Settings.model_fields.values()} - SETTINGS_NOT_IN_AZURE
    settings = read(INFRA / "app.bicep").variables["settings"]
    assert isinstance(settings, dict)
    assert set(settings) == read_by_the_app


def test_defaults_that_are_stated_twice_are_the_same() -> None:
    stated = read(INFRA / "main.bicep").parameters
    for field in Settings.model_fields.values():
        name = _camel(str(field.alias))
        if name in stated and stated[name].default not in (None, "", {}):
            assert str(stated[name].default) == str(field.default), field.alias


def test_the_limits_of_a_number_are_the_same_in_both() -> None:
    text = (INFRA / "main.bicep").read_text(encoding="utf-8")
    for field in Settings.model_fields.values():
        if str(field.alias) in SETTINGS_NOT_IN_AZURE:
            continue
        limits = {type(limit).__name__: limit for limit in field.metadata}
        if {"Ge", "Le"} <= set(limits):
            bounds = f"@minValue({limits['Ge'].ge})\n@maxValue({limits['Le'].le})\n"
            assert re.search(
                rf"{re.escape(bounds)}@description\(.*\)\nparam {_camel(str(field.alias))} int", text
            )


def test_the_attribute_map_takes_every_attribute_that_the_app_can_fill() -> None:
    text = (INFRA / "main.bicep").read_text(encoding="utf-8")
    listed = text.partition("type AttributeMap = {\n")[2].partition("}")[0]
    assert listed == "".join(f"  {name}: string?\n" for name in MAPPABLE)


def test_the_secret_is_a_reference_and_no_value() -> None:
    secret = dig(read(INFRA / "app.bicep").variables["settings"], "HENNGE_CLIENT_SECRET")
    assert "@Microsoft.KeyVault(SecretUri=" in str(secret)


def test_tables_and_containers_are_those_that_the_app_uses() -> None:
    in_code = {value for name, value in vars(storage).items() if name.isupper() and isinstance(value, str)}
    deployed = read(INFRA / "storage.bicep").variables
    assert _strings(deployed["tables"]) == {name for name in in_code if name[0].isupper()}
    assert _strings(deployed["containers"]) - PLATFORM_CONTAINERS == {
        name for name in in_code if name[0].islower()
    }


def test_every_declared_name_is_deployed() -> None:
    template = read(INFRA / "storage.bicep")
    for resource, names in (("container", "containers"), ("queue", "queues"), ("table", "tables")):
        assert str(getattr(template.resources[resource].each, "text", "")) == names


def test_queues_are_those_of_the_triggers() -> None:
    assert _strings(read(INFRA / "storage.bicep").variables["queues"]) == {
        QUEUE, POISON_QUEUE, OUTBOX_QUEUE, f"{OUTBOX_QUEUE}-poison",
    }  # fmt: skip


def test_a_message_is_set_aside_where_the_app_and_the_alert_expect_it() -> None:
    assert f"{QUEUE}-poison" == POISON_QUEUE, "the host's own way of naming it"
    assert _host()["extensions"]["queues"].get("maxDequeueCount", 5) == MOST_TRIES
    assert "started five times" in (INFRA / "alerts.bicep").read_text(encoding="utf-8")


def test_a_run_stops_by_itself_before_the_host_ends_it() -> None:
    hours, minutes, seconds = (int(part) for part in _host()["functionTimeout"].split(":"))
    budget = read(INFRA / "main.bicep").parameters["timeBudgetSeconds"].default
    assert isinstance(budget, int)
    assert budget + 120 <= hours * 3600 + minutes * 60 + seconds


def test_no_log_line_that_alerts_need_is_sampled_away() -> None:
    sampling = _host()["logging"]["applicationInsights"]["samplingSettings"]
    assert sampling.get("isEnabled") is False or "Trace" in sampling.get("excludedTypes", "").split(";")


def test_libraries_and_polling_write_only_what_is_wrong() -> None:
    """Each poll of a queue is a request of theirs: 107 MB a day from an idle app on the real host.

    An environment variable does not reach the host's filter.
    """
    levels = _host()["logging"]["logLevel"]
    assert levels.pop("default") == "Information", "the app's own lines, which alerts read"
    assert set(levels) == {"Azure.Core", "Azure.Storage"}
    assert set(levels.values()) == {"Warning"}


def test_the_homepage_of_the_platform_is_off() -> None:
    assert (
        dig(read(INFRA / "app.bicep").variables["platformSettings"], "AzureWebJobsDisableHomepage") == "true"
    )


def test_the_timer_that_is_kept_ready_is_the_apps() -> None:
    groups = read(INFRA / "app.bicep").variables["alwaysReady"]
    assert isinstance(groups, list)
    assert [dig(group, "name") for group in groups] == ["http", "function:hourly_sync"]
    assert "async def hourly_sync(" in (INFRA.parent / "function_app.py").read_text(encoding="utf-8")


def test_audit_logs_are_deleted_after_a_day() -> None:
    rule = _rule("audit-logs/")
    days = dig(rule, "definition", "actions", "baseBlob", "delete", "daysAfterCreationGreaterThan")
    assert days == AUDIT_LOG_LIFETIME.days == 1
    assert dig(rule, "enabled") is True
    assert dig(rule, "definition", "filters", "blobTypes") == ["blockBlob", "appendBlob"]


def test_what_undo_needs_is_deleted_after_thirty_days() -> None:
    rule = _rule("journal/")
    days = dig(rule, "definition", "actions", "baseBlob", "delete", "daysAfterCreationGreaterThan")
    assert days == JOURNAL_DAYS
    assert dig(rule, "definition", "filters", "blobTypes") == ["blockBlob", "appendBlob"]


def test_a_snapshot_that_nobody_replaces_is_deleted_within_eight_days() -> None:
    rule = _rule("snapshots/")
    assert dig(rule, "definition", "actions", "baseBlob", "delete", "daysAfterCreationGreaterThan") == 7
    assert dig(rule, "enabled") is True


def test_deleted_means_deleted() -> None:
    blobs = read(INFRA / "storage.bicep").resources["blobs"].body
    assert dig(blobs, "properties", "deleteRetentionPolicy", "enabled") is False
    assert dig(blobs, "properties", "containerDeleteRetentionPolicy", "enabled") is False
    assert dig(blobs, "properties", "isVersioningEnabled") is False


def test_roles_are_those_that_the_app_asks_for() -> None:
    roles = json.loads((INFRA / "graph" / "roles.json").read_text(encoding="utf-8"))
    assert [role["value"] for role in roles] == [role.value for role in Role]
    assert len({role["id"] for role in roles}) == len(roles)


def _camel(name: str) -> str:
    first, *rest = name.lower().split("_")
    return first + "".join(word.capitalize() for word in rest)


def _rule(prefix: str) -> Value:
    rules = dig(read(INFRA / "storage.bicep").resources["lifecycle"].body, "properties", "policy", "rules")
    assert isinstance(rules, list)
    (rule,) = [r for r in rules if dig(r, "definition", "filters", "prefixMatch") == [prefix]]
    return rule


def _strings(value: Value) -> set[str]:
    assert isinstance(value, list)
    return {str(item) for item in value}


def _host() -> dict[str, Any]:
    return dict(json.loads((INFRA.parent / "host.json").read_text(encoding="utf-8")))
