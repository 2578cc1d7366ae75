"""Delta queries on users: what Graph refuses, and what a client that follows the links comes to know."""

import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.entra.delta_rounds import LIFETIME_SECONDS
from local.entra.kinds import FOLDER
from tests.support.graph_contract import recorded

from .following import URL, Follower, asked, error, in_truth, page, rows, tenant
from .graph import batch_item, graph, new_user, people, person, refusal

SELECT = "userPrincipalName,displayName,surname,assignedLicenses,businessPhones"
LATEST = f"/users/delta?$select={SELECT}&$deltatoken=latest"


class TestWhatIsRefused:
    @pytest.mark.parametrize(
        "options",
        [
            "$top=5",
            "$orderby=displayName",
            "$expand=manager",
            "$count=true",
            "$search=a",
            "$skip=1",
            "$select=shoeSize",
            "$select=id&$select=mail",
            "$filter=endsWith(userPrincipalName,'@contoso.com')",
            "$filter=id in ('a')",
            "$filter=id eq 'a' and id eq 'b'",
            "$filter=id ne 'a'",
            "$filter=" + " or ".join(f"id eq '{n}'" for n in range(51)),
        ],
    )
    async def test_options_that_graph_does_not_know_here(self, options: str) -> None:
        async with graph() as g:
            answer = await g.get(f"/users/delta?{options}", eventual=True)
            assert answer.status_code == 400
            assert answer.json()["error"]["innerError"]["request-id"]

    async def test_an_app_that_may_not_read_users(self) -> None:
        async with graph(permissions=["Domain.Read.All"]) as g:
            assert refusal(await g.get("/users/delta"))[:2] == (403, "Authorization_RequestDenied")

    @pytest.mark.parametrize("option", ["$select=displayName", "$deltatoken=latest", "$filter=id eq 'a'"])
    def test_a_link_with_another_option(self, option: str) -> None:
        entra, _ = tenant(users=people(3), faults={"deltaPageSize": 2})
        for link in (
            str(page(entra, LATEST)["@odata.deltaLink"]),
            str(page(entra, "/users/delta")["@odata.nextLink"]),
        ):
            assert asked(entra, f"{link}&{option}").status == 400

    @given(place=st.integers(0, 200), others=st.permutations("abcXYZ019-_"))
    def test_a_link_that_was_changed(self, place: int, others: list[str]) -> None:
        entra, _ = tenant()
        link = str(page(entra, LATEST)["@odata.deltaLink"])
        start = link.index("deltatoken=") + len("deltatoken=")
        # Each token is another: what is drawn must not depend on it.
        place = start + place % (len(link) - start)
        other = next(one for one in others if one != link[place])
        assert asked(entra, link[:place] + other + link[place + 1 :]).status == 400
        assert asked(entra, link).status == 200

    def test_a_token_in_the_place_of_the_other(self) -> None:
        entra, _ = tenant(users=people(3), faults={"deltaPageSize": 2})
        following = str(page(entra, "/users/delta")["@odata.nextLink"])
        assert asked(entra, following.replace("skiptoken", "deltatoken")).status == 400
        last = str(page(entra, LATEST)["@odata.deltaLink"])
        assert asked(entra, last.replace("deltatoken", "skiptoken")).status == 400

    def test_a_link_of_a_tenant_that_was_replaced(self) -> None:
        (before, _), (after, _) = tenant(), tenant()
        assert asked(after, str(page(before, LATEST)["@odata.deltaLink"])).status == 400


class TestTheFirstRound:
    def test_everybody_comes_once_over_all_pages(self) -> None:
        entra, _ = tenant(users=people(7), faults={"deltaPageSize": 3})
        follower = Follower(entra, SELECT)
        follower.round()
        assert [len(rows) for rows in follower.pages] == [3, 3, 1]
        assert follower.users == in_truth(entra, SELECT)

    def test_a_property_that_was_never_set_is_left_out_and_a_cleared_one_is_null(self) -> None:
        entra, _ = tenant(users=[person("a", surname="青木"), person("b")])
        a, b = entra.directory.users.values()
        entra.directory.update(a, {"surname": None})
        entra.directory.update(b, {"surname": None})
        found = {row["id"]: row for row in rows(page(entra, "/users/delta?$select=surname"))}
        assert found == {a.id: {"id": a.id, "surname": None}, b.id: {"id": b.id}}

    def test_the_id_always_comes_and_without_select_the_default_properties(self) -> None:
        entra, _ = tenant(users=[person(department="Sales", jobTitle="Boss")])
        (row,) = rows(page(entra, "/users/delta"))
        assert row.keys() == {"id", "displayName", "jobTitle", "mail", "userPrincipalName"}
        assert rows(page(entra, "/users/delta?$select=department")) == [
            {"id": row["id"], "department": "Sales"}
        ]

    def test_the_newest_link_comes_without_data(self) -> None:
        entra, _ = tenant(users=people(2))
        found = page(entra, LATEST)
        assert found["value"] == []
        assert found.keys() == {"@odata.context", "value", "@odata.deltaLink"}

    def test_a_filter_by_id_follows_only_these(self) -> None:
        entra, _ = tenant(users=people(4))
        one, other, third, _ = entra.directory.users.values()
        found = page(
            entra, f"/users/delta?$select=surname&$filter=id eq '{one.id}' or id eq '{other.id.upper()}'"
        )
        assert [row["id"] for row in rows(found)] == [one.id, other.id]
        entra.directory.update(other, {"surname": "New"})
        entra.directory.update(third, {"surname": "New"})
        found = page(entra, str(found["@odata.deltaLink"]))
        assert rows(found) == [{"id": other.id, "surname": "New"}]

    @pytest.mark.parametrize("path", ["delta", "delta()", "microsoft.graph.delta", "graph.delta()"])
    async def test_all_spellings_are_one_call(self, path: str) -> None:
        async with graph(users=people(1)) as g:
            answer = await g.get(f"/users/{path}?$select=id")
            assert len(answer.json()["value"]) == 1
            assert g.entra.requests.count("GET", "/users/delta") == 1

    def test_the_requests_of_an_app_are_kept_without_links(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv(FOLDER, str(tmp_path))
        entra, _ = tenant(users=people(3), faults={"deltaPageSize": 2})
        sdk = {"User-Agent": "kiota-python/1.0"}
        page(entra, str(page(entra, LATEST, **sdk)["@odata.deltaLink"]), **sdk)
        page(entra, str(page(entra, "/users/delta()?$select=id", **sdk)["@odata.nextLink"]), **sdk)
        kinds = [str(sent.kind) for sent in recorded(tmp_path)]
        assert kinds == ["GET /users/delta?$deltatoken=latest&$select", "GET /users/delta?$select"]

    async def test_a_batch_may_hold_it(self) -> None:
        async with graph(users=people(1)) as g:
            first = await g.batch(batch_item("a", "GET", "/users/delta?$select=displayName"))
            link = urlsplit(first["a"]["body"]["@odata.deltaLink"])
            await g.post("/users", new_user("new"))
            second = await g.batch(batch_item("b", "GET", f"/users/delta?{link.query}"))
            assert [row["displayName"] for row in second["b"]["body"]["value"]] == ["new"]

    async def test_a_page_costs_one_unit(self) -> None:
        limits = {"resourceUnits": {"count": 3, "seconds": 10_000}, "writes": None}
        async with graph(users=people(3), limits=limits, faults={"deltaPageSize": 2}) as g:
            first = await g.get("/users/delta")
            second = await g.get(first.json()["@odata.nextLink"])
            third = await g.get(second.json()["@odata.deltaLink"])
            assert (third.status_code, (await g.get("/users/delta")).status_code) == (200, 429)


class TestWhatHasChanged:
    def test_a_change_of_a_property_that_is_not_selected_is_not_told(self) -> None:
        entra, _ = tenant(users=[person()])
        follower = Follower(entra, "displayName")
        follower.round()
        (user,) = entra.directory.users.values()
        entra.directory.update(user, {"surname": "New"})
        entra.directory.revoke_sessions(user)
        follower.round()
        assert follower.pages == [[]]

    def test_a_value_that_is_written_again_is_no_change(self) -> None:
        entra, _ = tenant(users=[person(surname="Same")])
        follower = Follower(entra, SELECT)
        follower.round()
        entra.directory.update(next(iter(entra.directory.users.values())), {"surname": "Same"})
        follower.round()
        assert follower.pages == [[]]

    def test_a_restricted_user_is_not_told_of(self) -> None:
        entra, _ = tenant(users=[person()])
        follower = Follower(entra, "isManagementRestricted")
        follower.round()
        entra.directory.set_properties(
            next(iter(entra.directory.users.values())), {"isManagementRestricted": True}
        )
        follower.round()
        assert follower.pages == [[]]

    def test_a_changed_user_comes_with_all_selected_properties_or_what_changed(self) -> None:
        entra, _ = tenant(users=[person("a", surname="青木")])
        link = str(page(entra, "/users/delta?$select=displayName,surname")["@odata.deltaLink"])
        (user,) = entra.directory.users.values()
        entra.directory.update(user, {"surname": None})
        assert rows(page(entra, link)) == [{"id": user.id, "displayName": "a", "surname": None}]
        least = page(entra, link, Prefer="return=minimal")
        assert rows(least) == [{"id": user.id, "surname": None}]

    def test_a_deleted_user_may_come_back_and_a_purged_one_does_not(self) -> None:
        entra, _ = tenant(users=[person()])
        follower = Follower(entra, SELECT)
        follower.round()
        (user,) = entra.directory.users.values()
        entra.directory.delete(user)
        follower.round()
        assert follower.pages == [[{"id": user.id, "@removed": {"reason": "changed"}}]]
        entra.directory.restore(user, None, drop_conflicting_addresses=False)
        follower.headers = {"Prefer": "return=minimal"}
        follower.round()
        assert follower.users == in_truth(entra, SELECT)
        entra.directory.delete(user)
        entra.directory.purge(user)
        follower.round()
        assert follower.pages == [[{"id": user.id, "@removed": {"reason": "deleted"}}]]

    def test_an_old_link_tells_the_same_again_under_another_token(self) -> None:
        entra, _ = tenant(users=people(3), faults={"deltaPageSize": 2})
        link = str(page(entra, LATEST)["@odata.deltaLink"])
        for user in list(entra.directory.users.values()):
            entra.directory.update(user, {"surname": "New"})
        one, other = page(entra, link), page(entra, link)
        assert rows(one) == rows(other)
        assert len(rows(one)) == 2
        assert one["@odata.nextLink"] != other["@odata.nextLink"]
        ends = {str(page(entra, str(one["@odata.nextLink"]))["@odata.deltaLink"]) for _ in range(2)}
        assert len(ends) == 2
        assert [page(entra, end)["value"] for end in ends] == [[], []]

    def test_a_link_holds_for_seven_days(self) -> None:
        entra, clock = tenant(users=people(3), faults={"deltaPageSize": 2})
        links = [
            str(page(entra, LATEST)["@odata.deltaLink"]),
            str(page(entra, "/users/delta")["@odata.nextLink"]),
        ]
        clock.seconds += LIFETIME_SECONDS
        assert [asked(entra, link).status for link in links] == [200, 200]
        clock.seconds += 1
        assert [error(entra, link) for link in links] == [(410, "resyncRequired")] * 2
        again = asked(entra, links[0]).headers["Location"]
        assert re.fullmatch(rf"{URL}/users/delta\?\$deltatoken=", again)
        assert len(rows(page(entra, again))) == 2

    def test_only_so_many_rounds_are_open(self) -> None:
        entra, _ = tenant(users=people(3), faults={"deltaPageSize": 2})
        links = [str(page(entra, "/users/delta")["@odata.nextLink"]) for _ in range(65)]
        assert error(entra, links[0]) == (400, "syncStateNotFound")
        assert asked(entra, links[1]).status == 200
