"""Access Control's API: everybody, or an error that names the call. Never a part."""

import contextlib
from collections.abc import AsyncIterator

import httpx
import pytest

from local.access_control import AccessControl, Fault, running_access_control
from shared.clock import Clock
from shared.errors import SourceError
from shared.model.people import People
from shared.planning.mapping import AttributeMap
from shared.source.hennge import TRIES, HenngeSource, json_object
from shared.words import said
from tests.support.errors import english, raises
from tests.support.people import MAP, source_user, values

SECRET = "emulator-secret"


def person(name: str, **fields: object) -> dict[str, object]:
    """Somebody who reads as `source_user(f"{name}@contoso.com")`."""
    return {
        "username": name,
        "user_principal_name": f"{name}@contoso.com",
        "display_name": "青木 花子",
        "given_name": "花子",
        "family_name": "青木",
        **fields,
    }


@contextlib.asynccontextmanager
async def source(
    *people: dict[str, object], secret: str = SECRET, attribute_map: AttributeMap = MAP, **seed: object
) -> AsyncIterator[tuple[AccessControl, HenngeSource]]:
    async with running_access_control({"users": list(people), **seed}) as access_control:
        reading = HenngeSource(
            token_url=access_control.token_url,
            api_url=access_control.url,
            client_id="emulator",
            client_secret=secret,
            attribute_map=attribute_map,
            clock=Clock(),
        )
        try:
            yield access_control, reading
        finally:
            await reading.aclose()


async def complaint(reading: HenngeSource) -> str:
    with pytest.raises(SourceError) as raised:
        await reading.read(People())
    assert SECRET not in english(raised.value)
    return english(raised.value)


@pytest.mark.parametrize("keys", ["snake_case", "camelCase", "Display Name"])
async def test_everybody_comes_whatever_spelling_the_keys_have_and_without_hdeadmin(keys: str) -> None:
    async with source(person("aoki"), person("baba", immutable_id="K"), keys=keys) as (_, reading):
        users = await reading.read(People())

    assert users == [
        source_user("aoki@contoso.com", values=values(nickname="aoki")),
        source_user("baba@contoso.com", immutable_id="K", values=values(nickname="baba")),
    ]


async def test_every_page_is_read_to_the_last() -> None:
    people = [person(f"u{number}") for number in range(25)]
    async with source(*people, pageSize=10) as (_, reading):
        users = await reading.read(People())

    assert [user.source_id for user in users] == [f"u{number}" for number in range(25)]


async def test_a_token_that_expires_between_two_pages_is_renewed() -> None:
    async with source(person("a"), person("b"), person("c"), pageSize=2) as (access_control, reading):
        access_control.faults.plan.rules.append(Fault(kind="expireToken", page=2, count=1))
        users = await reading.read(People())

    assert len(users) == 3


async def test_a_token_is_used_for_as_long_as_it_lives() -> None:
    async with source(*(person(f"u{number}") for number in range(9)), pageSize=2) as (
        access_control,
        reading,
    ):
        await reading.read(People())
        tokens = [call for call in access_control.requests.calls if call.path == "/oauth/token"]

    assert len(tokens) == 1


async def test_a_token_that_is_refused_again_at_once_ends_it() -> None:
    async with source(person("a")) as (access_control, reading):
        access_control.faults.plan.rules.append(Fault(kind="expireToken"))
        said = await complaint(reading)

    assert "GET users answered 401" in said


async def test_a_wrong_secret_is_said_with_the_settings_to_check() -> None:
    async with source(person("a"), secret="wrong") as (_, reading):
        said = await complaint(reading)

    assert said.startswith("Access Control: POST token answered 401")
    assert "HENNGE_CLIENT_SECRET" in said


@pytest.mark.parametrize("status", [429, 500, 503])
@pytest.mark.parametrize("call", ["token", "users"])
async def test_a_call_that_fails_for_now_is_tried_again(call: str, status: int) -> None:
    failing = {"kind": "status", "call": call, "status": status, "retryAfter": 0, "count": TRIES - 1}
    async with source(person("a")) as (access_control, reading):
        access_control.faults.plan.rules.append(Fault.model_validate(failing))
        users = await reading.read(People())

    assert len(users) == 1


async def test_a_call_that_keeps_failing_is_an_error_that_names_it() -> None:
    async with source(person("a"), person("b"), pageSize=2) as (access_control, reading):
        access_control.faults.plan.rules.append(Fault(kind="status", status=503, page=2, retry_after=0))
        said = await complaint(reading)

    assert "GET users (next page) answered 503" in said


@pytest.mark.parametrize("kind", ["drop", "cutOff"])
async def test_a_connection_that_breaks_is_tried_again(kind: str) -> None:
    async with source(person("a")) as (access_control, reading):
        access_control.faults.plan.rules.append(Fault.model_validate({"kind": kind, "count": 1}))
        users = await reading.read(People())

    assert len(users) == 1


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("invalidJson", "GET users answered what is not JSON"),
        ("notJson", "GET users answered what is not JSON"),
        ("redirect", "GET users answered 302"),
        ("emptyList", "no user at all"),
    ],
)
async def test_whatever_is_not_plainly_a_page_of_users_is_an_error(kind: str, said: str) -> None:
    async with source(person("a")) as (access_control, reading):
        access_control.faults.plan.rules.append(Fault.model_validate({"kind": kind}))

        assert said in await complaint(reading)


async def test_half_a_character_is_read_and_belongs_to_one_person() -> None:
    async with source(person("a"), person("b", family_name="x\ud800")) as (_, reading):
        one, other = await reading.read(People())

    assert (one.problem, one.source_id) == ((), "a")
    assert said(other.problem).startswith("Family name has U+D800 as its character 2, ")


@pytest.mark.parametrize("content", [b'{"items": [NaN]}', b"[" * 100_000, b'{"items": "\xff"}', b"9" * 5_000])
def test_what_python_takes_for_json_and_is_none_is_refused(content: bytes) -> None:
    answer = httpx.Response(200, content=content)

    with raises(SourceError, match="not JSON"):
        json_object("GET users", answer)


async def test_a_cursor_that_comes_twice_is_an_error() -> None:
    async with source(*(person(f"u{number}") for number in range(9)), pageSize=2) as (
        access_control,
        reading,
    ):
        access_control.faults.plan.rules.append(Fault(kind="repeatCursor", page=2))
        said = await complaint(reading)

    assert "a second time" in said


async def test_the_health_check_reads_one_page() -> None:
    async with source(*(person(f"u{number}") for number in range(9)), pageSize=2) as (
        access_control,
        reading,
    ):
        await reading.check()
        pages = [call for call in access_control.requests.calls if call.path.endswith("/users")]

    assert len(pages) == 1


async def test_a_mapped_field_that_only_some_have_is_empty_for_the_others() -> None:
    attribute_map = AttributeMap.of({"department": "custom_attributes.department"})
    people = person("aoki"), person("baba", custom_attributes={"department": "営業部"})

    async with source(*people, attribute_map=attribute_map) as (_, reading):
        aoki, baba = await reading.read(People())

    assert (aoki.values[-1], baba.values[-1]) == (None, "営業部")
