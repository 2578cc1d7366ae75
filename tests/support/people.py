"""Builders for users of both sides, equal unless a test says otherwise, and for changes."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

from shared.model.changes import Action, AttributeChange, Change, Obstacle, Plan
from shared.model.holds import Hold, Scope
from shared.model.parts import verbatim
from shared.model.people import AccountKind, EntraUser, Memory, SourceUser, Value
from shared.planning.lookups import Lookups
from shared.planning.mapping import DEFAULT_MAP, IMMUTABLE_ID, UPN, AttributeMap
from shared.planning.matching import match
from shared.planning.names import Names
from shared.planning.plan import decide
from shared.planning.territory import Territory

DOMAIN = "contoso.com"
INITIAL_DOMAIN = "contoso.onmicrosoft.com"
MAP = AttributeMap.of({})
BOTH = frozenset({DOMAIN, "other.com"})
NOTHING_AROUND = Lookups(initial_domain=INITIAL_DOMAIN, territory=Territory(verified=BOTH, syncing=BOTH))


def values(
    display_name: str | None = "青木 花子",
    given_name: str | None = "花子",
    surname: str | None = "青木",
    nickname: str | None = None,
) -> tuple[Value, ...]:
    """Mapped values in the order of the default map."""
    by_name = {
        "displayName": display_name,
        "givenName": given_name,
        "surname": surname,
        "mailNickname": nickname,
    }
    return tuple(by_name[attribute] for attribute in DEFAULT_MAP)


def source_user(
    upn: str = f"aoki@{DOMAIN}",
    *,
    source_id: str | None = None,
    immutable_id: str | None = None,
    values: tuple[Value, ...] = values(),
    email: str = "",
    upn_given: bool = True,
    status: Value = True,
    problem: str = "",
) -> SourceUser:
    """The default source id is the UPN's local part."""
    return SourceUser(
        source_id=source_id or upn.partition("@")[0].lower(),
        upn=upn,
        immutable_id=immutable_id,
        values=values,
        email=email,
        upn_given=upn_given,
        status=status,
        problem=verbatim(problem),
    )


def entra_user(
    upn: str = f"aoki@{DOMAIN}",
    *,
    object_id: str | None = None,
    immutable_id: str | None = None,
    values: tuple[Value, ...] = values(),
    kind: AccountKind = "person",
    enabled: bool = True,
    without_session_time: bool = False,
) -> EntraUser:
    """The default object id is `id-` and the UPN's local part."""
    return EntraUser(
        object_id=object_id or f"id-{upn.partition('@')[0].lower()}",
        upn=upn,
        immutable_id=immutable_id,
        display_name=str(values[0] or ""),
        values=values,
        kind=kind,
        enabled=enabled,
        without_session_time=without_session_time,
    )


def hold(
    object_id: str,
    scope: Scope = "all",
    until: datetime = datetime(2026, 12, 5, 14, tzinfo=UTC),
) -> Hold:
    since = datetime(2026, 11, 28, tzinfo=UTC)
    return Hold(object_id=object_id, until=until, reason="人事", scope=scope, by="admin", since=since)


def plan_of(
    source: Sequence[SourceUser],
    target: Sequence[EntraUser],
    around: Lookups = NOTHING_AROUND,
    *,
    links: Mapping[str, str] | None = None,
    domain: str = DOMAIN,
) -> Plan:
    """The plan of a run for these people."""
    return decide(match(domain, source, target, Memory(dict(links or {})), Names(MAP)), around, MAP)


def only(plan: Plan) -> Change:
    """The only change of a plan; fails if there is not exactly one."""
    assert len(plan.changes) == 1, plan.changes
    return plan.changes[0]


def summary(plan: Plan) -> list[tuple[Action, str]]:
    """(action, UPN) of each change, in the plan's order."""
    return [(change.action, change.upn) for change in plan.changes]


def change(
    action: Action = Action.UPDATE,
    upn: str = f"aoki@{DOMAIN}",
    *,
    object_id: str | None = None,
    attributes: Iterable[AttributeChange] = (),
    obstacle: Obstacle | None = None,
    via: str | None = None,
    reason: str = "",
    display_name: str = "青木 花子",
) -> Change:
    """A change of a user whose ids are derived from the UPN, as in the builders above."""
    name = upn.partition("@")[0].lower()
    if action is not Action.ADD:
        object_id = object_id or f"id-{name}"
    return Change(
        action=action,
        upn=upn,
        display_name=display_name,
        object_id=object_id,
        source_id=name,
        attributes=tuple(attributes),
        reason=verbatim(reason),
        obstacle=obstacle,
        via=via,
    )


def rename(before: str, after: str, *, obstacle: Obstacle | None = None, via: str | None = None) -> Change:
    """A rename within the domain; `before` and `after` are local parts."""
    upns = (f"{before}@{DOMAIN}", f"{after}@{DOMAIN}")
    return change(
        Action.RENAME, upns[0], attributes=[AttributeChange(UPN, *upns)], obstacle=obstacle, via=via
    )


def many(action: Action, amount: int, *attributes: AttributeChange) -> tuple[Change, ...]:
    """The same change of so many people."""
    attributes = attributes or (AttributeChange("displayName", "Before", "After"),)
    return tuple(
        change(action, f"{action.value}{number}@{DOMAIN}", attributes=attributes) for number in range(amount)
    )


def add(upn: str = f"new@{DOMAIN}", *, immutable_id: str | None = None, display_name: str = "新人") -> Change:
    """The creation of a user, with all attributes that Entra requires."""
    attributes = [
        AttributeChange(UPN, None, upn),
        AttributeChange("mailNickname", None, upn.partition("@")[0]),
        AttributeChange("displayName", None, display_name),
        AttributeChange("accountEnabled", None, True),
    ]
    if immutable_id:
        attributes.append(AttributeChange(IMMUTABLE_ID, None, immutable_id))
    return change(Action.ADD, upn, attributes=attributes, display_name=display_name)
