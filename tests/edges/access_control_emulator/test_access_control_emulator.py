"""The Access Control emulator refuses what the API refuses, and breaks when told to."""

import contextlib
import csv
import io
import sys
import time
from collections.abc import AsyncIterator, Mapping

import httpx
import pytest

from local.access_control import AccessControl, Fault, running_access_control
from local.processes import ChildProcess

LOGIN = ("emulator", "emulator-secret")
GRANT = {"grant_type": "client_credentials"}
Seed = Mapping[str, object]


def people(count: int) -> list[dict[str, object]]:
    return [{"username": f"user{number}", "family_name": f"家族{number}"} for number in range(1, count + 1)]


@contextlib.asynccontextmanager
async def emulated(seed: Seed | None = None) -> AsyncIterator[tuple[AccessControl, httpx.AsyncClient]]:
    async with running_access_control(seed) as emulator, httpx.AsyncClient() as http:
        yield emulator, http


async def token(emulator: AccessControl, http: httpx.AsyncClient) -> dict[str, str]:
    answer = await http.post(emulator.token_url, data=GRANT, auth=LOGIN)
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


async def listing(emulator: AccessControl, http: httpx.AsyncClient) -> list[list[str]]:
    """The usernames, page by page."""
    http.headers.update(await token(emulator, http))
    pages: list[list[str]] = []
    cursor = None
    while cursor or not pages:
        answer = await http.get(f"{emulator.url}/users", params={"cursor": cursor} if cursor else {})
        answer.raise_for_status()
        pages.append([item["username"] for item in answer.json()["items"]])
        cursor = answer.json().get("cursor")
    return pages


class TestToken:
    async def test_it_comes_for_the_right_client_and_the_right_grant(self) -> None:
        async with emulated({"tokenLifetime": 60}) as (emulator, http):
            answer = await http.post(emulator.token_url, data=GRANT, auth=LOGIN)

        assert answer.status_code == 200
        assert (answer.json()["token_type"], answer.json()["expires_in"]) == ("Bearer", 60)

    @pytest.mark.parametrize(
        ("options", "status", "error"),
        [
            ({"data": GRANT}, 401, "invalid_client"),
            ({"data": GRANT, "auth": ("emulator", "wrong")}, 401, "invalid_client"),
            ({"data": GRANT, "headers": {"Authorization": "Basic ???"}}, 401, "invalid_client"),
            ({"data": {"grant_type": "password"}, "auth": LOGIN}, 400, "unsupported_grant_type"),
            ({"data": {"scope": "all"}, "auth": LOGIN}, 400, "invalid_request"),
            ({"json": GRANT, "auth": LOGIN}, 400, "invalid_request"),
        ],
    )
    async def test_it_is_refused_otherwise(self, options: dict[str, object], status: int, error: str) -> None:
        async with emulated() as (emulator, http):
            answer = await http.post(emulator.token_url, **options)  # type: ignore[arg-type]

        assert (answer.status_code, answer.json()["error"]) == (status, error)
        assert ("WWW-Authenticate" in answer.headers) == (status == 401)

    @pytest.mark.parametrize("seed", [{"tokenLifetime": 0.001}, {"faults": {"tokenExpiresAfterCalls": 1}}])
    async def test_it_expires(self, seed: Seed) -> None:
        async with emulated(seed) as (emulator, http):
            headers = await token(emulator, http)
            answers = [await http.get(f"{emulator.url}/users", headers=headers) for _ in range(2)]

        assert answers[-1].status_code == 401
        assert answers[-1].headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'

    @pytest.mark.parametrize(
        "headers", [{}, {"Authorization": "Bearer made-up"}, {"Authorization": "Basic x"}]
    )
    async def test_without_one_nobody_is_listed(self, headers: dict[str, str]) -> None:
        async with emulated() as (emulator, http):
            assert (await http.get(f"{emulator.url}/users", headers=headers)).status_code == 401
            assert (await http.get(f"{emulator.url}/users/download/csv", headers=headers)).status_code == 401


class TestListing:
    async def test_every_user_comes_once_page_by_page(self) -> None:
        seed = {"users": people(4), "pageSize": 2}
        async with emulated(seed) as (emulator, http):
            pages = await listing(emulator, http)

            assert pages == [["hdeadmin", "user1"], ["user2", "user3"], ["user4"]]
            assert emulator.requests.count("/20230822/users", status=200) == 3

    async def test_a_page_that_is_exactly_full_is_the_last_one(self) -> None:
        async with emulated({"users": people(3), "pageSize": 4}) as (emulator, http):
            assert len(await listing(emulator, http)) == 1

    async def test_an_item_has_the_documented_fields_in_the_seeds_spelling(self) -> None:
        user = {"username": "aoki", "status": "disabled", "custom_attributes": {"社員番号": "7"}}
        async with emulated({"users": [user], "keys": "Display Name"}) as (emulator, http):
            headers = await token(emulator, http)
            item = (await http.get(f"{emulator.url}/users", headers=headers)).json()["items"][1]

        assert item == {
            "Username": "aoki",
            "Family Name": "",
            "Given Name": "",
            "Display Name": "",
            "User Principal Name": "",
            "Email": "",
            "Status": "disabled",
            "Microsoft Immutable Id": "",
            "Custom Attributes": {"社員番号": "7"},
        }

    @pytest.mark.parametrize(
        ("method", "path", "status"),
        [
            ("GET", "/20230822/users?cursor=made-up", 400),
            ("GET", "/20230822/users?cursor=", 400),
            ("GET", "/20230822/users?limit=5", 400),
            ("POST", "/20230822/users", 405),
            ("GET", "/oauth/token", 405),
            ("GET", "/20230822/groups", 404),
        ],
    )
    async def test_what_the_api_does_not_have_is_refused(self, method: str, path: str, status: int) -> None:
        async with emulated() as (emulator, http):
            headers = await token(emulator, http)
            answer = await http.request(method, emulator.address + path, headers=headers)

        assert answer.status_code == status

    async def test_the_csv_lists_the_same_people(self) -> None:
        seed = {"users": people(2), "csvEncoding": "cp932"}
        async with emulated(seed) as (emulator, http):
            headers = await token(emulator, http)
            answer = await http.get(f"{emulator.url}/users/download/csv", headers=headers)

        rows = list(csv.DictReader(io.StringIO(answer.content.decode("cp932"))))
        assert [row["Username"] for row in rows] == ["hdeadmin", "user1", "user2"]
        assert rows[2]["Family Name"] == "家族2"

    async def test_a_hundred_thousand_users_are_listed(self) -> None:
        async with emulated({"users": people(100_000), "pageSize": 1000}) as (emulator, http):
            pages = await listing(emulator, http)

        assert sum(map(len, pages)) == 100_001


class TestFaults:
    async def first_page(self, fault: Fault) -> httpx.Response:
        async with emulated({"users": people(3), "pageSize": 2}) as (emulator, http):
            headers = await token(emulator, http)
            emulator.faults.add(fault)
            return await http.get(f"{emulator.url}/users", headers=headers)

    async def test_throttled_with_retry_after(self) -> None:
        answer = await self.first_page(Fault(kind="status", status=429, retry_after=7))
        assert (answer.status_code, answer.headers["Retry-After"]) == (429, "7")

    async def test_a_token_that_ends_in_the_middle(self) -> None:
        assert (await self.first_page(Fault(kind="expireToken"))).status_code == 401

    async def test_redirected_to_another_host(self) -> None:
        answer = await self.first_page(Fault(kind="redirect", to="http://127.0.0.1:9/login"))
        assert (answer.status_code, answer.headers["Location"]) == (302, "http://127.0.0.1:9/login")

    async def test_html_with_status_200(self) -> None:
        answer = await self.first_page(Fault(kind="notJson"))
        assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/html")

    async def test_json_that_ends_too_soon(self) -> None:
        with pytest.raises(ValueError, match="Unterminated string"):
            (await self.first_page(Fault(kind="invalidJson"))).json()

    async def test_a_list_that_ends_early(self) -> None:
        body = (await self.first_page(Fault(kind="endsEarly"))).json()
        assert (len(body["items"]), "cursor" in body) == (2, False)

    async def test_an_empty_list(self) -> None:
        assert (await self.first_page(Fault(kind="emptyList"))).json() == {"items": []}

    async def test_a_late_answer(self) -> None:
        began = time.perf_counter()
        await self.first_page(Fault(kind="delay", ms=50))
        assert time.perf_counter() - began >= 0.05

    async def test_a_connection_dropped_without_an_answer(self) -> None:
        with pytest.raises(httpx.RemoteProtocolError):
            await self.first_page(Fault(kind="drop"))

    async def test_a_connection_that_breaks_in_the_middle_of_a_page(self) -> None:
        with pytest.raises(httpx.RemoteProtocolError, match="without sending complete message body"):
            await self.first_page(Fault(kind="cutOff"))

    async def test_the_second_page_fails_once(self) -> None:
        async with emulated({"users": people(3), "pageSize": 2}) as (emulator, http):
            emulator.faults.add(Fault(kind="status", status=500, page=2, count=1))
            with pytest.raises(httpx.HTTPStatusError):
                await listing(emulator, http)
            assert len(await listing(emulator, http)) == 2

    async def test_a_cursor_that_leads_to_the_same_page_again(self) -> None:
        async with emulated({"users": people(5), "pageSize": 2}) as (emulator, http):
            emulator.faults.add(Fault(kind="repeatCursor", page=2, count=1))
            pages = await listing(emulator, http)

        assert pages == [["hdeadmin", "user1"], ["user2", "user3"], ["user2", "user3"], ["user4", "user5"]]

    async def test_the_token_endpoint_fails_too(self) -> None:
        async with emulated() as (emulator, http):
            emulator.faults.add(Fault(kind="status", status=503, call="token", count=1))
            answers = [await http.post(emulator.token_url, data=GRANT, auth=LOGIN) for _ in range(2)]

        assert [answer.status_code for answer in answers] == [503, 200]


class TestControl:
    async def test_people_are_edited_while_it_runs(self) -> None:
        async with emulated({"users": people(2)}) as (emulator, http):
            one = f"{emulator.address}/_emulator/users/"
            await http.patch(f"{one}user1", json={"status": "disabled"})
            await http.put(f"{one}newcomer", json={"display_name": "New"})
            await http.delete(f"{one}user2")

            shown = (await http.get(f"{emulator.address}/_emulator/users")).json()["users"]
            assert [(user["username"], user["status"]) for user in shown] == [
                ("hdeadmin", "enabled"),
                ("user1", "disabled"),
                ("newcomer", "enabled"),
            ]

    async def test_an_edit_that_access_control_would_refuse_changes_nothing(self) -> None:
        async with emulated({"users": people(1)}) as (emulator, http):
            one = f"{emulator.address}/_emulator/users/"
            answers = [
                await http.patch(f"{one}user1", json={"username": "other"}),
                await http.patch(f"{one}user1", json={"status": "gone"}),
                await http.patch(f"{one}nobody", json={}),
                await http.put(f"{one}user1", json={"username": "other"}),
                await http.delete(f"{one}hdeadmin"),
                await http.put(f"{emulator.address}/_emulator/users", json={"users": [{"username": ""}]}),
                await http.put(f"{emulator.address}/_emulator/faults", json={"rules": [{"kind": "?"}]}),
            ]

            assert [answer.status_code for answer in answers] == [400, 400, 404, 400, 400, 400, 400]
            assert "users[0]" in answers[5].json()["error"]
            assert emulator.users["user1"].status == "enabled"

    async def test_faults_and_requests_are_seen_and_set_from_outside(self) -> None:
        async with emulated({"users": people(1)}) as (emulator, http):
            control = f"{emulator.address}/_emulator"
            plan = {"rules": [{"kind": "status", "status": 429, "retryAfter": 1, "count": 1}]}
            assert (await http.put(f"{control}/faults", json=plan)).status_code == 204
            headers = await token(emulator, http)
            await http.get(f"{emulator.url}/users", headers=headers)

            seen = (await http.get(f"{control}/requests")).json()
            assert seen["counts"] == {"POST /oauth/token 200": 1, "GET /20230822/users 429": 1}
            assert (await http.get(f"{control}/faults")).json() == {
                "struck": [{"kind": "status", "count": 1}]
            }
            await http.delete(f"{control}/requests")
            assert (await http.get(f"{control}/requests")).json()["count"] == 0

    async def test_everything_is_replaced_by_another_seed(self) -> None:
        async with emulated({"users": people(5)}) as (emulator, http):
            headers = await token(emulator, http)
            await http.put(f"{emulator.address}/_emulator/seed", json={"users": people(1)})

            assert (await http.get(f"{emulator.url}/users", headers=headers)).status_code == 401
            assert await listing(emulator, http) == [["hdeadmin", "user1"]]


def test_alone_it_prints_its_address_and_serves_until_it_is_told_to_end() -> None:
    command = [sys.executable, "-m", "local.access_control", "--port", "0", "--page-size", "1"]
    with ChildProcess(command) as child:
        url = child.wait_for("^http://127.0.0.1:[0-9]+/20230822$")[0]
        answer = httpx.get(url.replace("/20230822", "/_emulator/health"))

        assert answer.json() == {"status": "ok", "url": url, "users": 1}
        assert child.terminate() == 0
