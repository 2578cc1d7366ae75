"""A tenant small enough to check by eye, which refuses what Entra refuses. For the invariants."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from shared.model.changes import Action, Change, Plan
from shared.model.people import EntraUser, SourceUser
from shared.planning.holders import Holder
from shared.planning.lookups import Lookups
from shared.planning.mapping import IMMUTABLE_ID, UPN, AttributeMap
from shared.planning.matching import match
from shared.planning.plan import decide
from shared.planning.protection import Protection
from shared.planning.recycle_bin import matches
from shared.planning.renames import in_waves
from shared.planning.undo import Now, plan_undo
from tests.support.people import DOMAIN, INITIAL_DOMAIN, MAP


class Refused(AssertionError):
    """Entra would not take this write."""


@dataclass
class ModelTenant:
    """`links` are what the app remembers of earlier runs: source id → object id.

    `created` are the accounts that the last add of each source user made.
    """

    users: dict[str, EntraUser]
    deleted: dict[str, EntraUser] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    federated: bool = False
    protection: Protection = field(default_factory=Protection)
    created: dict[str, str] = field(default_factory=dict)

    @property
    def of_domain(self) -> list[EntraUser]:
        return [user for user in self.users.values() if _domain(user.upn) == DOMAIN]

    def plan(self, source: Sequence[SourceUser]) -> Plan:
        """What a dry run plans after it has looked up everything there is to know."""
        matching = match(DOMAIN, source, self.of_domain, self.links)
        outside = self._outside(matching.source_only)
        missing = [user for user in matching.source_only if user.source_id not in outside]
        around = Lookups(
            federated=self.federated,
            initial_domain=INITIAL_DOMAIN,
            protection=self.protection,
            outside=outside,
            deleted=matches(missing, list(self.deleted.values()), self.links),
            addresses={user.upn.lower(): _holder(user) for user in self.of_domain},
            immutable_ids={
                user.immutable_id: _holder(user)
                for user in (*self.deleted.values(), *self.users.values())
                if user.immutable_id
            },
        )
        return decide(matching, around, MAP)

    def plan_undo(self, plan: Plan, *, disable_added: bool = False) -> Plan:
        """What takes back the sync that applied this plan."""
        done: list[tuple[Change, str | None]] = [
            (c, c.object_id or self.created[str(c.source_id)]) for c in plan.writes
        ]
        touched = {object_id for _, object_id in done}
        now = Now(
            users={user.object_id: user for user in self.users.values() if user.object_id in touched},
            deleted={gone.object_id: gone for gone in self.deleted.values() if gone.object_id in touched},
            protection=self.protection,
            initial_domain=INITIAL_DOMAIN,
            federated=frozenset({DOMAIN} if self.federated else ()),
            addresses={user.upn.lower(): _holder(user) for user in self.users.values()},
            immutable_ids={
                user.immutable_id: _holder(user)
                for user in (*self.users.values(), *self.deleted.values())
                if user.immutable_id
            },
        )
        plan = plan_undo("r1", done, now, MAP, disable_added=disable_added)
        return replace(plan, links=dict(self.links))

    def _outside(self, people: Sequence[SourceUser]) -> dict[str, EntraUser]:
        by_key = {user.immutable_id: user.source_id for user in people if user.immutable_id}
        by_id = {
            self.links[user.source_id]: user.source_id for user in people if user.source_id in self.links
        }
        found: dict[str, EntraUser] = {}
        for user in self.users.values():
            source_id = by_key.get(user.immutable_id or "") or by_id.get(user.object_id)
            if source_id and _domain(user.upn) != DOMAIN:
                found.setdefault(source_id, user)
        return found

    def apply(self, plan: Plan) -> None:
        """Every write in the order in which a sync sends it; Refused if Entra would not take one."""
        writes = list(plan.writes)
        renames = [change for change in writes if change.action is Action.RENAME]
        for change in renames:
            if change.via:
                self._patch(change, {UPN: change.via})
        for wave in in_waves(renames):
            # Those of one wave may go out in any order; backwards is the least convenient.
            for change in reversed(wave):
                self._patch(change, _values(change))
        for change in writes:
            self._write(change)
        self.links = dict(plan.links)
        for change in (*plan.of(Action.RESTORE, Action.ADD),):
            if change.obstacle is None and change.source_id:
                self.links[change.source_id] = change.object_id or self.created[change.source_id]

    def _write(self, change: Change) -> None:
        if change.action is Action.UPDATE:
            self._patch(change, _values(change))
        elif change.action is Action.RESTORE:
            gone = self.deleted.pop(str(change.object_id))
            self._keep(replace(gone, upn=change.via or change.new_upn))
            self._patch(change, {UPN: change.new_upn, **_values(change)})
        elif change.action is Action.ADD:
            values, serial = _values(change), len(self.users) + len(self.deleted)
            account = self.created[str(change.source_id)] = f"new-{change.source_id}-{serial}"
            self._keep(_patched(EntraUser(account, change.upn, None, "", (None,) * 4), values, MAP))
        elif change.action is Action.DELETE:
            gone = self.users.pop(str(change.object_id))
            self.deleted[gone.object_id] = gone

    def _patch(self, change: Change, values: Mapping[str, object]) -> None:
        user = self.users[str(change.object_id)]
        patched = _patched(user, values, MAP)
        stranger = _domain(user.upn) not in (DOMAIN, INITIAL_DOMAIN)
        if self.federated and stranger and _domain(patched.upn) == DOMAIN:
            raise Refused(f"{patched.upn}: from another domain onto a federated one")
        self._keep(patched)

    def _keep(self, user: EntraUser) -> None:
        others = [other for other in self.users.values() if other.object_id != user.object_id]
        if any(other.upn.lower() == user.upn.lower() for other in others):
            raise Refused(f"{user.upn} is taken")
        keyed = [other for other in (*others, *self.deleted.values()) if other.immutable_id]
        if any(other.immutable_id == user.immutable_id for other in keyed):
            raise Refused(f"the immutable ID {user.immutable_id} is taken")
        renamed = user.object_id not in self.users or self.users[user.object_id].upn != user.upn
        if renamed and self.federated and _domain(user.upn) == DOMAIN and not user.immutable_id:
            raise Refused(f"{user.upn} is on a federated domain and has no immutable ID")
        self.users[user.object_id] = user


def _patched(user: EntraUser, values: Mapping[str, object], attribute_map: AttributeMap) -> EntraUser:
    item = {
        "id": user.object_id,
        UPN: user.upn,
        IMMUTABLE_ID: user.immutable_id,
        **dict(zip(attribute_map.attributes, user.values, strict=True)),
        **values,
    }
    patched = attribute_map.entra_user(item)
    return replace(patched, on_premises_synced=user.on_premises_synced, guest=user.guest)


def _values(change: Change) -> dict[str, object]:
    return {attribute.attribute: attribute.after for attribute in change.attributes}


def _holder(user: EntraUser) -> Holder:
    return Holder(user.object_id, user.display_name)


def _domain(upn: str) -> str:
    return upn.partition("@")[2].lower()
