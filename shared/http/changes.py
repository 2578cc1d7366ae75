"""Who changed which setting, decided who is who, and set a hold: before and after, newest first."""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import Field, JsonValue

from shared.http.domains import kept_domain
from shared.http.endpoint import Body, Call, Nothing, domain_in
from shared.model.holds import Hold
from shared.model.records import Record, Recorded, Time


class ChangesQuery(Body):
    """`domain`: its changes beside those of the tenant; left out, those of the tenant alone."""

    domain: str | None = Field(None, max_length=253)
    limit: int = Field(50, ge=1, le=200)
    cursor: str = Field("", pattern="^([0-9]{13}-[0-9a-f]{8})?$")


class SettingChange(Record):
    """`before` is what PATCH takes to put the setting back."""

    setting: str
    before: JsonValue
    after: JsonValue


class DecisionChange(Record):
    """Whether the two were decided to be one person; null for not decided."""

    source_id: str
    object_id: str
    before: bool | None
    after: bool | None


class HoldChange(Record):
    """The hold on an account; null for none."""

    object_id: str
    before: Hold | None
    after: Hold | None


class LeaverChange(Record):
    """What becomes of a leaver: `wait` (`until` then, if that was decided), `keep` or `delete`; null if unknown."""

    object_id: str
    before: str | None
    after: str | None
    until: Time | None


class ChangeRecord(Record):
    """One change, of settings, of a decision or of a hold, or about a leaver. `domain`: null for one of the tenant.

    `address`: where it came from.
    """

    id: str
    domain: str | None
    at: Time
    by: str
    address: str
    settings: tuple[SettingChange, ...]
    decision: DecisionChange | None
    hold: HoldChange | None
    leaver: LeaverChange | None


class ChangeList(Record):
    changes: list[ChangeRecord]
    cursor: str | None


async def list_changes(call: Call[ChangesQuery, Nothing]) -> ChangeList:
    asked, services = call.query, call.services
    domain = domain_in(asked.domain)
    if domain:
        await kept_domain(services, domain)
    found, cursor = await services.changes.read_page(domain, asked.limit, asked.cursor)
    return ChangeList(changes=[_record(one) for one in found], cursor=cursor)


def _record(one: Recorded) -> ChangeRecord:
    before, after = one.before or {}, one.after or {}
    decided = before | after
    leaver, of_person = decided.get("leaver"), "objectId" in decided
    is_hold = of_person and "until" in decided
    return ChangeRecord(
        id=one.id,
        domain=one.domain,
        at=one.at,
        by=one.by,
        address=one.address,
        settings=() if of_person or leaver else tuple(_settings(before, after)),
        decision=DecisionChange(
            source_id=decided["sourceId"],
            object_id=decided["objectId"],
            before=before.get("same"),
            after=after.get("same"),
        )
        if of_person and not is_hold
        else None,
        hold=HoldChange.model_validate(
            {"objectId": decided["objectId"], "before": one.before, "after": one.after}
        )
        if is_hold
        else None,
        leaver=LeaverChange(
            object_id=leaver, before=before.get("do"), after=after.get("do"), until=after.get("until")
        )
        if leaver
        else None,
    )


def _settings(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[SettingChange]:
    for name in after:
        if before.get(name) != after[name] and name != "unreadable":
            yield SettingChange(setting=name, before=before.get(name), after=after[name])
