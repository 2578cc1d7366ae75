"""Who may be written to: one verdict a person, and what an impossible look forbids for everybody. Pure.

Whoever is no person, or could not be looked at, becomes a `skip`: not updated, renamed, disabled or deleted. Who is no
person counts neither as a deletion nor among the users in scope.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from shared.model.changes import Action, Change
from shared.model.holds import Hold
from shared.model.parts import Parts, say
from shared.model.people import EntraUser, NoPerson
from shared.planning.mapping import ENABLED
from shared.planning.scope import EVERYBODY, Scope

# Without these Graph permissions, mailboxes and roles can't be read.
MAILBOX_PERMISSION, ROLE_PERMISSION = "MailboxSettings.Read", "RoleManagement.Read.Directory"
# Without this one, roles held through a group can't be read; without the other, who may join such a group by PIM.
GROUP_PERMISSION = "GroupMember.Read.All"
ELIGIBLE_PERMISSION = "PrivilegedEligibilitySchedule.Read.AzureADGroup"

# What the sync leaves alone. "unknown": whether the account is a person's could not be read.
LeftAlone = Literal[
    NoPerson,
    "listed",
    "onHold",
    "outOfScope",
    "roleHolder",
    "sharedMailbox",
    "room",
    "equipment",
    "otherMailbox",
    "unknown",
]
Kind = Literal["person", LeftAlone]
_OF_THE_ACCOUNT: Mapping[NoPerson, Parts] = {
    "onPremisesSynced": say("protected.activeDirectory"),
    "restricted": say("protected.restricted"),
    "agent": say("protected.agent"),
    "resourceAccount": say("protected.resourceAccount"),
    "guest": say("protected.guest"),
}
# Values of `mailboxSettings.userPurpose`. Every other one, also one that is not known yet, is nobody's own mailbox.
_PERSONAL = ("user", "none")
# What is not done to a user whose roles or mailbox could not be read.
_DELETED, _RENAMED = say("unseen.deleted"), say("unseen.renamed")
_BLOCKED, _UNBLOCKED = say("unseen.blocked"), say("unseen.unblocked")


@dataclass(frozen=True, slots=True)
class Verdict:
    """`reason` says why the account is left alone by every kind of write; it is empty for a person alone."""

    kind: Kind
    reason: Parts = ()


_PERSON = Verdict("person")
_UNKNOWN = Verdict("unknown", say("unseen.mailbox"))
_OF_THE_SOURCE = Verdict("outOfScope", say("scope.person"))
_OUT_OF_SCOPE = Verdict("outOfScope", say("scope.account"))
_GROUP_UNREAD = Verdict("unknown", say("scope.groupUnread"))
_OF_THE_MAILBOX: Mapping[str, Verdict] = {
    "shared": Verdict("sharedMailbox", say("protected.sharedMailbox")),
    "room": Verdict("room", say("protected.room")),
    "equipment": Verdict("equipment", say("protected.equipment")),
}


@dataclass(frozen=True, slots=True)
class Roles:
    """The role holders that could be read. `holders`: object id → name of a directory role, or a phrase for it.

    `missing_permissions`: missing Graph permissions that leave some holders unknown. `unread`: other reasons why
    some holders are unknown. `eligible_members_seen`: False without the permission to read who may join by PIM a
    group that may hold a role.
    """

    holders: Mapping[str, str | Parts]
    missing_permissions: tuple[str, ...] = ()
    unread: Parts = ()
    eligible_members_seen: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Mailboxes:
    """The mailbox purposes that could be read.

    `purposes`: object id → `userPurpose`, "none" without a mailbox. `unread`: those whose mailbox could not be read.
    `granted`: False without the permission to read them. `exchange_online`: False if the tenant has no mailboxes at
    all. `told`: False if this cloud does not tell the purpose of a mailbox.
    """

    purposes: Mapping[str, str] = field(default_factory=dict)
    unread: frozenset[str] = frozenset()
    granted: bool = True
    exchange_online: bool = True
    told: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Protection:
    """What a run knows about users who must not be touched.

    `protected_users`: UPNs and object ids in lower case. `roles`: object id → name of a directory role held, or a
    phrase for it; `roles_unread`: why some of them are unknown. `mailboxes`: object id → purpose, for mailboxes that
    were read; None before any was, and where none can be. `mailboxes_unread`: object ids of those that could not be.
    `missing_permissions`: missing Graph permissions that made one of these two lookups impossible.
    `scope`: the rules; `members`: group → object ids of its members, None for a group that could not be read.
    `left_out`: object ids of people who are out of scope by a rule on the source. `holds`: object id → the hold in
    force.
    """

    protected_users: frozenset[str] = frozenset()
    roles: Mapping[str, str | Parts] = field(default_factory=dict)
    mailboxes: Mapping[str, str] | None = None
    missing_permissions: tuple[str, ...] = ()
    require_deletion_checks: bool = True
    roles_unread: Parts = ()
    mailboxes_unread: frozenset[str] = frozenset()
    exchange_online: bool = True
    purposes_told: bool = True
    eligible_members_seen: bool = True
    scope: Scope = EVERYBODY
    members: Mapping[str, frozenset[str] | None] = field(default_factory=dict)
    left_out: frozenset[str] = frozenset()
    holds: Mapping[str, Hold] = field(default_factory=dict)

    def with_roles(self, roles: Roles) -> "Protection":
        """The same protection, with the holders of directory roles."""
        return replace(
            self,
            roles=roles.holders,
            missing_permissions=roles.missing_permissions,
            roles_unread=roles.unread,
            eligible_members_seen=roles.eligible_members_seen,
        )

    def with_mailboxes(self, found: Mailboxes) -> "Protection":
        """The same protection, with the mailbox purposes."""
        if not found.granted:
            return replace(self, missing_permissions=(*self.missing_permissions, MAILBOX_PERMISSION))
        if not found.told:
            return replace(self, purposes_told=False)
        return replace(
            self,
            mailboxes=found.purposes,
            mailboxes_unread=found.unread,
            exchange_online=found.exchange_online,
        )

    @property
    def without_holds(self) -> "Protection":
        """As it is once every hold has ended."""
        return replace(self, holds={}) if self.holds else self

    def verdict(self, user: EntraUser) -> Verdict:
        """Whether this is a person to the sync, no person, or unknown, and why.

        Unknown, too, is a user whose mailbox nobody asked for where others were asked for: a plan looks up everybody
        whom it would change. What could be read of nobody decides nothing here.
        """
        if user.kind != "person":
            return Verdict(user.kind, _OF_THE_ACCOUNT[user.kind])
        listed = self.protected_users
        if listed and not listed.isdisjoint((user.upn.lower(), user.object_id.lower())):
            return Verdict("listed", say("protected.listed"))
        hold = self.holds.get(user.object_id)
        if hold and hold.scope == "all":
            return Verdict("onHold", hold.told)
        if left := self._left_by_scope(user):
            return left
        if role := self.roles.get(user.object_id):
            return Verdict("roleHolder", say("protected.role", role=role))
        return _PERSON if self.mailboxes is None else _by_purpose(self.mailboxes.get(user.object_id))

    def has_mailbox(self, object_id: str) -> bool:
        """Whether a look has shown that this user has a mailbox."""
        return (self.mailboxes or {}).get(object_id, "none") != "none"

    def _left_by_scope(self, user: EntraUser) -> Verdict | None:
        """Why the account is left alone by the rules; None if it is in scope."""
        if user.object_id in self.left_out:
            return _OF_THE_SOURCE
        if user.standing == "in" and not self.scope.exclude:
            return None
        excluding, including = self.scope.excluding_groups, self.scope.including_groups
        if user.standing == "out" or self._is_member(user, excluding):
            return _OUT_OF_SCOPE
        by_group = user.standing == "byGroup" and not self._is_member(user, including)
        unread = (*excluding, *(including if by_group else ()))
        if any(self.members.get(group) is None for group in unread):
            return _GROUP_UNREAD
        return _OUT_OF_SCOPE if by_group else None

    def _is_member(self, user: EntraUser, groups: Iterable[str]) -> bool:
        return any(user.object_id in (self.members.get(group) or ()) for group in groups)

    def reason_not_to_touch(self, user: EntraUser) -> Parts:
        """Why this user is no person or not in scope, and not changed at all; empty if nothing says so."""
        verdict = self.verdict(user)
        return () if verdict is _UNKNOWN else verdict.reason

    def reason_to_keep(self, user: EntraUser) -> Parts:
        """Why this user is neither deleted nor blocked as a leaver, while updates go on; empty if nothing says so."""
        hold = self.holds.get(user.object_id)
        return hold.told if hold and hold.scope == "delete" else ()

    def reason_not_to_delete(self, user: EntraUser) -> Parts:
        """Why this user is not deleted; empty if they may be."""
        return self.verdict(user).reason or self.reason_to_keep(user) or self._impossible(_DELETED)

    def reason_not_to_change(self, user: EntraUser, change: Change) -> Parts:
        """Why this user is not changed in this way; empty if they may be.

        A user who may be an administrator is neither renamed, not even for a moment, nor blocked or unblocked. A user
        who may be a room is not blocked.
        """
        if reason := self.verdict(user).reason:
            return reason
        if change.after(ENABLED) is False:
            return self._impossible(_BLOCKED)
        if change.after(ENABLED):
            return self._impossible(_UNBLOCKED, mailboxes=False)
        if change.action is Action.RENAME or (change.via and not change.direct_first):
            return self._impossible(_RENAMED, mailboxes=False)
        return ()

    @property
    def _missing_for_roles(self) -> tuple[str, ...]:
        return tuple(name for name in self.missing_permissions if name != MAILBOX_PERMISSION)

    def _impossible(self, done: Parts, *, mailboxes: bool = True) -> Parts:
        """What could be read of nobody, and is needed before this is `done`. `mailboxes`: whether they are needed."""
        missing = self.missing_permissions if mailboxes else self._missing_for_roles
        if missing and self.require_deletion_checks:
            return say("unseen.permissionMissing", done=done, permissions=missing)
        if self.roles_unread:
            return say("unseen.rolesUnread", done=done)
        untold = mailboxes and not self.purposes_told and self.require_deletion_checks
        return say("unseen.purposesUntold", done=done) if untold else ()

    @property
    def caveat(self) -> Parts:
        """A note on a deletion that goes ahead although a lookup was impossible; empty if all were possible."""
        told: Parts = ()
        if self.missing_permissions:
            told += say("leaver.notLookedAt", permissions=self.missing_permissions)
        if not self.purposes_told:
            told += say("leaver.purposeUntold")
        return told

    @property
    def untold(self) -> Parts:
        """What neither a permission that a sync needs nor another try would tell, one part for each."""
        told: Parts = ()
        if not self.eligible_members_seen:
            told += say("warning.eligibleMembersUnseen", permission=ELIGIBLE_PERMISSION)
        if not self.purposes_told:
            required = self.require_deletion_checks
            told += say("warning.purposesUntold" if required else "warning.deletedUntold")
        return told

    @property
    def warnings(self) -> Parts:
        """What an administrator is told about impossible lookups, one part for each."""
        told: Parts = ()
        if missing := self.missing_permissions:
            if not self.require_deletion_checks:
                told += say("warning.deletedUnseen", permissions=missing)
            elif self._missing_for_roles:
                told += say("warning.nobodyRenamed", permissions=missing)
            else:
                told += say("warning.nobodyDeleted", permissions=missing)
        if self.roles_unread:
            told += say("warning.rolesUnread", because=self.roles_unread)
        told += self.untold
        if not self.exchange_online:
            told += say("warning.noExchange")
        if groups := tuple(sorted(group for group, members in self.members.items() if members is None)):
            told += say("warning.groupsUnread", groups=groups)
        if self.mailboxes_unread:
            told += say("warning.mailboxesUnread", count=len(self.mailboxes_unread))
        return told


def _by_purpose(purpose: str | None) -> Verdict:
    if purpose is None:
        return _UNKNOWN
    if purpose in _PERSONAL:
        return _PERSON
    return _OF_THE_MAILBOX.get(purpose) or Verdict(
        "otherMailbox", say("protected.otherMailbox", purpose=purpose)
    )
