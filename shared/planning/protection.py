"""Every reason not to touch somebody, on one screen.

A reason found here turns whatever was planned for the person into a `skip`: the person is neither updated,
renamed, disabled nor deleted, and counts neither as a deletion nor among the users in scope.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from shared.model.changes import Action, Change
from shared.model.parts import Parts, say
from shared.model.people import EntraUser
from shared.planning.mapping import ENABLED

# Without these Graph permissions nobody can be looked at.
MAILBOX_PERMISSION, ROLE_PERMISSION = "MailboxSettings.Read", "RoleManagement.Read.Directory"
# And without this one, nobody whose role comes through a group.
GROUP_PERMISSION = "Group.Read.All"
# What Exchange calls the purpose of a mailbox that is no person's (`mailboxSettings.userPurpose`).
NOT_A_PERSON = {
    "shared": say("protected.sharedMailbox"),
    "room": say("protected.room"),
    "equipment": say("protected.equipment"),
}

# What is not done to somebody at whom the app could not look.
_DELETED, _BLOCKED, _RENAMED = say("unseen.deleted"), say("unseen.blocked"), say("unseen.renamed")


@dataclass(frozen=True, slots=True)
class Roles:
    """`holders`: object id → name of a directory role, as far as they could be read.

    `missing_permissions`: those without which some are unknown. `unread`: what else kept some of them unknown.
    """

    holders: Mapping[str, str | Parts]
    missing_permissions: tuple[str, ...] = ()
    unread: Parts = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Mailboxes:
    """What a look at mailboxes found.

    `purposes`: object id → purpose, "none" without a mailbox; who could not be looked at is absent, and counted in
    `unread`. `granted`: False without the permission to look. `exchange_online`: False where the tenant has no
    mailboxes at all.
    """

    purposes: Mapping[str, str] = field(default_factory=dict)
    unread: int = 0
    granted: bool = True
    exchange_online: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Protection:
    """What a run knows about who must not be touched.

    `roles`: object id → name of a directory role held, or a phrase for it; `roles_unread`: why some of them are
    unknown. `mailboxes`: object id → purpose, for those who were looked at; None before anybody was.
    `missing_permissions`: Graph permissions without which one of the two looks was impossible.
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
        """The same protection, and everybody who holds a directory role."""
        return replace(
            self,
            roles=roles.holders,
            missing_permissions=roles.missing_permissions,
            roles_unread=roles.unread,
        )

    def with_mailboxes(self, found: Mailboxes) -> "Protection":
        """The same protection, after a look at mailboxes."""
        if not found.granted:
            return replace(self, missing_permissions=(*self.missing_permissions, MAILBOX_PERMISSION))
        return replace(
            self,
            mailboxes=found.purposes,
            mailboxes_unread=found.unread,
            exchange_online=found.exchange_online,
        )

    def reason_not_to_touch(self, user: EntraUser) -> Parts:
        """Why this user is left alone in every way; empty if nothing protects them."""
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
        """Why a user whom nothing else protects is still not deleted; empty if they may be."""
        if reason := self._unseen(_DELETED, self.missing_permissions):
            return reason
        return say("leaver.mailboxNotSeen") if self._mailbox_unread(user) else ()

    def reason_not_to_change(self, user: EntraUser, change: Change) -> Parts:
        """Why a user whom nothing else protects is not changed in this way; empty if they may be.

        Who may be an administrator is neither renamed nor blocked, who may be a room is not blocked; a mailbox that
        could not be looked at keeps its user from every change.
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
        """What to say of a deletion that goes ahead although a look was impossible; empty if none was."""
        if not self.missing_permissions:
            return ()
        return say("leaver.notLookedAt", permissions=self.missing_permissions)

    @property
    def warnings(self) -> Parts:
        """What an administrator is told of looks that were impossible, a part each."""
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
    """Why an account of this kind is left alone, whoever it belongs to; empty for all others."""
    if user.on_premises_synced:
        return say("protected.activeDirectory")
    if user.restricted:
        return say("protected.restricted")
    return say("protected.guest") if user.guest else ()
