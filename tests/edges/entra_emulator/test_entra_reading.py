"""Reading users: tokens, $select, paging, $count and $filter."""

import pytest

from .graph import graph, people, person, refusal

ON_CONTOSO = "/users?$filter=endsWith(userPrincipalName,'@contoso.com')&$count=true"

DEFAULT_PROPERTIES = {
    "businessPhones",
    "displayName",
    "givenName",
    "id",
    "jobTitle",
    "mail",
    "mobilePhone",
    "officeLocation",
    "preferredLanguage",
    "surname",
    "userPrincipalName",
}


async def test_a_call_without_a_bearer_token_is_refused() -> None:
    async with graph() as g:
        for value in ("", "Bearer", "Basic abc"):
            answer = await g.get("/users", Authorization=value)
            assert refusal(answer) == (401, "InvalidAuthenticationToken", None)


async def test_every_answer_names_its_request() -> None:
    async with graph(users=[person()]) as g:
        found, lost = await g.get("/users"), await g.get("/users/nobody@contoso.com")
        assert found.headers["request-id"]
        inner_error = lost.json()["error"]["innerError"]
        assert inner_error["request-id"] == lost.headers["request-id"]
        assert inner_error["date"]


async def test_without_select_only_the_default_properties_come_back() -> None:
    async with graph(users=[person(department="Sales")]) as g:
        for user in (
            (await g.get("/users")).json()["value"][0],
            (await g.get("/users/a@contoso.com")).json(),
        ):
            assert user.keys() - {"@odata.context"} == DEFAULT_PROPERTIES


async def test_select_gives_exactly_what_was_asked_for() -> None:
    async with graph(users=[person(department="Sales")]) as g:
        answer = await g.get("/users?$select=id,department,givenName,otherMails")
        assert answer.json()["value"][0] == {
            "id": g.entra.directory.users_of("contoso.com")[0].id,
            "department": "Sales",
            "givenName": None,
            "otherMails": [],
        }


async def test_an_unknown_property_or_option_is_refused() -> None:
    async with graph() as g:
        for query in ("$select=shoeSize", "$expand=shoes", "$skip=3", "$search=x", "$count=perhaps"):
            assert (await g.get(f"/users?{query}")).status_code == 400, query


async def test_a_page_holds_100_by_default_and_999_at_most() -> None:
    async with graph(users=people(1_000)) as g:
        assert len(await g.names("/users")) == 100
        assert len(await g.names("/users?$top=999")) == 999
        for top in ("0", "1000", "-1", "many"):
            assert (await g.get(f"/users?$top={top}")).status_code == 400, top


async def test_next_links_lead_through_everyone_once() -> None:
    async with graph(users=people(25)) as g:
        seen, link = [], f"{ON_CONTOSO}&$top=10"
        while link:
            page = (await g.get(link, eventual=True)).json()
            seen += [user["userPrincipalName"] for user in page["value"]]
            link = page.get("@odata.nextLink")
        assert sorted(seen) == sorted(user.upn for user in g.entra.directory.users.values())


async def test_a_changed_next_link_is_refused() -> None:
    async with graph(users=people(25)) as g:
        link = (await g.get("/users?$top=10")).json()["@odata.nextLink"]
        for changed in (link[:-1] + "?", link.replace("$top=10", "$top=20"), f"{link}&$select=id"):
            assert refusal(await g.get(changed))[:2] == (400, "Directory_ExpiredPageToken"), changed
        assert (await g.get(link)).status_code == 200


async def test_the_count_is_on_the_first_page_only() -> None:
    async with graph(users=people(15)) as g:
        first = (await g.get(f"{ON_CONTOSO}&$top=10", eventual=True)).json()
        second = (await g.get(first["@odata.nextLink"], eventual=True)).json()
        assert first["@odata.count"] == 15
        assert "@odata.count" not in second


async def test_count_without_the_header_is_ignored() -> None:
    async with graph(users=people(1)) as g:
        assert "@odata.count" not in (await g.get("/users?$count=true")).json()


@pytest.mark.parametrize(
    "clause", ["endsWith(userPrincipalName,'@contoso.com')", "displayName ne 'x'", "not(displayName eq 'x')"]
)
async def test_advanced_queries_need_the_header_and_count(clause: str) -> None:
    async with graph() as g:
        with_count = await g.get(f"/users?$filter={clause}&$count=true")
        with_header = await g.get(f"/users?$filter={clause}", eventual=True)
        with_both = await g.get(f"/users?$filter={clause}&$count=true", eventual=True)
        assert refusal(with_count)[:2] == refusal(with_header)[:2] == (400, "Request_UnsupportedQuery")
        assert with_both.status_code == 200


async def test_ends_with_finds_this_domain_and_not_its_subdomains() -> None:
    domains = [{"id": "contoso.com"}, {"id": "sub.contoso.com"}]
    users = [person("a"), person("b", "sub.contoso.com"), person("C", "CONTOSO.com")]
    async with graph(domains=domains, users=users) as g:
        assert await g.names(ON_CONTOSO, eventual=True) == ["a@contoso.com", "C@CONTOSO.com"]


FILTERS = {
    "userPrincipalName eq 'A@contoso.com'": ["a"],
    "userPrincipalName in ('a@contoso.com','b@contoso.com')": ["a", "b"],
    "onPremisesImmutableId eq 'Id1'": ["a"],
    "onPremisesImmutableId eq 'id1'": [],
    "mailNickname eq 'b' or mailNickname eq 'c'": ["b", "c"],
    "accountEnabled eq false": ["b"],
    "startsWith(displayName,'O''')": ["c"],
    "(accountEnabled eq true) and startsWith(userPrincipalName,'a')": ["a"],
    "proxyAddresses/any(p:p eq 'SMTP:alias@contoso.com')": ["b"],
    "proxyAddresses/any(p:startsWith(p,'smtp:ALIAS'))": ["b"],
}


@pytest.mark.parametrize(("clause", "found"), FILTERS.items())
async def test_a_filter_finds_who_it_names(clause: str, found: list[str]) -> None:
    users = [
        person("a", onPremisesImmutableId="Id1"),
        person("b", accountEnabled=False, proxyAddresses=["smtp:alias@contoso.com"]),
        person("c", displayName="O'Hara"),
    ]
    async with graph(users=users) as g:
        names = await g.names(f"/users?$filter={clause}&$select=userPrincipalName")
        assert names == [f"{name}@contoso.com" for name in found]


@pytest.mark.parametrize(
    "clause",
    [
        "shoeSize eq '1'",
        "displayName gt 'a'",
        "displayName eq",
        "endsWith(displayName,'x')",
        "displayName eq 'a' extra",
        " or ".join(f"displayName eq '{n}'" for n in range(16)),
        f"id in ({','.join(repr(str(n)) for n in range(16))})",
    ],
)
async def test_a_filter_that_graph_does_not_support_is_refused(clause: str) -> None:
    async with graph() as g:
        answer = await g.get(f"/users?$filter={clause}&$count=true", eventual=True)
        assert answer.status_code == 400


async def test_sorting_a_filtered_list_is_an_advanced_query() -> None:
    async with graph(users=[person("a", displayName="B"), person("b", displayName="A")]) as g:
        query = "/users?$filter=accountEnabled eq true&$orderby=displayName desc&$count=true"
        assert (await g.get(query)).status_code == 400
        assert await g.names(query, eventual=True) == ["a@contoso.com", "b@contoso.com"]


async def test_a_user_is_read_by_id_or_upn() -> None:
    async with graph(users=[person("o'hara#x")]) as g:
        by_upn = (await g.get("/users/O'Hara%23x@contoso.com")).json()
        assert (await g.get(f"/users/{by_upn['id']}")).json() == by_upn
        assert refusal(await g.get("/users/b@contoso.com"))[:2] == (404, "Request_ResourceNotFound")


async def test_unknown_paths_and_methods_are_refused() -> None:
    async with graph(users=[person()]) as g:
        assert (await g.get("/shoes")).status_code == 404
        assert (await g.delete("/users")).status_code == 405
        assert (await g.get("/$batch")).status_code == 405
        outside = await g.get(g.entra.url.replace("v1.0", "beta/users"))
        assert outside.status_code == 404
