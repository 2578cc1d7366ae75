"""Trying out a notification."""

from pydantic import Field

from shared.http.endpoint import Call, Nothing
from shared.log import event
from shared.model.notifications import Delivery
from shared.runs.notifying import try_out
from shared.words import said


class DeliveryView(Delivery):
    """How the message fared. `status`: what the receiver answered, null for no answer. `detail`: `why` in English."""

    detail: str = Field("")


async def try_notification(call: Call[Nothing, Nothing]) -> DeliveryView:
    event("notification.tried", id=call.notification, by=call.author.name, address=call.author.address)
    delivery = await try_out(call.services, call.notification)
    return DeliveryView(**dict(delivery), detail=said(delivery.why))
