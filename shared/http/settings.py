"""The tenant's settings: which are in force, where each comes from, and changing the stored ones."""

from typing import Generic, Self, TypeVar

import azure.functions as func
from pydantic import Field, model_validator
from pydantic.alias_generators import to_camel

from shared.errors import NotReceived
from shared.http.any_subset import AnySubset
from shared.http.endpoint import AnyCall, Call, Nothing
from shared.http.pausing import with_pause
from shared.http.problems import Problem, json
from shared.log import event
from shared.model.bad_value import BadValue
from shared.model.domains import StoredSettings
from shared.model.notifications import MASK, Notification
from shared.model.parts import parts_of
from shared.model.records import Record, Time
from shared.planning.mapping import DEFAULT_MAP
from shared.planning.scope import Scope
from shared.planning.tenant_settings import Origin, TenantSettings, in_force

T = TypeVar("T")


class Shown(Record, Generic[T]):
    """`value` is in force, and comes `from` there. It is null where nothing is set, or what is stored can't be read."""

    value: T | None
    origin: Origin = Field(serialization_alias="from")


class MapSetting(Shown[dict[str, str | None]]):
    pass


class ListSetting(Shown[tuple[str, ...]]):
    pass


class TextSetting(Shown[str]):
    pass


class TimeSetting(Shown[Time]):
    pass


class ScopeSetting(Shown[Scope]):
    pass


class NotificationsSetting(Shown[tuple[Notification, ...]]):
    pass


class ScheduleView(Record):
    """When periodic syncs start: the app setting as it is written, in UTC, and the next times.

    `everySeconds` is null where the times are not equally far apart.
    """

    expression: str
    every_seconds: int | None
    next: tuple[Time, ...]


class TenantSettingsView(Record):
    """`attributeMap` stands on top of `defaultMap`; `protectedUsers` are those of the app setting and the stored ones.

    `unreadable` names settings whose stored value can't be read: no sync runs until they are set again.
    """

    attribute_map: MapSetting
    usage_location: TextSetting
    protected_users: ListSetting
    foreign_domains: ListSetting
    sign_in: TextSetting
    upn_from: TextSetting
    scope: ScopeSetting
    paused_until: TimeSetting
    pause_reason: TextSetting
    notifications: NotificationsSetting
    default_map: dict[str, str | None]
    unreadable: tuple[str, ...]
    schedule: ScheduleView


class TenantSettingsChange(TenantSettings, AnySubset):
    """Any subset of the settings, at least one; null returns to the app setting."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        self.require_fitting()
        return self


async def get_settings(call: Call[Nothing, Nothing]) -> func.HttpResponse:
    return _answer(call, await call.services.tenant_settings.read())


async def change_settings(call: Call[Nothing, TenantSettingsChange]) -> func.HttpResponse:
    changes = with_pause(call.body.changes, call.services.clock.now())
    try:
        for one in call.body.notifications or ():
            if one.address not in ("", MASK):
                await call.services.receivers.check(one.address)
        before, after = await call.services.tenant_settings.change(
            changes, call.author, call.headers.get("If-Match")
        )
    except (BadValue, NotReceived) as error:
        why = parts_of(error)
        raise Problem(400, "Bad body", why, errors=[("notifications", why)]) from None
    event(
        "settings.changed",
        by=call.author.name,
        address=call.author.address,
        before=before.told(),
        after=after.told(),
    )
    return _answer(call, after)


def _answer(call: AnyCall, stored: StoredSettings[TenantSettings]) -> func.HttpResponse:
    values, origins = in_force(call.services.settings.tenant, stored.readable)
    shown: dict[str, object] = {
        name: {"value": getattr(values, name), "origin": origin} for name, origin in origins.items()
    }
    if values.sign_in is None:  # an attribute map of an earlier version may say it
        implied = call.services.settings.terms(stored.readable).sign_in_mode
        shown["sign_in"] = {"value": implied, "origin": origins["sign_in"]}
    shown |= {name: {"value": None, "origin": "stored"} for name in stored.unreadable}
    unreadable = tuple(map(to_camel, stored.unreadable))
    schedule, now = call.services.settings.schedule, call.services.clock.now()
    every = schedule.interval(now)
    times = ScheduleView(
        expression=str(schedule),
        every_seconds=round(every.total_seconds()) if every else None,
        next=tuple(schedule.times_after(now, 3)),
    )
    rest = {"default_map": DEFAULT_MAP, "unreadable": unreadable, "schedule": times}
    view = TenantSettingsView.model_validate({**shown, **rest})
    return json(view, headers={"ETag": stored.etag})
