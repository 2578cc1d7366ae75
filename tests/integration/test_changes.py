"""Who changed what: before and after of every setting and decision, newest first, page by page."""

from typing import Any

from tests.support.stack import CONTOSO, Json, Stack, StartStack, in_entra, in_source


async def changes(stack: Stack, query: str = f"?domain={CONTOSO}") -> list[Json]:
    answer = await stack.get(f"changes{query}")
    assert answer.status_code == 200, answer.text
    found: list[Json] = answer.json()["changes"]
    return found


def told(change: Json) -> list[tuple[str, Any, Any]]:
    return [(one["setting"], one["before"], one["after"]) for one in change["settings"]]


async def test_each_change_says_who_made_it_and_only_what_is_otherwise(start_stack: StartStack) -> None:
    stack = await start_stack()
    await stack.set(maxAllowedDeletions=30, maxAdds={"count": 3})
    await stack.patch("settings", {"usageLocation": "JP"})
    await stack.set(maxAllowedDeletions=40)

    last, tenant, first = await changes(stack)

    assert told(last) == [("maxAllowedDeletions", 30, 40)]
    assert told(tenant) == [("usageLocation", None, "JP")]
    assert sorted(told(first)) == [
        ("maxAdds", None, {"count": 3, "percent": None}),
        ("maxAllowedDeletions", 20, 30),
    ]
    assert [one["domain"] for one in (last, tenant, first)] == [CONTOSO, None, CONTOSO]
    assert {(one["by"], one["address"]) for one in (last, tenant, first)} == {("function key", "127.0.0.1")}
    assert [told(one) for one in await changes(stack, "")] == [told(tenant)]


async def test_what_was_before_can_be_put_back(start_stack: StartStack) -> None:
    stack = await start_stack()
    await stack.set(maxAllowedDeletions=30, maxRenames=None)
    (change,) = await changes(stack)

    await stack.set(**{one["setting"]: one["before"] for one in change["settings"]})

    domain = (await stack.get(f"domains/{CONTOSO}")).json()
    assert domain["maxAllowedDeletions"] == 20
    assert domain["maxRenames"] == {"count": 5, "percent": 20}


async def test_a_decision_is_a_change_of_the_tenant(start_stack: StartStack) -> None:
    stack = await start_stack(
        source=[in_source("aoki", display_name="Saito"), in_source("stays")],
        entra=[in_entra("saito", displayName="Saito"), in_entra("stays")],
    )
    await stack.set(maxAllowedDeletions=100)
    await stack.dry_run()
    asked = (await stack.get(f"domains/{CONTOSO}/decisions")).json()["questions"][0]
    pair = {"sourceId": asked["sourceId"], "objectId": asked["objectId"]}
    await stack.post(f"domains/{CONTOSO}/decisions", {"decisions": [{**pair, "same": False}]})

    decided = (await changes(stack, ""))[0]

    assert decided["decision"] == {**pair, "before": None, "after": False}
    assert decided["settings"] == []


async def test_pages_have_every_change_once(start_stack: StartStack) -> None:
    stack = await start_stack()
    for percent in range(1, 6):
        await stack.set(maxAllowedDeletions=percent)
        await stack.patch("settings", {"protectedUsers": [f"boss{percent}@{CONTOSO}"]})
    everything, pages, cursor = await changes(stack), [], ""
    while cursor is not None:
        answer = await stack.get(f"changes?domain={CONTOSO}&limit=3&cursor={cursor}")
        pages += answer.json()["changes"]
        cursor = answer.json()["cursor"]

    assert len(everything) == 10
    assert pages == everything


async def test_what_can_not_be_asked_is_refused(start_stack: StartStack) -> None:
    stack = await start_stack()

    assert (await stack.get("changes?domain=nobody.example")).status_code == 404
    assert (await stack.get("changes?domain=a/b")).status_code == 404
    assert (await stack.get("changes?cursor=x")).status_code == 400
