"""Creating and updating users: what Entra takes, and what it refuses."""

from typing import Any

import pytest

from local.entra.seed import user_id

from .graph import graph, new_user, person, refusal

INVALID = (400, "Request_BadRequest")


async def test_a_created_user_can_be_read_and_has_no_mailbox() -> None:
    async with graph() as g:
        answer = await g.post("/users", new_user("a", onPremisesImmutableId="Id+/=="))
        user = g.entra.directory.user("a@contoso.com")
        assert answer.status_code == 201
        assert user is not None
        assert user.id == answer.json()["id"]
        assert user["onPremisesImmutableId"] == "Id+/=="
        settings = await g.get(f"/users/{user.id}/mailboxSettings?$select=userPurpose")
        assert refusal(settings) == (404, "MailboxNotEnabledForRESTAPI", None)


@pytest.mark.parametrize(
    "missing", ["accountEnabled", "displayName", "mailNickname", "passwordProfile", "userPrincipalName"]
)
async def test_a_user_is_not_created_without(missing: str) -> None:
    async with graph() as g:
        body = new_user()
        del body[missing]
        assert refusal(await g.post("/users", body)) == (*INVALID, missing)
        assert not g.entra.directory.users


@pytest.mark.parametrize(
    "upn",
    [
        "no-at-sign",
        "a@b@contoso.com",
        "名前@contoso.com",
        "a b@contoso.com",
        "a+b@contoso.com",
        "a.@contoso.com",
        f"{'a' * 65}@contoso.com",
        "a@unverified.example",
        "a@elsewhere.example",
        "",
    ],
)
async def test_a_bad_upn_is_refused(upn: str) -> None:
    async with graph() as g:
        answer = await g.post("/users", new_user(userPrincipalName=upn))
        assert refusal(answer) == (*INVALID, "userPrincipalName")


async def test_a_upn_may_be_113_characters_long() -> None:
    domain = "d" * 45 + ".com"
    async with graph(domains=[{"id": domain}, {"id": f"x{domain}"}]) as g:
        whole = "a" * (113 - len(domain) - 1)
        assert (await g.post("/users", new_user(whole, domain))).status_code == 201
        longer = await g.post("/users", new_user("a" * 64, f"x{domain}"))
        assert refusal(longer) == (*INVALID, "userPrincipalName")


LENGTHS = {
    "city": 128,
    "companyName": 64,
    "country": 128,
    "department": 64,
    "displayName": 256,
    "employeeId": 16,
    "givenName": 64,
    "jobTitle": 128,
    "mailNickname": 64,
    "mobilePhone": 64,
    "officeLocation": 128,
    "postalCode": 40,
    "state": 128,
    "streetAddress": 1024,
    "surname": 64,
}


@pytest.mark.parametrize(("name", "length"), LENGTHS.items())
async def test_no_attribute_is_longer_than_entra_allows(name: str, length: int) -> None:
    async with graph(users=[person()]) as g:
        assert (await g.patch("/users/a@contoso.com", **{name: "x" * length})).status_code == 204
        answer = await g.patch("/users/a@contoso.com", **{name: "x" * (length + 1)})
        assert refusal(answer) == (*INVALID, name)


REFUSED: dict[str, list[Any]] = {
    "accountEnabled": ["true", 1, None],
    "businessPhones": ["1", ["1", "2"], [""], None],
    "displayName": [None, "", "  ", 7],
    "employeeHireDate": ["soon", "2026-01-01T00:00:00"],
    "givenName": ["", " ", 7, ["A"], "a\nb", "\x00", "a\x85b"],
    "id": ["other"],
    "mailNickname": [None, "a b", "a@b", "名", ".a", "a,b"],
    "onPremisesExtensionAttributes": ["x", {"extensionAttribute16": "x"}, {"extensionAttribute1": ""}],
    "onPremisesImmutableId": ["a$", "a_b", ""],
    "passwordProfile": [{"password": "short"}, {"secret": "x"}, "Correct-Horse-9"],
    "proxyAddresses": [["SMTP:a@contoso.com"]],
    "shoeSize": [42],
    "streetAddress": ["1-2-3\vShibuya"],
    "usageLocation": ["JPN", "J1", ""],
    "userPrincipalName": [None],
}


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in REFUSED.items() for value in values]
)
async def test_a_value_entra_does_not_take_changes_nothing(name: str, value: object) -> None:
    async with graph(users=[person(givenName="A")]) as g:
        before = dict(g.entra.directory.users_of("contoso.com")[0].properties)
        answer = await g.patch("/users/a@contoso.com", surname="B", **{name: value})
        assert refusal(answer)[:2] == INVALID
        assert g.entra.directory.users_of("contoso.com")[0].properties == before


async def test_null_clears_and_trailing_white_space_is_trimmed() -> None:
    async with graph(users=[person(givenName="A", jobTitle="Clerk")]) as g:
        changes = {"givenName": None, "surname": " B \u3000", "businessPhones": ["1"], "usageLocation": "JP"}
        assert (await g.patch("/users/a@contoso.com", jobTitle="Chief ", **changes)).status_code == 204
        user = g.entra.directory.user("a@contoso.com")
        assert user is not None
        assert (user["givenName"], user["surname"], user["jobTitle"]) == (None, " B", "Chief")


@pytest.mark.parametrize("password", ["Ab1-", "abcdefgh1", "ABCDEFGH", "Ab1" + "x" * 254])
async def test_a_password_needs_length_and_three_kinds_of_characters(password: str) -> None:
    async with graph() as g:
        answer = await g.post("/users", new_user(passwordProfile={"password": password}))
        assert refusal(answer) == (*INVALID, "passwordProfile")


async def test_a_password_never_comes_back() -> None:
    async with graph() as g:
        await g.post("/users", new_user("a"))
        answer = await g.get("/users/a@contoso.com?$select=passwordProfile")
        assert answer.json()["passwordProfile"] is None
        assert "Correct-Horse-9" not in str(g.entra.directory.users)


async def test_bodies_must_be_json_and_say_so() -> None:
    async with graph(users=[person()]) as g:
        for content, media_type in (
            (b"{", "application/json"),
            (b"{}", "text/plain"),
            (b"[]", "application/json"),
        ):
            answer = await g.http.patch(
                "/users/a@contoso.com", content=content, headers={"Content-Type": media_type}
            )
            assert answer.status_code == 400
        assert (await g.http.patch("/users/a@contoso.com")).status_code == 400


async def test_the_types_the_sdk_sends_along_are_understood() -> None:
    async with graph() as g:
        profile = {"@odata.type": "#microsoft.graph.passwordProfile", "password": "Correct-Horse-9"}
        body = new_user(passwordProfile=profile) | {"@odata.type": "#microsoft.graph.user"}
        assert (await g.post("/users", body)).status_code == 201
        assert (await g.post("/users", body | {"@odata.type": "#microsoft.graph.group"})).status_code == 400


async def test_a_federated_domain_needs_an_immutable_id() -> None:
    async with graph(users=[person("f", "fed.example", onPremisesImmutableId="F")]) as g:
        without = await g.post("/users", new_user("a", "fed.example"))
        assert refusal(without) == (*INVALID, "onPremisesImmutableId")
        cleared = await g.patch("/users/f@fed.example", onPremisesImmutableId=None)
        assert refusal(cleared) == (*INVALID, "onPremisesImmutableId")
        given = await g.post("/users", new_user("a", "fed.example", onPremisesImmutableId="A"))
        assert given.status_code == 201


async def test_nobody_in_a_restricted_administrative_unit_is_written_to() -> None:
    async with graph(users=[person("a", isManagementRestricted=True)]) as g:
        path = "/users/a@contoso.com"
        shown = (await g.get(f"{path}?$select=isManagementRestricted")).json()
        refused = [
            await g.patch(path, surname="B"),
            await g.delete(path),
            await g.post(f"{path}/revokeSignInSessions"),
        ]

        assert shown["isManagementRestricted"] is True
        assert [answer.status_code for answer in refused] == [403] * 3


async def test_a_usage_location_is_never_cleared() -> None:
    async with graph(users=[person("a", usageLocation="JP")]) as g:
        assert refusal(await g.patch("/users/a@contoso.com", usageLocation=None)) == (
            *INVALID,
            "usageLocation",
        )
        assert (await g.post("/users", new_user(usageLocation=None))).status_code == 201


async def test_a_user_created_on_a_federated_domain_has_no_session_time_until_the_sessions_are_revoked() -> (
    None
):
    async with graph() as g:
        federated = new_user("f", "fed.example", onPremisesImmutableId="F")
        ids = [(await g.post("/users", body)).json()["id"] for body in (new_user("m"), federated)]

        async def times() -> list[bool]:
            stamp = "signInSessionsValidFromDateTime"
            answers = [(await g.get(f"/users/{i}?$select={stamp}")).json() for i in ids]
            return [answer[stamp] is not None for answer in answers]

        assert await times() == [True, False]
        refused = await g.post(f"/users/{ids[1]}/revokeSignInSessions", {"all": True})
        revoked = await g.post(f"/users/{ids[1]}/revokeSignInSessions")

        assert (refused.status_code, revoked.status_code, revoked.json()["value"]) == (400, 200, True)
        assert await times() == [True, True]


async def test_sessions_are_revoked_with_a_permission_of_their_own_and_never_an_administrators() -> None:
    users = [person("a"), person("admin", _roles=["User Administrator"])]
    async with graph(users=users, permissions=["User.ReadWrite.All"]) as g:
        assert (await g.post("/users/a@contoso.com/revokeSignInSessions")).status_code == 403
    async with graph(users=users, permissions=["User.RevokeSessions.All"]) as g:
        assert (await g.post("/users/a@contoso.com/revokeSignInSessions")).status_code == 200
        assert (await g.post("/users/admin@contoso.com/revokeSignInSessions")).status_code == 403


async def test_a_rename_onto_a_federated_domain_goes_through_onmicrosoft_com() -> None:
    async with graph(users=[person("a", onPremisesImmutableId="A")]) as g:
        direct = await g.patch("/users/a@contoso.com", userPrincipalName="a@fed.example")
        assert refusal(direct) == (*INVALID, "userPrincipalName")
        for before, after in (
            ("contoso.com", "contoso.onmicrosoft.com"),
            ("contoso.onmicrosoft.com", "fed.example"),
        ):
            answer = await g.patch(f"/users/a@{before}", userPrincipalName=f"a@{after}")
            assert answer.status_code == 204


async def test_on_a_federated_domain_an_immutable_id_is_changed_in_a_call_of_its_own_elsewhere() -> None:
    async with graph(users=[person("f", "fed.example", onPremisesImmutableId="F")]) as g:
        path = f"/users/{user_id('f@fed.example')}"
        aside, back = ({"userPrincipalName": f"f@{d}"} for d in ("contoso.onmicrosoft.com", "fed.example"))
        for together in ({}, aside):
            refused = await g.patch(path, onPremisesImmutableId="G", **together)
            assert refusal(refused) == (*INVALID, "onPremisesImmutableId")

        assert (await g.patch(path, **aside)).status_code == 204
        together_on_the_way_back = await g.patch(path, onPremisesImmutableId="G", **back)
        assert refusal(together_on_the_way_back) == (*INVALID, "onPremisesImmutableId")
        for step in ({"onPremisesImmutableId": "G"}, back):
            assert (await g.patch(path, **step)).status_code == 204


@pytest.mark.parametrize("taken", [True, False])
async def test_the_seed_says_whether_a_first_immutable_id_is_taken_in_place(taken: bool) -> None:
    users = [person("f", "fed.example")]
    async with graph(users=users, tenant={"firstImmutableIds": taken}) as g:
        answer = await g.patch("/users/f@fed.example", onPremisesImmutableId="F")
        assert (answer.status_code == 204) is taken


async def test_the_seed_can_allow_renames_onto_a_federated_domain() -> None:
    users = [person("a", onPremisesImmutableId="A")]
    async with graph(users=users, tenant={"federatedRenames": True}) as g:
        answer = await g.patch("/users/a@contoso.com", userPrincipalName="a@fed.example")
        assert answer.status_code == 204


CONFLICTS = {
    "userPrincipalName": {"userPrincipalName": "TAKEN@contoso.com"},
    "onPremisesImmutableId": {"onPremisesImmutableId": "Taken"},
    "proxyAddresses": {"userPrincipalName": "alias@contoso.com"},
}


@pytest.mark.parametrize(("target", "clash"), CONFLICTS.items())
async def test_no_two_users_share(target: str, clash: dict[str, str]) -> None:
    taken = person("taken", onPremisesImmutableId="Taken", proxyAddresses=["smtp:Alias@contoso.com"])
    async with graph(users=[taken, person("b")]) as g:
        created = await g.post("/users", new_user(**clash))
        updated = await g.patch("/users/b@contoso.com", **clash)
        assert refusal(created) == refusal(updated) == (*INVALID, target)
        assert created.json()["error"]["details"][0]["code"] == "ObjectConflict"


async def test_a_group_can_hold_the_address_a_upn_wants() -> None:
    group = {"displayName": "Sales", "proxyAddresses": ["SMTP:sales@contoso.com"]}
    async with graph(groups=[group]) as g:
        answer = await g.post("/users", new_user("sales"))
        assert refusal(answer) == (*INVALID, "proxyAddresses")


async def test_a_mail_contact_too_and_is_named() -> None:
    async with graph(contacts=[{"id": "c1", "displayName": "Sales", "mail": "sales@contoso.com"}]) as g:
        answer = await g.post("/users", new_user("sales"))
        assert refusal(answer) == (*INVALID, "proxyAddresses")
        assert answer.json()["error"]["details"][1]["target"] == "Contact_c1"


class TestMailboxes:
    """https://github.com/MicrosoftDocs/OfficeDocs-O365ITPro/pull/939"""

    async def test_have_the_upn_among_their_addresses_whatever_it_was_and_is(self) -> None:
        async with graph(users=[person("a")]) as g:
            (user,) = g.entra.directory.users.values()
            for upn in ("b@contoso.com", "tmp@contoso.onmicrosoft.com", "c@contoso.com"):
                await g.patch(f"/users/{user.id}", userPrincipalName=upn)

        assert user["proxyAddresses"] == [
            "SMTP:c@contoso.com",
            "smtp:tmp@contoso.onmicrosoft.com",
            "smtp:b@contoso.com",
            "smtp:a@contoso.com",
        ]
        assert user["mail"] == "c@contoso.com"

    async def test_keep_a_primary_address_that_is_not_the_upn(self) -> None:
        async with graph(
            users=[person("a", proxyAddresses=["smtp:x@contoso.com", "SMTP:y@contoso.com"])]
        ) as g:
            await g.patch("/users/a@contoso.com", userPrincipalName="B@contoso.com")
            (user,) = g.entra.directory.users.values()

        assert user["proxyAddresses"] == [
            "smtp:x@contoso.com",
            "SMTP:y@contoso.com",
            "smtp:a@contoso.com",
            "smtp:B@contoso.com",
        ]
        assert user["mail"] == "y@contoso.com"

    async def test_give_no_former_upn_to_anybody_else(self) -> None:
        async with graph(users=[person("a"), person("b", _mailbox="none")]) as g:
            holder = g.entra.directory.users_of("contoso.com")[0].id
            await g.patch("/users/a@contoso.com", userPrincipalName="c@contoso.com")
            refused = await g.patch("/users/b@contoso.com", userPrincipalName="a@contoso.com")
            back = await g.patch("/users/c@contoso.com", userPrincipalName="a@contoso.com")

        assert refusal(refused) == (*INVALID, "proxyAddresses")
        assert refused.json()["error"]["details"][1]["target"] == f"User_{holder}"
        assert back.status_code == 204

    async def test_of_a_user_who_was_deleted_come_back_with_all_of_them(self) -> None:
        async with graph(users=[person("a")]) as g:
            (user,) = g.entra.directory.users.values()
            await g.delete("/users/a@contoso.com")
            path = f"/directory/deletedItems/{user.id}/restore"
            await g.post(path, {"newUserPrincipalName": "b@contoso.com"})

        assert user["proxyAddresses"] == ["SMTP:b@contoso.com", "smtp:a@contoso.com"]

    @pytest.mark.parametrize(
        "seed", [{"users": [person("a", _mailbox="none")]}, {"tenant": {"exchangeOnline": False}}]
    )
    async def test_are_what_it_takes(self, seed: dict[str, Any]) -> None:
        async with graph(**{"users": [person("a")], **seed}) as g:
            await g.patch("/users/a@contoso.com", userPrincipalName="b@contoso.com")
            (user,) = g.entra.directory.users.values()

        assert user["proxyAddresses"] is None


async def test_the_recycle_bin_keeps_immutable_ids_but_frees_upns() -> None:
    async with graph(deletedUsers=[person("gone", onPremisesImmutableId="Gone")]) as g:
        same_id = await g.post("/users", new_user("gone", onPremisesImmutableId="Gone"))
        assert refusal(same_id) == (*INVALID, "onPremisesImmutableId")
        assert (await g.post("/users", new_user("gone"))).status_code == 201


async def test_a_full_directory_takes_nobody() -> None:
    async with graph(users=[person()], tenant={"objectQuota": 1}) as g:
        assert refusal(await g.post("/users", new_user()))[:2] == (403, "Directory_QuotaExceeded")
