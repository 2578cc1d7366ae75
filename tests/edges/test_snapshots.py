"""Readings of the source in storage: one at a time, by one reader, complete or not there."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from local.access_control import AccessControl, Fault, running_access_control
from local.access_control.cursors import Cursors
from local.access_control.seed import CLIENT_ID, CLIENT_SECRET
from shared.clock import Clock
from shared.errors import LeaseLost, SourceError, TimeBudgetSpent
from shared.model.packed import SnapshotDamaged
from shared.model.parts import say
from shared.model.people import People
from shared.outbound.waiting import Deadline, NoStop
from shared.services import Services
from shared.settings import Settings
from shared.source.reading import Reading
from shared.store.snapshots import Readings, Snapshot, Snapshots, StoredMirror, Waiting
from shared.store.storage import SNAPSHOTS
from tests.support.errors import raises
from tests.support.people import MAP
from tests.support.stack import in_source, until

PAGE_SIZE = 10
NAMES = [f"user{number:02d}" for number in range(35)]


class OtherYear(Clock):
    def now(self) -> datetime:
        return super().now() + timedelta(days=400)


@pytest.fixture
async def source() -> AsyncIterator[AccessControl]:
    people = [in_source(name) for name in NAMES]
    async with running_access_control({"users": people, "pageSize": PAGE_SIZE}) as running:
        yield running


@pytest.fixture
async def services(source: AccessControl, storage_accounts: Iterator[str]) -> AsyncIterator[Services]:
    services = Services(Settings.from_environment(environment(source, next(storage_accounts))), OtherYear())
    # Each page is staged.
    services.readings.stage_every = 0.0
    yield services
    await services.aclose()


def environment(source: AccessControl, storage: str) -> dict[str, str]:
    return {
        "AzureWebJobsStorage": storage,
        "HENNGE_CLIENT_ID": CLIENT_ID,
        "HENNGE_CLIENT_SECRET": CLIENT_SECRET,
        "HENNGE_TOKEN_URL": source.token_url,
        "HENNGE_API_URL": source.url,
    }


def reading(services: Services) -> Reading:
    return services.readings.begin(MAP, NoStop(services.clock), alone)


async def alone(_: Readings) -> None:
    """The source without the other side."""


async def begun(snapshots: Snapshots, *, go_on: bool = False) -> Readings | None:
    seen = await snapshots.look()
    return await snapshots.begin(seen, map_digest="m", begun_at=datetime.now(UTC), go_on=go_on)


async def ended(snapshots: Snapshots, state: Readings, content: bytes = b"x") -> Snapshot:
    return await snapshots.end(state, content, "digest", 1, datetime.now(UTC))


def pages_of(source: AccessControl) -> list[int]:
    """The pages that were asked for, in order."""
    return [call.page for call in source.requests.calls if call.page]


async def read_by(reading: Reading, services: Services) -> People | None:
    return await services.readings.load(reading.snapshot) if reading.snapshot else None


def names(people: People | None) -> list[str]:
    return [user.source_id for user in people or ()]


class TestRows:
    async def test_of_those_who_begin_at_once_one_reads(self, services: Services) -> None:
        snapshots = services.snapshots
        seen, now = await snapshots.look(), datetime.now(UTC)

        found = await asyncio.gather(
            *(snapshots.begin(seen, map_digest="m", begun_at=now, go_on=False) for _ in range(4))
        )

        assert sorted(one is not None for one in found) == [False, False, False, True]
        assert (await snapshots.look()).begun == 1

    async def test_a_good_one_is_the_newest_and_each_has_a_higher_number(self, services: Services) -> None:
        snapshots = services.snapshots
        for number in (1, 2):
            state = await begun(snapshots)
            assert state is not None
            await ended(snapshots, state, b"x" * number)

        seen = await snapshots.look()

        assert seen.newest is not None
        assert (seen.begun, seen.ended, seen.under_way, seen.newest.number) == (2, 2, False, 2)
        assert await snapshots.content(seen.newest.blob) == b"xx"

    async def test_only_storages_clock_tells_its_age(self, services: Services) -> None:
        state = await begun(services.snapshots)
        assert state is not None
        await ended(services.snapshots, state)

        seen = await services.snapshots.look()

        assert seen.newest is not None
        assert timedelta(0) <= seen.newest.age < timedelta(minutes=5)

    async def test_a_failed_one_leaves_the_newest_as_it_is(self, services: Services) -> None:
        snapshots, why = services.snapshots, say("source.empty", source="x")
        for good in (True, False):
            state = await begun(snapshots)
            assert state is not None
            if good:
                await ended(snapshots, state)
            else:
                await snapshots.fail(state, why, datetime.now(UTC))

        seen = await snapshots.look()

        assert seen.newest is not None
        assert seen.failed is not None
        assert (seen.newest.number, seen.failed.number, seen.failed.why) == (1, 2, why)

    async def test_a_reader_who_was_frozen_writes_nothing_more(self, services: Services) -> None:
        snapshots = services.snapshots
        frozen = await begun(snapshots)
        assert frozen is not None
        successor = await begun(snapshots, go_on=True)
        assert successor is not None

        for write in (
            snapshots.stage(frozen, b"x", 1),
            ended(snapshots, frozen),
            snapshots.fail(frozen, (), datetime.now(UTC)),
        ):
            with raises(LeaseLost, match="Another invocation goes on"):
                await write
        assert (await snapshots.look()).newest is None
        assert (await ended(snapshots, successor)).number == 1

    async def test_who_waits_is_told_apart_by_the_number(self, services: Services) -> None:
        snapshots = services.snapshots
        many = [Waiting(f"d{number}.example", "run", number % 3 + 1) for number in range(150)]

        await snapshots.wait(many)

        assert set(await snapshots.waiting(1)) == {one for one in many if one.number > 1}

    async def test_what_was_replaced_goes_after_an_hour_and_the_newest_stays(
        self, services: Services, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        snapshots = services.snapshots
        for _ in range(2):
            state = await begun(snapshots)
            assert state is not None
            state = await snapshots.stage(state, b"stage", 1)
            await ended(snapshots, state)
        container = services.storage.blobs.get_container_client(SNAPSHOTS)

        async def blobs() -> int:
            return len([blob async for blob in container.list_blobs()])

        await snapshots.purge()
        before = await blobs()
        monkeypatch.setattr("shared.store.snapshots.KEPT_AFTER_REPLACED", timedelta(seconds=-5))
        await snapshots.purge()

        seen = await snapshots.look()
        assert (before, await blobs()) == (4, 1)
        assert seen.newest is not None
        assert await snapshots.content(seen.newest.blob) == b"x"

    async def test_a_mirror_is_kept_with_both_of_its_blobs_until_there_is_another(
        self, services: Services, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        snapshots, now = services.snapshots, datetime.now(UTC)
        for number in (1, 2, 3):
            state = await begun(snapshots)
            assert state is not None
            base = await snapshots.put(state, "base", b"0123456789")
            blob = await snapshots.put(state, "mirror", b"%d" % number)
            mirror = StoredMirror(number=number, blob=blob, base=base)
            # The last reading could not read Entra.
            await snapshots.end(state, b"x", "digest", 1, now, mirror if number < 3 else None)
        monkeypatch.setattr("shared.store.snapshots.KEPT_AFTER_REPLACED", timedelta(seconds=-5))
        await snapshots.purge()
        await snapshots.doubt(mirror)

        seen = await snapshots.look()

        assert seen.mirror is not None
        assert (seen.mirror.number, seen.doubted) == (2, 3)
        assert timedelta(0) <= seen.mirror.age < timedelta(minutes=5)
        assert [await snapshots.last_content(seen.mirror.blob) for _ in range(2)] == [b"2", b"2"]
        assert await snapshots.content(seen.mirror.base, 2, 3) == b"234"
        for behind in (11, 50):
            with pytest.raises(SnapshotDamaged):
                await snapshots.content(seen.mirror.base, behind, 3)
        container = services.storage.blobs.get_container_client(SNAPSHOTS)
        assert len([blob async for blob in container.list_blobs()]) == 3


class TestReading:
    async def test_it_reads_everybody_once_for_all(self, services: Services, source: AccessControl) -> None:
        one = reading(services)

        await one.read(await services.snapshots.look(), 0)

        assert names(await read_by(one, services)) == NAMES
        assert pages_of(source) == [1, 2, 3, 4]

    async def test_another_worker_loads_the_same(self, services: Services, source: AccessControl) -> None:
        one = reading(services)
        await one.read(await services.snapshots.look(), 0)
        assert one.snapshot is not None
        secret = services.settings.storage
        assert secret is not None
        other = Services(Settings.from_environment(environment(source, secret.get_secret_value())))

        loaded = await other.readings.load(one.snapshot)
        await other.aclose()

        assert loaded == await read_by(one, services)

    @pytest.mark.parametrize("left", [b"users-snapshot 1\n", b""])
    async def test_one_that_is_damaged_or_gone_is_not_used(self, services: Services, left: bytes) -> None:
        one = reading(services)
        await one.read(await services.snapshots.look(), 0)
        assert one.snapshot is not None
        container = services.storage.blobs.get_container_client(SNAPSHOTS)
        await container.upload_blob(one.snapshot.blob, left, overwrite=True)
        services.readings.keep(replace(one.snapshot, blob="another"), b"")

        damaged = await services.readings.load(one.snapshot)
        with pytest.raises(SnapshotDamaged):
            await services.readings.digests(one.snapshot)
        await container.delete_blob(one.snapshot.blob)

        assert damaged is None
        assert await services.readings.load(one.snapshot) is None

    async def test_a_killed_one_goes_on_from_its_cursor(
        self, services: Services, source: AccessControl
    ) -> None:
        await kill_on_page(3, services, source)
        before = await services.snapshots.look()

        one = reading(services)
        await one.read(before, 0)

        assert names(await read_by(one, services)) == NAMES
        # Page 3 once to see whether the cursor is still taken.
        assert pages_of(source) == [3, 3, 4]
        assert (before.begun, one.ended) == (1, 1)

    async def test_one_whose_time_is_up_goes_on_too(self, services: Services, source: AccessControl) -> None:
        source.faults.add(Fault(kind="delay", ms=600_000, page=3))
        stop = Deadline(0.5, services.clock, TimeBudgetSpent("run.timeIsUp"))
        first = services.readings.begin(MAP, stop, alone)

        with raises(TimeBudgetSpent, match="time is up"):
            await first.read(await services.snapshots.look(), 0)
        source.faults.clear()
        second = reading(services)
        await second.read(await services.snapshots.look(), 0)

        assert names(await read_by(second, services)) == NAMES
        assert first.got_on
        assert first.left is not None

    async def test_a_cursor_that_is_refused_means_from_the_start(
        self, services: Services, source: AccessControl
    ) -> None:
        await kill_on_page(3, services, source)
        source._cursors = Cursors()  # as after a restart of the service
        source.users.remove("user00")

        one = reading(services)
        await one.read(await services.snapshots.look(), 0)

        assert names(await read_by(one, services)) == NAMES[1:]
        assert pages_of(source)[-4:] == [1, 2, 3, 4]

    @pytest.mark.parametrize("change", ["older", "map", "stage gone", "quiet"])
    async def test_it_goes_on_only_with_what_it_may(
        self, services: Services, source: AccessControl, change: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await kill_on_page(3, services, source)
        seen = await services.snapshots.look()
        one = reading(services)
        if change == "map":
            one._map = "another"
        elif change == "stage gone":
            await services.storage.blobs.get_container_client(SNAPSHOTS).delete_blob(seen.stages[0])
        elif change == "quiet":
            monkeypatch.setattr("shared.source.reading.LONGEST_PAUSE", timedelta(0))

        await one.read(seen, 1 if change == "older" else 0)

        assert names(await read_by(one, services)) == NAMES
        assert pages_of(source) == [1, 2, 3, 4]
        assert one.ended == (1 if change == "stage gone" else 2)

    async def test_a_failed_one_is_never_a_snapshot(self, services: Services, source: AccessControl) -> None:
        source.faults.add(Fault(kind="status", status=403, page=3))
        one = reading(services)

        with raises(SourceError, match="answered 403"):
            await one.read(await services.snapshots.look(), 0)

        seen = await services.snapshots.look()
        assert (seen.newest, one.snapshot, one.ended) == (None, None, 1)
        assert seen.failed is not None
        assert [part.code for part in seen.failed.why] == ["hennge.notAuthorised"]

    async def test_one_that_never_gets_on_fails_in_the_end(
        self, services: Services, source: AccessControl
    ) -> None:
        for _ in range(3):
            await kill_on_page(1, services, source)

        with raises(SourceError, match="3 invocations in a row"):
            await reading(services).read(await services.snapshots.look(), 0)

        assert (await services.snapshots.look()).ended == 1

    async def test_a_source_that_is_a_file_goes_the_same_way(
        self, storage_accounts: Iterator[str], tmp_path: Path
    ) -> None:
        path = tmp_path / "people.csv"
        path.write_text("Username,UserPrincipalName,Display Name\naoki,aoki@contoso.com,Aoki\n")
        settings = {"AzureWebJobsStorage": next(storage_accounts), "SOURCE": "csv", "CSV_PATH": str(path)}
        services = Services(Settings.from_environment(settings))

        one = reading(services)
        await one.read(await services.snapshots.look(), 0)
        people = await read_by(one, services)
        await services.aclose()

        assert (names(people), one.ended) == (["aoki"], 1)


async def kill_on_page(page: int, services: Services, source: AccessControl) -> None:
    """A reading whose worker dies while it waits for this page."""
    hanging = Fault(kind="delay", ms=600_000, page=page)
    source.faults.add(hanging)
    task = asyncio.create_task(reading(services).read(await services.snapshots.look(), 0))

    async def asked() -> int:
        return hanging.struck

    await until(asked)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    source.faults.clear()

    async def let_go() -> bool:
        return page in pages_of(source)

    await until(let_go)
    source.requests.clear()
