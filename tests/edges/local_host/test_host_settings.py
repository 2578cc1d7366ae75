"""The host reads host.json and the settings that bindings name as Functions does."""

from pathlib import Path

import pytest

from local.host.settings import (
    HostSettings,
    SettingError,
    connection_string,
    read_host_json,
    resolve,
    seconds,
)


def test_without_host_json_functions_defaults_apply(tmp_path: Path) -> None:
    settings = HostSettings.read(read_host_json(tmp_path), {})

    assert (settings.route_prefix, settings.function_timeout) == ("api", 1800.0)
    assert (settings.queues.batch_size, settings.queues.new_batch_threshold) == (16, 8)
    assert (settings.queues.max_dequeue_count, settings.queues.max_polling_interval) == (5, 60.0)


def test_host_json_and_its_overrides_are_heeded() -> None:
    host_json = {"functionTimeout": "-1", "extensions": {"queues": {"batchSize": 1, "newBatchThreshold": 0}}}
    environ = {"AzureFunctionsJobHost__extensions__queues__visibilityTimeout": "00:01:30"}

    settings = HostSettings.read(host_json, environ)

    assert settings.function_timeout is None
    assert (settings.queues.batch_size, settings.queues.new_batch_threshold) == (1, 0)
    assert settings.queues.visibility_timeout == 90.0


@pytest.mark.parametrize(
    ("text", "expected"), [("00:00:02", 2), ("1.02:03:04", 93784), ("00:00:00.25", 0.25)]
)
def test_a_time_span_is_read_as_dotnet_writes_it(text: str, expected: float) -> None:
    assert seconds(text, "functionTimeout") == expected


def test_a_bad_time_span_is_named() -> None:
    with pytest.raises(SettingError, match="functionTimeout must be a time span like 00:00:02, not '5 min'"):
        HostSettings.read({"functionTimeout": "5 min"}, {})


def test_a_name_between_percent_signs_is_a_setting() -> None:
    assert resolve("%PREFIX%-runs", {"PREFIX": "sync"}) == "sync-runs"
    with pytest.raises(SettingError, match="set PREFIX"):
        resolve("%PREFIX%-runs", {})


def test_a_connection_is_the_name_of_a_setting() -> None:
    assert connection_string("Storage", {"AzureWebJobsStorage": "a", "Storage": "b"}) == "a"
    assert connection_string("Other", {"Other": "b"}) == "b"
    with pytest.raises(SettingError, match="Other is not set"):
        connection_string("Other", {})


def test_development_storage_is_azurite_on_its_usual_ports() -> None:
    found = connection_string("Storage", {"AzureWebJobsStorage": "UseDevelopmentStorage=true"})

    assert "QueueEndpoint=http://127.0.0.1:10001/devstoreaccount1;" in found


@pytest.mark.parametrize(
    ("name", "level"), [("Debug", 10), ("information", 20), ("Critical", 50), ("None", 51)]
)
def test_the_log_level_has_nets_names(name: str, level: int) -> None:
    host_json = {"logging": {"logLevel": {"default": name}}}

    assert HostSettings.read(host_json, {}).log_level == level


def test_a_log_level_that_is_none_is_named() -> None:
    with pytest.raises(SettingError, match="not 'INFO'"):
        HostSettings.read({}, {"AzureFunctionsJobHost__logging__logLevel__default": "INFO"})
