"""Nobody is deleted for a wrong character, and a person decides where it is not certain who is who."""

import pytest

from local.access_control import User
from shared.model.runs import Run
from tests.support.outcomes import ANY_DELETION, FABRIKAM, TWO_DOMAINS, approved_sync, object_id
from tests.support.stack import CONTOSO, Json, Stack, StartStack, in_entra, in_source

DECISIONS = f"domains/{CONTOSO}/decisions"


async def listed(stack: Stack, domain: str = CONTOSO) -> Json:
    answer = await stack.get(f"domains/{domain}/decisions")
    assert answer.status_code == 200
    return dict(answer.json())


async def decide(stack: Stack, source_id: str, account: str, *, same: bool) -> int:
    order = {"decisions": [{"sourceId": source_id, "objectId": account, "same": same}]}
    return (await stack.post(DECISIONS, order)).status_code


async def mistyped(start_stack: StartStack) -> tuple[Stack, str]:
    """Taro, registered anew as `tarp`; his account."""
    typo = in_source("tarp", display_name="Taro 太郎", family_name="Taro")
    stack = await start_stack(source=[in_source("aoki"), typo], entra=[in_entra("aoki"), in_entra("taro")])
    await stack.set(maxAllowedDeletions=ANY_DELETION)
    return stack, object_id(stack, "taro")


@pytest.mark.parametrize(
    "upn",
    [
        "taro＠contoso.com",
        "taro@contoso.com\u200b",
        "taro@contoso.com.",
        "ｔａｒｏ@contoso.com",
        "-",
        "taro@conotso.com",
    ],
)
async def test_a_wrong_character_deletes_nobody_and_is_named(start_stack: StartStack, upn: str) -> None:
    person = in_source("taro", user_principal_name=upn, email="taro@contoso.com")
    stack = await start_stack(source=[in_source("aoki"), person], entra=[in_entra("aoki"), in_entra("taro")])
    await stack.set(maxAllowedDeletions=ANY_DELETION)

    run = await stack.sync()

    assert (run.counts.delete, run.counts.add) == (0, 0)
    assert "taro@contoso.com" in stack.users()
    told = " ".join(f"{row['reason']} {row['errorMessage']}" for row in await stack.audit_log(run))
    assert "taro" in told
    assert "orrect" in told


@pytest.mark.parametrize("known", ["sameUpn", "addBesideDeletion"])
async def test_every_question_says_when_the_account_was_created(start_stack: StartStack, known: str) -> None:
    if known == "sameUpn":
        stack = await start_stack(
            source=[in_source("aoki"), in_source("taro", display_name="Taro 太郎", family_name="Taro")],
            entra=[in_entra("aoki"), in_entra("taro")],
        )
        await stack.sync()
        stack.access_control.users.remove("taro")
        stack.access_control.users.put(User(username="other", user_principal_name="taro@contoso.com"))
    else:
        stack, _ = await mistyped(start_stack)

    await stack.dry_run()

    (question,) = (await listed(stack))["questions"]
    assert question["kind"] == known
    assert [part["parameters"] for part in question["for"] if part["code"] == "question.created"] == [
        {"date": "2024-04-01"}
    ]


class TestQuestions:
    async def test_the_same_person_is_renamed_and_the_decision_is_settled(
        self, start_stack: StartStack
    ) -> None:
        stack, account = await mistyped(start_stack)

        asked = await stack.sync()
        (question,) = (await listed(stack))["questions"]
        status = await decide(stack, "tarp", account, same=True)
        decided = await listed(stack)
        run = await stack.sync()

        assert (asked.status, asked.questions) == ("completedWithErrors", 1)
        assert "Open questions about who is who: 1" in asked.message
        assert (question["kind"], question["sourceId"], question["objectId"]) == (
            "addBesideDeletion", "tarp", account,
        )  # fmt: skip
        assert {part["code"] for part in question["for"]} >= {"question.because", "question.created"}
        assert status == 201
        assert (decided["questions"], [one["same"] for one in decided["decisions"]]) == ([], [True])
        assert (run.status, run.counts.rename, run.counts.delete) == ("succeeded", 1, 0)
        assert stack.users()["tarp@contoso.com"]["id"] == account
        assert await listed(stack) == {"questions": [], "offered": [], "decisions": []}

    async def test_two_people_go_their_ways(self, start_stack: StartStack) -> None:
        stack, account = await mistyped(start_stack)
        await stack.dry_run()

        await decide(stack, "tarp", account, same=False)
        run = await stack.sync()

        assert (run.status, run.counts.add, run.counts.delete) == ("succeeded", 1, 1)

    async def test_a_decision_can_be_taken_back(self, start_stack: StartStack) -> None:
        stack, account = await mistyped(start_stack)
        await stack.dry_run()
        await decide(stack, "tarp", account, same=False)
        (decision,) = (await listed(stack))["decisions"]

        taken = await stack.http.delete(f"/api/{DECISIONS}/{decision['id']}")
        again = await stack.http.delete(f"/api/{DECISIONS}/{decision['id']}")
        run = await stack.sync()

        assert (taken.status_code, again.status_code) == (200, 404)
        assert (run.counts.add, run.counts.delete, run.questions) == (0, 0, 1)
        assert [line["same"] for line in stack.events.named("decision.made")] == [0]
        assert len(stack.events.named("decision.takenBack")) == 1
        taken_back, made = [one for one in await stack.changes() if one["PartitionKey"] == "~tenant"]
        assert ("before" in made, '"same":false' in made["after"], decision["by"]) == (
            False,
            True,
            made["changedBy"],
        )
        assert (taken_back["before"], "after" in taken_back) == (made["after"], False)

    @pytest.mark.parametrize(("who", "account"), [("aoki", "taro"), ("tarp", "aoki")])
    async def test_what_was_not_asked_is_refused(
        self, start_stack: StartStack, who: str, account: str
    ) -> None:
        stack, _ = await mistyped(start_stack)
        await stack.dry_run()

        assert await decide(stack, who, object_id(stack, account), same=True) == 409
        assert (await listed(stack))["decisions"] == []

    async def test_a_shield_is_offered_to_be_told_apart_and_no_more(self, start_stack: StartStack) -> None:
        nobody = in_source("x", user_principal_name="-", email="taro@contoso.com")
        stack = await start_stack(
            source=[in_source("aoki"), nobody], entra=[in_entra("aoki"), in_entra("taro")]
        )
        await stack.set(maxAllowedDeletions=ANY_DELETION)
        account = object_id(stack, "taro")
        shielded = await stack.sync()

        refused = await decide(stack, "x", account, same=True)
        made = await decide(stack, "x", account, same=False)
        run = await stack.sync()

        assert (shielded.counts.delete, shielded.shielded) == (0, 1)
        assert (refused, made) == (409, 201)
        assert (run.counts.delete, run.shielded) == (1, 0)


async def test_usernames_that_are_made_anew_are_one_click(start_stack: StartStack) -> None:
    names = ["a", "b", "c", "d"]
    stack = await start_stack(source=[in_source(name) for name in (*names, "stays")])
    await stack.set(maxAllowedDeletions=ANY_DELETION)
    await stack.sync()
    accounts = {upn: user["id"] for upn, user in stack.users().items()}
    for name in names:
        stack.access_control.users.remove(name)
        fields = {**in_source(name), "username": f"{name}2"}
        if name == "d":  # somebody else, so that nobody answers for them in passing
            fields |= {"family_name": "Other", "given_name": "次郎"}
        stack.access_control.users.put(User.model_validate(fields))

    dry_run = await stack.dry_run()
    order = {"dryRunId": dry_run.id, "answers": [{"kind": "sameUpn", "same": True}]}
    started = await stack.post(f"domains/{CONTOSO}/sync", {"approve": order})
    approved = await stack.finished(Run.model_validate(started.json()))
    after = await stack.sync()

    assert dry_run.questions == 4
    assert (approved.questions, approved.counts.delete, approved.counts.add) == (1, 0, 0)
    assert (after.questions, after.counts.delete) == (1, 0)
    assert {upn: user["id"] for upn, user in stack.users().items()} == accounts


async def test_of_a_start_that_is_refused_no_answer_stays(start_stack: StartStack) -> None:
    stack, _ = await mistyped(start_stack)
    dry_run = await stack.dry_run()
    stack.hold_up()
    await stack.start("sync")

    order = {"dryRunId": dry_run.id, "answers": [{"kind": "addBesideDeletion", "same": True}]}
    started = await stack.post(f"domains/{CONTOSO}/sync", {"approve": order})

    assert started.status_code == 409
    assert (await listed(stack))["decisions"] == []
    stack.let_go()


async def test_answers_to_what_a_later_run_has_asked_anew_are_refused(start_stack: StartStack) -> None:
    stack, _ = await mistyped(start_stack)
    dry_run = await stack.dry_run()
    await stack.sync()

    order = {"dryRunId": dry_run.id, "answers": [{"kind": "addBesideDeletion", "same": True}]}
    started = await stack.post(f"domains/{CONTOSO}/sync", {"approve": order})

    assert started.status_code == 409
    assert "A later run" in started.json()["detail"]


class TestAccountsThatNoSyncKnew:
    async def unlinked(self, start_stack: StartStack) -> Stack:
        stack = await start_stack(source=[in_source("aoki"), in_source("left")], entra=[in_entra("stranger")])
        await stack.set(maxAllowedDeletions=ANY_DELETION, unlinked="ask")
        await stack.sync()
        stack.access_control.users.remove("left")
        return stack

    async def test_are_left_until_one_is_approved_by_its_id(self, start_stack: StartStack) -> None:
        stack = await self.unlinked(start_stack)
        stranger = object_id(stack, "stranger")

        dry_run = await stack.dry_run()
        rows = {row["objectId"]: row for row in await stack.audit_log(dry_run)}
        order = {"approve": {"dryRunId": dry_run.id, "objectIds": [stranger]}}
        run = await stack.finished(
            Run.model_validate((await stack.post(f"domains/{CONTOSO}/sync", order)).json())
        )

        assert (rows[stranger]["action"], rows[stranger]["errorCode"]) == ("skip", "Unlinked")
        (leaver,) = (row for row in rows.values() if row["action"] == "delete")
        assert "Known here since" in leaver["reason"]
        # The leaver was not among those who were approved.
        assert (dry_run.status, dry_run.counts.delete, run.counts.delete) == ("succeeded", 1, 1)

    async def test_make_no_run_one_with_errors(self, start_stack: StartStack) -> None:
        stack = await self.unlinked(start_stack)

        run = await stack.sync()

        assert (run.status, run.counts.delete) == ("succeeded", 1)
        assert "stranger@contoso.com" in stack.users()

    async def test_ids_that_the_dry_run_does_not_list_are_refused(self, start_stack: StartStack) -> None:
        stack = await self.unlinked(start_stack)
        dry_run = await stack.dry_run()

        order = {"approve": {"dryRunId": dry_run.id, "objectIds": [object_id(stack, "aoki")]}}
        answer = await stack.post(f"domains/{CONTOSO}/sync", order)

        assert answer.status_code == 409
        assert "does not list" in answer.json()["detail"]

    async def test_go_as_any_other_by_default_and_say_so(self, start_stack: StartStack) -> None:
        stack = await start_stack(source=[in_source("aoki")], entra=[in_entra("aoki"), in_entra("stranger")])
        await stack.set(maxAllowedDeletions=ANY_DELETION)

        dry_run = await stack.dry_run()

        (row,) = (row for row in await stack.audit_log(dry_run) if row["action"] == "delete")
        assert "Never seen by a sync" in row["reason"]
        assert dry_run.matches == {"upn": 1}


async def test_a_department_that_moves_waits_for_its_domains_sync(start_stack: StartStack) -> None:
    stack = await start_stack(source=[in_source("aoki"), in_source("taro")], domains=TWO_DOMAINS)
    await stack.set(maxAllowedDeletions=ANY_DELETION)
    await stack.sync()
    stack.access_control.users.edit("taro", {"user_principal_name": f"taro@{FABRIKAM}"})

    off = await stack.sync()
    (left,) = (row for row in await stack.audit_log(off) if row["action"] == "skip")
    await stack.set(FABRIKAM, periodicSync=True)
    on = await stack.sync()
    (moved,) = (row for row in await stack.audit_log(on) if row["action"] == "skip")
    await stack.sync(FABRIKAM)

    assert "switch on its sync" in left["reason"]
    assert "that domain's sync moves them" in moved["reason"]
    assert f"taro@{FABRIKAM}" in stack.users(FABRIKAM)


async def made_anew(start_stack: StartStack) -> Stack:
    """Taro's Username was made anew, after a sync."""
    stack = await start_stack(
        source=list(map(in_source, ("aoki", "taro"))), entra=list(map(in_entra, ("aoki", "taro")))
    )
    await stack.set(maxAllowedDeletions=ANY_DELETION)
    await stack.sync()
    stack.access_control.users.remove("taro")
    stack.access_control.users.put(User.model_validate({**in_source("taro"), "username": "taro2"}))
    return stack


async def test_of_an_approval_that_is_refused_no_answer_stays(start_stack: StartStack) -> None:
    stack = await made_anew(start_stack)
    await stack.patch("settings", {"attributeMap": {"surname": None}})
    some = await stack.post(f"domains/{CONTOSO}/dry-run", {"only": ["taro2"]})
    dry_run = await stack.finished(Run.model_validate(some.json()))

    approve = {"dryRunId": dry_run.id, "answers": [{"kind": "sameUpn", "same": False}]}
    refused = await stack.post(f"domains/{CONTOSO}/sync", {"approve": approve})

    assert (refused.status_code, refused.json()["parts"][0]["code"]) == (409, "run.needsDryRun")
    assert (await listed(stack))["decisions"] == []


@pytest.mark.parametrize(
    ("kinds", "status"),
    [([("sameUpn", True), ("sameUpn", False)], 400), ([("bothNames", True)], 409)],
    ids=["contradictory", "of another kind"],
)
async def test_answers_that_settle_nothing_or_each_other_start_nothing(
    start_stack: StartStack, kinds: list[tuple[str, bool]], status: int
) -> None:
    stack = await made_anew(start_stack)
    dry_run = await stack.dry_run()

    answers = [{"kind": kind, "same": same} for kind, same in kinds]
    answer = await stack.post(
        f"domains/{CONTOSO}/sync", {"approve": {"dryRunId": dry_run.id, "answers": answers}}
    )

    assert answer.status_code == status, answer.text
    assert (await listed(stack))["decisions"] == []
    assert "taro@contoso.com" in stack.users()


async def test_a_pair_is_not_decided_both_ways(start_stack: StartStack) -> None:
    stack = await made_anew(start_stack)
    await stack.dry_run()
    pair = {"sourceId": "taro2", "objectId": object_id(stack, "taro")}

    both = await stack.post(DECISIONS, {"decisions": [{**pair, "same": True}, {**pair, "same": False}]})
    upper = await stack.post(
        DECISIONS, {"decisions": [{**pair, "objectId": pair["objectId"].upper(), "same": True}]}
    )

    assert (both.status_code, upper.status_code) == (400, 201)


async def test_a_leaver_is_approved_by_the_username_that_a_sync_knew(start_stack: StartStack) -> None:
    stack = await start_stack(source=list(map(in_source, ("aoki", "gone", "other"))))
    await stack.set(maxAllowedDeletions=ANY_DELETION)
    await stack.sync()
    for name in ("gone", "other"):
        stack.access_control.users.remove(name)
    dry_run = await stack.dry_run()

    run = await approved_sync(stack, dry_run, sourceIds=["gone"])

    assert run.counts.delete == 1
    assert "other@contoso.com" in stack.users()
