"""A person's page and the people search answer from the newest reading, and ask Graph about few people."""

import random

import pytest

from local.access_control import Fault as SourceFault
from shared.runs.inspection import person_called
from shared.runs.messages import reading_message
from shared.runs.newest import ReadingNeeded, newest_sides
from shared.services import Services
from shared.settings import Settings
from shared.store.runs import PEOPLE
from shared.store.storage import LINKS, SNAPSHOTS
from tests.support.outcomes import ANY_DELETION, FABRIKAM, TWO_DOMAINS
from tests.support.stack import CONTOSO, Json, Stack, StartStack, in_entra, in_source

NAMES = [f"user{number}" for number in range(30)]


def company(seed: int) -> tuple[list[Json], list[Json], list[Json]]:
    """Source, active users and deleted ones, who have left, come, changed, and taken over each other's names."""
    chance = random.Random(seed)
    source, entra, deleted = [], [], []
    for number, name in enumerate(NAMES):
        other, domain = chance.choice(NAMES), chance.choice([CONTOSO, CONTOSO, FABRIKAM])
        of_source: Json = {"immutable_id": chance.choice(["", f"K{number}", f"K{number // 2}"])}
        of_source |= chance.choice(
            [{}, {}, {"display_name": f"{other.title()} 太郎"}, {"given_name": "次郎"}]
        )
        of_source |= chance.choice([{}, {}, {}, {"user_principal_name": f"{other}@{domain}"}])
        of_entra: Json = {"onPremisesImmutableId": chance.choice([None, f"K{number}"])}
        of_entra |= chance.choice([{}, {}, {"mailNickname": other}, {"_mailbox": "shared"}])
        sides = chance.choice(["both", "both", "both", "source", "entra", "deleted"])
        if sides != "entra":
            source.append(in_source(name, chance.choice([CONTOSO, domain]), **of_source))
        if sides in ("both", "entra"):
            entra.append(in_entra(name, **of_entra))
        if sides == "deleted":
            deleted.append(in_entra(name))
    return source, entra, deleted


async def read(stack: Stack, path: str) -> Json:
    answer = await stack.looked(path)
    assert answer.status_code == 200, answer.text
    found: Json = answer.json()
    return found


def requests(stack: Stack) -> list[str]:
    """To Graph, a `$batch` as one."""
    return [call.url for call in stack.entra.requests.calls if not call.inner]


class TestAPerson:
    @pytest.mark.parametrize("seed", range(5))
    async def test_is_as_a_survey_of_everybody_finds_them(self, start_stack: StartStack, seed: int) -> None:
        source, entra, deleted = company(seed)
        stack = await start_stack(
            source=source, entra=entra, tenant={"deletedUsers": deleted}, domains=TWO_DOMAINS
        )
        await stack.set(CONTOSO, maxAllowedDeletions=ANY_DELETION, periodicSync=True)
        await stack.set(FABRIKAM, periodicSync=True)
        await read(stack, "people?q=nobody")
        live = Services(Settings.from_environment({**stack.settings, "READ": "live"}))

        everybody = {one["username"] for one in source} | {one["userPrincipalName"] for one in entra}
        # Each is held against a survey of its own, which is slow.
        for name in random.Random(seed).sample(sorted(everybody), 8):
            found = await person_called(stack.services, name, CONTOSO)
            assert found.read.source is not None
            expected = await person_called(live, name, CONTOSO)
            assert found.model_copy(update={"read": expected.read}) == expected, name
        await live.aclose()

    async def test_costs_a_few_requests_about_them_alone(self, start_stack: StartStack) -> None:
        everybody = [*NAMES, "stays"]
        stack = await start_stack(
            source=list(map(in_source, everybody)), entra=list(map(in_entra, everybody))
        )
        await read(stack, "people/stays")
        stack.entra.requests.clear()
        stack.access_control.requests.clear()

        found = await read(stack, "people/stays")

        assert found["verdict"] == "Equal on both sides: nothing would change."
        assert stack.access_control.requests.calls == []
        assert len(requests(stack)) <= 6, requests(stack)
        assert not [url for url in requests(stack) if "endsWith" in url]

    async def test_is_of_the_newest_reading_or_of_a_later_one_if_asked_so(
        self, start_stack: StartStack
    ) -> None:
        stack = await start_stack(source=[in_source("aoki")], entra=[in_entra("aoki")])
        first = await read(stack, "people/aoki")
        stack.access_control.users.edit("aoki", {"given_name": "次郎"})

        same = await read(stack, "people/aoki")
        later = await read(stack, f"people/aoki?after={first['read']['source']['version']}")

        assert (first["read"], first["change"], first["read"]["entra"]["live"]) == (same["read"], None, False)
        assert later["read"]["source"]["version"] == first["read"]["source"]["version"] + 1
        assert later["change"]["action"] == "update"
        # No reading has this version.
        never = await read(stack, f"people/aoki?after={later['read']['source']['version'] + 7}")
        assert never["read"] == later["read"]

    async def test_is_read_live_in_entra(self, start_stack: StartStack) -> None:
        stack = await start_stack(source=[in_source("aoki")], entra=[in_entra("aoki")])
        await read(stack, "people/aoki")
        (account,) = stack.entra.directory.users_of(CONTOSO)
        stack.entra.directory.update(account, {"givenName": "次郎"})

        found = await read(stack, "people/aoki")

        assert found["entra"]["givenName"] == "次郎"

    async def test_who_was_created_or_deleted_since_is_seen(self, start_stack: StartStack) -> None:
        stack = await start_stack(source=[in_source("aoki"), in_source("baba")], entra=[in_entra("aoki")])
        await read(stack, "people/aoki")
        (account,) = stack.entra.directory.users_of(CONTOSO)
        stack.entra.directory.delete(account)
        stack.entra.directory.create(in_entra("baba"))

        gone, new = [await read(stack, f"people/{name}") for name in ("aoki", "baba")]

        assert (gone["entra"], gone["change"]["action"]) == (None, "restore")
        assert (new["matchedBy"], new["entra"]["userPrincipalName"]) == ("upn", "baba@contoso.com")

    @pytest.mark.parametrize("blob", ["mirror", "base"])
    async def test_is_looked_for_among_everybody_where_the_copy_is_damaged(
        self, start_stack: StartStack, blob: str
    ) -> None:
        stack = await start_stack(source=[in_source("aoki")], entra=[in_entra("aoki")])
        await read(stack, "people/aoki")
        container = await stack.services.storage.open_container(SNAPSHOTS)
        async for name in container.list_blob_names(name_starts_with=blob):
            await container.delete_blob(name)

        found = await person_called(stack.services, "aoki", CONTOSO)

        assert (found.matched_by, found.read.entra) == ("upn", None)
        assert found.read.source is not None

    async def test_while_the_memory_is_in_doubt_everybody_is_planned(self, start_stack: StartStack) -> None:
        stack = await start_stack(
            source=[in_source("aoki"), in_source("new")], entra=[in_entra("aoki"), in_entra("gone")]
        )
        await stack.set(maxAllowedDeletions=ANY_DELETION)
        await stack.sync("contoso.com")
        container = await stack.services.storage.open_container(LINKS)
        await container.delete_blob(PEOPLE)

        found = await read(stack, "people/aoki")

        assert (found["matchedBy"], found["read"]["entra"]) == ("upn", None)


class TestTheReading:
    async def test_is_started_once_and_its_failure_told(self, start_stack: StartStack) -> None:
        stack = await start_stack(source=[in_source("aoki")], entra=[in_entra("aoki")])
        stack.access_control.faults.add(SourceFault(kind="status", call="token", status=401))

        answers = [await stack.looked(path) for path in ("people/aoki", "people?q=aoki", "people/aoki")]

        assert [answer.status_code for answer in answers] == [502] * 3
        assert "POST token answered 401: check HENNGE_CLIENT_ID" in answers[0].json()["detail"]
        assert await stack.readings() == 1

    async def test_that_is_damaged_is_made_anew(self, start_stack: StartStack) -> None:
        stack = await start_stack(source=[in_source("aoki")], entra=[in_entra("aoki")])
        await stack.dry_run()
        container = await stack.services.storage.open_container(SNAPSHOTS)
        async for blob in container.list_blobs():
            await container.upload_blob(blob.name, b"damaged", overwrite=True)
        attribute_map = (await stack.services.tenant_settings.read_terms()).attribute_map

        with pytest.raises(ReadingNeeded) as needed:
            await newest_sides(stack.services, attribute_map, 0)

        assert needed.value.messages == [reading_message(2)]
