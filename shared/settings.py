"""Every setting, validated once. In Azure they are app settings; a bad one stops start-up and names itself."""

import json
from collections.abc import Mapping
from ipaddress import ip_address
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    ValidationError,
    model_validator,
)

from shared.errors import SettingsError
from shared.mapping import AttributeMap
from shared.schedule import Schedule


def is_loopback(url: str) -> bool:
    """Whether an address stays on this machine, where an emulator answers and no certificate is needed."""
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _endpoint(url: str) -> str:
    parts = urlsplit(url)
    if not parts.hostname or parts.scheme not in ("http", "https"):
        raise ValueError("takes an https:// address")
    if parts.scheme == "http" and not is_loopback(url):
        raise ValueError("takes http:// only for this machine's own address, https:// otherwise")
    return url.rstrip("/")


def _attribute_map(value: object) -> AttributeMap:
    try:
        fields = json.loads(value) if isinstance(value, str) and value.strip() else value or {}
    except ValueError as error:
        raise ValueError(f"takes a JSON object, Entra attribute → source field ({error})") from error
    if not isinstance(fields, dict) or not all(v is None or isinstance(v, str) for v in fields.values()):
        raise ValueError("takes a JSON object, Entra attribute → source field")
    return AttributeMap.of(fields)


def _names(value: object) -> frozenset[str]:
    return frozenset(name.strip().lower() for name in str(value or "").split(",") if name.strip())


def _schedule(value: object) -> Schedule:
    return Schedule(str(value))


Endpoint = Annotated[str, AfterValidator(_endpoint)]


class Settings(BaseModel):
    """The environment, read and checked."""

    model_config = ConfigDict(frozen=True, extra="ignore", arbitrary_types_allowed=True)

    storage: SecretStr | None = Field(None, alias="AzureWebJobsStorage")
    storage_account: str | None = Field(None, alias="AzureWebJobsStorage__accountName")
    storage_blob_url: Endpoint | None = Field(None, alias="AzureWebJobsStorage__blobServiceUri")
    storage_table_url: Endpoint | None = Field(None, alias="AzureWebJobsStorage__tableServiceUri")
    storage_credential: Literal["managedidentity"] | None = Field(
        None, alias="AzureWebJobsStorage__credential"
    )
    storage_client_id: str | None = Field(None, alias="AzureWebJobsStorage__clientId")

    schedule: Annotated[Schedule, BeforeValidator(_schedule)] = Field(
        Schedule("0 0 * * * *"), alias="SYNC_SCHEDULE"
    )
    source: Literal["hennge", "csv"] = Field("hennge", alias="SOURCE")
    hennge_client_id: str | None = Field(None, alias="HENNGE_CLIENT_ID")
    hennge_client_secret: SecretStr | None = Field(None, alias="HENNGE_CLIENT_SECRET")
    hennge_token_url: Endpoint = Field("https://ap.ssso.hdems.com/oauth/token", alias="HENNGE_TOKEN_URL")
    hennge_api_url: Endpoint = Field("https://api.auth.hennge.com/20230822", alias="HENNGE_API_URL")
    csv_path: str | None = Field(None, alias="CSV_PATH")

    graph_base_url: Endpoint = Field("https://graph.microsoft.com/v1.0", alias="GRAPH_BASE_URL")
    attribute_map: Annotated[AttributeMap, BeforeValidator(_attribute_map)] = Field(
        AttributeMap.of({}), alias="ATTRIBUTE_MAP"
    )
    usage_location: Annotated[str, StringConstraints(pattern="^[A-Za-z]{2}$", to_upper=True)] | None = Field(
        None, alias="USAGE_LOCATION"
    )
    protected_users: Annotated[frozenset[str], BeforeValidator(_names)] = Field(
        frozenset(), alias="PROTECTED_USERS"
    )
    require_deletion_checks: bool = Field(True, alias="REQUIRE_DELETION_CHECKS")
    restore_deleted_users: bool = Field(True, alias="RESTORE_DELETED_USERS")
    batches_in_flight: int = Field(4, alias="BATCHES_IN_FLIGHT", ge=1, le=16)
    time_budget_seconds: int = Field(1500, alias="TIME_BUDGET_SECONDS", ge=1)
    auth_mode: Literal["keys", "entra"] = Field("keys", alias="AUTH_MODE")

    @model_validator(mode="after")
    def _complete(self) -> Self:
        needed = {
            "AzureWebJobsStorage or AzureWebJobsStorage__accountName": self.storage or self.storage_account
        }
        if self.storage_blob_url and self.storage_table_url:
            needed = {}
        if self.source == "hennge":
            needed["HENNGE_CLIENT_ID"] = self.hennge_client_id
            needed["HENNGE_CLIENT_SECRET"] = self.hennge_client_secret
        else:
            needed["CSV_PATH"] = self.csv_path
        if missing := [name for name, value in needed.items() if not value]:
            raise ValueError(f"{', '.join(missing)} must be set")
        return self

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Raises SettingsError: one line that names every bad setting and what it takes. Empty means unset."""
        given: dict[str, Any] = {name: value for name, value in environment.items() if value.strip()}
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            raise SettingsError("; ".join(_complaint(e["loc"], e["msg"]) for e in error.errors())) from None


def _complaint(location: tuple[int | str, ...], message: str) -> str:
    name = ".".join(str(part) for part in location)
    message = message.removeprefix("Value error, ")
    return f"Setting {name}: {message}" if name else f"Settings: {message}"
