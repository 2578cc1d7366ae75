"""A run's people as data say what its audit log says, and are gone with it."""

from local.access_control.faults import Fault
from shared.model.changes import Rule
from shared.model.runs import Run
from shared.reports.run_people import PersonKind, RunPeople
from shared.words import said
from tests.integration.test_audit_log import started
from tests.support.stack import Stack, StartStack


async def people(stack: Stack, run: Run, query: str = "") -> RunPeople:
    answer = await stack.get(f"domains/{run.domain}/runs/{run.id}/people{query}")
    assert answer.status_code == 200, answer.text
    return RunPeople.model_validate_json(answer.content)


async def test_both_kinds_of_run_have_as_data_what_their_audit_logs_have_as_text(
    start_stack: StartStack,
) -> None:
    stack = await started(start_stack)

    for run in (await stack.dry_run(), await stack.sync()):
        told = await people(stack, run)

        rows = await stack.audit_log(run)
        assert {
            (p.action, p.result, p.user_principal_name, p.object_id or "", p.source_id or "", said(p.reason))
            for p in told.people
        } == {
            (
                row["action"],
                row["result"],
                row["userPrincipalName"],
                row["objectId"],
                row["sourceId"],
                row["reason"],
            )
            for row in rows
        }
        changed = [(each.attribute, each.after) for p in told.people for each in p.changes]
        assert len(changed) == sum(row["attribute"] != "" for row in rows)


async def test_people_come_by_kind_by_words_and_by_page(start_stack: StartStack) -> None:
    stack = await started(start_stack)
    run = await stack.dry_run()

    (renamed,) = (await people(stack, run, "?kind=rename")).people
    (married,) = (await people(stack, run, "?q=MARRIED")).people
    first = await people(stack, run, "?limit=2")
    rest = await people(stack, run, f"?limit=100&cursor={first.cursor}")

    assert (renamed, renamed.rule, renamed.kind) == (married, Rule.IMMUTABLE_ID, PersonKind.RENAME)
    assert (*first.people, *rest.people) == tuple((await people(stack, run)).people)
    assert rest.cursor is None


async def test_a_run_that_has_listed_nobody_says_so_and_not_that_the_list_is_gone(
    start_stack: StartStack,
) -> None:
    stack = await started(start_stack)
    stack.access_control.faults.add(Fault(kind="invalidJson"))
    failed = await stack.dry_run()

    answer = await stack.get(f"domains/{failed.domain}/runs/{failed.id}/people")

    assert failed.status == "failed"
    assert [part["code"] for part in answer.json()["parts"]] == ["auditLog.none"]


async def test_a_dry_run_that_was_overwritten_has_no_people_any_more(start_stack: StartStack) -> None:
    stack = await started(start_stack)
    former = await stack.dry_run()
    await stack.dry_run()

    answer = await stack.get(f"domains/{former.domain}/runs/{former.id}/people")

    assert answer.status_code == 410
    assert answer.json()["parts"] == [{"code": "auditLog.dryRunGone", "parameters": {}}]
