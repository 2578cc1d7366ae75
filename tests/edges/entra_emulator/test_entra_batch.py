"""$batch: its form, its order, and that each item stands alone."""

import pytest

from .graph import EVENTUAL, batch_item, graph, new_user, people, person, refusal


async def test_a_batch_creates_20_users_and_answers_in_any_order() -> None:
    async with graph() as g:
        items = [batch_item(str(n), "POST", "/users", new_user(f"u{n}")) for n in range(20)]
        answer = await g.post("/$batch", {"requests": items})
        responses = answer.json()["responses"]
        ids = [response["id"] for response in responses]
        assert ids != sorted(ids, key=int)
        assert {response["status"] for response in responses} == {201}
        assert responses[0]["headers"]["request-id"]
        assert all(r["body"]["displayName"] == f"u{r['id']}" for r in responses)
        assert len(g.entra.directory.users) == 20


GET = batch_item("1", "GET", "/users")
JSON = {"Content-Type": "application/json"}
BAD_BATCHES: dict[str, object] = {
    "21 requests": [batch_item(str(n), "GET", "/users") for n in range(21)],
    "none": [],
    "no list": {},
    "no object": ["GET /users"],
    "ids that differ in case only": [GET | {"id": "a"}, GET | {"id": "A"}],
    "a number as id": [GET | {"id": 1}],
    "no method": [{"id": "1", "url": "/users"}],
    "an absolute url": [batch_item("1", "GET", "https://graph.microsoft.com/v1.0/users")],
    "a body without its type": [{"id": "1", "method": "POST", "url": "/users", "body": new_user()}],
    "a write without a body": [{"id": "1", "method": "POST", "url": "/users", "headers": JSON}],
    "an unknown dependency": [GET | {"dependsOn": ["2"]}],
    "a circle": [GET | {"dependsOn": ["2"]}, GET | {"id": "2", "dependsOn": ["1"]}],
}


@pytest.mark.parametrize("requests", BAD_BATCHES.values(), ids=BAD_BATCHES.keys())
async def test_a_malformed_batch_is_refused_as_a_whole(requests: object) -> None:
    async with graph() as g:
        answer = await g.post("/$batch", {"requests": requests})
        assert answer.status_code == 400
        assert g.entra.requests.count(inner=True) == 0


async def test_items_fail_each_on_its_own() -> None:
    async with graph(users=[person()]) as g:
        answers = await g.batch(
            batch_item("ok", "PATCH", "/users/a@contoso.com", {"displayName": "A"}),
            batch_item("bad", "PATCH", "/users/a@contoso.com", {"displayName": ""}),
            batch_item("lost", "DELETE", "/users/b@contoso.com"),
            batch_item("nested", "POST", "/$batch", {"requests": [GET]}),
        )
        assert answers["ok"]["status"] == 204
        assert "body" not in answers["ok"]
        assert refusal(answers["bad"]) == (400, "Request_BadRequest", "displayName")
        assert answers["lost"]["body"]["error"]["innerError"]["request-id"]
        assert answers["nested"]["status"] == 404


async def test_an_item_waits_for_those_it_depends_on() -> None:
    chain = [
        batch_item(
            str(n),
            "PATCH",
            f"/users/{'abcde'[n]}@contoso.com",
            {"userPrincipalName": f"{'abcde'[n + 1]}@contoso.com"},
            dependsOn=[str(n - 1)] if n else [],
        )
        for n in range(4)
    ]
    async with graph(users=[person("a")]) as g:
        answers = await g.batch(*chain)
        assert {answer["status"] for answer in answers.values()} == {204}
        assert g.entra.directory.user("e@contoso.com")


async def test_what_depends_on_a_failure_is_not_done() -> None:
    async with graph(users=[person()]) as g:
        answers = await g.batch(
            batch_item("1", "DELETE", "/users/b@contoso.com"),
            batch_item("2", "DELETE", "/users/a@contoso.com", dependsOn=["1"]),
            batch_item("3", "DELETE", "/users/a@contoso.com", dependsOn=["2"]),
        )
        assert [answers[n]["status"] for n in "123"] == [404, 424, 424]
        assert g.entra.directory.user("a@contoso.com")


async def test_the_consistency_level_is_each_items_own() -> None:
    url = "/users?$filter=endsWith(userPrincipalName,'@contoso.com')&$count=true&$top=1"
    async with graph(users=people(2)) as g:
        body = {
            "requests": [batch_item("without", "GET", url), batch_item("with", "GET", url, headers=EVENTUAL)]
        }
        answer = await g.http.post("/$batch", json=body, headers=EVENTUAL)
        statuses = {r["id"]: r["status"] for r in answer.json()["responses"]}
        assert statuses == {"without": 400, "with": 200}


async def test_the_log_tells_inner_calls_from_outer_ones() -> None:
    async with graph(users=[person()]) as g:
        await g.get("/users/a@contoso.com")
        await g.batch(
            batch_item("1", "GET", "/users/a@contoso.com"), batch_item("2", "GET", "/users/b@contoso.com")
        )
        log = g.entra.requests
        assert log.count("POST", "/$batch", inner=False) == 1
        assert log.count("GET", "/users/{user}", inner=False) == 1
        assert log.count("GET", "/users/{user}", inner=True) == 2
        assert log.count(status=404) == 1
