"""Every reason not to touch a user. Pure.

A reason found here turns the planned change into a `skip`: the user is not updated, renamed, disabled or deleted,
and counts neither as a deletion nor among the users in scope.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from shared.model.changes import Action, Change
from shared.model.parts import Parts, say
from shared.model.people import EntraUser
from shared.planning.mapping import ENABLED

# Without these Graph permissions, mailboxes and roles can't be read.
MAILBOX_PERMISSION, ROLE_PERMISSION = "MailboxSettings.Read", "RoleManagement.Read.Directory"
# Without this one, roles held through a group can't be read.
GROUP_PERMISSION = "GroupMember.Read.All"
# Values of `mailboxSettings.userPurpose` for mailboxes that are not a person's own.
NOT_A_PERSON = {
    "shared": say("protected.sharedMailbox"),
    "room": say("protected.room"),
    "equipment": say("protected.equipment"),
}

# What is not done to a user whose roles or mailbox could not be read.
_DELETED, _BLOCKED, _RENAMED = say("unseen.deleted"), say("unseen.blocked"), say("unseen.renamed")


@dataclass(frozen=True, slots=True)
class Roles:
    """The role holders that could be read. `holders`: object id → name of a directory role, or a phrase for it.

    `missing_permissions`: missing Graph permissions that leave some holders unknown. `unread`: other reasons why
    some holders are unknown.
    """

    holders: Mapping[str, str | Parts]
    missing_permissions: tuple[str, ...] = ()
    unread: Parts = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Mailboxes:
    """The mailbox purposes that could be read.

    `purposes`: object id → `userPurpose`, "none" without a mailbox; users whose mailbox could not be read are absent.
    `unread`: the number of those. `granted`: False without the permission to read them. `exchange_online`: False if
    the tenant has no mailboxes at all.
    """

    purposes: Mapping[str, str] = field(default_factory=dict)
    unread: int = 0
    granted: bool = True
    exchange_online: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Protection:
    """What a run knows about users who must not be touched.

    `protected_users`: UPNs and object ids in lower case. `roles`: object id → name of a directory role held, or a
    phrase for it; `roles_unread`: why some of them are unknown. `mailboxes`: object id → purpose, for mailboxes that
    were read; None before any was. `missing_permissions`: missing Graph permissions that made one of these two
    lookups impossible.
    """

    protected_users: frozenset[str] = frozenset()
    roles: Mapping[str, str | Parts] = field(default_factory=dict)
    mailboxes: Mapping[str, str] | None = None
    missing_permissions: tuple[str, ...] = ()
    require_deletion_checks: bool = True
    roles_unread: Parts = ()
    mailboxes_unread: int = 0
    exchange_online: bool = True

    def with_roles(self, roles: Roles) -> "Protection":
        """The same protection, with the holders of directory roles."""
        return replace(
            self,
            roles=roles.holders,
            missing_permissions=roles.missing_permissions,
            roles_unread=roles.unread,
        )

    def with_mailboxes(self, found: Mailboxes) -> "Protection":
        """The same protection, with the mailbox purposes."""
        if not found.granted:
            return replace(self, missing_permissions=(*self.missing_permissions, MAILBOX_PERMISSION))
        return replace(
            self,
            mailboxes=found.purposes,
            mailboxes_unread=found.unread,
            exchange_online=found.exchange_online,
        )

    def reason_not_to_touch(self, user: EntraUser) -> Parts:
        """Why this user must not be changed at all; empty if nothing protects them."""
        if reason := _kind_of_account(user):
            return reason
        if self.protected_users and not self.protected_users.isdisjoint(
            (user.upn.lower(), user.object_id.lower())
        ):
            return say("protected.listed")
        if role := self.roles.get(user.object_id):
            return say("protected.role", role=role)
        return NOT_A_PERSON.get((self.mailboxes or {}).get(user.object_id, ""), ())

    def reason_not_to_delete(self, user: EntraUser) -> Parts:
        """Why an otherwise unprotected user is not deleted; empty if they may be."""
        if reason := self._unseen(_DELETED, self.missing_permissions):
            return reason
        return say("leaver.mailboxNotSeen") if self._mailbox_unread(user) else ()

    def reason_not_to_change(self, user: EntraUser, change: Change) -> Parts:
        """Why an otherwise unprotected user is not changed in this way; empty if they may be.

        A user who may be an administrator is neither renamed nor disabled. A user who may be a room is not disabled.
        A user whose mailbox could not be read is not changed at all.
        """
        if self._mailbox_unread(user):
            return say("unseen.mailbox")
        if change.after(ENABLED) is False:
            return self._unseen(_BLOCKED, self.missing_permissions)
        if change.action is Action.RENAME:
            return self._unseen(_RENAMED, self._missing_for_roles)
        return ()

    @property
    def _missing_for_roles(self) -> tuple[str, ...]:
        return tuple(name for name in self.missing_permissions if name != MAILBOX_PERMISSION)

    def _unseen(self, done: Parts, missing: tuple[str, ...]) -> Parts:
        if missing and self.require_deletion_checks:
            return say("unseen.permissionMissing", done=done, permissions=missing)
        return say("unseen.rolesUnread", done=done) if self.roles_unread else ()

    def _mailbox_unread(self, user: EntraUser) -> bool:
        unseen = self.mailboxes is not None and user.object_id not in self.mailboxes
        return unseen and MAILBOX_PERMISSION not in self.missing_permissions

    @property
    def caveat(self) -> Parts:
        """A note on a deletion that goes ahead although a lookup was impossible; empty if all were possible."""
        if not self.missing_permissions:
            return ()
        return say("leaver.notLookedAt", permissions=self.missing_permissions)

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
        if not self.exchange_online:
            told += say("warning.noExchange")
        if self.mailboxes_unread:
            told += say("warning.mailboxesUnread", count=self.mailboxes_unread)
        return told


def _kind_of_account(user: EntraUser) -> Parts:
    """Why an account of this kind must not be changed; empty for ordinary accounts."""
    if user.on_premises_synced:
        return say("protected.activeDirectory")
    if user.restricted:
        return say("protected.restricted")
    return say("protected.guest") if user.guest else ()
