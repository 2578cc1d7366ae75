"""Notifications: a real receiver hears of what happened once, or again with the same id, and keeps no run waiting."""

import asyncio
import base64
import logging
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from local.access_control import Fault as SourceFault
from local.entra import Fault
from local.host import HostProcess
from shared.model.notifications import MASK, Happening, Notification
from shared.model.records import Author
from shared.model.runs import Mode, Trigger
from shared.runs import lifecycle, notifying
from shared.runs.invocation import Finished, perform
from shared.runs.reading import perform_reading
from shared.services import Services
from shared.store.storage import RUNS
from tests.integration.test_http_api import problem
from tests.integration.test_pause import logged, moved
from tests.integration.test_tenant_settings import change, recorded, shown
from tests.support.receiver import Receiver, receiving
from tests.support.stack import CONTOSO, Json, Stack, StartStack, in_entra, in_source, until

SECRET, NEXT_SECRET = (f"whsec_{base64.b64encode(bytes([n] * 32)).decode()}" for n in (1, 2))
AUTHOR = Author("somebody", "127.0.0.1")
LOOPBACK = {"NOTIFY_LOOPBACK": "true", "WEBSITE_HOSTNAME": "sync.example.com"}
EVERYTHING = [
    "run.cancelled",
    "run.failed",
    "run.recovered",
    "protection.off",
    "questions.open",
    "sync.firstClean",
]


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as one:
        yield one


def webhook(receiver: Receiver, *events: str, **further: object) -> Json:
    wanted = list(events) or EVERYTHING
    return {
        "id": "ops",
        "kind": "webhook",
        "url": receiver.url,
        "events": wanted,
        "secrets": [SECRET],
        **further,
    }


async def stack_that_tells(start_stack: StartStack, *notifications: Json) -> Stack:
    """A sync would delete two of three people, which its limit does not let it."""
    stack = await start_stack(
        source=[in_source("aoki", display_name="青木")],
        entra=[in_entra("aoki"), in_entra("baba"), in_entra("chiba")],
        settings=LOOPBACK,
    )
    await change(stack, notifications=list(notifications))
    return stack


async def outbox(stack: Stack) -> list[Json]:
    table = await stack.services.storage.open_table(RUNS)
    return [dict(row) async for row in table.query_entities("RowKey ge 'OUT-' and RowKey lt 'OUT.'")]


async def emptied(stack: Stack) -> None:
    async def empty() -> bool:
        return not await outbox(stack)

    await until(empty)


class TestWhatIsTold:
    async def test_a_limit_tells_of_itself_with_a_link_to_review(
        self, start_stack: StartStack, receiver: Receiver
    ) -> None:
        stack = await stack_that_tells(start_stack, webhook(receiver))

        run = await stack.sync()
        await receiver.got(1)

        assert run.status == "cancelled"
        (one,) = receiver.received
        seen = one.event
        assert (seen["specversion"], seen["type"], seen["subject"]) == (
            "1.0",
            "entra-sync.run.cancelled",
            CONTOSO,
        )
        assert seen["source"] == "https://sync.example.com/api"
        assert seen["data"]["counts"] == {"deletions": 2}
        assert "2 of 3 users = 66.7% ≥ 20%" in seen["data"]["text"]
        page = f"https://sync.example.com/api/console#/domains/{CONTOSO}/runs/{run.id}"
        assert seen["data"]["links"] == {"review": f"{page}?dialog=sync-now&on={CONTOSO}", "run": page}
        await emptied(stack)

    async def test_every_message_has_the_heads_of_the_log(
        self, start_stack: StartStack, receiver: Receiver
    ) -> None:
        """Kept by the receiver, they prove later that the log is still the one that there was."""
        stack = await stack_that_tells(start_stack, webhook(receiver))

        await stack.sync()
        await receiver.got(1)
        await stack.post("notifications/ops/test")

        told, tried = (one.event["data"]["heads"] for one in receiver.received)
        assert told["runs"] == stack.events.named("run.finished")[-1]["head"]
        assert tried == {"tenantChanges": told["tenantChanges"]}
        answer = (await stack.get(f"integrity?domain={CONTOSO}&head={told['runs']}")).json()
        assert (answer["broken"], answer["heads"]) == (None, told)

    async def test_a_receiver_can_verify_each_message_by_either_secret(
        self, start_stack: StartStack, receiver: Receiver
    ) -> None:
        stack = await stack_that_tells(start_stack, webhook(receiver, secrets=[SECRET, NEXT_SECRET]))

        await stack.sync()
        await receiver.got(1)

        (one,) = receiver.received
        assert one.headers["Content-Type"] == "application/cloudevents+json"
        assert one.headers["webhook-id"] == one.event["id"]
        for secret in (SECRET, NEXT_SECRET):
            assert Webhook(secret).verify(one.body, one.headers)["id"] == one.event["id"]

    async def test_a_failure_is_told_three_times_and_then_its_end(
        self, start_stack: StartStack, receiver: Receiver
    ) -> None:
        stack = await stack_that_tells(start_stack, webhook(receiver))
        await stack.set(maxAllowedDeletions=100)
        stack.entra.faults.add(Fault.model_validate({"kind": "status", "status": 400, "path": "/domains"}))

        for _ in range(5):
            assert (await stack.sync()).status == "failed"
        stack.let_go()
        assert (await stack.sync()).status == "succeeded"
        await emptied(stack)

        kinds = [kind.removeprefix("entra-sync.") for kind in receiver.types]
        assert kinds[:3] == ["run.failed"] * 3
        assert sorted(kinds[3:]) == ["run.recovered", "sync.firstClean"]
        third = receiver.received[2].event["data"]
        assert third["times"] == 3
        assert third["since"] == receiver.received[0].event["time"]
        assert "No more of the same is sent" in third["text"]
        assert len(set(receiver.ids)) == 5

    async def test_a_source_that_can_not_be_read_is_told_once_for_all_domains(
        self, start_stack: StartStack, receiver: Receiver
    ) -> None:
        names = [CONTOSO, "other.com", "third.com"]
        stack = await start_stack(
            source=[in_source(f"user{n}", name) for n, name in enumerate(names)],
            entra=[in_entra(f"user{n}", name) for n, name in enumerate(names)],
            domains=[{"id": name} for name in names],
            settings=LOOPBACK | {"READ": "mirror"},
        )
        wanted = webhook(receiver, "run.failed", "run.recovered", domains=[CONTOSO])
        await change(stack, notifications=[wanted])
        for name in names:
            await stack.set(name, periodicSync=True)
        stack.access_control.faults.add(SourceFault(kind="status", call="token", status=401))

        for _ in range(5):
            assert [run.status for run in await stack.hour(*names)] == ["failed"] * 3
        stack.access_control.faults.clear()
        assert [run.status for run in await stack.hour(*names)] == ["succeeded"] * 3
        await receiver.got(4)
        await emptied(stack)

        assert receiver.types == [*["entra-sync.run.failed"] * 3, "entra-sync.run.recovered"]
        third = receiver.received[2].event
        assert "subject" not in third
        assert third["data"]["title"] == "The source could not be read, so no domain was synchronised."
        assert "No more of the same is sent" in third["data"]["text"]

    async def test_a_good_reading_after_one_that_was_cut_off_is_no_recovery(
        self, start_stack: StartStack, receiver: Receiver
    ) -> None:
        services = (await stack_without_host(start_stack, webhook(receiver))).services
        await services.snapshots.begin(
            await services.snapshots.look(), map_digest="", begun_at=services.clock.now(), go_on=False
        )

        ended = await perform_reading(services, 2)

        seen = await services.snapshots.look()
        assert seen.newest
        assert (seen.newest.number, ended.has_word) == (2, False)

    async def test_names_are_told_only_where_they_are_wanted(
        self, start_stack: StartStack, receiver: Receiver
    ) -> None:
        url = f"{receiver.url}/names"
        named = webhook(receiver, id="named", url=url, names=True)
        stack = await stack_that_tells(start_stack, webhook(receiver), named)

        run = await stack.sync()
        await receiver.got(2)

        texts = [one.event["data"]["text"] for one in receiver.received]
        # What a run says of itself may name people, so it goes where names are wanted.
        assert sorted(run.message in text for text in texts) == [False, True]

    async def test_a_run_that_the_queue_gave_up_on_is_told_as_failed(
        self, start_stack: StartStack, receiver: Receiver
    ) -> None:
        stack = await stack_without_host(start_stack, webhook(receiver))
        run = await stack.start_without_message()

        told = await lifecycle.give_up(stack.services, CONTOSO, run.id)
        again = await perform(stack.services, CONTOSO, run.id, redelivered=True)
        await notifying.deliver(stack.services, CONTOSO)

        # An invocation that failed at its very end may have left messages: the next one looks after them.
        assert (told, again) == (True, Finished(has_messages=True))
        assert receiver.types == ["entra-sync.run.failed"]

    async def test_what_the_queue_lost_is_sent_by_the_timer(
        self, start_stack: StartStack, receiver: Receiver
    ) -> None:
        stack = await stack_without_host(start_stack, webhook(receiver))
        await cancelled_by_a_limit(stack.services)

        with HostProcess(stack.settings) as host:
            stack.connect(host)
            await stack.http.post("/admin/functions/hourly_sync", json={})
            await receiver.got(1)

        assert receiver.types == ["entra-sync.run.cancelled"]

    async def test_others_events_and_domains_are_not_told(
        self, start_stack: StartStack, receiver: Receiver
    ) -> None:
        elsewhere = webhook(receiver, id="elsewhere", domains=["fabrikam.com"])
        stack = await stack_that_tells(start_stack, webhook(receiver, "run.failed"), elsewhere)

        run = await stack.sync()

        assert run.status == "cancelled"
        assert await outbox(stack) == []
        assert receiver.received == []

    async def test_a_dry_run_tells_nothing(self, start_stack: StartStack, receiver: Receiver) -> None:
        stack = await stack_that_tells(start_stack, webhook(receiver))

        await stack.dry_run()

        assert await outbox(stack) == []


class TestDelivery:
    async def test_a_receiver_that_refuses_gets_the_same_message_again(
        self, start_stack: StartStack, receiver: Receiver
    ) -> None:
        stack = await stack_that_tells(start_stack, webhook(receiver))
        receiver.status = 503

        await stack.sync()
        await receiver.got(5)
        receiver.status = 200
        assert len(await outbox(stack)) == 1
        await stack.tick()
        await emptied(stack)

        assert len(set(receiver.ids)) == 1
        assert len({one.body for one in receiver.received}) == 1

    async def test_a_slow_receiver_keeps_no_run_waiting(
        self, start_stack: StartStack, receiver: Receiver
    ) -> None:
        stack = await stack_that_tells(start_stack, webhook(receiver))
        receiver.open.clear()

        first = await stack.sync()
        await receiver.got(1)
        second = await stack.sync()

        assert (first.status, second.status) == ("cancelled", "cancelled")
        # It still holds the first one.
        assert len(receiver.received) == 1
        receiver.open.set()

    async def test_a_dead_receiver_keeps_no_other_waiting(
        self, start_stack: StartStack, receiver: Receiver
    ) -> None:
        async with receiving() as gone:
            pass
        stack = await stack_that_tells(start_stack, webhook(gone, id="gone"), webhook(receiver))

        await stack.sync()
        await receiver.got(1)

        async def only_the_dead_one() -> bool:
            return [row["to"] for row in await outbox(stack)] == ["gone"]

        await until(only_the_dead_one)

    async def test_a_sender_that_dies_after_sending_sends_again_with_the_same_id(
        self, start_stack: StartStack, receiver: Receiver
    ) -> None:
        stack = await stack_without_host(start_stack, webhook(receiver))
        await cancelled_by_a_limit(stack.services)
        receiver.open.clear()
        sender = asyncio.create_task(notifying.deliver(stack.services, CONTOSO))
        await receiver.got(1)
        sender.cancel()
        await asyncio.gather(sender, return_exceptions=True)
        receiver.open.set()

        with pytest.raises(notifying.NotDelivered):  # until the dead sender's claim has run out
            await notifying.deliver(stack.services, CONTOSO)
        assert len(receiver.received) == 1
        async with moved(stack, timedelta(minutes=2)) as later:
            await notifying.deliver(later, CONTOSO)

        assert len(receiver.received) == 2
        assert len(set(receiver.ids)) == 1
        assert await outbox(stack) == []

    async def test_of_two_senders_at_a_time_one_sends(
        self, start_stack: StartStack, receiver: Receiver
    ) -> None:
        stack = await stack_without_host(start_stack, webhook(receiver))
        await cancelled_by_a_limit(stack.services)

        async with moved(stack, timedelta(0)) as other:
            both = [notifying.deliver(one, CONTOSO) for one in (stack.services, other)]
            await asyncio.gather(*both, return_exceptions=True)

        assert len(receiver.received) == 1
        assert await outbox(stack) == []

    async def test_after_a_day_a_message_is_given_up_with_a_line_in_the_log(
        self, start_stack: StartStack, receiver: Receiver, caplog: pytest.LogCaptureFixture
    ) -> None:
        stack = await stack_without_host(start_stack, webhook(receiver))
        await cancelled_by_a_limit(stack.services)
        receiver.status = 410

        async with moved(stack, timedelta(hours=23)) as later:
            assert await notifying.hour(later) == [CONTOSO]
            with pytest.raises(notifying.NotDelivered):
                await notifying.deliver(later, CONTOSO)
        async with moved(stack, timedelta(hours=25)) as later:
            await notifying.deliver(later, CONTOSO)
            assert await notifying.hour(later) == []

        assert len(receiver.received) == 1
        (given_up,) = logged(caplog, "notification.givenUp")
        assert (given_up["notification"], given_up["happening"]) == ("ops", "run.cancelled")

    async def test_what_waits_for_a_removed_notification_is_dropped(
        self, start_stack: StartStack, receiver: Receiver
    ) -> None:
        stack = await stack_without_host(start_stack, webhook(receiver))
        await cancelled_by_a_limit(stack.services)
        other = Notification.model_validate(webhook(receiver, id="other"))
        await set_notifications(stack.services, other)

        await notifying.deliver(stack.services, CONTOSO)

        assert receiver.received == []
        assert await outbox(stack) == []

    async def test_what_is_no_end_of_a_run_is_told_once(
        self, start_stack: StartStack, receiver: Receiver
    ) -> None:
        stack = await stack_without_host(start_stack, webhook(receiver, "leaver.due"))
        services = stack.services
        due = Happening(
            event="leaver.due", domain=CONTOSO, about="2026-11-30", at=services.clock.now(), counts={"due": 3}
        )

        assert [await services.outbox.tell(due) for _ in range(2)] == [True, True]
        await notifying.deliver(services, CONTOSO)

        (one,) = receiver.received
        assert one.event["data"]["title"] == "contoso.com: 3 leavers are deleted tomorrow."
        assert not await services.outbox.tell(due.model_copy(update={"event": "leaver.blocked"}))


class TestDigests:
    async def test_a_day_with_changes_is_told_once_and_a_day_without_is_not(
        self, start_stack: StartStack, receiver: Receiver
    ) -> None:
        stack = await stack_without_host(start_stack, webhook(receiver, "digest.daily"))
        await stack.services.domains.remember(CONTOSO)
        async with moved(stack, timedelta(0)) as today:
            assert await notifying.hour(today) == [""]
            await notifying.deliver(today, "")
            assert await notifying.hour(today) == []
            await cancelled_by_a_limit(today, told=False)
        assert receiver.received == []

        for _ in range(2):
            async with moved(stack, timedelta(days=1)) as tomorrow:
                told = await notifying.hour(tomorrow)
                await notifying.deliver(tomorrow, "")
        async with moved(stack, timedelta(days=2)) as later:
            assert await notifying.hour(later) == [""]
            await notifying.deliver(later, "")

        assert told == []
        (one,) = receiver.received
        assert one.event["type"] == "entra-sync.digest.daily"
        assert one.event["data"]["counts"] == {"syncs": 1, "bad": 1}
        assert await outbox(stack) == []


class TestTheSettings:
    async def test_addresses_and_secrets_show_as_masks_and_are_kept_by_them(
        self, start_stack: StartStack, receiver: Receiver
    ) -> None:
        stack = await stack_that_tells(start_stack, webhook(receiver, secrets=[SECRET, NEXT_SECRET]))

        answer = await stack.get("settings")
        (seen,) = answer.json()["notifications"]["value"]
        # Back as it was read; with one secret less; and with neither.
        for given in (seen, {**seen, "secrets": ["…2"]}, without(seen, "url", "secrets", "setAt")):
            await change(stack, notifications=[given])
        tried = (await stack.post("notifications/ops/test")).json()

        assert (seen["url"], seen["secrets"]) == (MASK, ["…1", "…2"])
        assert tried["delivered"], tried
        (one,) = receiver.received
        assert Webhook(NEXT_SECRET).verify(one.body, one.headers)["type"] == "entra-sync.test"
        with pytest.raises(WebhookVerificationError):
            Webhook(SECRET).verify(one.body, one.headers)

    async def test_no_secret_is_anywhere_but_in_storage(
        self, start_stack: StartStack, receiver: Receiver, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        stack = await stack_that_tells(start_stack, webhook(receiver))
        await change(stack, notifications=[webhook(receiver, url=f"{receiver.url}/2", secrets=[NEXT_SECRET])])
        await stack.post("notifications/ops/test")
        receiver.status = 500
        tried = await stack.post("notifications/ops/test")

        said = [
            (await stack.get("settings")).text,
            (await stack.get("changes")).text,
            str(await recorded(stack)),
            str(stack.events.seen),
            caplog.text,
            tried.text,
        ]
        for secret in ("a-long-secret", SECRET, NEXT_SECRET, SECRET.removeprefix("whsec_")):
            assert [text for text in said if secret in text] == []
        # That something has been set is recorded all the same.
        last = (await stack.get("changes")).json()["changes"][0]["settings"]
        assert [one["setting"] for one in last] == ["notifications"]

    @pytest.mark.parametrize(
        ("wrong", "why"),
        [
            ({"id": "new", "url": MASK}, "has no address yet"),
            ({"id": "new", "url": None}, "has no address yet"),
            ({"secrets": ["…3"]}, "has no such secret"),
            ({"secrets": ["whsec_c2hvcnQ="]}, "24 to 64 bytes"),
            ({"secrets": [SECRET] * 3}, "Takes at most 2."),
            ({"url": "ftp://example.com/"}, "https:// address"),
            ({"url": "https://user:word@example.com/"}, "https:// address"),
            ({"url": "http://example.com/"}, "https:// alone"),
            ({"url": "https://10.0.0.1/"}, "private network"),
            ({"url": "https://169.254.169.254/metadata"}, "private network"),
            ({"events": []}, "Fill this in."),
            ({"events": ["run.began"]}, "one of"),
            ({"kind": "slack"}, "nothing that goes to slack is signed"),
            ({"kind": "mail"}, "one of"),
        ],
    )
    async def test_what_makes_no_sense_is_refused_and_nothing_is_stored(
        self, start_stack: StartStack, receiver: Receiver, wrong: Json, why: str
    ) -> None:
        stack = await stack_that_tells(start_stack, webhook(receiver))
        before = await shown(stack)

        answer = await stack.patch("settings", {"notifications": [{**webhook(receiver), **wrong}]})

        errors = problem(answer, 400)["errors"]
        assert errors[0]["field"].startswith("notifications")
        assert why in answer.text
        assert await shown(stack) == before

    async def test_this_machine_is_refused_unless_a_setting_lets_it_through(
        self, start_stack: StartStack, receiver: Receiver
    ) -> None:
        stack = await start_stack()

        for url in (receiver.url, receiver.url.replace("127.0.0.1", "localhost"), "https://127.0.0.1/"):
            problem(await stack.patch("settings", {"notifications": [webhook(receiver, url=url)]}), 400)
        assert receiver.received == []


class TestTryingOut:
    @pytest.mark.parametrize(("kind", "place"), [("teams", "attachments"), ("slack", "blocks")])
    async def test_a_channel_gets_its_own_form(
        self, start_stack: StartStack, receiver: Receiver, kind: str, place: str
    ) -> None:
        channel = {"id": "channel", "kind": kind, "url": receiver.url, "events": ["run.failed"]}
        stack = await stack_that_tells(start_stack, channel)

        delivery = (await stack.post("notifications/channel/test")).json()

        assert (delivery["delivered"], delivery["status"]) == (True, 204)
        (one,) = receiver.received
        assert one.headers["Content-Type"] == "application/json"
        assert "webhook-signature" not in one.headers
        assert "A test: notifications of the user sync arrive here." in str(one.event[place])

    async def test_what_goes_wrong_is_said_without_the_address(
        self, start_stack: StartStack, receiver: Receiver
    ) -> None:
        stack = await stack_that_tells(start_stack, webhook(receiver))
        receiver.status, receiver.headers = 302, {"Location": receiver.url}

        delivery = (await stack.post("notifications/ops/test")).json()

        assert (delivery["delivered"], delivery["status"]) == (False, 302)
        assert delivery["detail"].startswith("The receiver answered 302")
        assert len(receiver.received) == 1
        problem(await stack.post("notifications/nobody/test"), 404)

    async def test_texts_are_in_the_language_of_the_setting(
        self, start_stack: StartStack, receiver: Receiver
    ) -> None:
        stack = await start_stack(settings={**LOOPBACK, "LANGUAGE": "ja"})
        await change(stack, notifications=[webhook(receiver)])

        await stack.post("notifications/ops/test")

        assert receiver.received[0].event["data"]["title"].startswith("テスト送信です。")


def without(document: Json, *names: str) -> Json:
    return {name: value for name, value in document.items() if name not in names}


async def stack_without_host(start_stack: StartStack, *notifications: Json) -> Stack:
    stack = await start_stack(
        entra=[in_entra("aoki"), in_entra("baba")], source=[in_source("aoki")], settings=LOOPBACK, host=False
    )
    await set_notifications(stack.services, *map(Notification.model_validate, notifications))
    return stack


async def set_notifications(services: Services, *notifications: Notification) -> None:
    await services.tenant_settings.change({"notifications": notifications}, AUTHOR, None)


async def cancelled_by_a_limit(services: Services, *, told: bool = True) -> None:
    run = lifecycle.new_run(services.clock, CONTOSO, Mode.SYNC, Trigger.MANUAL, AUTHOR)
    await lifecycle.start(services, run)
    assert await perform(services, CONTOSO, run.id) == Finished(has_messages=told)
    assert (await services.runs.get(CONTOSO, run.id)).status == "cancelled"
