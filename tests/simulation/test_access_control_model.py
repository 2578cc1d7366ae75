"""Access Control in memory answers the app's own client as the emulator does."""

import asyncio
from random import Random

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local.access_control import running_access_control
from local.access_control.users import Keys, User
from shared.clock import Clock
from shared.errors import SourceError
from shared.model.people import People
from shared.source.hennge import HenngeSource
from tests.simulation import access_control as simulated
from tests.simulation.clock import VirtualClock
from tests.simulation.faults import Faults
from tests.simulation.gate import Gate, History
from tests.simulation.loop import Owner, VirtualLoop
from tests.support.people import MAP

TEXT = st.sampled_from(["青木", "Baker", "", "O'Hara", "a@contoso.com"])
PEOPLE = st.lists(
    st.builds(
        User,
        username=st.sampled_from([f"u{number}" for number in range(30)]),
        family_name=TEXT,
        given_name=TEXT,
        display_name=TEXT,
        user_principal_name=st.sampled_from(["", "a@contoso.com", "b@contoso.com"]),
        status=st.sampled_from(["enabled", "disabled", "locked"]),
        immutable_id=TEXT,
    ),
    unique_by=lambda one: one.username,
    max_size=12,
)


async def read(source: HenngeSource) -> object:
    try:
        return list(await source.read(People()))
    except SourceError as error:
        return type(error), str(error)
    finally:
        await source.aclose()


async def from_the_emulator(people: list[User], keys: Keys, page_size: int) -> object:
    seed = {"users": [one.model_dump() for one in people], "keys": keys, "pageSize": page_size}
    async with running_access_control(seed) as there:
        source = HenngeSource(
            token_url=there.token_url, api_url=there.url, client_id="emulator", client_secret="emulator-secret",
            attribute_map=MAP, clock=Clock(),
        )  # fmt: skip
        return await read(source)


def from_memory(people: list[User], keys: Keys, page_size: int) -> object:
    loop = VirtualLoop()

    async def reading() -> object:
        clock = VirtualClock(loop, "seed")
        here = simulated.AccessControl(clock, page_size, keys)
        for one in people:
            here.users.put(one)
        gate = Gate(loop, History(loop), Faults(()), Owner(), "one", Random(0))

        def connect(_seconds: float, _clock: Clock) -> httpx.AsyncBaseTransport:
            return simulated.SimulatedTransport(here, gate)

        source = HenngeSource(
            token_url=simulated.TOKEN_URL, api_url=simulated.API_URL, client_id=simulated.CLIENT,
            client_secret=simulated.SECRET, attribute_map=MAP, clock=clock, connect=connect,
        )  # fmt: skip
        return await read(source)

    return loop.run_until_complete(reading())


@settings(max_examples=25)
@given(people=PEOPLE, page_size=st.integers(1, 5), keys=st.sampled_from(["snake_case", "camelCase"]))
def test_the_same_people_are_read(people: list[User], page_size: int, keys: Keys) -> None:
    there = asyncio.run(from_the_emulator(people, keys, page_size))

    assert from_memory(people, keys, page_size) == there


@pytest.mark.parametrize("secret", ["wrong", ""])
def test_a_wrong_secret_is_refused(secret: str) -> None:
    loop = VirtualLoop()

    async def token() -> int:
        here = simulated.AccessControl(VirtualClock(loop, "seed"), 5, "snake_case")
        request = httpx.Request(
            "POST", simulated.TOKEN_URL, data={"grant_type": "client_credentials"},
            headers=dict(next(httpx.BasicAuth(simulated.CLIENT, secret).auth_flow(httpx.Request("POST", "http://x"))).headers),
        )  # fmt: skip
        return here.answer(request).status_code

    assert loop.run_until_complete(token()) == 401
