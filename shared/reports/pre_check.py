"""What is on a domain that is no person to synchronise, and what to do about each. Pure."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Literal

from shared.model.people import EntraUser
from shared.model.records import Record
from shared.model.runs import PreCheckSummary
from shared.planning.holders import Holder
from shared.planning.protection import Protection

Kind = Literal[
    "sharedMailbox", "room", "equipment", "guest", "onPremisesSynced", "restricted", "roleHolder",
    "group", "application",
]  # fmt: skip
_MAILBOXES: Mapping[str, tuple[Kind, str]] = {
    "shared": (
        "sharedMailbox",
        "A shared mailbox has no person in the source, so it looks like somebody who left.",
    ),
    "room": ("room", "A meeting room has no person in the source, so it looks like somebody who left."),
    "equipment": ("equipment", "Equipment has no person in the source, so it looks like somebody who left."),
}
_MOVE = "Move its UPN to the onmicrosoft.com domain, so that no tool can take it for a user of this domain."


class PreCheckObject(Record):
    """`command` is a PowerShell line to copy; `leftAlone` says that the sync protects it by itself."""

    kind: Kind
    name: str
    address: str
    object_id: str
    why: str
    action: str
    command: str | None
    left_alone: bool


class PreCheck(Record):
    domain: str
    active_directory: bool
    notice: str
    objects: list[PreCheckObject]

    @property
    def summary(self) -> PreCheckSummary:
        kinds = Counter(found.kind for found in self.objects)
        return PreCheckSummary(
            active_directory=self.active_directory, notice=self.notice, objects=dict(sorted(kinds.items()))
        )


def pre_check(
    domain: str,
    users: Iterable[EntraUser],
    protection: Protection,
    others: Iterable[tuple[str, Holder]],
    initial_domain: str,
    *,
    active_directory: bool,
    missing: tuple[str, ...] = (),
) -> PreCheck:
    """`others` are (address, holder) of groups and applications; `missing` the permissions that kept a look away."""
    objects = [found for user in users for found in _users(user, protection, initial_domain)]
    objects += [_other(address, holder) for address, holder in others]
    return PreCheck(
        domain=domain,
        active_directory=active_directory,
        notice=_notice(domain, objects, active_directory, (*protection.missing_permissions, *missing)),
        objects=objects,
    )


def _users(user: EntraUser, protection: Protection, initial_domain: str) -> Iterator[PreCheckObject]:
    mailbox = (protection.mailboxes or {}).get(user.object_id, "")
    role = protection.roles.get(user.object_id)
    command: str | None = None
    if user.on_premises_synced:
        kind: Kind = "onPremisesSynced"
        why = "Mastered in Active Directory: Graph can't change this user, and the sync there would undo it."
        action = "Nothing here. Manage this user in Active Directory."
    elif user.restricted:
        kind, why = (
            "restricted",
            "In a restricted management administrative unit: Entra refuses every change.",
        )
        action = "Manage this user through the unit, or take them out of it."
    elif user.guest:
        kind, why = "guest", "A guest of the tenant is nobody whom the source should manage."
        action = "Nothing, unless the guest should not have an address on this domain."
    elif mailbox in _MAILBOXES:
        (kind, why), action = _MAILBOXES[mailbox], _MOVE
        command = _rename_command(user, initial_domain)
    elif role:
        kind, why = "roleHolder", f"Holds the directory role {role}; the app may not change administrators."
        action = "Keep administrators as accounts of their own on the onmicrosoft.com domain."
        command = _rename_command(user, initial_domain)
    else:
        return
    yield PreCheckObject(
        kind=kind,
        name=user.display_name,
        address=user.upn,
        object_id=user.object_id,
        why=why,
        action=action,
        command=command,
        left_alone=bool(protection.reason_not_to_touch(user)),
    )


def _other(address: str, holder: Holder) -> PreCheckObject:
    group = holder.kind == "group"
    return PreCheckObject(
        kind="group" if group else "application",
        name=holder.name,
        address=address,
        object_id=holder.object_id,
        why="Its address can't be given to a user: adding or renaming somebody to it would fail."
        if group
        else "The domain can't be removed from the tenant while this application refers to it.",
        action="Nothing, unless a user should have this address: then change the group's first."
        if group
        else "Nothing for the sync.",
        command=None,
        left_alone=True,
    )


def _rename_command(user: EntraUser, initial_domain: str) -> str:
    new_upn = f"{user.upn.partition('@')[0]}@{initial_domain}".replace("'", "''")
    return f"Update-MgUser -UserId {user.object_id} -UserPrincipalName '{new_upn}'"


def _notice(
    domain: str, objects: list[PreCheckObject], active_directory: bool, missing: tuple[str, ...]
) -> str:
    sentences = []
    if active_directory:
        sentences.append(
            "This tenant synchronises users from Active Directory: for them this product is not needed, and they "
            "are left alone."
        )
    if missing:
        sentences.append(f"Not everything could be looked at: grant {' and '.join(dict.fromkeys(missing))}.")
    if not objects:
        sentences.append(f"Nothing on {domain} but users to synchronise.")
    return " ".join(sentences)
