"""Domains, what depends on them, and the organisation."""

from .graph import graph, people, person, refusal

REFERENCES = "/domains/contoso.com/domainNameReferences"


async def test_domains_tell_how_their_people_sign_in() -> None:
    async with graph() as g:
        domains = {domain["id"]: domain for domain in (await g.get("/domains")).json()["value"]}
        assert domains["fed.example"]["authenticationType"] == "Federated"
        assert domains["contoso.com"]["authenticationType"] == "Managed"
        assert domains["contoso.onmicrosoft.com"]["isInitial"]
        assert not domains["unverified.example"]["isVerified"]
        one = (await g.get("/domains/FED.example?$select=authenticationType")).json()
        assert one["authenticationType"] == "Federated"
        assert (await g.get("/domains/elsewhere.example")).status_code == 404


async def test_the_untyped_references_stop_at_999_and_do_not_say_so() -> None:
    async with graph(users=people(1_001)) as g:
        answer = (await g.get(REFERENCES)).json()
        assert len(answer["value"]) == 999
        assert "@odata.nextLink" not in answer
        assert answer["value"][0]["@odata.type"] == "#microsoft.graph.user"


async def test_references_of_one_type_are_paged_to_the_end() -> None:
    async with graph(users=people(1_001)) as g:
        pages, link = [], f"{REFERENCES}/microsoft.graph.user?$select=id"
        while link:
            page = (await g.get(link)).json()
            pages.append(page["value"])
            link = page.get("@odata.nextLink")
        assert [len(page) for page in pages] == [100] * 10 + [1]
        assert pages[0][0].keys() == {"id"}


async def test_what_is_not_documented_of_references_is_refused() -> None:
    async with graph() as g:
        for query in ("$top=999", "$filter=startsWith(displayName,'a')", "$count=true"):
            answer = await g.get(f"{REFERENCES}/microsoft.graph.user?{query}")
            assert refusal(answer)[:2] == (400, "Request_BadRequest"), query
        assert (await g.get(f"{REFERENCES}/microsoft.graph.application")).status_code == 404


async def test_references_are_upns_addresses_groups_and_applications() -> None:
    async with graph(
        users=[
            person("a"),
            person("b", "fed.example", proxyAddresses=["smtp:b@contoso.com"]),
            person("c", "fed.example"),
        ],
        groups=[{"displayName": "Sales", "mail": "sales@contoso.com"}, {"displayName": "None"}],
        applications=[
            {"displayName": "HR", "identifierUris": ["api://contoso.com/hr"]},
            {"displayName": "Other", "identifierUris": ["https://fed.example"]},
        ],
    ) as g:
        found = {
            cast: [
                each["displayName"]
                for each in (await g.get(f"{REFERENCES}/microsoft.graph.{cast}")).json()["value"]
            ]
            for cast in ("user", "group")
        }
        assert found == {"user": ["a", "b"], "group": ["Sales"]}
        untyped = (await g.get(REFERENCES)).json()["value"]
        assert [each["displayName"] for each in untyped] == ["a", "b", "Sales", "HR"]


async def test_addresses_and_uris_are_found_by_filters() -> None:
    async with graph(
        users=[person("a", proxyAddresses=["SMTP:x@contoso.com"]), person("b", _mailbox="none")],
        groups=[{"displayName": "Sales", "mail": "sales@contoso.com"}, {"displayName": "None"}],
        applications=[
            {"displayName": "HR", "identifierUris": ["api://contoso.com/hr"]},
            {"displayName": "Other", "identifierUris": ["https://fed.example"]},
        ],
    ) as g:
        condition = "$filter=proxyAddresses/any(p:endsWith(p,'@contoso.com'))"
        for path, found in (("/users", ["a"]), ("/groups", ["Sales"])):
            plain = await g.get(f"{path}?{condition}&$count=true")
            assert refusal(plain)[:2] == (400, "Request_UnsupportedQuery")
            answer = await g.get(f"{path}?{condition}&$count=true", eventual=True)
            assert [each["displayName"] for each in answer.json()["value"]] == found
        uris = "$filter=identifierUris/any(u:startswith(u,'api://contoso.com'))"
        (application,) = (await g.get(f"/applications?{uris}")).json()["value"]
        assert application["displayName"] == "HR"


async def test_a_service_principal_is_found_by_its_application_id_in_any_case() -> None:
    principal = {"displayName": "Sync", "appId": "0000-ab"}
    async with graph(servicePrincipals=[principal]) as g:
        found = (await g.get("/servicePrincipals(appId='0000-AB')?$select=displayName,appId")).json()
        assert {name: found[name] for name in principal} == principal
        gone = await g.get("/servicePrincipals(appId='0000-cd')?$select=id")
        assert refusal(gone)[:2] == (404, "Request_ResourceNotFound")
        assert (await g.get("/servicePrincipals(appId='0000-ab')?$top=1")).status_code == 400


async def test_the_organisation_tells_whether_it_synchronises_from_active_directory() -> None:
    for synced in (True, False):
        async with graph(tenant={"onPremisesSyncEnabled": synced}) as g:
            organization = (await g.get("/organization")).json()["value"][0]
            assert bool(organization["onPremisesSyncEnabled"]) == synced
            names = {domain["name"]: domain["type"] for domain in organization["verifiedDomains"]}
            assert names["fed.example"] == "Federated"
            assert "unverified.example" not in names
