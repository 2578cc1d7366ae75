"""Which field names people: the UPN, or Email in its place, for the whole source or not at all. Pure."""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from shared.model.addresses import fold
from shared.model.parts import Parts, say
from shared.model.people import People, SourceUser
from shared.planning.entra_limits import unwritten
from shared.planning.mapping import UPN, AttributeMap

UpnFrom = Literal["userPrincipalName", "email"]
# How the memory writes that a user had a UPN, or that Email stood in for it.
_OWN, _STOOD_IN = "u", "e"
# As many as a limit takes: 20 percent or more, and more than five people.
_PERCENT, _PEOPLE = 20, 5
# How many people a line names.
_NAMED = 10


@dataclass(frozen=True, slots=True)
class Named:
    """By which field the source names people. `lost` of the `had` who had it at the last good sync have it no more.

    `missed`: it is gone, or lost by so many that it may be a fault of the source.
    """

    upn_from: UpnFrom
    missed: bool = False
    lost: int = 0
    had: int = 0

    @property
    def field(self) -> str:
        return "Email" if self.upn_from == "email" else "UserPrincipalName"


def named_by(
    people: Sequence[SourceUser],
    remembered: Mapping[str, str],
    confirmed: UpnFrom | None,
    attribute_map: AttributeMap,
) -> Named:
    """The field of the whole source: what was confirmed, what the last good sync remembers, or UPN if anybody has one.

    It is also the UPN where the administrator's own map says which field that is.
    """
    if confirmed:
        return Named(confirmed)
    if people and all(user.upn for user in people) and _STOOD_IN not in remembered.values():
        return Named("userPrincipalName")  # as below: nobody has lost it
    known = {user.source_id: remembered[user.source_id] for user in people if user.source_id in remembered}
    if not known:
        has_upn = UPN in attribute_map.own or any(user.upn for user in people)
        return Named("userPrincipalName" if has_upn else "email")
    by_email = _STOOD_IN in known.values()
    # Email keeps nobody named who had a UPN of their own.
    stood_in = {who for who, how in known.items() if how == _STOOD_IN}
    named = {user.source_id for user in people if user.upn or (user.source_id in stood_in and user.email)}
    lost, had = len(known.keys() - named), len(known)
    missed = not named or (lost > _PEOPLE and lost * 100 >= _PERCENT * had)
    return Named("email" if by_email else "userPrincipalName", missed, lost, had)


def with_upns(people: Sequence[SourceUser], upn_from: UpnFrom) -> People:
    """The same people; Email stands in for whoever has no UPN. Where UPN is the field, they are only found by it.

    An Email that is somebody's UPN finds nobody else.
    """
    if isinstance(people, People) and all(user.upn for user in people):
        return people
    taken = {address for user in people if user.upn for address in (user.upn.lower(), *fold(user.upn))}
    named = People(user if user.upn else _standing_in(user, upn_from, taken) for user in people)
    named.fitting = people.fitting if isinstance(people, People) else ""
    return named


def _standing_in(user: SourceUser, upn_from: UpnFrom, taken: Container[str]) -> SourceUser:
    if upn_from == "email":
        problem = user.problem or unwritten(UPN, user.email)
        return replace(user, upn=user.email, upn_given=False, problem=problem)
    found_by = "" if any(one in taken for one in (user.email.lower(), *fold(user.email))) else user.email
    return replace(user, upn=found_by, upn_given=False, only_found=True)


def told_of_upns(people: Sequence[SourceUser], upn_from: UpnFrom) -> Parts:
    """How many have no UPN where it is the field; how many have one where Email stands in for it."""
    given = sum(1 for user in people if user.upn and user.upn_given)
    if upn_from == "email":
        return say("people.upnBesideEmail", count=given) if given else ()
    without = sorted(user.source_id for user in people if user.only_found)
    return say("people.withoutUpn", count=len(without), users=tuple(without[:_NAMED])) if without else ()


def remembered_upns(people: Sequence[SourceUser]) -> dict[str, str]:
    """Source id → which field named them; without those whom Email only finds, or nothing."""
    return {
        user.source_id: _OWN if user.upn_given else _STOOD_IN
        for user in people
        if user.upn and not user.only_found
    }
