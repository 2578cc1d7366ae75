"""Every reason not to touch somebody, on one screen.

A reason found here turns whatever was planned for the person into a `skip`: the person is neither updated,
renamed, disabled nor deleted, and counts neither as a deletion nor among the users in scope.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from shared.model.changes import Action, Change
from shared.model.people import EntraUser
from shared.planning.mapping import ENABLED

# Without these Graph permissions nobody can be looked at.
MAILBOX_PERMISSION, ROLE_PERMISSION = "MailboxSettings.Read", "RoleManagement.Read.Directory"
# And without this one, nobody whose role comes through a group.
GROUP_PERMISSION = "Group.Read.All"
# What Exchange calls the purpose of a mailbox that is no person's (`mailboxSettings.userPurpose`).
NOT_A_PERSON = {"shared": "a shared mailbox", "room": "a meeting room", "equipment": "equipment"}


@dataclass(frozen=True, slots=True)
class Roles:
    """`holders`: object id → name of a directory role, as far as they could be read.

    `missing_permissions`: those without which some are unknown. `unread`: what else kept some of them unknown.
    """

    holders: Mapping[str, str]
    missing_permissions: tuple[str, ...] = ()
    unread: str = ""


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
class Protection:
    """What a run knows about who must not be touched.

    `roles`: object id → name of a directory role held; `roles_unread`: why some of them are unknown.
    `mailboxes`: object id → purpose, for those who were looked at; None before anybody was. `missing_permissions`:
    Graph permissions without which one of the two looks was impossible.
    """

    protected_users: frozenset[str] = frozenset()
    roles: Mapping[str, str] = field(default_factory=dict)
    mailboxes: Mapping[str, str] | None = None
    missing_permissions: tuple[str, ...] = ()
    require_deletion_checks: bool = True
    roles_unread: str = ""
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

    def reason_not_to_touch(self, user: EntraUser) -> str:
        """Why this user is left alone in every way; empty if nothing protects them."""
        if user.on_premises_synced:
            return "Synchronised from Active Directory: it is changed there, not here."
        if user.guest:
            return "Guest of the tenant."
        if self.protected_users and not self.protected_users.isdisjoint(
            (user.upn.lower(), user.object_id.lower())
        ):
            return "Listed in PROTECTED_USERS."
        if role := self.roles.get(user.object_id):
            return f"Holds the directory role {role}."
        if kind := NOT_A_PERSON.get((self.mailboxes or {}).get(user.object_id, "")):
            return f"Is {kind}, not a person."
        return ""

    def reason_not_to_delete(self, user: EntraUser) -> str:
        """Why a user whom nothing else protects is still not deleted; empty if they may be."""
        return self._unseen("deleted", self.missing_permissions) or (
            "Not deleted unseen: its mailbox could not be looked at in this run."
            if self._mailbox_unread(user)
            else ""
        )

    def reason_not_to_change(self, user: EntraUser, change: Change) -> str:
        """Why a user whom nothing else protects is not changed in this way; empty if they may be.

        Who may be an administrator is neither renamed nor blocked, who may be a room is not blocked; a mailbox that
        could not be looked at keeps its user from every change.
        """
        if self._mailbox_unread(user):
            return "Left alone unseen: its mailbox could not be looked at in this run."
        if change.after(ENABLED) is False:
            return self._unseen("blocked", self.missing_permissions)
        if change.action is Action.RENAME:
            return self._unseen("renamed", self._missing_for_roles)
        return ""

    @property
    def _missing_for_roles(self) -> tuple[str, ...]:
        return tuple(name for name in self.missing_permissions if name != MAILBOX_PERMISSION)

    def _unseen(self, done: str, missing: tuple[str, ...]) -> str:
        if missing and self.require_deletion_checks:
            return (
                f"Not {done} unseen: without {' and '.join(missing)} the app can't tell whether this is an "
                "administrator, a shared mailbox or a room. Grant the permission, or set "
                "REQUIRE_DELETION_CHECKS=false."
            )
        if self.roles_unread:
            return f"Not {done} unseen: who holds a directory role could not be read in this run."
        return ""

    def _mailbox_unread(self, user: EntraUser) -> bool:
        unseen = self.mailboxes is not None and user.object_id not in self.mailboxes
        return unseen and MAILBOX_PERMISSION not in self.missing_permissions

    @property
    def caveat(self) -> str:
        """What to say of a deletion that goes ahead although a look was impossible; empty if none was."""
        if not self.missing_permissions:
            return ""
        names = " and ".join(self.missing_permissions)
        return f"Not looked at first, without {names} (REQUIRE_DELETION_CHECKS=false)."

    @property
    def warnings(self) -> tuple[str, ...]:
        """What an administrator is told of looks that were impossible."""
        sentences = []
        if self.missing_permissions:
            names = " and ".join(self.missing_permissions)
            effect = (
                "nobody is deleted or blocked"
                if self.require_deletion_checks
                else "deletions were not looked at"
            )
            if self._missing_for_roles and self.require_deletion_checks:
                effect = "nobody is deleted, blocked or renamed"
            sentences.append(f"Protection is partly off: grant {names}. Until then {effect}.")
        if self.roles_unread:
            sentences.append(
                "Who holds a directory role could not be read in this run: nobody is deleted, blocked or renamed. "
                f"{self.roles_unread}"
            )
        if not self.exchange_online:
            sentences.append("The tenant has no Exchange Online, so there are no mailboxes to look at.")
        if self.mailboxes_unread:
            sentences.append(
                f"Mailboxes that could not be looked at in this run: {self.mailboxes_unread}. "
                "Their users are left alone."
            )
        return tuple(sentences)
