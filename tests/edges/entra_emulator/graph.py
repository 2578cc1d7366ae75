"""A client of the emulator that adds nothing of its own, and builders of what it sends."""

import contextlib
import ssl
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from local.entra import Entra, running_entra

# The emulator speaks plain HTTP; loading certificates would take longer than most tests here.
NO_CERTIFICATES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
EVENTUAL = {"ConsistencyLevel": "eventual"}
DOMAINS = [
    {"id": "contoso.com", "isDefault": True},
    {"id": "fed.example", "authenticationType": "Federated"},
    {"id": "unverified.example", "isVerified": False},
    {"id": "contoso.onmicrosoft.com"},
]


@dataclass(frozen=True)
class Graph:
    entra: Entra
    http: httpx.AsyncClient

    async def get(self, path: str, *, eventual: bool = False, **headers: str) -> httpx.Response:
        return await self.http.get(path, headers={**(EVENTUAL if eventual else {}), **headers})

    async def post(self, path: str, body: object = None) -> httpx.Response:
        return await self.http.post(path, json=body) if body is not None else await self.http.post(path)

    async def patch(self, path: str, **changes: object) -> httpx.Response:
        return await self.http.patch(path, json=changes)

    async def delete(self, path: str) -> httpx.Response:
        return await self.http.delete(path)

    async def batch(self, *requests: Mapping[str, object]) -> dict[str, Any]:
        """The answers of a batch by id."""
        answer = await self.post("/$batch", {"requests": list(requests)})
        assert answer.status_code == 200, answer.text
        return {response["id"]: response for response in answer.json()["responses"]}

    async def names(self, path: str, *, eventual: bool = False) -> list[str]:
        """The UPNs on one page."""
        answer = await self.get(path, eventual=eventual)
        assert answer.status_code == 200, answer.text
        return [user["userPrincipalName"] for user in answer.json()["value"]]


@contextlib.asynccontextmanager
async def graph(clock_rate: float = 1, **seed: object) -> AsyncIterator[Graph]:
    """A tenant from a seed, with a managed, a federated and an unverified domain."""
    async with (
        running_entra({"domains": DOMAINS, **seed}, clock_rate=clock_rate) as entra,
        httpx.AsyncClient(
            base_url=entra.url, headers={"Authorization": "Bearer any"}, verify=NO_CERTIFICATES
        ) as http,
    ):
        yield Graph(entra, http)


def person(name: str = "a", domain: str = "contoso.com", **properties: object) -> dict[str, object]:
    """One user of a seed."""
    return {"userPrincipalName": f"{name}@{domain}", **properties}


def people(count: int, domain: str = "contoso.com") -> list[dict[str, object]]:
    return [person(f"u{number}", domain) for number in range(count)]


def new_user(name: str = "new", domain: str = "contoso.com", **properties: object) -> dict[str, object]:
    """A body that POST /users accepts on a managed domain."""
    return {
        "accountEnabled": True,
        "displayName": name,
        "mailNickname": "nickname",
        "passwordProfile": {"password": "Correct-Horse-9", "forceChangePasswordNextSignIn": True},
        "userPrincipalName": f"{name}@{domain}",
        **properties,
    }


def batch_item(item_id: str, method: str, url: str, body: object = None, **more: object) -> dict[str, object]:
    item: dict[str, object] = {"id": item_id, "method": method, "url": url, **more}
    if body is not None:
        item |= {"headers": {"Content-Type": "application/json"}, "body": body}
    return item


def refusal(answer: httpx.Response | Mapping[str, Any]) -> tuple[int, str, str | None]:
    """Status, code and the target of the details."""
    if isinstance(answer, httpx.Response):
        status, error = answer.status_code, answer.json()["error"]
    else:
        status, error = answer["status"], answer["body"]["error"]
    return status, error["code"], next((d["target"] for d in error.get("details", [])), None)
