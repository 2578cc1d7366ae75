"""The tenant's objects and the rules of Entra ID for writing users."""

import unicodedata
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import chain

from local.entra import errors
from local.entra.changes import EXISTENCE, ChangeLog
from local.entra.errors import Json
from local.entra.index import UserIndex, smtp_addresses
from local.entra.mail_addresses import with_upn_among_addresses
from local.entra.properties import SENSITIVE, split_upn
from shared.clock import Clock

# How many seconds old a stale read can be at most.
JOURNAL_SECONDS = 120.0
TENANT_ID = "7f2c1b0e-5d1a-4c3e-9b8a-0c6d5e4f3a21"


@dataclass(slots=True)
class User:
    """Every write replaces `properties` and never changes them in place, so a kept reference is a snapshot."""

    properties: Json
    mailbox: str = "none"
    roles: tuple[str, ...] = ()
    eligible: tuple[str, ...] = ()
    # Which properties Exchange has authority over is documented nowhere in full, and no property tells.
    exchange_mastered: frozenset[str] = frozenset()
    written_at: float = -JOURNAL_SECONDS
    created_at: float = -JOURNAL_SECONDS

    @property
    def id(self) -> str:
        return str(self.properties["id"])

    @property
    def upn(self) -> str:
        return str(self.properties["userPrincipalName"])

    def __getitem__(self, name: str) -> object:
        return self.properties.get(name)


@dataclass(frozen=True, slots=True)
class Group:
    properties: Json
    members: frozenset[str] = frozenset()
    owners: frozenset[str] = frozenset()
    roles: tuple[str, ...] = ()
    eligible: tuple[str, ...] = ()
    eligible_members: frozenset[str] = frozenset()
    eligible_owners: frozenset[str] = frozenset()

    @property
    def id(self) -> str:
        return str(self.properties["id"])


@dataclass(frozen=True, slots=True)
class Domain:
    name: str
    federated: bool = False
    verified: bool = True
    initial: bool = False
    default: bool = False

    @property
    def authentication_type(self) -> str:
        return "Federated" if self.federated else "Managed"


@dataclass(frozen=True, slots=True)
class Tenant:
    id: str = TENANT_ID
    display_name: str = "Contoso"
    synced_from_ad: bool = False
    # Graph may refuse a rename onto a federated domain unless it starts from onmicrosoft.com.
    refuses_federated_renames: bool = True
    composes_text: bool = False
    # Not documented: whether a user on a federated domain may lack an immutable ID, and be given one there.
    refuses_first_immutable_ids: bool = True
    object_quota: int | None = None
    exchange_online: bool = True
    # Microsoft Entra ID P2 or Governance, without which there is no PIM.
    premium: bool = True
    # Properties that this cloud does not have.
    lacking: frozenset[str] = frozenset()


@dataclass
class Directory:
    """Everything in the tenant. Tests read it to see what a client really did."""

    tenant: Tenant = field(default_factory=Tenant)
    clock: Clock = field(default_factory=Clock)
    domains: dict[str, Domain] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=dict)
    contacts: dict[str, Json] = field(default_factory=dict)
    applications: dict[str, Json] = field(default_factory=dict)
    # By appId.
    service_principals: dict[str, Json] = field(default_factory=dict)
    index: UserIndex[User] = field(default_factory=UserIndex)
    deleted: dict[str, User] = field(default_factory=dict)
    changes: ChangeLog = field(default_factory=ChangeLog)
    _journal: deque[tuple[float, str, User | None]] = field(default_factory=deque)
    _immutable_ids_of_deleted: dict[str, str] = field(default_factory=dict)

    @property
    def users(self) -> dict[str, User]:
        """The active users by id."""
        return self.index.by_id

    def user(self, id_or_upn: str) -> User | None:
        """The active user with this id or UPN; None if there is none."""
        return self.index.by_id.get(id_or_upn.lower()) or self.index.by_upn.get(id_or_upn.lower())

    def users_of(self, domain: str) -> list[User]:
        return list(self.index.by_domain.get(domain.lower(), {}).values())

    # -- seeding ------------------------------------------------------------------------------------

    def put_user(self, user: User) -> None:
        """Adds a user of a seed. Raises GraphError only for duplicates."""
        if user.id in self.users:
            raise errors.object_conflict("id")
        user.properties = self.as_in_exchange(user, user.properties)
        self._refuse_conflicts(user.properties)
        self.index.add(user)

    def put_deleted(self, user: User) -> None:
        self.deleted[user.id] = user
        if immutable_id := user["onPremisesImmutableId"]:
            self._immutable_ids_of_deleted[str(immutable_id)] = user.id

    def put_group(self, group: Group) -> None:
        self.groups[group.id] = group
        for address in smtp_addresses(group.properties):
            self.index.address_owner.setdefault(address, group.id)

    def put_contact(self, contact: Json) -> None:
        self.contacts[str(contact["id"])] = contact
        for address in smtp_addresses(contact):
            self.index.address_owner.setdefault(address, str(contact["id"]))

    # -- the rules ----------------------------------------------------------------------------------

    def is_administrator(self, user: User) -> bool:
        """Whether the user holds a directory role, or is a member or owner of a role-assignable group."""
        return bool(user.roles) or any(
            user.id in group.members or user.id in group.owners
            for group in self.groups.values()
            if group.properties.get("isAssignableToRole")
        )

    def create(self, body: Json) -> User:
        now = self.clock.monotonic()
        properties: Json = {
            "id": self.clock.guid(),
            "createdDateTime": self._timestamp(),
            "userType": "Member",
            **self._as_kept(body, {}),
        }
        self._refuse_bad_sign_in_name(properties, new=True)
        if not self.domains[split_upn(str(properties["userPrincipalName"]))[1]].federated:
            # A federated user gets none, even with a password: https://learn.microsoft.com/graph/api/user-post-users
            properties["signInSessionsValidFromDateTime"] = properties["createdDateTime"]
        self._refuse_conflicts(properties)
        quota = self.tenant.object_quota
        if quota is not None and quota <= len(self.users) + len(self.deleted) + len(self.groups):
            raise errors.quota_exceeded()
        # A new user has no licence and so no mailbox.
        user = User(properties, mailbox="none", written_at=now, created_at=now)
        self.index.add(user)
        self._record(user.id, None)
        self.changes.note(user.id, now, {}, {EXISTENCE: None})
        return user

    def update(self, user: User, changes: Json) -> None:
        self._refuse_restricted(user)
        if user["onPremisesSyncEnabled"]:
            raise errors.mastered_on_premises()
        if user.exchange_mastered & changes.keys():
            raise errors.mastered_in_exchange()
        if SENSITIVE & changes.keys() and self.is_administrator(user):
            raise errors.request_denied()
        kept = self._as_kept(changes, user.properties)
        properties = self.as_in_exchange(user, {**user.properties, **kept}, user.upn)
        if {"userPrincipalName", "onPremisesImmutableId"} & changes.keys():
            self._refuse_bad_sign_in_name(properties)
            self._refuse_federated_rename(user.upn, str(properties["userPrincipalName"]))
            self._refuse_federated_immutable_id(user.properties, properties)
            self._refuse_conflicts(properties)
        self.set_properties(user, properties)

    def set_properties(self, user: User, changes: Json) -> None:
        """Like `update`, without Graph's rules: what other services of the tenant do, such as licensing."""
        properties = {**user.properties, **changes}
        self._record(user.id, replace(user))
        user.written_at = self.clock.monotonic()
        self.changes.note(user.id, user.written_at, user.properties, properties)
        self.index.remove(user)
        user.properties = properties
        self.index.add(user)

    def revoke_sessions(self, user: User) -> None:
        # https://learn.microsoft.com/graph/api/resources/users#who-can-perform-sensitive-actions
        self._refuse_restricted(user)
        if self.is_administrator(user):
            raise errors.request_denied()
        self._record(user.id, replace(user))
        user.written_at = self.clock.monotonic()
        properties = {**user.properties, "signInSessionsValidFromDateTime": self._timestamp()}
        self.changes.note(user.id, user.written_at, user.properties, properties)
        user.properties = properties

    def delete(self, user: User) -> None:
        self._refuse_restricted(user)
        if user["onPremisesSyncEnabled"]:
            raise errors.mastered_on_premises()
        if self.is_administrator(user):
            raise errors.request_denied()
        self._record(user.id, replace(user))
        self.index.remove(user)
        user.written_at = self.clock.monotonic()
        properties = {
            **user.properties,
            "userPrincipalName": deleted_upn(user.id, user.upn),
            "deletedDateTime": self._timestamp(),
        }
        self.changes.note(user.id, user.written_at, user.properties, {**properties, EXISTENCE: "changed"})
        user.properties = properties
        self.put_deleted(user)

    def restore(self, user: User, new_upn: str | None, *, drop_conflicting_addresses: bool) -> None:
        if self.is_administrator(user):
            raise errors.request_denied()
        former = user.upn.removeprefix(user.id.replace("-", ""))
        upn = new_upn or former
        properties = {**user.properties, "userPrincipalName": upn}
        del properties["deletedDateTime"]
        if drop_conflicting_addresses:
            properties["proxyAddresses"] = self._free_addresses(properties)
        properties = self.as_in_exchange(user, properties, None if drop_conflicting_addresses else former)
        self._refuse_bad_sign_in_name(properties)
        self._refuse_conflicts(properties)
        del self.deleted[user.id]
        self._immutable_ids_of_deleted.pop(str(user["onPremisesImmutableId"]), None)
        self._record(user.id, None)
        user.properties = properties
        user.written_at = user.created_at = self.clock.monotonic()
        self.changes.note(user.id, user.written_at, {EXISTENCE: "changed"}, {})
        self.index.add(user)

    def purge(self, user: User) -> None:
        if self.is_administrator(user):
            raise errors.request_denied()
        now = self.clock.monotonic()
        self.changes.note(user.id, now, {EXISTENCE: "changed"}, {EXISTENCE: "deleted"})
        del self.deleted[user.id]
        self._immutable_ids_of_deleted.pop(str(user["onPremisesImmutableId"]), None)

    def _as_kept(self, body: Json, before: Json) -> Json:
        """The body without nulls for what was never set, which delta queries tell from what was cleared.

        In NFC where the tenant keeps text so: other kanji than were sent, for compatibility ideographs.
        """
        body = {name: value for name, value in body.items() if value is not None or name in before}
        if not self.tenant.composes_text:
            return body
        return {
            name: unicodedata.normalize("NFC", value) if isinstance(value, str) else value
            for name, value in body.items()
        }

    def as_in_exchange(self, user: User, properties: Json, former: str | None = None) -> Json:
        """The properties with the addresses that the user's mailbox has; the same ones without a mailbox."""
        mailbox = user.mailbox != "none" and self.tenant.exchange_online and properties["userType"] != "Guest"
        return with_upn_among_addresses(properties, former) if mailbox else properties

    def _refuse_restricted(self, user: User) -> None:
        """Raises GraphError 403 for a member of a restricted management administrative unit. No app has a role in one.

        https://learn.microsoft.com/entra/identity/role-based-access-control/admin-units-restricted-management
        """
        if user["isManagementRestricted"]:
            raise errors.request_denied()

    def _refuse_bad_sign_in_name(self, properties: Json, *, new: bool = False) -> None:
        _, domain_name = split_upn(str(properties["userPrincipalName"]))
        domain = self.domains.get(domain_name)
        if domain is None or not domain.verified:
            raise errors.invalid_value(
                "userPrincipalName",
                "The domain portion of the userPrincipalName property is invalid. "
                "You must use one of the verified domain names in your organization.",
            )
        needs_id = domain.federated and (new or self.tenant.refuses_first_immutable_ids)
        if needs_id and not properties.get("onPremisesImmutableId"):
            raise errors.invalid_value(
                "onPremisesImmutableId",
                "A value is required for property 'onPremisesImmutableId' of a user in a federated domain.",
            )

    def _refuse_federated_rename(self, before: str, after: str) -> None:
        before_domain, after_domain = (upn.partition("@")[2].lower() for upn in (before, after))
        if (
            self.tenant.refuses_federated_renames
            and after_domain != before_domain
            and self.domains[after_domain].federated
            and not before_domain.endswith(".onmicrosoft.com")
        ):
            raise errors.invalid_value(
                "userPrincipalName",
                "The userPrincipalName cannot be changed to a federated domain from another domain.",
            )

    def _refuse_federated_immutable_id(self, before: Json, after: Json) -> None:
        """Raises GraphError 400 for a changed immutable ID if the domain is federated, before or after the write.

        https://github.com/MicrosoftDocs/azure-docs/issues/5108
        """
        replaced, given = before.get("onPremisesImmutableId"), after.get("onPremisesImmutableId")
        upns = (str(properties["userPrincipalName"]) for properties in (before, after))
        federated = any(self.domains[upn.partition("@")[2].lower()].federated for upn in upns)
        refused = replaced is not None or self.tenant.refuses_first_immutable_ids
        if federated and refused and replaced != given:
            raise errors.invalid_value(
                "onPremisesImmutableId",
                "The property 'onPremisesImmutableId' of a user in a federated domain cannot be changed.",
            )

    def _refuse_conflicts(self, properties: Json) -> None:
        """Raises GraphError if another object has the UPN, an address or (also a deleted user) the immutable ID."""
        own_id = properties["id"]
        upn = str(properties["userPrincipalName"]).lower()
        holder = self.index.by_upn.get(upn)
        if holder is not None and holder.id != own_id:
            raise errors.object_conflict("userPrincipalName")
        immutable_id = properties.get("onPremisesImmutableId")
        if immutable_id is not None:
            active = self.index.by_immutable_id.get(str(immutable_id))
            owner = active.id if active else self._immutable_ids_of_deleted.get(str(immutable_id))
            if owner not in (None, own_id):
                raise errors.object_conflict("onPremisesImmutableId")
        for address in chain([upn], smtp_addresses(properties)):
            owner = self._owner_of(address)
            if owner not in (None, own_id):
                raise errors.object_conflict("proxyAddresses", f"{self._kind_of(owner)}_{owner}")

    def _kind_of(self, object_id: str | None) -> str:
        if object_id in self.users:
            return "User"
        return "Contact" if object_id in self.contacts else "Group"

    def _owner_of(self, address: str) -> str | None:
        if owner := self.index.address_owner.get(address):
            return owner
        by_upn = self.index.by_upn.get(address)
        return by_upn.id if by_upn else None

    def _free_addresses(self, properties: Json) -> list[str]:
        addresses = properties.get("proxyAddresses") or []
        assert isinstance(addresses, list)  # noqa: S101 - the seed has checked it
        return [
            address
            for address in addresses
            if self._owner_of(address.partition(":")[2].lower()) in (None, properties["id"])
        ]

    def _timestamp(self) -> str:
        return self.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")

    # -- stale reads --------------------------------------------------------------------------------

    def _record(self, user_id: str, before: User | None) -> None:
        now = self.clock.monotonic()
        self._journal.append((now, user_id, before))
        while self._journal[0][0] < now - JOURNAL_SECONDS:
            self._journal.popleft()

    def before_recent_writes(self, seconds: float) -> dict[str, User | None]:
        """Object id → the user before the writes of the last `seconds`; None if it did not exist yet."""
        since = self.clock.monotonic() - seconds
        before: dict[str, User | None] = {}
        for moment, user_id, user in self._journal:
            if moment >= since:
                before.setdefault(user_id, user)
        return before

    def everyone_on(self, domain: str) -> Iterator[User]:
        """Users whose UPN, mail or any address is on the domain."""
        suffix = f"@{domain.lower()}"
        for user in self.users.values():
            addresses = chain([user.upn, str(user["mail"] or "")], smtp_addresses(user.properties))
            if any(address.lower().endswith(suffix) for address in addresses):
                yield user


def deleted_upn(user_id: str, upn: str) -> str:
    return user_id.replace("-", "") + upn
