"""Every reason not to touch somebody, on one screen.

A reason found here turns whatever was planned for the person into a `skip`: the person is neither updated,
renamed, disabled nor deleted, and counts neither as a deletion nor among the users in scope.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from shared.model.people import EntraUser

# Without these Graph permissions nobody can be looked at.
MAILBOX_PERMISSION, ROLE_PERMISSION = "MailboxSettings.Read", "RoleManagement.Read.Directory"
# And without this one, nobody whose role comes through a group.
GROUP_PERMISSION = "Group.Read.All"
# What Exchange calls the purpose of a mailbox that is no person's (`mailboxSettings.userPurpose`).
NOT_A_PERSON = {"shared": "a shared mailbox", "room": "a meeting room", "equipment": "equipment"}


@dataclass(frozen=True, slots=True)
class Roles:
    """`holders`: object id → name of a directory role. `missing_permissions`: those without which some are unknown."""

    holders: Mapping[str, str]
    missing_permissions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Protection:
    """What a run knows about who must not be touched.

    `roles`: object id → name of a directory role held. `mailboxes`: object id → purpose, for those who were
    looked at; None before anybody was. `missing_permissions`: Graph permissions without which one of the two
    looks was impossible.
    """

    protected_users: frozenset[str] = frozenset()
    roles: Mapping[str, str] = field(default_factory=dict)
    mailboxes: Mapping[str, str] | None = None
    missing_permissions: tuple[str, ...] = ()
    require_deletion_checks: bool = True

    def with_roles(self, roles: Roles) -> "Protection":
        """The same protection, and everybody who holds a directory role."""
        return replace(self, roles=roles.holders, missing_permissions=roles.missing_permissions)

    def with_mailboxes(self, purposes: Mapping[str, str] | None) -> "Protection":
        """The same protection, after a look at mailboxes; None where the permission to look is missing."""
        if purposes is None:
            return replace(self, missing_permissions=(*self.missing_permissions, MAILBOX_PERMISSION))
        return replace(self, mailboxes=purposes)

    def reason_not_to_touch(self, user: EntraUser) -> str:
        """Why this user is left alone in every way; empty if nothing protects them."""
        if reason := _kind_of_account(user):
            return reason
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
        if self.missing_permissions and self.require_deletion_checks:
            return (
                f"Not deleted unseen: without {' and '.join(self.missing_permissions)} the app can't tell whether "
                "this is an administrator, a shared mailbox or a room. Grant the permission, or set "
                "REQUIRE_DELETION_CHECKS=false."
            )
        unseen = self.mailboxes is not None and user.object_id not in self.mailboxes
        if unseen and MAILBOX_PERMISSION not in self.missing_permissions:
            return "Not deleted unseen: its mailbox could not be looked at in this run."
        return ""

    @property
    def caveat(self) -> str:
        """What to say of a deletion that goes ahead although a look was impossible; empty if none was."""
        if not self.missing_permissions:
            return ""
        names = " and ".join(self.missing_permissions)
        return f"Not looked at first, without {names} (REQUIRE_DELETION_CHECKS=false)."


def _kind_of_account(user: EntraUser) -> str:
    """Why an account of this kind is left alone, whoever it belongs to; empty for all others."""
    if user.on_premises_synced:
        return "Synchronised from Active Directory: it is changed there, not here."
    if user.restricted:
        return (
            "Member of a restricted management administrative unit, in which Entra lets only its own "
            "administrators change anybody."
        )
    return "Guest of the tenant." if user.guest else ""
