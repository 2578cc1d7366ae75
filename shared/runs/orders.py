"""What a message of the queue of runs asks for, done; or given up, where the host has set the message aside."""

from dataclasses import dataclass

from shared.runs import hourly, invocation, lifecycle, reading
from shared.runs.messages import HourMessage, ReadingMessage, outbox_message, read_message
from shared.services import Services


@dataclass(frozen=True, slots=True)
class Follows:
    """What is to be sent then. `messages`: to the queue of runs; `outbox`: to that of the outboxes."""

    messages: list[str]
    outbox: list[str]


async def perform(services: Services, body: bytes, *, redelivered: bool = False) -> Follows:
    """`redelivered`: an invocation for the same message has failed."""
    order = read_message(body)
    if order is None:
        return Follows([], [])
    if isinstance(order, ReadingMessage):
        return _of_reading(await reading.perform_reading(services, order.reading))
    if isinstance(order, HourMessage):
        return Follows(await hourly.after_reading(services, order.hour), [])
    ended = await invocation.perform(services, order.domain, order.run_id, redelivered=redelivered)
    has_word = isinstance(ended, invocation.Finished) and ended.has_messages
    sent = invocation.to_send(ended, order)
    if redelivered:
        sent += await reading.messages_again(services)
    return Follows(list(dict.fromkeys(sent)), [outbox_message(order.domain)] if has_word else [])


async def give_up(services: Services, body: bytes) -> Follows:
    order = read_message(body)
    if order is None:
        return Follows([], [])
    if isinstance(order, ReadingMessage):
        return _of_reading(await reading.give_up_reading(services, order.reading))
    if isinstance(order, HourMessage):
        return Follows(await hourly.after_reading(services, order.hour, compare=False), [])
    has_word = await lifecycle.give_up(services, order.domain, order.run_id)
    return Follows(await reading.messages_again(services), [outbox_message(order.domain)] if has_word else [])


def _of_reading(ended: reading.Ended) -> Follows:
    return Follows(ended.messages, [outbox_message("")] if ended.has_word else [])
