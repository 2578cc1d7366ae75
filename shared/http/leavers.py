"""Leavers in stages: who waits, until when, and what an administrator decides about one of them."""

from collections.abc import Mapping
from typing import Literal, Self

import azure.functions as func
from pydantic import AwareDatetime, Field, model_validator

from shared.http.domains import domain_to_read, kept_domain
from shared.http.endpoint import AnyCall, Call, Nothing
from shared.http.pausing import require_ahead
from shared.http.problems import json
from shared.http.runs import started
from shared.model.bad_value import BadValue
from shared.model.leavers import Leaver
from shared.model.pause import LONGEST_PAUSE
from shared.model.records import Record
from shared.reports.leavers import LeaverView, in_order, leaver_view
from shared.runs import leaving


class LeaverList(Record):
    leavers: list[LeaverView]


class LeaverOrder(Record):
    """`delete`: starts a sync of this account alone. `keep`: never deleted. `wait`: `until` then, also who was kept."""

    do: Literal["delete", "keep", "wait"]
    until: AwareDatetime | None = Field(
        None, description=f"With `wait`: at most {LONGEST_PAUSE.days} days ahead."
    )

    @model_validator(mode="after")
    def _until_with_wait(self) -> Self:
        if (self.until is None) is (self.do == "wait"):
            raise BadValue("leavers.untilWithWait")
        return self


async def list_all_leavers(call: Call[Nothing, Nothing]) -> LeaverList:
    return _list(call, await leaving.read_waiting(call.services))


async def list_leavers(call: Call[Nothing, Nothing]) -> LeaverList:
    await kept_domain(call.services, call.domain)
    return _list(call, await leaving.read_waiting(call.services, call.domain))


async def decide_about_leaver(call: Call[Nothing, LeaverOrder]) -> func.HttpResponse:
    services, account, order = call.services, call.object_id, call.body
    if order.do == "delete":
        domain = await domain_to_read(services, call.domain)
        return await started(call, leaving.start_deletion(services, domain, account, call.author))
    await kept_domain(services, call.domain)
    if order.until is None:
        row = await leaving.keep(services, call.domain, account, call.author)
    else:
        require_ahead("until", order.until, services.clock.now())
        row = await leaving.wait(services, call.domain, account, order.until, call.author)
    return json(leaver_view(account, row, services.clock.now()))


def _list(call: AnyCall, rows: Mapping[str, Leaver | None]) -> LeaverList:
    return LeaverList(leavers=in_order(rows, call.services.clock.now()))
