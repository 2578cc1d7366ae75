"""Parsing Graph's answers: orjson and small records, compared with msgraph-sdk's models and page iterator."""

import asyncio
from collections.abc import Iterator, Sequence
from itertools import islice

import orjson

from benchmarks.measuring import Figures, Stopwatch, in_fresh_process, peak_mb, repeated
from benchmarks.people import graph_user, people
from benchmarks.report import Row, Target, markdown, times_less
from shared.entra.client import page_items
from shared.entra.users import PAGE_SIZE
from shared.planning.mapping import AttributeMap

TITLE = "Parsing"
_MODULE = "benchmarks.parsing"
_ORIGIN = "https://graph.microsoft.com/v1.0"


def rows(users: int = 100_000, sdk_users: int = 1_000, runs: int = 5, full: bool = False) -> list[Row]:
    """The SDK is measured on fewer users unless `full`: at 100,000 one run takes minutes."""
    sdk_users, sdk_runs = (users, 1) if full else (sdk_users, runs)
    ours = repeated(runs, lambda: in_fresh_process(with_orjson, users))
    sdk = repeated(sdk_runs, lambda: in_fresh_process(with_the_sdk, sdk_users))
    each, sdk_each = ours["cpu"] / users, sdk["cpu"] / sdk_users
    return [
        Row(
            f"{users:,} users into records",
            _MODULE,
            runs,
            ours["cpu"],
            ours["wall"],
            ours["peak"],
            {"µs of CPU per user": each * 1e6},
            times_less(sdk_each, each, "CPU per user", "msgraph-sdk"),
            (Target("≥ 500× less CPU than the SDK's models", sdk_each / each >= 500),),
        ),
        Row(
            f"baseline: {sdk_users:,} users with msgraph-sdk's models and page iterator",
            _MODULE,
            sdk_runs,
            sdk["cpu"],
            sdk["wall"],
            sdk["peak"],
            {"µs of CPU per user": sdk_each * 1e6},
        ),
    ]


def pages(count: int) -> list[bytes]:
    """Graph's answers, one per page."""
    everybody = map(graph_user, people(count))
    return list(_pages(everybody, -(-count // PAGE_SIZE)))


def _pages(everybody: Iterator[dict[str, object]], count: int) -> Iterator[bytes]:
    for number in range(count):
        page: dict[str, object] = {"@odata.context": f"{_ORIGIN}/$metadata#users"}
        if number + 1 < count:
            page["@odata.nextLink"] = f"{_ORIGIN}/users?$skiptoken={number + 1}"
        page["value"] = list(islice(everybody, PAGE_SIZE))
        yield orjson.dumps(page)


def with_orjson(users: int) -> Figures:
    answers = pages(users)
    attribute_map = AttributeMap.of({})
    watch = Stopwatch()
    found = [
        attribute_map.entra_user(item) for answer in answers for item in page_items(orjson.loads(answer))
    ]
    return _checked(len(found), users) | watch.figures() | {"peak": peak_mb()}


def with_the_sdk(users: int) -> Figures:
    answers = pages(users)
    # The first user makes the SDK import a thousand modules, which is not part of parsing.
    asyncio.run(_read_with_the_sdk(pages(1)))
    found, figures = asyncio.run(_read_with_the_sdk(answers))
    return _checked(found, users) | figures | {"peak": peak_mb()}


async def _read_with_the_sdk(answers: Sequence[bytes]) -> tuple[int, Figures]:
    """Runs the whole SDK except the network: each page comes from memory."""
    import httpx
    from kiota_abstractions.authentication import AnonymousAuthenticationProvider
    from msgraph.graph_request_adapter import GraphRequestAdapter
    from msgraph.graph_service_client import GraphServiceClient
    from msgraph_core.tasks.page_iterator import PageIterator

    def answer(request: httpx.Request) -> httpx.Response:
        number = int(request.url.params.get("$skiptoken", "0"))
        return httpx.Response(200, content=answers[number], headers={"Content-Type": "application/json"})

    http = httpx.AsyncClient(transport=httpx.MockTransport(answer))
    client = GraphServiceClient(request_adapter=GraphRequestAdapter(AnonymousAuthenticationProvider(), http))
    names: list[str | None] = []

    def keep(user: object) -> bool:
        names.append(getattr(user, "user_principal_name", None))
        return True

    watch = Stopwatch()
    first = await client.users.get()
    if first is None:
        raise AssertionError("no page")
    await PageIterator(first, client.request_adapter).iterate(keep)
    return len(set(names)), watch.figures()


def _checked(found: int, expected: int) -> Figures:
    if found != expected:
        raise AssertionError(f"{found} users were read, not {expected}")
    return {}


if __name__ == "__main__":
    print(markdown(TITLE, rows()))
