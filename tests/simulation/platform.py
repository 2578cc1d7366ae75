"""Azure Functions as function_app.py has it: instances, the timer, the queue with its poison queue, HTTP triggers.

A message is delivered at least once: again at once if its handler raised, after ten minutes if its instance is gone or
stands still, and after five tries it goes to the poison queue. Outputs are sent after the handler has returned.
"""

import asyncio
import base64
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any, cast

import azure.functions as func
import orjson

from shared.http.endpoint import AnyEndpoint
from shared.runs import hourly, messages, orders
from shared.services import Network, Services
from shared.settings import Settings
from shared.store.account import Account
from tests.simulation.access_control import SimulatedTransport
from tests.simulation.blobs import SimulatedAccount
from tests.simulation.clock import VirtualClock
from tests.simulation.gate import Gate
from tests.simulation.graph import PERFORMING, Performing, SimulatedWire
from tests.simulation.loop import Owner
from tests.simulation.outside import Outside

_REDELIVERED_AFTER = 600.0
# Two administrators, as App Service authentication names them.
FIRST, SECOND = "first@contoso.com", "second@contoso.com"
_PRINCIPALS = {
    name: base64.b64encode(
        orjson.dumps(
            {
                "claims": [
                    {"typ": "oid", "val": f"id of {name}"},
                    {"typ": "preferred_username", "val": name},
                    {"typ": "roles", "val": "Sync.Administrator"},
                ]
            }
        )
    ).decode()
    for name in (FIRST, SECOND)
}
Send = Callable[[str], None]
Work = Callable[[Services, Send], Coroutine[Any, Any, Any]]


class Instance(Owner):
    """One worker process of the app, with services and a clock of its own."""

    def __init__(self, outside: Outside, settings: Settings, name: str, wrong_by: float) -> None:
        super().__init__()
        self.name = name
        self.wrong_by = wrong_by
        gate = Gate(outside.loop, outside.history, outside.faults, self, name, outside.chance)
        clock = VirtualClock(outside.loop, f"{outside.seed} {name}", wrong_by)
        self.services = Services(
            settings,
            clock,
            Network(
                storage=lambda _: cast("Account", SimulatedAccount(outside.tables, outside.blobs, gate)),
                graph=lambda *_: SimulatedWire(outside.entra, gate),
                access_control=lambda *_: SimulatedTransport(outside.access_control, gate),
            ),
        )


@dataclass(slots=True)
class Message:
    body: str
    tries: int = 0


class Platform:
    def __init__(
        self,
        outside: Outside,
        settings: Mapping[str, str],
        clocks: tuple[float, ...],
        begins: Callable[[Performing], None],
    ) -> None:
        self._outside = outside
        self._begins = begins
        self._settings = Settings.from_environment(settings)
        self._chance = Random(f"{outside.seed} platform")
        self._made = 0
        self.kills = 0
        self._instances = [self._new(wrong_by) for wrong_by in clocks]

    def _new(self, wrong_by: float) -> Instance:
        self._made += 1
        return Instance(self._outside, self._settings, f"instance-{self._made}", wrong_by)

    def _any(self) -> Instance:
        """An instance that takes work; a new one in place of one that is gone."""
        number = self._chance.randrange(len(self._instances))
        if self._instances[number].dead:
            self.kills += 1
            self._instances[number] = self._new(self._instances[number].wrong_by)
        return self._instances[number]

    def deliver(self, domain: str, run_id: str) -> None:
        """A message that was sent before."""
        self._send(Message(messages.message(domain, run_id)))

    async def tick(self, *, past_due: bool = False) -> None:
        """The timer; not again if the instance is gone."""

        async def work(services: Services, send: Send) -> None:
            for body in (await hourly.tick(services, past_due=past_due)).messages:
                send(body)

        await self._work(work)

    async def call(
        self,
        endpoint: AnyEndpoint,
        place: Mapping[str, str],
        body: Mapping[str, Any],
        query: Mapping[str, str] | None = None,
        by: str = FIRST,
    ) -> dict[str, Any] | None:
        """The JSON of a good answer to an HTTP request; None for any other, and for none."""
        request = func.HttpRequest(
            endpoint.method,
            f"https://app.example/api/{endpoint.route}",
            headers={"Content-Type": "application/json", "X-MS-CLIENT-PRINCIPAL": _PRINCIPALS[by]},
            params=dict(query or {}),
            route_params=dict(place),
            body=orjson.dumps(body),
        )

        async def work(services: Services, send: Send) -> func.HttpResponse:
            return await endpoint(services, request, send)

        answer = await self._work(work)
        if answer is None:
            return None
        self._outside.history.note("http", f"{endpoint.method} {endpoint.route} {answer.status_code}")
        return orjson.loads(answer.get_body()) if answer.status_code < 300 else None

    async def _work(self, work: Work) -> Any:
        """The result of one trigger on some instance; None if the instance is gone. Its outputs are sent then."""
        instance, sent = self._any(), list[str]()
        task = self._outside.loop.start(work(instance.services, sent.append), instance)
        await asyncio.wait([task, instance.death], return_when=asyncio.FIRST_COMPLETED)
        if not task.done() or instance.dead:
            return None
        for body in sent:
            self._send(Message(body))
        return task.result()

    def _send(self, message: Message) -> None:
        """Between the handler's end and the queue a message may be lost, doubled or late."""
        fault = self._outside.faults.next("queue")
        kind = fault.kind if fault else ""
        self._outside.history.note("queue", f"{message.body} {kind}")
        if kind == "lost":
            return
        for _ in range(2 if kind == "twice" else 1):
            self._outside.loop.start(
                self._delivered(Message(message.body), fault.seconds if fault and kind == "slow" else 0.0)
            )

    async def _delivered(self, message: Message, after: float) -> None:
        await asyncio.sleep(after + self._chance.uniform(0.05, 2.0))
        while message.tries < messages.MOST_TRIES:
            message.tries += 1
            if await self._tried(message, self._perform):
                return
        self._outside.history.note("queue", f"poison {message.body}")
        message.tries = 0
        while message.tries < messages.MOST_TRIES:
            message.tries += 1
            if await self._tried(message, self._give_up):
                return

    async def _tried(
        self, message: Message, handle: Callable[[Services, Message, Send], Coroutine[Any, Any, None]]
    ) -> bool:
        """Whether the message is done with. Returns when it is to be delivered again."""
        instance, sent = self._any(), list[str]()
        task = self._outside.loop.start(handle(instance.services, message, sent.append), instance)
        began = self._outside.loop.time()
        while not task.done():
            # The host renews a message while it is worked on, and can't while it stands still.
            await asyncio.wait(
                [task, instance.death], timeout=_REDELIVERED_AFTER, return_when=asyncio.FIRST_COMPLETED
            )
            if instance.dead or (instance.frozen and not task.done()):
                left = began + _REDELIVERED_AFTER - self._outside.loop.time()
                await asyncio.sleep(max(0.0, left))
                return False
        if error := task.exception():
            self._outside.history.note("queue", f"failed {message.body} {type(error).__name__}: {error}")
            return False
        for body in sent:
            self._send(Message(body))
        return True

    async def _perform(self, services: Services, message: Message, send: Send) -> None:
        self._performs(message, begins=True)
        body = message.body.encode()
        for one in (await orders.perform(services, body, redelivered=message.tries > 1)).messages:
            send(one)

    async def _give_up(self, services: Services, message: Message, send: Send) -> None:
        self._performs(message, begins=False)
        for one in (await orders.give_up(services, message.body.encode())).messages:
            send(one)

    def _performs(self, message: Message, *, begins: bool) -> None:
        """From here on all of this task is done for the run that the message names."""
        order = messages.read_message(message.body.encode())
        if isinstance(order, messages.RunMessage):
            performing = Performing(order.domain, order.run_id, self._outside.loop.time())
            PERFORMING.set(performing)
            if begins:
                self._begins(performing)
