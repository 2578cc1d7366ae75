"""Builds a tenant from a seed file. What the file leaves out is derived, the same way every time."""

import re
import uuid
from collections.abc import Mapping
from pathlib import Path

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from local.entra.directory import TENANT_ID, Directory, Domain, Group, Tenant, User, deleted_upn
from local.entra.errors import GraphError, Json
from local.entra.faults import FaultPlan
from local.entra.properties import USER_PROPERTIES, split_upn
from local.entra.quota import WRITES, Limit, resource_units
from local.entra.resources import APPLICATION, CONTACT, GROUP, SERVICE_PRINCIPAL, TYPE, Resource
from shared.clock import Clock

_CONFIG = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid")
_MAILBOXES = frozenset(
    {"user", "linked", "shared", "room", "equipment", "others", "unknownFutureValue", "none"}
)
_PEOPLE_OF_A_GROUP = {
    "_members": "members",
    "_owners": "owners",
    "_eligibleMembers": "eligible_members",
    "_eligibleOwners": "eligible_owners",
}
_INITIAL_DOMAIN = "contoso.onmicrosoft.com"


class SeedError(ValueError):
    """Raised for an invalid seed. The message names the entry."""


class TenantSeed(BaseModel):
    model_config = _CONFIG

    id: str = TENANT_ID
    display_name: str = "Contoso"
    on_premises_sync_enabled: bool = False
    federated_renames: bool = False
    composes_text: bool = False
    exchange_online: bool = True
    first_immutable_ids: bool = False
    premium: bool = True
    lacking: list[str] = []
    object_quota: int | None = None


class DomainSeed(BaseModel):
    model_config = _CONFIG

    id: str = Field(pattern=r"^[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+$")
    authentication_type: str = Field(default="Managed", pattern="^(Managed|Federated)$")
    is_verified: bool = True
    is_initial: bool | None = None
    is_default: bool = False


class LimitSeed(BaseModel):
    model_config = _CONFIG

    count: int = Field(gt=0)
    seconds: float = Field(gt=0)

    def limit(self) -> Limit:
        return Limit(self.count, self.seconds)


class LimitsSeed(BaseModel):
    model_config = _CONFIG

    writes: LimitSeed | None = LimitSeed(count=WRITES.count, seconds=WRITES.seconds)
    resource_units: LimitSeed | None = None


class Seed(BaseModel):
    """The whole file. Users, groups, applications and service principals are checked when the directory is built."""

    model_config = _CONFIG

    tenant: TenantSeed = TenantSeed()
    domains: list[DomainSeed] = []
    users: list[dict[str, object]] = []
    deleted_users: list[dict[str, object]] = []
    groups: list[dict[str, object]] = []
    contacts: list[dict[str, object]] = []
    applications: list[dict[str, object]] = []
    service_principals: list[dict[str, object]] = []
    permissions: list[str] | None = None
    limits: LimitsSeed | None = LimitsSeed()
    faults: FaultPlan | None = None

    def limits_in_force(self) -> tuple[Limit | None, Limit | None]:
        """The limits of writes and of resource units.

        Without a limit of resource units in the seed, it depends on the number of users.
        """
        if self.limits is None:
            return None, None
        writes, units = self.limits.writes, self.limits.resource_units
        by_size = "resource_units" not in self.limits.model_fields_set
        return (
            writes.limit() if writes else None,
            resource_units(len(self.users)) if by_size else units.limit() if units else None,
        )


def read_seed(path: Path) -> Seed:
    try:
        document = orjson.loads(path.read_bytes())
    except orjson.JSONDecodeError as error:
        raise SeedError(f"{path}: not JSON: {error}") from error
    return parse_seed(document)


def parse_seed(document: object) -> Seed:
    try:
        return Seed.model_validate(document)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the seed"
        raise SeedError(f"{place}: {first['msg']}") from error


def build_directory(seed: Seed, clock: Clock | None = None) -> Directory:
    """Raises SeedError if two entries conflict, or if Entra could not hold one of them."""
    tenant = Tenant(
        id=seed.tenant.id,
        display_name=seed.tenant.display_name,
        synced_from_ad=seed.tenant.on_premises_sync_enabled,
        refuses_federated_renames=not seed.tenant.federated_renames,
        composes_text=seed.tenant.composes_text,
        refuses_first_immutable_ids=not seed.tenant.first_immutable_ids,
        object_quota=seed.tenant.object_quota,
        exchange_online=seed.tenant.exchange_online,
        premium=seed.tenant.premium,
        lacking=frozenset(seed.tenant.lacking),
    )
    directory = Directory(tenant, clock or Clock(), _domains(seed))
    for number, entry in enumerate(seed.users):
        with _naming("users", number, entry):
            directory.put_user(_user(entry, directory))
    for number, entry in enumerate(seed.groups):
        with _naming("groups", number, entry):
            directory.put_group(_group(entry, directory))
    for number, entry in enumerate(seed.contacts):
        with _naming("contacts", number, entry):
            directory.put_contact(_contact(entry))
    for number, entry in enumerate(seed.deleted_users):
        with _naming("deletedUsers", number, entry):
            directory.put_deleted(_deleted_user(entry, directory))
    for number, entry in enumerate(seed.applications):
        with _naming("applications", number, entry):
            application = _named_as(APPLICATION, entry)
            directory.applications[str(application["id"])] = application
    for number, entry in enumerate(seed.service_principals):
        with _naming("servicePrincipals", number, entry):
            principal = _named_as(SERVICE_PRINCIPAL, entry)
            if not isinstance(principal.get("appId"), str):
                raise SeedError("appId is missing")
            directory.service_principals[str(principal["appId"]).lower()] = principal
    return directory


class _naming:  # noqa: N801 - reads as a statement
    """Raises each error in the block as a SeedError that begins with the entry's place and name."""

    def __init__(self, kind: str, number: int, entry: Mapping[str, object]) -> None:
        name = entry.get("userPrincipalName") or entry.get("displayName") or "unnamed"
        self.place = f"{kind}[{number}] ({name})"

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, GraphError):
            raise SeedError(f"{self.place}: {error.message}") from error
        if isinstance(error, SeedError):
            raise SeedError(f"{self.place}: {error}") from error


def _domains(seed: Seed) -> dict[str, Domain]:
    """Adds an initial domain if the seed has none. Without domains in the seed, there is also contoso.com."""
    given = seed.domains or [DomainSeed(id="contoso.com", is_default=True)]
    domains = {
        entry.id.lower(): Domain(
            entry.id.lower(),
            federated=entry.authentication_type == "Federated",
            verified=entry.is_verified,
            initial=entry.is_initial
            if entry.is_initial is not None
            else re.fullmatch(r"[^.]+\.onmicrosoft\.com", entry.id.lower()) is not None,
            default=entry.is_default,
        )
        for entry in given
    }
    if not any(domain.initial for domain in domains.values()):
        domains[_INITIAL_DOMAIN] = Domain(_INITIAL_DOMAIN, initial=True)
    return domains


def _user(entry: Mapping[str, object], directory: Directory) -> User:
    properties, marks = _split(entry)
    upn = properties.get("userPrincipalName")
    if not isinstance(upn, str):
        raise SeedError("userPrincipalName is missing")
    local, domain = split_upn(upn)
    if domain not in directory.domains:
        raise SeedError(f"{domain} is not among the domains")
    _refuse_unknown(properties, USER_PROPERTIES | {TYPE})
    mailbox = marks.pop("_mailbox", "user")
    if mailbox not in _MAILBOXES:
        raise SeedError(f"_mailbox must be one of {', '.join(sorted(_MAILBOXES))}")
    roles = _texts(marks.pop("_roles", []), "_roles")
    eligible = _texts(marks.pop("_eligible", []), "_eligible")
    exchange_mastered = frozenset(_texts(marks.pop("_exchangeMastered", []), "_exchangeMastered"))
    _refuse_unknown(dict.fromkeys(exchange_mastered), USER_PROPERTIES)
    if marks:
        raise SeedError(f"unknown {', '.join(marks)}")
    defaults: Json = {
        "id": user_id(upn),
        "accountEnabled": True,
        "createdDateTime": "2024-04-01T00:00:00Z",
        "displayName": local,
        "mailNickname": local,
        "signInSessionsValidFromDateTime": "2024-04-01T00:00:00Z",
        "userType": "Guest" if "#EXT#" in upn.upper() else "Member",
    }
    properties = {**defaults, **properties}
    properties["id"] = str(properties["id"]).lower()
    return User(
        properties,
        mailbox=str(mailbox),
        roles=tuple(roles),
        eligible=tuple(eligible),
        exchange_mastered=exchange_mastered,
    )


def _deleted_user(entry: Mapping[str, object], directory: Directory) -> User:
    """The entry has the UPN from before the deletion; the user gets the one that deletion gives it. null stays null."""
    nameless = entry.get("userPrincipalName", "") is None
    user = _user({**entry, "userPrincipalName": _anywhere(directory)} if nameless else entry, directory)
    kept = user.properties if nameless else directory.as_in_exchange(user, user.properties)
    properties = {"deletedDateTime": "2026-01-01T00:00:00Z", **kept}
    upn = None if nameless else deleted_upn(user.id, user.upn)
    user.properties = {**properties, "userPrincipalName": upn}
    return user


def _anywhere(directory: Directory) -> str:
    """A UPN from which to derive other properties if the seed has none."""
    return f"nameless@{next(iter(directory.domains))}"


def _group(entry: Mapping[str, object], directory: Directory) -> Group:
    properties, marks = _split(entry)
    _refuse_unknown(properties, GROUP.properties)
    people = {kind: _users(marks.pop(mark, []), mark, directory) for mark, kind in _PEOPLE_OF_A_GROUP.items()}
    roles, eligible = (tuple(_texts(marks.pop(mark, []), mark)) for mark in ("_roles", "_eligible"))
    if marks:
        raise SeedError(f"unknown {', '.join(marks)}")
    if (mail := properties.get("mail")) and "proxyAddresses" not in properties:
        properties["proxyAddresses"] = [f"SMTP:{mail}"]
    return Group(_named(properties, GROUP), roles=roles, eligible=eligible, **people)


def _contact(entry: Mapping[str, object]) -> Json:
    """A mail contact of the organisation. No call reads one: the app has no permission for that."""
    _refuse_unknown(entry, CONTACT.properties)
    return {"proxyAddresses": [f"SMTP:{entry['mail']}"] if "mail" in entry else [], **_named(entry, CONTACT)}


def _named_as(resource: Resource, entry: Mapping[str, object]) -> Json:
    _refuse_unknown(entry, resource.properties)
    return _named(entry, resource)


def _named(properties: Mapping[str, object], resource: Resource) -> Json:
    name = properties.get("displayName")
    if not isinstance(name, str):
        raise SeedError("displayName is missing")
    derived = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{resource.name}:{name}"))
    return {"id": derived, "createdDateTime": "2024-04-01T00:00:00Z", **properties}


def user_id(upn: str) -> str:
    """The id for a user whose seed has none; derived from the UPN."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, upn.lower()))


def _users(value: object, name: str, directory: Directory) -> frozenset[str]:
    ids = set()
    for id_or_upn in _texts(value, name):
        user = directory.user(id_or_upn)
        if user is None:
            raise SeedError(f"{name}: {id_or_upn} is not among the users")
        ids.add(user.id)
    return frozenset(ids)


def _split(entry: Mapping[str, object]) -> tuple[Json, Json]:
    """The properties of Graph, and the emulator's own, whose names begin with `_`."""
    marks = {name: value for name, value in entry.items() if name.startswith("_")}
    return {name: value for name, value in entry.items() if name not in marks}, marks


def _refuse_unknown(properties: Mapping[str, object], known: frozenset[str]) -> None:
    if unknown := sorted(properties.keys() - known):
        raise SeedError(f"unknown {', '.join(unknown)}")


def _texts(value: object, name: str) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise SeedError(f"{name} must be a list of texts")
    return value
