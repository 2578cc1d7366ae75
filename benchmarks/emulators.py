"""The cost of the emulators and Azurite themselves, to tell it apart from the cost of the sync.

CPU is that of the emulator's process; wall is the time that a client waits which does nothing else.
"""

from collections.abc import Callable
from itertools import count

import httpx
from azure.storage.blob import BlobServiceClient

from benchmarks.emulated import Emulated, emulated
from benchmarks.measuring import Figures, Stopwatch, repeated
from benchmarks.people import DOMAIN, Person, graph_user
from benchmarks.report import Row, markdown
from shared.entra.batch import BATCH_SIZE
from shared.entra.client import ends_with
from shared.entra.users import PAGE_SIZE
from shared.planning.mapping import UPN, AttributeMap

TITLE = "The emulators themselves"
_MODULE = "benchmarks.emulators"
_HEADERS = {"Authorization": "Bearer emulator", "ConsistencyLevel": "eventual"}
_LISTING = (
    f"/users?$filter={ends_with(UPN, f'@{DOMAIN}')}&$count=true&$select={','.join(AttributeMap.of({}).selected)}"
    f"&$top={PAGE_SIZE}"
)


def rows(users: int = 20_000, batches: int = 100, appends: int = 200, runs: int = 5, **_: bool) -> list[Row]:
    # The quota's clock is so fast that it never limits.
    with emulated(users, users, clock_rate=1000) as tenant:
        numbers = count(users)

        def creates() -> int:
            return _create(tenant, [[next(numbers) for _ in range(BATCH_SIZE)] for _ in range(batches)])

        measured = (
            ("Entra, a page of users", "entra", lambda: _list_entra(tenant)),
            (f"Entra, a batch of {BATCH_SIZE} creates", "entra", creates),
            ("Access Control, a page of users", "access_control", lambda: _list_access_control(tenant)),
            ("Azurite, a block appended to a blob", "azurite", lambda: _append(tenant, appends)),
        )
        found = []
        for what, process, work in measured:
            figures = repeated(runs, lambda: _cost(tenant, process, work))  # noqa: B023 - called here
            found.append(
                Row(what, _MODULE, runs, figures["cpu"], figures["wall"], counts={"calls": figures["calls"]})
            )
        return found


def _cost(tenant: Emulated, process: str, work: Callable[[], int]) -> Figures:
    """Figures per call; `work` returns how many calls it made."""
    before, watch = tenant.begin(), Stopwatch()
    calls = work()
    wall = watch.figures()["wall"]
    return {"cpu": tenant.costs(before)[process] / calls, "wall": wall / calls, "calls": calls}


def _list_entra(tenant: Emulated) -> int:
    with httpx.Client(headers=_HEADERS, timeout=60, trust_env=False) as http:
        link, pages = f"{tenant.stack.graph_url}{_LISTING}", 0
        while link:
            link = http.get(link).raise_for_status().json().get("@odata.nextLink")
            pages += 1
    return pages


def _create(tenant: Emulated, batches: list[list[int]]) -> int:
    with httpx.Client(headers=_HEADERS, timeout=60, trust_env=False) as http:
        for numbers in batches:
            requests = [_post(Person(number)) for number in numbers]
            answer = http.post(f"{tenant.stack.graph_url}/$batch", json={"requests": requests})
            statuses = {one["status"] for one in answer.raise_for_status().json()["responses"]}
            if statuses != {201}:
                raise AssertionError(f"not all created: {statuses}")
    return len(batches)


def _post(person: Person) -> dict[str, object]:
    user = graph_user(person)
    for read_only in ("id", "userType", "onPremisesSyncEnabled"):
        del user[read_only]
    profile = {"password": "Aa1-not-a-secret-at-all", "forceChangePasswordNextSignIn": True}
    body = {**user, "mailNickname": person.username, "passwordProfile": profile}
    headers = {"Content-Type": "application/json"}
    return {"id": person.username, "method": "POST", "url": "/users", "headers": headers, "body": body}


def _list_access_control(tenant: Emulated) -> int:
    settings = tenant.stack.settings
    with httpx.Client(timeout=60, trust_env=False) as http:
        login = (settings["HENNGE_CLIENT_ID"], settings["HENNGE_CLIENT_SECRET"])
        form = {"grant_type": "client_credentials"}
        token = http.post(settings["HENNGE_TOKEN_URL"], auth=login, data=form).json()["access_token"]
        cursor, pages = "", 0
        while True:
            answer = http.get(
                f"{settings['HENNGE_API_URL']}/users",
                params={"cursor": cursor} if cursor else None,
                headers={"Authorization": f"Bearer {token}"},
            )
            cursor = answer.raise_for_status().json().get("cursor", "")
            pages += 1
            if not cursor:
                return pages


def _append(tenant: Emulated, times: int) -> int:
    with BlobServiceClient.from_connection_string(tenant.stack.azurite.connection_string) as storage:
        container = storage.get_container_client("benchmark")
        if not container.exists():
            container.create_container()
        blob = container.get_blob_client("appended")
        blob.create_append_blob()
        for _ in range(times):
            blob.append_block(b"x" * 4096)
    return times


if __name__ == "__main__":
    print(markdown(TITLE, rows()))
