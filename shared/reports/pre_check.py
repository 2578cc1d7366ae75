"""Objects on a domain that are not users to synchronise, and what to do about each. Pure."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Literal, Self

from shared.model.parts import Parts, say
from shared.model.people import EntraUser
from shared.model.records import Record
from shared.model.runs import PreCheckSummary
from shared.planning.holders import Holder
from shared.planning.protection import Protection
from shared.words import said

Kind = Literal[
    "sharedMailbox", "room", "equipment", "guest", "onPremisesSynced", "restricted", "roleHolder",
    "group", "application",
]  # fmt: skip
_MAILBOXES: Mapping[str, tuple[Kind, Parts]] = {
    "shared": ("sharedMailbox", say("preCheck.sharedMailbox")),
    "room": ("room", say("preCheck.room")),
    "equipment": ("equipment", say("preCheck.equipment")),
}


class PreCheckObject(Record):
    """`command` is a PowerShell line to copy; `leftAlone` says that the sync protects it by itself."""

    kind: Kind
    name: str
    address: str
    object_id: str
    why: str
    why_parts: Parts
    action: str
    action_parts: Parts
    command: str | None
    left_alone: bool


class PreCheck(Record):
    domain: str
    active_directory: bool
    notice: str
    notice_parts: Parts
    objects: list[PreCheckObject]

    def noting(self, more: Parts) -> Self:
        """A copy with `more` appended to its notice."""
        notice = self.notice_parts + more
        return self.model_copy(update={"notice": said(notice), "notice_parts": notice})

    @property
    def summary(self) -> PreCheckSummary:
        kinds = Counter(found.kind for found in self.objects)
        return PreCheckSummary(
            active_directory=self.active_directory,
            notice_parts=self.notice_parts,
            objects=dict(sorted(kinds.items())),
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
    unread: Parts = (),
) -> PreCheck:
    """What is found on the domain.

    `others` are (address, holder) of groups and applications. `missing` are the permissions without which a lookup was
    not possible. `unread` are sentences about other lookups that failed.
    """
    objects = [found for user in users for found in _users(user, protection, initial_domain)]
    objects += [_other(address, holder) for address, holder in others]
    notice = _notice(domain, objects, active_directory, (*protection.missing_permissions, *missing)) + unread
    return PreCheck(
        domain=domain,
        active_directory=active_directory,
        notice=said(notice),
        notice_parts=notice,
        objects=objects,
    )


def _users(user: EntraUser, protection: Protection, initial_domain: str) -> Iterator[PreCheckObject]:
    mailbox = (protection.mailboxes or {}).get(user.object_id, "")
    role = protection.roles.get(user.object_id)
    command: str | None = None
    if user.on_premises_synced:
        kind: Kind = "onPremisesSynced"
        why, action = say("preCheck.onPremisesSynced"), say("preCheck.manageInActiveDirectory")
    elif user.restricted:
        kind = "restricted"
        why, action = say("preCheck.restricted"), say("preCheck.manageInUnit")
    elif user.guest:
        kind = "guest"
        why, action = say("preCheck.guest"), say("preCheck.leaveGuest")
    elif mailbox in _MAILBOXES:
        (kind, why), action = _MAILBOXES[mailbox], say("preCheck.moveUpn")
        command = _rename_command(user, initial_domain)
    elif role:
        kind = "roleHolder"
        why, action = say("preCheck.roleHolder", role=role), say("preCheck.keepAdministratorsApart")
        command = _rename_command(user, initial_domain)
    else:
        return
    yield PreCheckObject(
        kind=kind,
        name=user.display_name,
        address=user.upn,
        object_id=user.object_id,
        why=said(why),
        why_parts=why,
        action=said(action),
        action_parts=action,
        command=command,
        left_alone=bool(protection.reason_not_to_touch(user)),
    )


def _other(address: str, holder: Holder) -> PreCheckObject:
    group = holder.kind == "group"
    why = say("preCheck.group") if group else say("preCheck.application")
    action = say("preCheck.changeGroupFirst") if group else say("preCheck.leaveApplication")
    return PreCheckObject(
        kind="group" if group else "application",
        name=holder.name,
        address=address,
        object_id=holder.object_id,
        why=said(why),
        why_parts=why,
        action=said(action),
        action_parts=action,
        command=None,
        left_alone=True,
    )


def _rename_command(user: EntraUser, initial_domain: str) -> str:
    new_upn = f"{user.upn.partition('@')[0]}@{initial_domain}".replace("'", "''")
    return f"Update-MgUser -UserId {user.object_id} -UserPrincipalName '{new_upn}'"


def _notice(
    domain: str, objects: list[PreCheckObject], active_directory: bool, missing: tuple[str, ...]
) -> Parts:
    text: Parts = ()
    if active_directory:
        text += say("preCheck.activeDirectory")
    if missing:
        text += say("preCheck.grant", permissions=tuple(dict.fromkeys(missing)))
    if not objects:
        text += say("preCheck.nothing", domain=domain)
    return text
