"""A person's page: why one user is what they are, found by any of their names; read-only."""

from base64 import urlsafe_b64encode
from urllib.parse import quote

import pytest

from tests.support.outcomes import ANY_DELETION, FABRIKAM, TWO_DOMAINS, object_id
from tests.support.stack import CONTOSO, Json, Stack, StartStack, in_entra, in_source

ACCOUNT = "00000000-0000-4000-8000-0000000000aa"


async def person(stack: Stack, name: str, domain: str = "") -> Json:
    """By the sync of that domain, or of the person's own."""
    answer = await stack.looked(f"people/{quote(name)}?domain={domain}&after={await stack.readings()}")
    assert answer.status_code == 200, answer.text
    assert stack.writes() == []
    found: Json = answer.json()
    return found


class TestWhoIsFound:
    async def test_by_upn_source_id_or_object_id(self, start_stack: StartStack) -> None:
        stack = await start_stack(
            source=[in_source("aoki", username="s-aoki", immutable_id="K1", display_name="New")],
            entra=[in_entra("aoki", id=ACCOUNT, onPremisesImmutableId="K1", mailNickname="s-aoki")],
        )

        for name in ("aoki@contoso.com", "AOKI@contoso.com", "s-aoki", ACCOUNT, ACCOUNT.upper(), " s-aoki "):
            found = await person(stack, name)

            assert (found["source"]["sourceId"], found["entra"]["objectId"]) == ("s-aoki", ACCOUNT)
            assert (found["matchedBy"], found["change"]["action"]) == ("immutableId", "update")
            assert found["change"]["attributes"] == [
                {"attribute": "displayName", "before": "Aoki 太郎", "after": "New"}
            ]
            assert found["verdict"] == "A sync would update this user."

    async def test_by_the_old_name_and_by_the_new_one_of_a_rename(self, start_stack: StartStack) -> None:
        stack = await start_stack(source=[in_source("aoki")])
        await stack.sync()
        stack.entra.requests.clear()
        stack.access_control.users.edit("aoki", {"user_principal_name": "married@contoso.com"})

        for name in ("aoki@contoso.com", "married@contoso.com", "aoki"):
            found = await person(stack, name)

            assert (found["matchedBy"], found["change"]["action"]) == ("memory", "rename")
            assert found["source"]["userPrincipalName"] == "married@contoso.com"
            assert found["entra"]["userPrincipalName"] == "aoki@contoso.com"

    async def test_equal_on_both_sides(self, start_stack: StartStack) -> None:
        stack = await start_stack(source=[in_source("aoki")], entra=[in_entra("aoki")])

        found = await person(stack, "aoki@contoso.com")

        assert (found["matchedBy"], found["change"]) == ("upn", None)
        assert found["verdict"] == "Equal on both sides: nothing would change."

    async def test_in_entra_only(self, start_stack: StartStack) -> None:
        stack = await start_stack(source=[in_source("aoki")], entra=[in_entra("aoki"), in_entra("leaver")])
        await stack.set(maxAllowedDeletions=ANY_DELETION)

        found = await person(stack, "leaver@contoso.com")

        assert (found["source"], found["change"]["action"]) == (None, "delete")
        assert found["verdict"].startswith("A sync would delete this user. In Entra only")

    async def test_in_the_source_only(self, start_stack: StartStack) -> None:
        stack = await start_stack(source=[in_source("aoki")])

        found = await person(stack, "aoki")

        assert (found["entra"], found["matchedBy"], found["change"]["action"]) == (None, None, "add")

    async def test_in_the_recycle_bin(self, start_stack: StartStack) -> None:
        stack = await start_stack(
            source=[in_source("aoki")], tenant={"deletedUsers": [in_entra("aoki", id=ACCOUNT)]}
        )

        for name in ("aoki", ACCOUNT):
            assert (await person(stack, name, CONTOSO))["change"]["action"] == "restore"

    async def test_on_another_domain_by_now(self, start_stack: StartStack) -> None:
        stack = await start_stack(
            source=[in_source("aoki", FABRIKAM, immutable_id="K1"), in_source("stays")],
            entra=[in_entra("aoki", onPremisesImmutableId="K1"), in_entra("stays")],
            domains=TWO_DOMAINS,
        )

        left, entered = await person(stack, "aoki", CONTOSO), await person(stack, "aoki")

        assert "Still in the source, now on fabrikam.com" in left["verdict"]
        assert entered["verdict"] == "A sync would rename this user."

    async def test_who_joins_from_another_domain_by_any_name(self, start_stack: StartStack) -> None:
        stack = await start_stack(source=list(map(in_source, ("aoki", "baba"))), domains=TWO_DOMAINS)
        await stack.sync()
        stack.entra.requests.clear()
        stack.access_control.users.edit("aoki", {"user_principal_name": f"aoki@{FABRIKAM}"})
        account = object_id(stack, "aoki")

        for name, domain in ((account, FABRIKAM), (account, FABRIKAM.upper()), ("aoki", ""), (account, "")):
            found = await person(stack, name, domain)

            assert (found["source"]["sourceId"], found["entra"]["objectId"]) == ("aoki", account)
            assert found["change"]["action"] == "rename"

    @pytest.mark.parametrize("upn", ["aoki@gmail.com", "", "aoki@conotso.com", "aoki@contoso.com."])
    async def test_somebody_whose_upn_is_none_by_their_username(
        self, start_stack: StartStack, upn: str
    ) -> None:
        stack = await start_stack(source=list(map(in_source, ("aoki", "baba", "chiba/1"))))
        await stack.set(maxAllowedDeletions=ANY_DELETION)
        await stack.sync()
        stack.entra.requests.clear()
        stack.access_control.users.edit("aoki", {"user_principal_name": upn})

        found = await person(stack, "aoki")

        assert (found["source"]["sourceId"], found["domain"]) == ("aoki", CONTOSO)
        assert found["entra"]["userPrincipalName"] == "aoki@contoso.com"
        assert found["change"] is not None

    async def test_a_username_of_any_characters(self, start_stack: StartStack) -> None:
        stack = await start_stack(source=[in_source("aoki", username="総務/青木?")])
        coded = urlsafe_b64encode("総務/青木?".encode()).decode().rstrip("=")

        assert (await person(stack, f"u:{coded}"))["source"]["sourceId"] == "総務/青木?"

    async def test_nobody(self, start_stack: StartStack) -> None:
        stack = await start_stack(source=[in_source("aoki")])

        answer = await stack.looked("people/nobody@contoso.com")

        assert answer.status_code == 404
        assert (
            answer.json()["detail"] == "Nobody called nobody@contoso.com, neither in the source nor in Entra."
        )

    async def test_nobody_of_this_domain(self, start_stack: StartStack) -> None:
        stack = await start_stack(source=[in_source("aoki")])

        found = await person(stack, "nobody@contoso.com", CONTOSO)

        assert (found["source"], found["entra"], found["change"]) == (None, None, None)
        assert found["verdict"] == (
            "Nobody called nobody@contoso.com, neither in the source nor in Entra's users of this domain."
        )

    async def test_somebody_of_no_domain_of_the_tenant(self, start_stack: StartStack) -> None:
        stack = await start_stack(source=[in_source("aoki"), in_source("guest", "elsewhere.example")])

        answer = await stack.looked("people/guest")

        assert answer.status_code == 404
        assert "guest@elsewhere.example, which is on no domain of the tenant" in answer.json()["detail"]


class TestFinding:
    @staticmethod
    async def found(stack: Stack, words: str) -> list[Json]:
        answer = await stack.looked(f"people?q={quote(words)}&after={await stack.readings()}")
        assert answer.status_code == 200, answer.text
        people: list[Json] = answer.json()["people"]
        return people

    async def test_by_name_upn_username_and_object_id_on_both_sides(self, start_stack: StartStack) -> None:
        stack = await start_stack(
            source=[in_source("aoki", username="s-1", display_name="青木 花子"), in_source("baba")],
            entra=[
                in_entra("aoki", id=ACCOUNT, displayName="青木 花子"),
                in_entra("gone", displayName="退職者"),
            ],
        )

        for words in ("青木", "花子 青木", "aoki@contoso", "s-1", ACCOUNT, " AOKI "):
            (found,) = await self.found(stack, words)
            assert (found["displayName"], found["objectId"]) == ("青木 花子", ACCOUNT), words
        (gone,) = await self.found(stack, "退職")
        (new,) = await self.found(stack, "baba")
        assert (gone["sourceId"], gone["userPrincipalName"]) == (None, "gone@contoso.com")
        assert (new["sourceId"], new["objectId"]) == ("baba", None)
        assert await self.found(stack, "nobody") == []

    async def test_somebody_renamed_is_one_person(self, start_stack: StartStack) -> None:
        stack = await start_stack(source=[in_source("aoki")])
        await stack.sync()
        stack.access_control.users.edit("aoki", {"user_principal_name": "married@contoso.com"})

        (found,) = await self.found(stack, "aoki")

        assert found["userPrincipalName"] == "married@contoso.com"
        assert found["objectId"] == stack.users()["aoki@contoso.com"]["id"]

    async def test_an_object_id_leads_to_the_source_user_of_earlier_syncs(
        self, start_stack: StartStack
    ) -> None:
        stack = await start_stack(source=[in_source("aoki")])
        await stack.sync()
        account = stack.users()["aoki@contoso.com"]["id"]

        (found,) = await self.found(stack, account)

        assert found["sourceId"] == "aoki"


class TestWhatProtectsOrHinders:
    async def test_a_protected_user_is_said_to_be_left_alone_and_why(self, start_stack: StartStack) -> None:
        stack = await start_stack(
            source=[in_source("stays")], entra=[in_entra("stays"), in_entra("room", _mailbox="room")]
        )

        found = await person(stack, "room@contoso.com")

        assert found["protection"] == "Is a meeting room, not a person."
        assert found["verdict"] == "A sync skips this user. Is a meeting room, not a person."

    async def test_a_change_that_would_fail_says_why(self, start_stack: StartStack) -> None:
        group = {"displayName": "Sales", "proxyAddresses": ["SMTP:sales@contoso.com"]}
        stack = await start_stack(source=[in_source("sales")], tenant={"groups": [group]})

        found = await person(stack, "sales")

        assert found["change"]["problem"].startswith("sales@contoso.com is taken by the group Sales")
        assert found["verdict"].startswith("A sync would fail to add this user: sales@contoso.com is taken")

    async def test_an_ambiguous_user_is_left_alone_with_both_names(self, start_stack: StartStack) -> None:
        stack = await start_stack(
            source=[in_source("one"), in_source("two", user_principal_name="one@contoso.com")],
            entra=[in_entra("one")],
        )

        found = await person(stack, "one@contoso.com")

        assert "one and two in the source all match one@contoso.com" in found["verdict"]


class TestBadQueries:
    async def test_get_400(self, start_stack: StartStack) -> None:
        stack = await start_stack(source=[in_source("aoki")])

        for path in ("people", "people?q=", "people?name=aoki", "people/aoki?name=x"):
            assert (await stack.get(path)).status_code == 400

    async def test_about_a_domain_that_is_not_the_tenants_get_404(self, start_stack: StartStack) -> None:
        stack = await start_stack()

        assert (await stack.get("people/x?domain=nobody.example")).status_code == 404
