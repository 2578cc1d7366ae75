"""A copy of Entra's users: an idle hour costs a few requests, and nobody is written to by the copy alone."""

import random
from collections.abc import Sequence
from datetime import timedelta

import pytest

from local.access_control import Fault as SourceFault
from local.access_control import User as Person
from local.entra import Fault, User
from local.host.limits import PLATFORM
from shared.entra.directory import Directory
from shared.model.people import EntraUser
from shared.model.records import Author
from shared.model.runs import Mode, Run, Trigger
from shared.runs import lifecycle
from shared.runs.invocation import Finished, perform
from shared.runs.near import near_directory
from shared.runs.reading import perform_reading
from shared.services import Services
from shared.settings import Settings
from shared.store.storage import SNAPSHOTS
from tests.support.people import MAP
from tests.support.stack import CONTOSO, Json, Stack, StartStack, in_entra, in_source, until

DOMAINS = (CONTOSO, *(f"d{number}.example" for number in range(5)))
NAMES = [f"user{number}" for number in range(12)]
ODDITIES: list[Json] = [
    *(
        {"kind": kind, "probability": 0.4, "path": "/users/delta"}
        for kind in ("replay", "outOfOrder", "onlyChanged", "emptyPage")
    ),
    {"kind": "lateChange", "probability": 0.4, "seconds": 0.3},
    {"kind": "lostToken", "probability": 0.2, "status": 410},
]


# What runs read is what is tested here.
pytestmark = pytest.mark.usefixtures("every_hour_has_runs")


async def started(
    start_stack: StartStack, domains: Sequence[str] = DOMAINS[:1], *, read: str = "mirror"
) -> Stack:
    """Domains with the same people on both sides."""
    everybody = [(f"{name}-{place}", domain) for place, domain in enumerate(domains) for name in NAMES]
    stack = await start_stack(
        source=[in_source(*one) for one in everybody],
        entra=[in_entra(*one) for one in everybody],
        domains=[
            {"id": domain, "isDefault": domain == CONTOSO} for domain in (*domains, "elsewhere.example")
        ],
        settings={"READ": read},
        host=PLATFORM,
    )
    for domain in domains:
        await stack.set(domain, maxAllowedDeletions=100, periodicSync=True)
    return stack


async def hour(stack: Stack, domains: Sequence[str] = DOMAINS[:1]) -> list[Run]:
    """What the timer starts, as it has ended."""
    return await stack.hour(*domains)


async def one_hour(stack: Stack) -> Run:
    (run,) = await hour(stack)
    return run


def asked(stack: Stack) -> int:
    """Requests to Graph; a `$batch` counts as one."""
    return sum(not call.inner for call in stack.entra.requests.calls)


def listings(stack: Stack) -> list[str]:
    """The lists of a domain that were read."""
    return [
        call.url
        for call in stack.entra.requests.calls
        if call.path == "/users" and "endsWith(userPrincipalName" in call.url and "$top=999" in call.url
    ]


class TestAnIdleHour:
    @pytest.mark.parametrize("count", [1, len(DOMAINS)])
    async def test_costs_a_few_requests_however_many_domains(
        self, start_stack: StartStack, count: int
    ) -> None:
        domains = DOMAINS[:count]
        stack = await started(start_stack, domains)
        await hour(stack, domains)
        stack.entra.requests.clear()

        runs = await hour(stack, domains)

        assert [(run.status, run.counts.unchanged) for run in runs] == [("succeeded", len(NAMES))] * count
        assert asked(stack) <= 5, [call.url for call in stack.entra.requests.calls]

    async def test_reads_no_list_of_a_domain_and_says_what_it_read(self, start_stack: StartStack) -> None:
        stack = await started(start_stack)
        await one_hour(stack)
        stack.entra.requests.clear()

        run = await one_hour(stack)

        assert listings(stack) == []
        assert [event["listed"] for event in stack.events.named("mirror.read")] == [True, False]
        assert run.read.entra is not None
        assert not run.read.entra.live
        assert run.created_at - timedelta(seconds=2) <= run.read.entra.as_of

    async def test_a_dry_run_lists_nobody_and_costs_a_few_requests(self, start_stack: StartStack) -> None:
        stack = await started(start_stack)
        await one_hour(stack)
        stack.access_control.users.add(Person.model_validate(in_source("new")))
        stack.access_control.users.edit("user1-0", {"user_principal_name": "taken@contoso.com"})
        stack.entra.directory.create({**by_hand("holder"), "mail": "taken@contoso.com"})
        stack.entra.requests.clear()

        run = await stack.dry_run()

        renames = [row["errorCode"] for row in await stack.audit_log(run) if row["action"] == "rename"]
        assert renames == ["AddressTaken"]
        assert listings(stack) == []
        assert asked(stack) <= 12, [call.url for call in stack.entra.requests.calls]

    async def test_nor_does_a_dry_run_before_the_first_sync(self, start_stack: StartStack) -> None:
        stack = await started(start_stack)

        assert (await stack.dry_run()).counts.unchanged == len(NAMES)
        assert listings(stack) == []

    async def test_with_read_live_there_is_no_copy(self, start_stack: StartStack) -> None:
        stack = await started(start_stack, read="live")

        for _ in range(2):
            run = await one_hour(stack)
            assert run.status == "succeeded"
            assert run.read.entra is not None
            assert run.read.entra.live

        assert len(listings(stack)) == 2
        assert stack.entra.requests.count(path="/users/delta") == 0


class TestWhatHasChanged:
    async def test_is_seen_in_the_next_hour_and_read_live_before_it_is_written_to(
        self, start_stack: StartStack
    ) -> None:
        stack = await started(start_stack)
        await one_hour(stack)
        user = account(stack, "user1-0")
        stack.entra.directory.update(user, {"surname": "Other"})
        stack.entra.requests.clear()

        run = await one_hour(stack)

        assert (run.status, run.counts.update) == ("succeeded", 1)
        assert listings(stack) == []
        assert f"/users/{user.id}" in [call.url.partition("?")[0] for call in stack.entra.requests.calls]
        assert asked(stack) <= 8, [call.url for call in stack.entra.requests.calls]

    async def test_sync_now_and_dry_run_ask_again(self, start_stack: StartStack) -> None:
        stack = await started(start_stack)
        await one_hour(stack)
        stack.entra.directory.update(account(stack, "user1-0"), {"surname": "Other"})

        dry_run, sync = await stack.dry_run(), await stack.sync()

        assert (dry_run.counts.update, sync.counts.update) == (1, 1)
        assert stack.users()["user1-0@contoso.com"]["surname"] == "User1-0"

    async def test_everybody_new_is_added_once(self, start_stack: StartStack) -> None:
        stack = await started(start_stack)
        await one_hour(stack)
        for name in NAMES:
            stack.access_control.users.add(Person.model_validate(in_source(f"new-{name}")))

        runs = [await one_hour(stack) for _ in range(3)]

        assert [run.counts.add for run in runs] == [len(NAMES), 0, 0]
        assert runs[2].counts.unchanged == 2 * len(NAMES)

    async def test_a_role_given_since_the_reading_protects(self, start_stack: StartStack) -> None:
        stack = await started(start_stack, DOMAINS[:2])
        first, second = await queued(stack, CONTOSO), await queued(stack, DOMAINS[1])
        stack.access_control.users.edit("user1-1", {"family_name": "新"})
        assert await perform(stack.services, CONTOSO, first.id) == Finished()
        account(stack, "user1-1", DOMAINS[1]).roles = ("User Administrator",)

        assert await perform(stack.services, DOMAINS[1], second.id) == Finished()

        run = await stack.services.runs.get(DOMAINS[1], second.id)
        assert (run.counts.update, run.counts.skipped, stack.writes()) == (0, 1, [])


class TestACopyThatIsWrong:
    async def test_somebody_whom_it_lacks_is_found_and_not_added_again(self, start_stack: StartStack) -> None:
        stack = await missing_changes(start_stack)
        created = stack.entra.directory.create(by_hand("new"))
        stack.access_control.users.add(Person.model_validate(in_source("new")))

        run = await one_hour(stack)

        assert (run.status, run.counts.add, run.counts.unchanged) == ("succeeded", 0, len(NAMES) + 1)
        assert [url for url in stack.writes() if "revoke" not in url] == []
        assert await found_within_a_day(stack) == [created.id]

    async def test_somebody_too_many_is_not_deleted(self, start_stack: StartStack) -> None:
        stack = await missing_changes(start_stack)
        gone = account(stack, "user1-0")
        stack.entra.directory.delete(gone)
        stack.access_control.users.remove("user1-0")

        run = await one_hour(stack)

        assert (run.status, run.counts.delete, run.counts.target) == ("succeeded", 0, len(NAMES) - 1)
        assert stack.writes() == []
        assert await found_within_a_day(stack) == [gone.id]

    async def test_old_values_are_not_written_over_newer_ones(self, start_stack: StartStack) -> None:
        stack = await missing_changes(start_stack)
        user = account(stack, "user1-0")
        stack.entra.directory.update(user, {"surname": "新"})
        stack.access_control.users.edit("user1-0", {"family_name": "新"})

        run = await one_hour(stack)

        assert (run.status, run.counts.update, stack.writes()) == ("succeeded", 0, [])
        assert await found_within_a_day(stack) == [user.id]

    async def test_a_limit_is_of_those_who_are_really_left(self, start_stack: StartStack) -> None:
        stack = await missing_changes(start_stack)
        await stack.set(maxAllowedDeletions=20)
        for name in NAMES[6:]:
            stack.entra.directory.delete(account(stack, f"{name}-0"))
            stack.access_control.users.remove(f"{name}-0")
        for name in NAMES[:2]:
            stack.access_control.users.remove(f"{name}-0")

        run = await one_hour(stack)

        assert run.deletion_check is not None
        assert (run.deletion_check.deletions, run.deletion_check.target) == (2, 6)
        assert (run.status, stack.writes()) == ("cancelled", [])

    async def test_with_somebody_too_few_and_a_leaver_the_domain_is_listed(
        self, start_stack: StartStack
    ) -> None:
        stack = await missing_changes(start_stack)
        stack.entra.directory.create(by_hand("unknown"))
        stack.access_control.users.remove("user1-0")
        await stack.set(maxAllowedDeletions=100)

        run = await stack.dry_run()
        again = await stack.dry_run()

        # The account that nobody in the source has is a leaver, too.
        assert (run.counts.delete, again.counts.delete) == (2, 2)
        assert len(stack.events.named("mirror.passedOver")) == 1
        (differed,) = stack.events.named("mirror.differed")
        assert differed["users"] == 1

    async def test_changes_that_come_late_do_no_harm(self, start_stack: StartStack) -> None:
        stack = await started(start_stack)
        await one_hour(stack)
        stack.entra.faults.add(Fault(kind="lateChange", seconds=600))
        gone, renamed = account(stack, "user1-0"), account(stack, "user2-0")
        stack.entra.directory.delete(gone)
        stack.entra.directory.update(renamed, {"userPrincipalName": "user1-0@contoso.com"})
        stack.access_control.users.remove("user1-0")
        stack.access_control.users.edit("user2-0", {"user_principal_name": "user1-0@contoso.com"})

        run = await one_hour(stack)

        assert (run.status, stack.writes()) == ("succeeded", [])


class TestWhenEverybodyIsListedAgain:
    async def test_a_list_that_is_behind_loses_nobody(self, start_stack: StartStack) -> None:
        stack = await started(start_stack)
        await one_hour(stack)
        stack.entra.directory.create(by_hand("new"))
        stack.access_control.users.add(Person.model_validate(in_source("new")))
        await one_hour(stack)
        stack.entra.faults.plan.stale_list_seconds = 120

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("shared.planning.mirror.LISTED_EVERY", timedelta(0))
            run = await one_hour(stack)

        read = stack.events.named("mirror.read")[-1]
        assert (read["listed"], read["users"]) == (True, len(NAMES) + 1)
        assert (run.counts.unchanged, stack.events.named("mirror.differed")) == (len(NAMES) + 1, [])

    async def test_when_graph_counts_another_number_twice(self, start_stack: StartStack) -> None:
        stack = await missing_changes(start_stack)
        created = stack.entra.directory.create({**by_hand("x"), "userPrincipalName": "x@elsewhere.example"})

        for _ in range(3):
            assert (await one_hour(stack)).status == "succeeded"

        assert [event["listed"] for event in stack.events.named("mirror.read")] == [True, False, True, False]
        assert [event["objectIds"] for event in stack.events.named("mirror.differed")] == [[created.id]]

    async def test_a_difference_that_a_list_leaves_is_no_reason(self, start_stack: StartStack) -> None:
        stack = await started(start_stack)
        stack.entra.faults.add(Fault(kind="countTooHigh", path="/users"))

        for _ in range(3):
            assert (await one_hour(stack)).status == "succeeded"

        assert [event["listed"] for event in stack.events.named("mirror.read")] == [True, True, False]

    async def test_when_the_last_list_was_short(self, start_stack: StartStack) -> None:
        stack = await started(start_stack)
        stack.entra.faults.add(Fault(kind="shortListing", missing=5, path="/users", where="outer", count=2))

        for _ in range(3):
            assert (await one_hour(stack)).counts.unchanged == len(NAMES)

        assert [event["listed"] for event in stack.events.named("mirror.read")] == [True, True, False]
        assert stack.writes() == []

    async def test_when_an_account_was_met_that_the_plan_did_not_know(self, start_stack: StartStack) -> None:
        stack = await started(start_stack)
        await one_hour(stack)
        stack.access_control.users.add(Person.model_validate(in_source("new")))
        create = stack.hold_up(method="POST")

        async def sent() -> int:
            return create.struck

        run = await stack.start("sync")
        await until(sent)
        stack.entra.directory.create({**by_hand("new"), "displayName": "another person"})
        stack.let_go()
        run = await stack.finished(run)
        await one_hour(stack)

        assert (run.status, run.counts.failed) == ("completedWithErrors", 1)
        assert [event["listed"] for event in stack.events.named("mirror.read")] == [True, False, True]

    async def test_for_another_map(self, start_stack: StartStack) -> None:
        stack = await started(start_stack)
        await one_hour(stack)
        answer = await stack.patch("settings", {"attributeMap": {"department": "Department"}})
        assert answer.status_code == 200, answer.text

        await stack.dry_run()
        await stack.dry_run()

        assert [event["listed"] for event in stack.events.named("mirror.read")] == [True, True, False]


class TestWhatCanNotBeRead:
    @pytest.mark.parametrize("status", [400, 404, 410])
    async def test_after_a_lost_link_everybody_is_listed(self, start_stack: StartStack, status: int) -> None:
        stack = await started(start_stack)
        await one_hour(stack)
        stack.entra.faults.add(Fault.model_validate({"kind": "lostToken", "status": status, "count": 1}))
        stack.entra.directory.update(account(stack, "user1-0"), {"surname": "Other"})

        run = await one_hour(stack)

        assert (run.status, run.counts.update) == ("succeeded", 1)
        assert stack.events.named("mirror.read")[-1]["listed"]
        assert listings(stack) == []

    async def test_where_delta_fails_each_run_lists_its_domain(self, start_stack: StartStack) -> None:
        stack = await started(start_stack)
        stack.entra.faults.add(Fault(kind="status", status=403, path="/users/delta"))

        run = await one_hour(stack)

        assert (run.status, run.counts.unchanged, len(listings(stack))) == ("succeeded", len(NAMES), 1)
        assert len(stack.events.named("mirror.unread")) == 1

    @pytest.mark.parametrize(("blob", "left"), [("mirror", b"x"), ("base", b"x"), ("base", b"")])
    async def test_where_it_is_damaged_the_domain_is_listed_and_then_everybody(
        self, start_stack: StartStack, blob: str, left: bytes
    ) -> None:
        stack = await started(start_stack)
        await one_hour(stack)
        run = await queued(stack, CONTOSO)
        assert (await perform_reading(stack.services, 2)).messages == []
        stored = (await stack.services.snapshots.look()).mirror
        assert stored is not None
        container = await stack.services.storage.open_container(SNAPSHOTS)
        await container.upload_blob(getattr(stored, {"mirror": "blob"}.get(blob, blob)), left, overwrite=True)
        fresh = Services(Settings.from_environment(stack.settings))

        assert await perform(fresh, CONTOSO, run.id) == Finished()
        await fresh.aclose()
        listed_by_run = len(listings(stack))
        later = await one_hour(stack)

        assert (listed_by_run, later.status) == (1, "succeeded")
        assert stack.events.named("mirror.damaged")

    async def test_a_source_that_fails_costs_no_list(self, start_stack: StartStack) -> None:
        stack = await started(start_stack)
        await one_hour(stack)
        stack.access_control.faults.add(SourceFault(kind="status", status=403, count=1))
        failed = await one_hour(stack)
        stack.entra.requests.clear()

        run = await one_hour(stack)

        assert (failed.status, run.status, asked(stack)) == ("failed", "succeeded", asked(stack))
        assert not stack.events.named("mirror.read")[-1]["listed"]


class TestWhateverDeltaDoes:
    @pytest.mark.parametrize("seed", range(5))
    async def test_the_copy_becomes_what_entra_has(self, start_stack: StartStack, seed: int) -> None:
        stack = await started(start_stack, DOMAINS[:2])
        chance, directory = random.Random(seed), stack.entra.directory
        stack.entra.faults.plan.delta_page_size = 2
        await perform_reading(stack.services, 1)
        for number in range(2, 6):
            stack.entra.faults.clear()
            stack.entra.faults.plan.delta_page_size = 2
            stack.entra.faults.add(*map(Fault.model_validate, ODDITIES))
            for user in chance.sample(sorted(directory.users.values(), key=lambda user: user.id), 4):
                change_by_hand(stack, user, chance)
            for user in list(directory.deleted.values())[: chance.randrange(2)]:
                directory.restore(user, None, drop_conflicting_addresses=True)
            await perform_reading(stack.services, number)
        stack.entra.faults.clear()

        async def same() -> bool:
            await perform_reading(stack.services, (await stack.services.snapshots.look()).begun + 1)
            return all([await copied(stack, domain) == await there(stack, domain) for domain in DOMAINS[:2]])

        # What comes late has come some time.
        await until(same)
        assert stack.events.named("mirror.differed") == []


async def copied(stack: Stack, domain: str) -> list[EntraUser]:
    stored = (await stack.services.snapshots.look()).mirror
    assert stored is not None
    near = await near_directory(stack.services, stack.services.graph(), MAP, domain, stored)
    assert near is not None
    return sorted((await near.read_users(domain)).users, key=str)


async def there(stack: Stack, domain: str) -> list[EntraUser]:
    live = Directory(stack.services.graph(), MAP)
    return sorted((await live.read_users(domain)).users, key=str)


def change_by_hand(stack: Stack, user: User, chance: random.Random) -> None:
    directory = stack.entra.directory
    match chance.randrange(4):
        case 0:
            directory.delete(user)
        case 1:
            directory.update(user, {"surname": chance.choice(["新", None])})
        case 2:
            moved = f"{chance.randrange(10**9)}@{chance.choice(DOMAINS[:2])}"
            directory.update(user, {"userPrincipalName": moved})
        case _:
            directory.create(by_hand(f"by-hand-{chance.randrange(10**9)}"))


def account(stack: Stack, name: str, domain: str = CONTOSO) -> User:
    user = stack.entra.directory.user(f"{name}@{domain}")
    assert user is not None
    return user


def by_hand(name: str) -> Json:
    return {**in_entra(name), "mailNickname": name, "accountEnabled": True}


async def queued(stack: Stack, domain: str) -> Run:
    """A run whose message has not been sent."""
    author = Author("somebody", "127.0.0.1")
    run = lifecycle.new_run(stack.services.clock, domain, Mode.SYNC, Trigger.MANUAL, author)
    return await lifecycle.start(stack.services, run)


async def missing_changes(start_stack: StartStack) -> Stack:
    """After an hour in which both sides are the same, delta queries tell of nothing any more."""
    stack = await started(start_stack)
    await one_hour(stack)
    stack.entra.faults.add(Fault(kind="missedChange"))
    return stack


async def found_within_a_day(stack: Stack) -> list[str]:
    """The object ids that the next list of everybody finds different."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("shared.planning.mirror.LISTED_EVERY", timedelta(0))
        await one_hour(stack)
    (differed,) = stack.events.named("mirror.differed")
    found: list[str] = differed["objectIds"]
    return found
