"""Notifications: masks, what is worth telling, and in which form."""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from shared.model.bad_value import BadValue
from shared.model.notifications import MASK, STORED, Happening, Notification, with_kept_secrets
from shared.model.parts import Part, Parts, say
from shared.model.runs import Counts, DeletionCheck, LimitCheck, Mode, Run, RunKind, Status, Trigger
from shared.model.told import MOST_ALIKE, Streak, Told
from shared.planning.tenant_settings import TenantSettings
from shared.reports.digest import MOST_DOMAINS, PERIODS, Domain, digest, last_full
from shared.reports.heard import heard
from shared.reports.messages import message
from shared.reports.quality import judge
from shared.store.outbox import rows
from shared.words import said

NOW = datetime(2026, 8, 1, 12, tzinfo=UTC)
LATER = NOW + timedelta(days=1)
HOUR = timedelta(hours=1)

secrets = st.binary(min_size=24, max_size=64).map(lambda key: f"whsec_{base64.b64encode(key).decode()}")
urls = st.text("abcdefghij0123456789", min_size=12, max_size=40).map(
    lambda path: f"https://hooks.example.com/{path}"
)


def notification(**fields: object) -> Notification:
    known = {"id": "ops", "kind": "webhook", "url": "https://a.test/", "events": ["run.failed"]}
    return Notification.model_validate({**known, **fields})


def kept(wanted: Notification, *stored: Notification, now: datetime = NOW) -> Notification:
    (one,) = with_kept_secrets([wanted], stored, now, lambda: "made-up")
    return one


def plain(one: Notification) -> dict[str, Any]:
    return one.model_dump(mode="json", context=STORED)


class TestMasks:
    @given(urls, st.lists(secrets, max_size=2, unique=True))
    def test_nothing_but_storage_sees_an_address_or_a_secret(self, url: str, own: list[str]) -> None:
        one = notification(url=url, secrets=own)
        settings = TenantSettings(notifications=(one,))

        shown = [
            settings.model_dump_json(),
            json.dumps(settings.model_dump(mode="json", by_alias=True)),
            repr(settings),
            str(one),
        ]
        assert [text for text in shown for secret in (url, *own) if secret in text] == []
        stored = json.dumps(settings.model_dump(mode="json", context=STORED))
        assert all(secret in stored for secret in (url, *own))
        assert TenantSettings.model_validate_json(stored) == settings

    @given(urls, st.lists(secrets, max_size=2, unique=True), st.booleans())
    def test_what_is_shown_can_be_given_back_and_changes_nothing(
        self, url: str, own: list[str], left_out: bool
    ) -> None:
        before = kept(notification(url=url, secrets=own))
        shown = before.model_dump(mode="json", exclude={"url", "secrets"} if left_out else set())

        assert kept(Notification.model_validate(shown), before, now=LATER) == before

    @given(st.lists(secrets, min_size=2, max_size=2, unique=True), secrets, st.permutations(["…1", "…2"]))
    def test_a_mask_means_the_secret_that_it_stands_for(
        self, own: list[str], new: str, masks: list[str]
    ) -> None:
        before = kept(notification(secrets=own))

        one = kept(notification(secrets=[new, masks[0]]), before, now=LATER)

        assert plain(one)["secrets"] == [new, own[int(masks[0][1]) - 1]]
        same = plain(one)["secrets"] == own
        assert (before.set_at, one.set_at) == (NOW, NOW if same else LATER)

    @pytest.mark.parametrize("fields", [{"url": MASK}, {"url": None}, {"secrets": ["…1"]}])
    def test_a_mask_of_nothing_is_refused(self, fields: dict[str, object]) -> None:
        with pytest.raises(BadValue):
            kept(notification(**fields), notification(id="other", secrets=[]))

    def test_an_address_is_empty_where_none_is_given(self) -> None:
        assert notification().address == "https://a.test/"
        assert notification(url=None).address == ""

    def test_another_kind_keeps_no_secrets_and_a_new_one_gets_an_id(self) -> None:
        before = kept(notification(secrets=[f"whsec_{base64.b64encode(bytes(32)).decode()}"]))

        assert kept(notification(kind="teams"), before).secrets == ()
        assert kept(notification(id="")).id == "made-up"

    @pytest.mark.parametrize(
        "fields",
        [
            {"url": "https://a.test:port/"},
            {"url": "https://[::1/"},
            {"url": "https:///x"},
            {"url": "https://ja.test/日本"},
            {"url": "https://a.test/a b"},
            {"url": f"https://a.test/{'x' * 2_000}"},
            {"url": "https://me@a.test/"},
            {"secrets": ["whsec_"]},
            {"secrets": ["no base64"]},
            {"secrets": [base64.b64encode(bytes(65)).decode()]},
            {"domains": []},
            {"domains": ["no domain"]},
            {"id": "a b"},
            {"kind": "slack", "secrets": [base64.b64encode(bytes(32)).decode()]},
        ],
    )
    def test_what_makes_no_sense_is_refused(self, fields: dict[str, object]) -> None:
        with pytest.raises(ValidationError):
            notification(**fields)

    def test_no_two_have_one_id_and_there_are_few(self) -> None:
        for many in ([notification(), notification()], [notification(id=str(n)) for n in range(11)]):
            with pytest.raises(ValidationError):
                TenantSettings.model_validate({"notifications": many})


def ended(
    status: Status = Status.SUCCEEDED,
    mode: Mode = Mode.SYNC,
    failed: int = 0,
    message: Parts = (),
    **fields: Any,
) -> Run:
    return Run(
        id="1",
        domain="contoso.com",
        mode=mode,
        trigger=Trigger.SCHEDULE,
        requested_by="schedule",
        created_at=NOW,
        status=status,
        counts=Counts(update=1, failed=failed),
        message_parts=message,
        **fields,
    )


class Ear:
    """Hears one run after the other, an hour apart."""

    def __init__(self, told: Told | None = None) -> None:
        self.told = told or Told(clean=True)
        self.now = NOW

    def hears(self, run: Run, not_deleted: int = 0) -> list[Happening]:
        who = [f"id-{number}" for number in range(run.counts.failed)]
        found, self.told = heard(run, judge(run, who, not_deleted), self.told, self.now)
        self.now += HOUR
        return found

    def hears_of(self, run: Run, not_deleted: int = 0) -> list[str]:
        return [one.event for one in self.hears(run, not_deleted)]


def failed(why: str = "source.unread") -> Run:
    return ended(Status.FAILED, message=(Part(why),))


MANY = DeletionCheck(deletions=2, target=3, percent=66.7, max_allowed_deletions=20, exceeded=True)
BLOCKS = LimitCheck(name="blocks", amount=7, of=9, limit=20, unit="percent", exceeded=True)
CANCELLED = ended(Status.CANCELLED, deletion_check=MANY)


class TestWhatIsWorthTelling:
    def test_a_good_run_as_before_tells_nothing(self) -> None:
        assert Ear().hears(ended()) == []

    def test_three_alike_then_quiet_until_it_works_again(self) -> None:
        ear = Ear()

        loud = [ear.hears(failed()) for _ in range(6)]

        assert [len(one) for one in loud] == [1] * MOST_ALIKE + [0] * 3
        assert [(one.times, one.since) for (one,) in loud[:3]] == [(1, None), (2, NOW), (3, NOW)]
        assert ear.hears_of(ended()) == ["run.recovered"]
        assert ear.hears_of(failed()) == ["run.failed"]

    def test_the_end_says_what_was_done_and_what_failed(self) -> None:
        ear = Ear()
        ear.hears(failed())

        (one,) = ear.hears(ended(Status.COMPLETED_WITH_ERRORS, failed=1))

        assert one.counts == {"update": 1, "failed": 1}
        assert said(one.text) == "Updated 1; 1 failed."

    def test_another_reason_is_told_anew(self) -> None:
        ear = Ear()
        for _ in range(4):
            ear.hears(failed())

        (one,) = ear.hears(failed("graph.refused"))

        assert (one.times, one.since) == (1, None)

    def test_a_limit_is_told_with_its_arithmetic_and_what_somebody_cancels_is_not(self) -> None:
        ear = Ear()

        (one,) = ear.hears(ended(Status.CANCELLED, deletion_check=MANY, limit_checks=(BLOCKS,)))

        assert (one.event, one.counts) == ("run.cancelled", {"deletions": 2, "blocks": 7})
        assert ear.hears(ended(Status.CANCELLED)) == []
        assert ear.hears_of(ended()) == ["run.recovered"]

    def test_a_few_who_fail_are_told_after_a_day(self) -> None:
        ear = Ear()
        run = ended(Status.COMPLETED_WITH_ERRORS, failed=2)

        heard_each_hour = [ear.hears_of(run) for _ in range(28)]

        assert heard_each_hour == [[]] * 24 + [["people.failing"]] * 3 + [[]]
        ear.hears(ended())
        assert ear.told.failing == {}

    def test_most_of_many_who_fail_are_a_failed_sync(self) -> None:
        (one,) = Ear().hears(ended(Status.COMPLETED_WITH_ERRORS, failed=6))

        assert one.event == "run.failed"
        assert one.text == say("notify.mostlyFailed", failed=6)

    def test_protection_that_is_off_is_told_by_what_it_lacks(self) -> None:
        ear = Ear()
        off = ended(warning_parts=say("warning.nobodyDeleted", permissions=("MailboxSettings.Read",)))

        assert [ear.hears_of(off) for _ in range(4)] == [["protection.off"]] * 3 + [[]]
        assert ear.hears_of(ended(), not_deleted=3) == ["protection.off"]

    def test_open_questions_are_told_again_when_there_are_others(self) -> None:
        ear = Ear()
        assert [ear.hears_of(ended(questions=n)) for n in (1, 1, 1, 1, 2)] == [
            ["questions.open"], ["questions.open"], ["questions.open"], [], ["questions.open"],
        ]  # fmt: skip

    def test_holds_that_end_soon_are_told(self) -> None:
        (one,) = Ear().hears(ended(warning_parts=say("warning.holdsEnding", count=2)))

        assert (one.event, one.counts) == ("hold.ending", {"people": 2})

    def test_each_block_of_leavers_is_told_and_what_is_due_until_it_is_known(self) -> None:
        blocked, due = (say(f"warning.leavers{what}", count=2) for what in ("Blocked", "Due"))
        ear = Ear()

        runs = [ended(warning_parts=blocked + due).model_copy(update={"id": str(n)}) for n in range(4)]

        assert [ear.hears_of(run) for run in runs] == [["leaver.blocked", "leaver.due"]] * 3 + [
            ["leaver.blocked"]
        ]

    def test_the_first_sync_without_a_failure_is_told_once(self) -> None:
        ear = Ear(Told())

        assert ear.hears_of(ended(Status.COMPLETED_WITH_ERRORS, failed=1)) == []
        assert ear.hears_of(ended()) == ["sync.firstClean"]
        assert ear.hears_of(ended()) == []

    def test_a_pause_is_told_at_its_ends_without_its_reason(self) -> None:
        ear = Ear()
        paused = say("pause.because", until="2026-08-03 00:00", reason="青木さんの異動")

        (one,) = ear.hears(ended(Status.CANCELLED, message=paused))

        assert (one.event, one.text) == ("pause.started", say("pause.until", until="2026-08-03 00:00"))
        assert ear.hears_of(ended(warning_parts=say("pause.ended"))) == ["pause.ended"]

    @pytest.mark.parametrize("kind", [RunKind.WHOLE, RunKind.ONLY, RunKind.WHAT_IF])
    def test_a_dry_run_by_a_person_tells_nothing(self, kind: RunKind) -> None:
        ear = Ear()

        assert ear.hears(ended(Status.FAILED, Mode.DRY_RUN, kind=kind)) == []
        assert ear.told == Told(clean=True)

    def test_a_watched_domain_fails_and_recovers_too(self) -> None:
        ear = Ear()

        assert ear.hears_of(ended(Status.FAILED, Mode.DRY_RUN, kind=RunKind.WATCH)) == ["run.failed"]
        assert ear.hears_of(ended(mode=Mode.DRY_RUN, kind=RunKind.WATCH)) == ["run.recovered"]

    @pytest.mark.parametrize("fields", [{"undoes": "0"}, {"only": 1}])
    def test_a_run_of_a_few_recovers_nothing(self, fields: dict[str, Any]) -> None:
        ear = Ear()
        ear.hears(failed())

        assert ear.hears(ended(**fields)) == []
        assert ear.hears_of(ended()) == ["run.recovered"]


class TestDigests:
    DOMAINS: ClassVar = {
        "b.test": Domain([ended(), ended(Status.FAILED, message=(Part("source.unread"),))], None),
        "a.test": Domain([ended(Status.COMPLETED_WITH_ERRORS, failed=2)], None),
        "quiet.test": Domain([ended().model_copy(update={"counts": Counts(skipped=4)})], None),
        "dry.test": Domain([ended(Status.FAILED, Mode.DRY_RUN)], None),
    }

    def test_a_digest_has_what_changed_or_failed_and_nothing_else(self) -> None:
        found = digest("digest.daily", NOW.date(), NOW, self.DOMAINS, notification(events=["digest.daily"]))

        assert found
        assert found.counts == {"update": 3, "failed": 2, "syncs": 3, "bad": 1}
        assert said(found.text) == (
            "a.test: 1 syncs, 0 of them failed or cancelled. Updated 1; 2 failed. "
            "b.test: 2 syncs, 1 of them failed or cancelled. Updated 2."
        )

    @pytest.mark.parametrize("domains", [["quiet.test"], ["dry.test"], ["other.test"]])
    def test_there_is_none_where_nothing_changed(self, domains: list[str]) -> None:
        to = notification(events=["digest.daily"], domains=domains)

        assert digest("digest.daily", NOW.date(), NOW, self.DOMAINS, to) is None

    def test_it_says_since_when_a_domain_fails_and_names_so_many_domains(self) -> None:
        told = Told(streaks={"run.failed": Streak(like="", since=NOW, times=9)})
        many = {f"{n:02}.test": Domain([ended(Status.FAILED)], told) for n in range(MOST_DOMAINS + 2)}

        found = digest("digest.weekly", NOW.date(), NOW, many, notification(events=["digest.weekly"]))

        assert found
        assert said(found.text).count("Failing since 2026-08-01 12:00 UTC.") == MOST_DOMAINS
        assert said(found.text).endswith("And 2 further domains.")

    @given(
        st.datetimes(NOW.replace(tzinfo=None), LATER.replace(tzinfo=None, year=2030), timezones=st.just(UTC))
    )
    def test_periods_follow_one_another_and_have_ended(self, now: datetime) -> None:
        for period, days in zip(PERIODS, (1, 7), strict=True):
            first, after = last_full(period, now)

            assert after - first == timedelta(days=days)
            assert after <= now.date() < after + timedelta(days=days)


HAPPENING = Happening(
    event="run.cancelled",
    domain="contoso.com",
    about="1",
    at=NOW,
    run_id="1",
    counts={"deletions": 2},
    times=3,
    since=NOW - 2 * HOUR,
    text=say("run.poisoned"),
    details=say("run.failed", count=1),
)
BASE = "https://sync.example.com"
HEADS = {"runs": "12/8204562098021-3a0b02ae/9f86"}


@pytest.mark.parametrize("parts", [1, 500])
def test_as_many_messages_as_there_may_be_fit_into_the_transaction_of_a_runs_end(parts: int) -> None:
    """Of 4 MiB, in UTF-16; details that are too long for that are left out."""
    long = HAPPENING.model_copy(update={"details": say("verbatim", text="名" * 500) * parts})
    wanted = [notification(id=f"ops{n}", events=["run.cancelled"]) for n in range(10)]

    written = rows(long, wanted)

    assert len(written) == 10
    assert 9 * sum(len(str(row["happening"]).encode("utf-16-le")) for row in written) < 4 * 1024**2
    assert ("名" in str(written[0]["happening"])) is (parts == 1)


class TestForms:
    @given(st.text(max_size=40), st.text(max_size=40))
    def test_the_same_thing_has_the_same_id_and_another_one_another(self, about: str, other: str) -> None:
        one, again, third = (HAPPENING.model_copy(update={"about": x}) for x in (about, about, other))

        assert one.id_for("ops") == again.id_for("ops")
        assert (one.id_for("ops") == third.id_for("ops")) == (about == other)
        assert one.id_for("ops") != one.id_for("dev")

    def test_word_of_the_tenant_goes_to_everybody_and_leads_to_the_console(self) -> None:
        digest = Happening(event="digest.daily", about="2026-08-01", at=NOW)
        some = notification(domains=["fabrikam.com"], events=["digest.daily"])

        sent = message(some, digest, BASE, "en", HEADS)

        assert some.wants(digest)
        assert "subject" not in sent
        assert sent["data"]["links"] == {"console": f"{BASE}/api/console"}

    def test_links_lead_to_the_run_or_to_the_domain(self) -> None:
        links = [
            message(notification(), HAPPENING.model_copy(update=changed), BASE, "en", HEADS)["data"]["links"]
            for changed in (
                {"event": "run.failed"},
                {"event": "leaver.due", "run_id": ""},
                {"event": "approval.waiting", "run_id": ""},
            )
        ]

        page = f"{BASE}/api/console#/domains/contoso.com"
        assert links == [
            {"run": f"{page}/runs/1"},
            {"console": f"{page}/sync-logs"},
            {"console": f"{BASE}/api/console#/approvals"},
        ]
        assert message(notification(), HAPPENING, "", "en", HEADS)["data"]["links"] == {}

    def test_details_go_only_where_names_are_wanted(self) -> None:
        texts = [
            message(notification(names=names), HAPPENING, BASE, "en", HEADS)["data"]["text"]
            for names in (False, True)
        ]
        assert ["1 failed" in text for text in texts] == [False, True]
        assert all("3 times in a row" in text and "No more of the same" in text for text in texts)

    def test_a_card_has_its_text_and_its_links(self) -> None:
        sent = message(notification(kind="teams"), HAPPENING, BASE, "ja", HEADS)

        (attachment,) = sent["attachments"]
        assert sent["type"] == "message"
        assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
        card = attachment["content"]
        assert (card["type"], card["version"]) == ("AdaptiveCard", "1.4")
        assert card["body"][0]["inlines"][0]["text"] == "contoso.com：上限に達したため同期が中止されました。"
        assert [action["title"] for action in card["actions"]] == ["確認して承認する", "同期ログを開く"]

    @given(st.text(max_size=4_000))
    def test_what_comes_from_elsewhere_is_no_markup(self, name: str) -> None:
        told = HAPPENING.model_copy(update={"details": say("verbatim", text=f"<!channel> [x](y) {name}")})

        slack = message(notification(kind="slack", names=True), told, BASE, "en", HEADS)
        teams = message(notification(kind="teams", names=True), told, BASE, "en", HEADS)

        *plain_text, links = slack["blocks"]
        assert {block["text"]["type"] for block in plain_text} == {"plain_text"}
        assert all(len(block["text"]["text"]) <= 3_000 for block in plain_text)
        assert "<!channel>" not in slack["text"] + links["text"]["text"]
        body = teams["attachments"][0]["content"]["body"]
        assert {block["type"] for block in body} == {"RichTextBlock"}

    def test_a_short_message_has_neither_text_nor_links(self) -> None:
        test = Happening(event="test", about="1", at=NOW)
        slack, teams = (message(notification(kind=kind), test, "", "en", {}) for kind in ("slack", "teams"))

        assert len(slack["blocks"]) == 1
        assert len(teams["attachments"][0]["content"]["body"]) == 1

    @pytest.mark.parametrize("kind", ["webhook", "teams", "slack"])
    def test_every_message_has_the_heads_of_the_log_however_long_it_is(self, kind: str) -> None:
        long = HAPPENING.model_copy(update={"details": say("verbatim", text="x" * 4_000)})

        sent = message(notification(kind=kind, names=True), long, BASE, "en", HEADS)

        (head,) = HEADS.values()
        assert json.dumps(sent).count(head) == 1
        if kind == "webhook":
            assert sent["data"]["heads"] == HEADS
