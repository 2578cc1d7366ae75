"""A tenant small enough to check by eye, which refuses what Entra refuses. For the invariants."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from shared.errors import GraphError
from shared.model.changes import SWITCHES, Action, Change, Plan
from shared.model.domains import TenantDomain
from shared.model.leavers import AT_ONCE, LeaverTerms, Leaving
from shared.model.parts import verbatim
from shared.model.people import EntraUser, SignIn
from shared.model.questions import NOTHING_DECIDED, Decisions
from shared.planning.aside import are_aside
from shared.planning.holders import Holder
from shared.planning.mapping import ENABLED, IMMUTABLE_ID, UPN, AttributeMap, domain_of
from shared.planning.protection import MAILBOX_PERMISSION, Mailboxes, Protection, Roles
from shared.planning.recycle_bin import RecycleBin
from shared.planning.renames import in_waves
from shared.planning.sides import Listing
from shared.planning.sign_in import marked
from tests.support.people import DOMAIN, INITIAL_DOMAIN, MAP

OTHER_DOMAIN = "other.com"
# What a survey looks at beside the two sides, and which may fail.
SIDE_LOOKS = (
    "read_aside",
    "read_deleted_users",
    "look_up_users",
    "find_users",
    "read_addresses",
    "read_roles",
)


class Refused(AssertionError):
    """Entra would not take this write."""


@dataclass
class ModelTenant:
    """Keeps the protocol `Directory`, and takes the writes of a plan.

    `protection` is who is protected in truth; mailboxes that it doesn't name can't be looked at, and with None all
    can, and are nobody's but their user's. The looks in `unread` fail; the deleted users in `nameless` are shown
    without a UPN. Who is in `with_mailbox` has a mailbox of their own, as has anybody to whom `protection` gives one:
    it keeps every UPN they had as an alias. `links` and `blocked` are what the app remembers of earlier
    runs, by source id, and `since` when somebody was linked first. `created` are the accounts that the last add of each
    source user made. `lists_addresses`: also those that nobody asked for.
    """

    users: dict[str, EntraUser]
    deleted: dict[str, EntraUser] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    federated: bool = False
    protection: Protection = field(default_factory=Protection)
    created: dict[str, str] = field(default_factory=dict)
    decisions: Decisions = NOTHING_DECIDED
    ask_unlinked: bool = False
    syncing: frozenset[str] = frozenset({DOMAIN, OTHER_DOMAIN})
    members: Mapping[str, frozenset[str]] = field(default_factory=dict)
    unread: frozenset[str] = frozenset()
    nameless: frozenset[str] = frozenset()
    with_mailbox: frozenset[str] = frozenset()
    sign_in: SignIn = SignIn.LEAVE
    blocked: dict[str, str] = field(default_factory=dict)
    not_selectable: tuple[str, ...] = ()
    told: datetime | None = None
    terms: LeaverTerms = AT_ONCE
    since: dict[str, str] = field(default_factory=dict)
    lists_addresses: bool = False

    @property
    def of_domain(self) -> list[EntraUser]:
        return self._on(DOMAIN)

    async def read_syncing(self) -> frozenset[str]:
        return self.syncing

    async def read_leaving(self, _domain: str) -> Leaving:
        return Leaving(self.terms, ask_unlinked=self.ask_unlinked)

    async def read_decisions(self) -> Decisions:
        return self.decisions

    async def read_domains(self) -> list[TenantDomain]:
        kind = "Federated" if self.federated else "Managed"
        return [
            TenantDomain(name=DOMAIN, authentication_type=kind, initial=False),
            TenantDomain(name=INITIAL_DOMAIN, authentication_type="Managed", initial=True),
            TenantDomain(name=OTHER_DOMAIN, authentication_type="Managed", initial=False),
            TenantDomain(name="unverified.example", authentication_type="Managed", verified=False),
        ]

    async def read_users(self, domain: str) -> Listing:
        users = self._on(domain)
        return Listing(users, len(users), len(users))

    async def read_deleted_users(self) -> RecycleBin:
        """Newest first, as they were put there."""
        self._fail("read_deleted_users")
        shown = [
            replace(gone, upn="") if object_id in self.nameless else gone
            for object_id, gone in self.deleted.items()
        ]
        addresses = {gone.object_id: sorted(self._kept_addresses(gone)) for gone in self.deleted.values()}
        return RecycleBin(shown[::-1], addresses)

    async def read_aside(self, initial_domain: str) -> list[EntraUser]:
        self._fail("read_aside")
        return are_aside(self.users.values(), initial_domain)

    async def look_up_users(self, object_ids: Iterable[str]) -> dict[str, EntraUser | None]:
        self._fail("look_up_users")
        return {object_id: self.users.get(object_id) for object_id in object_ids}

    async def find_users(
        self,
        *,
        immutable_ids: Iterable[str] = (),
        object_ids: Iterable[str] = (),
        upns: Iterable[str] = (),
        display_names: Iterable[str] = (),
        nicknames: Iterable[str] = (),
    ) -> list[EntraUser]:
        self._fail("find_users")
        keys, ids, names = set(immutable_ids), set(object_ids), {name.lower() for name in display_names}
        lower, nicks = {upn.lower() for upn in upns}, {name.lower() for name in nicknames}
        return [
            user
            for user in self.users.values()
            if user.immutable_id in keys
            or user.object_id in ids
            or user.upn.lower() in lower
            or user.display_name.lower() in names
            or (user.nickname and user.nickname.lower() in nicks)
        ]

    async def read_addresses(
        self, domain: str, wanted: Collection[str] | None = None, _users: int = 0
    ) -> dict[str, Holder]:
        """None but those wanted, which never is too little, unless a list would be cheaper."""
        self._fail("read_addresses")
        return {
            address: Holder(object_id=user.object_id, name=user.display_name, alias=self._has_mailbox(user))
            for user in self.users.values()
            for address in self._addresses(user)
            if address in (wanted or ())
            or (domain_of(address) == domain and (wanted is None or self.lists_addresses))
        }

    async def read_roles(self) -> Roles:
        if "read_roles" in self.unread:
            return Roles({}, unread=verbatim("Refused."))
        missing = self.protection.missing_permissions
        return Roles(self.protection.roles, tuple(name for name in missing if name != MAILBOX_PERMISSION))

    async def read_members(self, groups: Iterable[str]) -> dict[str, frozenset[str] | None]:
        return {group: self.members.get(group) for group in groups}

    async def look_up_mailboxes(self, object_ids: Iterable[str], _others: Iterable[str] = ()) -> Mailboxes:
        if MAILBOX_PERMISSION in self.protection.missing_permissions:
            return Mailboxes(granted=False)
        known, wanted = self.protection.mailboxes, list(object_ids)
        everybody = {i: "user" if self._has_mailbox(user) else "none" for i, user in self.users.items()}
        purposes = everybody if known is None else known
        found = {i: purposes[i] for i in wanted if i in self.users and i in purposes}
        return Mailboxes(purposes=found, unread=frozenset(wanted) - found.keys())

    def _fail(self, look: str) -> None:
        if look in self.unread:
            raise GraphError("graph.refused", status=403, text=f"{look} was refused.")

    def _has_mailbox(self, user: EntraUser) -> bool:
        return user.object_id in self.with_mailbox or self.protection.has_mailbox(user.object_id)

    def has(self, address: str) -> bool:
        """Whether an active user has it, also as an alias."""
        return any(address.lower() in self._addresses(user) for user in self.users.values())

    def _addresses(self, user: EntraUser) -> set[str]:
        """In lower case: the UPN, and with a mailbox every one there was."""
        return {user.upn.lower(), *self._kept_addresses(user)}

    def _kept_addresses(self, user: EntraUser) -> set[str]:
        return {user.upn.lower(), *user.aliases} if self._has_mailbox(user) else set()

    def _on(self, domain: str) -> list[EntraUser]:
        return [user for user in self.users.values() if domain_of(user.upn) == domain]

    def apply(self, plan: Plan) -> None:
        """Every write in the order in which a sync sends it; Refused if Entra would not take one."""
        writes = list(plan.writes)
        renames = [change for change in writes if change.action is Action.RENAME]
        for change in renames:
            if change.via and not change.direct_first:
                self._step_aside(change)
        for wave in in_waves(renames):
            # Those of one wave may go out in any order; backwards is the least convenient.
            for change in reversed(wave):
                self._finish(change)
        for change in writes:
            self._write(change)
            self.blocked |= marked(change)
        self.links = dict(plan.links)
        for change in (*plan.of(Action.RESTORE, Action.ADD),):
            if change.obstacle is None and change.source_id:
                self.links[change.source_id] = change.object_id or self.created[change.source_id]

    def _write(self, change: Change) -> None:
        if change.action in (Action.UPDATE, *SWITCHES):
            if change.via and not change.direct_first:
                self._step_aside(change)
            self._finish(change)
        elif change.action is Action.RESTORE:
            gone = self.deleted.pop(str(change.object_id))
            aliases = tuple(self._kept_addresses(gone))
            self._keep(replace(gone, upn=change.via or change.new_upn, aliases=aliases))
            if change.via:
                self._step_aside(change)
            self._finish(change)
        elif change.action is Action.ADD:
            values, serial = _values(change), len(self.users) + len(self.deleted)
            account = self.created[str(change.source_id)] = f"new-{change.source_id}-{serial}"
            self._keep(
                _patched(
                    EntraUser(
                        object_id=account,
                        upn=change.upn,
                        immutable_id=None,
                        display_name="",
                        values=(None,) * 4,
                    ),
                    values,
                    MAP,
                )
            )
        elif change.action is Action.DELETE:
            gone = self.users.pop(str(change.object_id))
            self.deleted[gone.object_id] = gone

    def _step_aside(self, change: Change) -> None:
        self._patch(change, {UPN: change.via})
        if IMMUTABLE_ID in (values := _values(change)):  # also one that is cleared
            self._patch(change, {IMMUTABLE_ID: values[IMMUTABLE_ID]})

    def _finish(self, change: Change) -> None:
        values = _values(change)
        if change.direct_first:
            try:
                self._patch(change, values)
            except Refused:
                self._step_aside(change)
            else:
                return
        if change.via:
            values = {UPN: change.new_upn, **values}
            values.pop(IMMUTABLE_ID, None)
        self._patch(change, values)

    def _patch(self, change: Change, values: Mapping[str, object]) -> None:
        user = self.users[str(change.object_id)]
        patched = _patched(user, values, MAP)
        if user.kind == "restricted":
            raise Refused(f"{user.upn} is in a restricted administrative unit")
        if self.federated and IMMUTABLE_ID in values and DOMAIN in map(domain_of, (user.upn, patched.upn)):
            raise Refused(f"{user.upn}: an immutable ID changes in a call of its own, away from the domain")
        stranger = domain_of(user.upn) not in (DOMAIN, INITIAL_DOMAIN)
        if self.federated and stranger and domain_of(patched.upn) == DOMAIN:
            raise Refused(f"{patched.upn}: from another domain onto a federated one")
        self._keep(patched)

    def _keep(self, user: EntraUser) -> None:
        others = [other for other in self.users.values() if other.object_id != user.object_id]
        if former := self.users.get(user.object_id):
            user = replace(user, aliases=tuple(self._kept_addresses(former)))
        if any(self._addresses(user) & self._addresses(other) for other in others):
            raise Refused(f"{user.upn} is taken")
        keyed = [other for other in (*others, *self.deleted.values()) if other.immutable_id]
        if any(other.immutable_id == user.immutable_id for other in keyed):
            raise Refused(f"the immutable ID {user.immutable_id} is taken")
        renamed = user.object_id not in self.users or self.users[user.object_id].upn != user.upn
        if renamed and self.federated and domain_of(user.upn) == DOMAIN and not user.immutable_id:
            raise Refused(f"{user.upn} is on a federated domain and has no immutable ID")
        self.users[user.object_id] = user


def _patched(user: EntraUser, values: Mapping[str, object], attribute_map: AttributeMap) -> EntraUser:
    item = {
        "id": user.object_id,
        UPN: user.upn,
        IMMUTABLE_ID: user.immutable_id,
        **dict(zip(attribute_map.attributes, user.values, strict=True)),
        ENABLED: user.enabled,
        **values,
    }
    patched = attribute_map.entra_user(item)
    return replace(patched, kind=user.kind, nickname=user.nickname, aliases=user.aliases)


def _values(change: Change) -> dict[str, object]:
    return {attribute.attribute: attribute.after for attribute in change.attributes}
