"""The host's configuration: host.json, and the settings that bindings name."""

import datetime
import json
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from local.azurite import ACCOUNT_KEY, ACCOUNT_NAME

# What UseDevelopmentStorage=true means to the real host; Python's queue SDK does not know it.
DEVELOPMENT_STORAGE = (
    f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT_NAME};AccountKey={ACCOUNT_KEY};"
    + "".join(
        f"{service}Endpoint=http://127.0.0.1:{port}/{ACCOUNT_NAME};"
        for service, port in (("Blob", 10000), ("Queue", 10001), ("Table", 10002))
    )
)

# A setting with this prefix overrides an entry of host.json; the rest of its name is the entry's path.
_OVERRIDE = "azurefunctionsjobhost__"
_UNBOUNDED = "-1"
# .NET's names.
_LOG_LEVELS = {
    "trace": 1,
    "debug": logging.DEBUG,
    "information": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
    "critical": logging.CRITICAL,
    "none": logging.CRITICAL + 1,
}


class SettingError(ValueError):
    """A setting or an entry of host.json is missing or cannot be read; the message names it."""


@dataclass(frozen=True)
class QueueSettings:
    """`extensions.queues` of host.json, with Functions' defaults; times in seconds."""

    batch_size: int = 16
    new_batch_threshold: int = 8
    max_dequeue_count: int = 5
    visibility_timeout: float = 0.0
    max_polling_interval: float = 60.0
    base64: bool = True


@dataclass(frozen=True)
class HostSettings:
    """The entries of host.json that this host uses; `function_timeout` is in seconds, None means no limit.

    `log_level` is `logLevel.default` as Python's number; levels of single categories are ignored.
    """

    route_prefix: str = "api"
    function_timeout: float | None = 1800.0
    log_level: int = logging.INFO
    queues: QueueSettings = field(default_factory=QueueSettings)

    @classmethod
    def read(cls, host_json: Mapping[str, object], environ: Mapping[str, str]) -> "HostSettings":
        """From host.json's content and the settings that override it. Raises SettingError."""
        entries = _flat(host_json) | {
            name.lower().removeprefix(_OVERRIDE).replace("__", "."): value
            for name, value in environ.items()
            if name.lower().startswith(_OVERRIDE)
        }
        queues = {
            name.removeprefix("extensions.queues."): str(value)
            for name, value in entries.items()
            if name.startswith("extensions.queues.")
        }
        batch_size = int(queues.get("batchsize", "16"))
        timeout = str(entries.get("functiontimeout", "00:30:00"))
        return cls(
            route_prefix=str(entries.get("extensions.http.routeprefix", "api")).strip("/"),
            function_timeout=None if timeout == _UNBOUNDED else seconds(timeout, "functionTimeout"),
            log_level=_log_level(str(entries.get("logging.loglevel.default", "Information"))),
            queues=QueueSettings(
                batch_size=batch_size,
                new_batch_threshold=int(queues.get("newbatchthreshold", batch_size // 2)),
                max_dequeue_count=int(queues.get("maxdequeuecount", "5")),
                visibility_timeout=seconds(queues.get("visibilitytimeout", "00:00:00"), "visibilityTimeout"),
                max_polling_interval=seconds(
                    queues.get("maxpollinginterval", "00:01:00"), "maxPollingInterval"
                ),
                base64=queues.get("messageencoding", "base64").lower() == "base64",
            ),
        )


def read_host_json(folder: Path) -> dict[str, object]:
    """Empty if there is no file: Functions' defaults apply. Raises SettingError."""
    path = folder / "host.json"
    if not path.exists():
        return {}
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise SettingError(f"{path} is not JSON: {error}") from error
    if not isinstance(content, dict):
        raise SettingError(f"{path} must hold a JSON object")
    return content


def resolve(text: str, environ: Mapping[str, str]) -> str:
    """Replaces each `%NAME%` by that setting, as Functions does in schedules and queue names. Raises SettingError."""

    def value(match: re.Match[str]) -> str:
        name = match[1]
        if not environ.get(name):
            raise SettingError(f"'%{name}%' does not resolve to a value: set {name}")
        return environ[name]

    return re.sub(r"%([^%]+)%", value, text)


def connection_string(name: str, environ: Mapping[str, str]) -> str:
    """The connection string that a binding's `connection` names; `AzureWebJobs<name>` is tried first.

    Raises SettingError.
    """
    for setting in (f"AzureWebJobs{name}", name):
        if value := environ.get(setting):
            return DEVELOPMENT_STORAGE if value == "UseDevelopmentStorage=true" else value
    raise SettingError(f"{name} is not set: the local host takes a connection string, Azurite's for one")


def seconds(text: str, name: str) -> float:
    """Parses a .NET time span, `[d.]hh:mm:ss[.fff]`. Raises SettingError; `name` is for its message."""
    match = re.fullmatch(r"(?:(\d+)\.)?(\d{1,2}):(\d{2}):(\d{2}(?:\.\d+)?)", text.strip())
    if not match:
        raise SettingError(f"host.json: {name} must be a time span like 00:00:02, not {text!r}")
    days, hours, minutes, rest = match.groups(default="0")
    return datetime.timedelta(
        days=int(days), hours=int(hours), minutes=int(minutes), seconds=float(rest)
    ).total_seconds()


def _log_level(name: str) -> int:
    try:
        return _LOG_LEVELS[name.lower()]
    except KeyError:
        raise SettingError(f"host.json: logLevel takes {', '.join(_LOG_LEVELS)}, not {name!r}") from None


def _flat(entries: Mapping[str, object], path: str = "") -> dict[str, object]:
    """Nested objects as `a.b.c`, in lower case, because the host reads its configuration that way."""
    flat: dict[str, object] = {}
    for name, value in entries.items():
        key = f"{path}{name.lower()}"
        flat |= _flat(value, f"{key}.") if isinstance(value, dict) else {key: value}
    return flat
