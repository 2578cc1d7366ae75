"""The gate: every operation of an instance on another service passes it, and there it goes wrong."""

import asyncio
import hashlib
from collections.abc import Callable
from random import Random
from typing import TypeVar

from tests.simulation.faults import Fault, Faults, Service
from tests.simulation.loop import Owner, VirtualLoop, of_the_world

T = TypeVar("T")
# An SDK or a client gives up after so long without an answer.
PATIENCE = 20.0


class NoAnswer(Exception):
    """No answer came. It says nothing about whether the operation took effect."""


class Struck(Exception):
    """The service answers with what the fault says."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.kind)
        self.fault = fault


class History:
    """Every operation and log line in order, as one hash; the last lines are kept for a story."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop
        self._hash = hashlib.sha256()
        self.lines: list[str] = []

    def note(self, who: str, what: str) -> None:
        line = f"{self._loop.time():.3f} {who} {what}"
        self._hash.update(line.encode() + b"\n")
        self.lines.append(line)

    def weigh(self, content: bytes) -> None:
        """What is sent belongs to the history, too, and would fill a story."""
        self._hash.update(content)

    @property
    def digest(self) -> str:
        return self._hash.hexdigest()


class Gate:
    """The gate of one instance."""

    def __init__(
        self, loop: VirtualLoop, history: History, faults: Faults, owner: Owner, name: str, chance: Random
    ) -> None:
        self._loop = loop
        self._history = history
        self._faults = faults
        self._owner = owner
        self._name = name
        self._chance = chance

    def weigh(self, content: bytes) -> None:
        self._history.weigh(content)

    async def through(self, service: Service, what: str, effect: Callable[[], T]) -> T:
        """The result of the operation. Raises NoAnswer, Struck, and what `effect` raises."""
        fault = self._faults.next(service, what)
        await self._loop.after(self._chance.uniform(0.002, 0.04))
        if fault is None:
            return self._do(service, what, effect)
        self._history.note("fault", f"{fault.kind} at {service} {what} of {self._name}")
        match fault.kind:
            case "killed":
                await self._die()
            case "lost":
                await asyncio.sleep(PATIENCE)
                raise NoAnswer(what)
            case "late":
                self._loop.call_later(
                    fault.seconds, self._unwatched, service, what, effect, context=of_the_world()
                )
                await asyncio.sleep(PATIENCE)
                raise NoAnswer(what)
            case "slow":
                await asyncio.sleep(fault.seconds)
                return self._do(service, what, effect)
            case "unheard":
                self._unwatched(service, what, effect)
                await asyncio.sleep(PATIENCE)
                raise NoAnswer(what)
            case "twice":
                self._unwatched(service, what, effect)
                await asyncio.sleep(1)
                return self._do(service, what, effect)
            case "killedAfter":
                self._unwatched(service, what, effect)
                await self._die()
            case "frozen":
                return await self._frozen(fault.seconds, service, what, effect)
        raise Struck(fault)

    def _do(self, service: Service, what: str, effect: Callable[[], T]) -> T:
        try:
            result = effect()
        except Exception as error:
            self._history.note(self._name, f"{service} {what} {type(error).__name__}: {error}")
            raise
        self._history.note(self._name, f"{service} {what}")
        return result

    def _unwatched(self, service: Service, what: str, effect: Callable[[], object]) -> None:
        """Its answer goes to nobody."""
        try:
            self._do(service, what, effect)
        except Exception as error:
            self._history.note(self._name, f"{service} {what} unheard {type(error).__name__}")

    async def _frozen(self, seconds: float, service: Service, what: str, effect: Callable[[], T]) -> T:
        result = self._do(service, what, effect)
        self._owner.frozen = True
        self._loop.call_later(seconds, self._loop.thaw, self._owner, context=of_the_world())
        await asyncio.sleep(0)
        return result

    async def _die(self) -> None:
        self._history.note(self._name, "is killed")
        self._loop.kill(self._owner)
        await asyncio.Future()
