"""Objects on a domain that are not users to synchronise, and what to do about each. Pure."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Literal, Self

from shared.model.parts import Parts, say
from shared.model.people import EntraUser
from shared.model.records import Record, Time
from shared.model.runs import PreCheckSummary
from shared.planning.holders import Holder
from shared.planning.protection import LeftAlone, Protection
from shared.words import said

Kind = Literal[LeftAlone, "group", "application"]
_UPN_SHOULD_MOVE: Mapping[Kind, Parts] = {
    "sharedMailbox": say("preCheck.moveUpn"),
    "room": say("preCheck.moveUpn"),
    "equipment": say("preCheck.moveUpn"),
    "roleHolder": say("preCheck.keepAdministratorsApart"),
}
_TO_DO: Mapping[Kind, Parts] = {
    **_UPN_SHOULD_MOVE,
    "onPremisesSynced": say("preCheck.manageInActiveDirectory"),
    "restricted": say("preCheck.manageInUnit"),
    "guest": say("preCheck.leaveGuest"),
    "listed": say("preCheck.leaveListed"),
    "onHold": say("preCheck.holdEnds"),
    "unknown": say("preCheck.lookAgain"),
    "group": say("preCheck.changeGroupFirst"),
}
# Where it says more than the verdict.
_WHY: Mapping[Kind, Parts] = {
    "onPremisesSynced": say("preCheck.onPremisesSynced"),
    "restricted": say("preCheck.restricted"),
    "guest": say("preCheck.guest"),
    "sharedMailbox": say("preCheck.sharedMailbox"),
    "room": say("preCheck.room"),
    "equipment": say("preCheck.equipment"),
    "group": say("preCheck.group"),
    "application": say("preCheck.application"),
}
_NOTHING = say("preCheck.nothingToDo")


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
    """As it was found at `asOf`, by the run `runId`; null where both sides are read for this answer."""

    domain: str
    as_of: Time
    run_id: str | None = None
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
    as_of: datetime,
    active_directory: bool,
    missing: tuple[str, ...] = (),
) -> PreCheck:
    """What is found on the domain.

    `others` are (address, holder) of groups and applications. `missing` are the permissions without which a lookup was
    not possible.
    """
    objects = [found for user in users for found in _users(user, protection, initial_domain)]
    objects += [_other(address, holder) for address, holder in others]
    notice = _notice(domain, objects, active_directory, (*protection.missing_permissions, *missing))
    return PreCheck(
        domain=domain,
        as_of=as_of,
        active_directory=active_directory,
        notice=said(notice),
        notice_parts=notice,
        objects=objects,
    )


def _users(user: EntraUser, protection: Protection, initial_domain: str) -> Iterator[PreCheckObject]:
    verdict = protection.verdict(user)
    kind = verdict.kind
    not_asked_for = kind == "unknown" and user.object_id not in protection.mailboxes_unread
    if kind != "person" and not not_asked_for:
        command = _rename_command(user, initial_domain) if kind in _UPN_SHOULD_MOVE else None
        yield _found(kind, user.display_name, user.upn, user.object_id, verdict.reason, command)
    elif kept := protection.reason_to_keep(user):
        yield _found("onHold", user.display_name, user.upn, user.object_id, kept)


def _other(address: str, holder: Holder) -> PreCheckObject:
    kind: Kind = "group" if holder.kind == "group" else "application"
    return _found(kind, holder.name, address, holder.object_id, _WHY[kind])


def _found(
    kind: Kind, name: str, address: str, object_id: str, reason: Parts, command: str | None = None
) -> PreCheckObject:
    why, action = _WHY.get(kind, reason), _TO_DO.get(kind, _NOTHING)
    return PreCheckObject(
        kind=kind,
        name=name,
        address=address,
        object_id=object_id,
        why=said(why),
        why_parts=why,
        action=said(action),
        action_parts=action,
        command=command,
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
