"""Every setting, validated once. In Azure they are app settings; a bad one stops start-up and names itself."""

import json
from collections.abc import Mapping
from datetime import date
from ipaddress import ip_address
from typing import Annotated, Any, Literal, Self, get_args
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)

from shared.model.bad_value import BadValue
from shared.model.parts import Language, Parts, parts_of, say, verbatim
from shared.model.people import SignIn
from shared.planning.mapping import AttributeMap
from shared.planning.protection import Protection
from shared.planning.scope import EVERYBODY
from shared.planning.surveyed import Terms
from shared.planning.tenant_settings import Country, DomainNames, FieldMap, People, TenantSettings, in_force
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


def _json(value: object) -> object:
    try:
        fields = json.loads(value) if isinstance(value, str) else value
    except ValueError as error:
        raise ValueError(f"takes a JSON object, Entra attribute → source field ({error})") from error
    if not isinstance(fields, dict):
        raise ValueError("takes a JSON object, Entra attribute → source field")  # noqa: TRY004 - for pydantic
    return fields


def _listed(value: object) -> object:
    return tuple(value.split(",")) if isinstance(value, str) else value


def _schedule(value: object) -> Schedule:
    return Schedule(str(value))


def _utc(zone: str) -> str:
    if zone.upper() not in ("UTC", "ETC/UTC"):
        raise ValueError("takes UTC alone: SYNC_SCHEDULE is read as UTC; unset it, and name the hours in UTC")
    return zone


def _language(value: object) -> object:
    """A desktop has a list for gettext under the same name, such as `ja_JP:ja`: its first language that is known."""
    tags = str(value).split(":")
    known = [tag[:2] for tag in tags if tag.partition("_")[0] in get_args(Language)]
    desktop = len(tags) > 1 or "_" in tags[0]
    return next(iter(known), "en" if desktop else value)


Endpoint = Annotated[str, AfterValidator(_endpoint)]
TimeZone = Annotated[str, AfterValidator(_utc)]


class SettingsError(Exception):
    """A setting is missing or bad; `parts`, which are for the log, name it and say what it takes."""

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts)
        self.parts = parts


class Settings(BaseModel):
    """The environment, read and checked: a setting is the variable of its name in capitals, unless `alias` names it.

    `docs/configuration.md` is made from these descriptions.
    """

    model_config = ConfigDict(
        frozen=True, extra="ignore", arbitrary_types_allowed=True, alias_generator=str.upper
    )

    storage: SecretStr | None = Field(
        None,
        alias="AzureWebJobsStorage",
        description="Connection string of the storage account; on a desk, Azurite's.",
    )
    storage_account: str | None = Field(
        None,
        alias="AzureWebJobsStorage__accountName",
        description="Name of the storage account, for access by identity. The way in Azure: no key is kept.",
    )
    storage_blob_url: Endpoint | None = Field(
        None,
        alias="AzureWebJobsStorage__blobServiceUri",
        description="Address of its blobs, in a cloud where the account's name alone says too little.",
    )
    storage_table_url: Endpoint | None = Field(
        None,
        alias="AzureWebJobsStorage__tableServiceUri",
        description="Address of its tables. With the one of the blobs it stands in for the account's name.",
    )
    storage_credential: Literal["managedidentity"] | None = Field(
        None,
        alias="AzureWebJobsStorage__credential",
        description="`managedidentity` takes the app's own identity; unset takes what azure-identity finds.",
    )
    storage_client_id: str | None = Field(
        None,
        alias="AzureWebJobsStorage__clientId",
        description="Client id of a user-assigned identity; unset takes the system-assigned one.",
    )
    storage_timeout_seconds: int = Field(
        30,
        ge=1,
        le=30,
        description="How long the storage service may take for an answer before it is asked again, 1 to 30.",
    )
    lease_seconds: int = Field(
        60,
        ge=15,
        le=60,
        description="How long a run's hold on its domain outlasts a worker that died, 15 to 60. Shorter is for tests.",
    )

    schedule: Annotated[Schedule, BeforeValidator(_schedule)] = Field(
        Schedule("0 0 * * * *"),
        alias="SYNC_SCHEDULE",
        description="When periodic syncs start: NCRONTAB with six fields, seconds first, UTC; see below.",
    )
    website_time_zone: TimeZone | None = Field(
        None,
        description="Unset or `UTC`. Any other zone stops the start: the host would move the schedule, and this app "
        "would name other times.",
    )
    process_time_zone: TimeZone | None = Field(None, alias="TZ", description="The same.")
    source: Literal["hennge", "csv"] = Field(
        "hennge",
        description="Where people come from: `hennge`, Access Control's API, or `csv`, its exported CSV.",
    )
    hennge_client_id: str | None = Field(
        None,
        description="Id of the API client (Access Control: System → API Client). Needed with `SOURCE=hennge`.",
    )
    hennge_client_secret: SecretStr | None = Field(
        None, description="Its secret, shown once when the client is made. In Azure a reference to Key Vault."
    )
    hennge_secret_expires_on: date | None = Field(
        None,
        description="Date (yyyy-MM-dd) by which that secret is to be replaced. Each tick of the timer says it, and an "
        "alert comes 30 days before.",
    )
    hennge_token_url: Endpoint = Field(
        "https://ap.ssso.hdems.com/oauth/token", description="Where Access Control gives out tokens."
    )
    hennge_api_url: Endpoint = Field(
        "https://api.auth.hennge.com/20230822", description="Where its API is; `/users` is added."
    )
    csv_path: str | None = Field(
        None,
        description="The exported CSV: a file, or `blob:container/name` in the app's own storage. "
        "Needed with `SOURCE=csv`.",
    )

    graph_base_url: Endpoint = Field(
        "https://graph.microsoft.com/v1.0",
        description="Microsoft Graph, v1.0; another one in a national cloud. A loopback `http://` address is an "
        "emulator, which gets no Azure credential.",
    )
    attribute_map: Annotated[FieldMap, BeforeValidator(_json)] | None = Field(
        None,
        description="JSON object, Entra attribute → source field or expression, on top of the default map; see below.",
    )
    sign_in: SignIn | None = Field(
        None,
        description="What a sync does with Entra's sign-in state: `leave` (the default) nothing; `block` blocks those "
        "whom the source disables, and unblocks only whom a sync blocked; `follow` does as the source says, both ways.",
    )
    read: Literal["mirror", "live"] = Field(
        "mirror",
        alias="READ",
        description="`mirror`: one reading of both sides serves all domains that need one at that time; of Entra only "
        "what has changed is read, and everybody whom a run would touch. `live`: each run reads both sides itself.",
    )
    usage_location: Country | None = Field(
        None,
        description="Two-letter country that created users get, such as `JP`. Entra wants one before it takes a "
        "licence.",
    )
    protected_users: Annotated[People, BeforeValidator(_listed)] | None = Field(
        None, description="UPNs or object ids, comma-separated, that are never touched."
    )
    foreign_domains: Annotated[DomainNames, BeforeValidator(_listed)] | None = Field(
        None,
        description="Domains, comma-separated, that are certainly not the tenant's although they differ by one "
        "character only: whoever moves to one has left.",
    )
    upn_from: Literal["userPrincipalName", "email"] | None = Field(
        None,
        description="Which field names people: `userPrincipalName`, or `email`, which then stands in for whoever has "
        "no UPN. Unset: as the last good sync remembers, at first the UPN if anybody has one.",
    )
    require_deletion_checks: bool = Field(
        True,
        description="`true`: without the permissions to look at whoever is about to be deleted, blocked or renamed, "
        "nobody is. `false`: such changes go ahead, and deletions say so.",
    )
    restore_deleted_users: bool = Field(
        True,
        description="`true`: somebody who comes back within 30 days is restored, with mailbox and licences. "
        "`false`: created anew, as in the product this re-creates.",
    )
    batches_in_flight: int = Field(
        4, ge=1, le=16, description="How many `$batch` calls of 20 are under way at a time, 1 to 16."
    )
    time_budget_seconds: int = Field(
        1500,
        ge=1,
        le=1500,
        description="After so long a run stops between two batches and goes on in a new invocation, 1500 at most: "
        "what is under way then must end before `functionTimeout` in `host.json`.",
    )
    language: Annotated[Language, BeforeValidator(_language)] = Field(
        "en",
        description="`en` or `ja`: the language of `reason` and `errorMessage` in audit logs, and of notifications. "
        "Columns and codes stay.",
    )
    notify_loopback: bool = Field(
        False,
        description="`true` lets notifications go to this machine's own addresses, also by `http://`. For development.",
    )
    host_name: str | None = Field(
        None,
        alias="WEBSITE_HOSTNAME",
        description="Set by the platform: the app's own host name, for the links in notifications.",
    )
    history_days: int = Field(
        90,
        ge=0,
        le=730,
        description="How long the history of each person is kept, in days, 730 at most. `0` keeps none, and drops what "
        "there is.",
    )
    history_values: bool = Field(
        False,
        description="`true`: a person's history has the values of attributes, before and after, not only their names.",
    )
    auth_mode: Literal["keys", "entra"] = Field(
        "keys",
        description="Who may call: `keys`, whoever has a function key; `entra`, who signs in and has an app role.",
    )
    approvals: Literal["one", "two"] = Field(
        "one",
        description="`two`: what deletes people by approval, or loosens settings, waits until a second person confirms "
        "it; with `AUTH_MODE=entra` only.",
    )

    @property
    def base_url(self) -> str:
        """The app's own address; empty if it is not known."""
        if not self.host_name:
            return ""
        url = f"https://{self.host_name}"
        return f"http://{self.host_name}" if is_loopback(url) else url

    @property
    def tenant(self) -> TenantSettings:
        """What is set here of what can also be stored for the tenant."""
        return TenantSettings.model_validate(
            {name: getattr(self, name, None) for name in TenantSettings.model_fields}
        )

    def terms(self, stored: TenantSettings) -> Terms:
        """The settings that a survey needs."""
        tenant, _ = in_force(self.tenant, stored)
        scope = tenant.scope or EVERYBODY
        return Terms(
            attribute_map=AttributeMap.of(tenant.attribute_map or {}, scope),
            protection=Protection(
                protected_users=frozenset(tenant.protected_users or ()),
                require_deletion_checks=self.require_deletion_checks,
                scope=scope,
            ),
            usage_location=tenant.usage_location,
            restore_deleted_users=self.restore_deleted_users,
            foreign_domains=frozenset(tenant.foreign_domains or ()),
            upn_from=tenant.upn_from,
            sign_in=tenant.sign_in,
        )

    @field_validator("*", mode="before")
    @classmethod
    def _resolved(cls, value: object) -> object:
        """Refuses an unresolved Key Vault reference: the platform passes it on when it can't read the secret."""
        if isinstance(value, str) and value.strip().lower().startswith("@microsoft.keyvault("):
            raise ValueError(
                "is a Key Vault reference that was not resolved: check the secret's address, and that the app's "
                "identity may read it (role Key Vault Secrets User)"
            )
        return value

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
        if self.approvals == "two" and self.auth_mode != "entra":
            raise ValueError(
                "APPROVALS=two needs AUTH_MODE=entra: with function keys nobody is known by name"
            )
        if missing := [name for name, value in needed.items() if not value]:
            raise ValueError(f"{', '.join(missing)} must be set")
        return self

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Raises SettingsError, which names every bad setting and what it takes. Empty means unset."""
        given: dict[str, Any] = {name: value for name, value in environment.items() if value.strip()}
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            raise SettingsError(tuple(part for one in error.errors() for part in _complaint(one))) from None


def _complaint(error: Mapping[str, Any]) -> Parts:
    name = ".".join(str(part) for part in error["loc"])
    refused = error.get("ctx", {}).get("error")
    message = error["msg"].removeprefix("Value error, ")
    why = parts_of(refused) if isinstance(refused, BadValue) else verbatim(f"{message}.")
    return say("setting.bad", name=name, why=why) if name else say("settings.incomplete", why=why)
