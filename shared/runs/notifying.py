"""Sends what waits in the outbox. No run imports this: a slow receiver keeps no run waiting.

A message is claimed, sent, and then removed. If the sender dies in between, it is sent again, with the same id, once
the claim has run out. What a receiver does not take is tried again for 24 hours: first by the queue, then each hour.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import orjson
from standardwebhooks import Webhook

from shared.errors import NotificationNotFound, NotReceived
from shared.log import event
from shared.model.notifications import Delivery, Happening, Notification
from shared.model.parts import parts_of
from shared.reports.logged import error_text
from shared.reports.messages import message
from shared.runs.digests import due, write_due
from shared.services import Services
from shared.store.outbox import Waiting

LIFETIME = timedelta(hours=24)
# The runs that the timer has queued wait for this long at most.
HOUR_SECONDS = 10.0
# Longer than a receiver is waited for, and shorter than the host waits with a dead worker's message.
_BUSY = timedelta(minutes=1)


class NotDelivered(Exception):
    """Some receivers have not taken their messages: the host is to deliver the queue's message again."""


async def deliver(services: Services, domain: str) -> None:
    """Sends what waits about a domain, or about the tenant (empty). Raises NotDelivered if something still waits."""
    stored = (await services.tenant_settings.read()).readable.notifications or ()
    if not domain:
        await write_due(services, stored)
    waiting = await services.outbox.read(domain)
    receivers = {one.id: one for one in stored}
    each = {one.to: [other for other in waiting if other.to == one.to] for one in waiting}
    heads = await services.integrity.read_heads(domain) if waiting else {}
    # Each receiver gets its messages in order, and none waits for another's.
    done = await asyncio.gather(
        *(_all_to(services, receivers.get(to), its, heads) for to, its in each.items())
    )
    if not all(done):
        raise NotDelivered(f"not every receiver has taken what there is to tell of {domain or 'the tenant'}")


async def hour(services: Services) -> list[str]:
    """The domains about which something waits; empty is the tenant. What keeps this from being known is logged."""
    try:
        async with asyncio.timeout(HOUR_SECONDS):
            stored = (await services.tenant_settings.read()).readable.notifications
            if not stored:
                return []
            domains = ["", *await services.domains.read_all()]
            empty = await asyncio.gather(*map(services.outbox.is_empty, domains))
            if await due(services, stored):
                empty[0] = False
    except Exception as error:  # the runs that the timer has queued must still get their messages
        event("notification.notSwept", logging.ERROR, error=f"{type(error).__name__}: {error_text(error)}")
        return []
    return [domain for domain, nothing in zip(domains, empty, strict=True) if not nothing]


async def try_out(services: Services, name: str) -> Delivery:
    """Sends a message that only says that it is a test. Raises NotificationNotFound."""
    stored = (await services.tenant_settings.read()).readable.notifications or ()
    notification = next((one for one in stored if one.id == name), None)
    if notification is None:
        raise NotificationNotFound("notification.unknown", id=repr(name))
    clock = services.clock
    happening = Happening(event="test", about=clock.token(8), at=clock.now())
    return await _send(services, notification, happening, await services.integrity.read_heads(""))


async def _all_to(
    services: Services, receiver: Notification | None, waiting: Sequence[Waiting], heads: Mapping[str, str]
) -> bool:
    """Whether nothing is left for this receiver. Stops at the first message that it does not take."""
    for one in waiting:
        now = services.clock.now()
        if receiver is None or now - one.happening.at > LIFETIME:
            await services.outbox.remove(one)
            event("notification.givenUp", logging.WARNING, **_facts(one.to, one.happening), tries=one.tries)
            continue
        busy = one.busy_until and one.busy_until > now
        if busy or not await services.outbox.claim(one, now + _BUSY):
            return False
        delivery = await _send(services, receiver, one.happening, heads)
        if not delivery.delivered:
            await services.outbox.give_back(one, services.clock.now())
            return False
        await services.outbox.remove(one)
    return True


async def _send(
    services: Services, to: Notification, happening: Happening, heads: Mapping[str, str]
) -> Delivery:
    name, began = happening.id_for(to.id), services.clock.monotonic()
    status, refused = None, None
    try:
        status = await _posted(services, to, happening, name, heads)
    except NotReceived as error:
        refused = error
        status = int(str(error.parameters["answer"])) if "answer" in error.parameters else None
    delivery = Delivery(
        id=name,
        delivered=refused is None,
        status=status,
        milliseconds=round((services.clock.monotonic() - began) * 1000),
        why=parts_of(refused) if refused else (),
    )
    told = {**_facts(to.id, happening), "id": name, "status": status, "milliseconds": delivery.milliseconds}
    if refused:
        event("notification.failed", logging.WARNING, **told, error=error_text(refused))
    else:
        event("notification.sent", **told)
    return delivery


async def _posted(
    services: Services, to: Notification, happening: Happening, name: str, heads: Mapping[str, str]
) -> int:
    settings = services.settings
    body = orjson.dumps(message(to, happening, settings.base_url, settings.language, heads))
    headers = {"Content-Type": "application/json", "User-Agent": "hennge-entra-sync"}
    if to.kind == "webhook":
        headers = {**headers, "Content-Type": "application/cloudevents+json"}
        headers |= _signed(to, name, body, services.clock.now())
    return await services.receivers.post(to.address, body, headers)


def _signed(to: Notification, name: str, body: bytes, now: datetime) -> dict[str, str]:
    """The headers of Standard Webhooks, with a signature for each secret."""
    signatures = [
        Webhook(secret.get_secret_value()).sign(name, now, body.decode()) for secret in to.secrets or ()
    ]
    signed = {"webhook-signature": " ".join(signatures)} if signatures else {}
    return {"webhook-id": name, "webhook-timestamp": str(int(now.timestamp())), **signed}


def _facts(to: str, happening: Happening) -> dict[str, Any]:
    return {"notification": to, "happening": happening.event, "domain": happening.domain}
