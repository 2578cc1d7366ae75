"""What a run tells the administrator at its end: one sentence to act on."""

from datetime import UTC, datetime

import pytest

from shared.model.changes import Action, Plan
from shared.model.domains import DomainSettings, Limit
from shared.model.parts import say, verbatim
from shared.model.runs import Counts, Mode, Progress, Run, Trigger
from shared.planning.limits import Checks, check_deletions, check_limits
from shared.reports.summary import cut_short, outcome, poisoned, refused
from shared.words import said
from tests.support.people import many

NOTHING = Counts()


def a_run(
    counts: Counts = NOTHING, mode: Mode = Mode.SYNC, *, warnings: tuple[str, ...] = (), total: int = 0
) -> Run:
    return Run(
        id="r1",
        domain="contoso.com",
        mode=mode,
        trigger=Trigger.MANUAL,
        requested_by="mori",
        created_at=datetime(2026, 3, 1, tzinfo=UTC),
        counts=counts,
        progress=Progress(total=total),
        warning_parts=tuple(part for warning in warnings for part in verbatim(warning)),
    )


def checks(deletions: int = 0, *, updates: int = 0) -> Checks:
    """Of 100 users in scope, under a Max Allowed Deletions of 20% and a limit of 5 updates."""
    changes = many(Action.DELETE, deletions) + many(Action.UPDATE, updates)
    plan = Plan(changes=changes, source=100, target=100, unchanged=0)
    others = check_limits(plan, DomainSettings(max_updates=Limit(count=5)))
    return Checks(check_deletions(plan, 20), others)


class TestDryRuns:
    @pytest.mark.parametrize(
        ("counts", "verdicts", "sentence"),
        [
            (NOTHING, checks(), "Nothing to do."),
            (Counts(skipped=2), checks(), "Nothing to do; 2 skipped."),
            (Counts(add=3, rename=1), checks(), "Would add 3, rename 1."),
            (
                Counts(update=1, failed=2, skipped=4), checks(),
                "Would update 1; 2 would fail; 4 skipped. The audit log says why for each.",
            ),
            (
                Counts(delete=1), checks(1),
                "Would delete 1. 1 of 100 users = 1% < 20%: a sync would go ahead.",
            ),
            (
                Counts(update=6, delete=20), checks(20, updates=6),
                "Would update 6, delete 20. 20 of 100 users = 20% ≥ 20%; 6 updates > 5: "
                "a sync would be cancelled.",
            ),
        ],
    )  # fmt: skip
    def test_say_what_a_sync_would_do_and_whether_it_may(
        self, counts: Counts, verdicts: Checks, sentence: str
    ) -> None:
        assert said(outcome(a_run(counts, Mode.DRY_RUN), verdicts)) == sentence


class TestSyncs:
    @pytest.mark.parametrize(
        ("counts", "sentence"),
        [
            (NOTHING, "Nothing changed."),
            (Counts(add=2, restore=1, delete=3), "Added 2, restored 1, deleted 3."),
            (
                Counts(update=1, failed=2, skipped=4),
                "Updated 1; 2 failed; 4 skipped. The audit log says why for each.",
            ),
        ],
    )
    def test_say_what_they_did(self, counts: Counts, sentence: str) -> None:
        assert said(outcome(a_run(counts), checks(1))) == sentence

    def test_say_what_kept_them_from_seeing_everything(self) -> None:
        run = a_run(Counts(rename=1), warnings=("Roles could not be read.", "Neither could mailboxes."))

        assert said(outcome(run, checks())) == "Renamed 1. Roles could not be read. Neither could mailboxes."


class TestRefusals:
    def test_name_the_arithmetic_and_both_ways_on_where_there_are_too_many_deletions(self) -> None:
        assert said(refused(a_run(), checks(20))) == (
            "Cancelled, nothing was applied: 20 of 100 users = 20% ≥ 20%. If these changes are right, approve what a "
            "dry run lists (kinds: delete), or raise the limit, and sync again."
        )

    def test_say_what_an_earlier_invocation_did_before_another_limit_was_met(self) -> None:
        run = a_run(Counts(add=1, delete=2), warnings=("Roles could not be read.",))

        assert said(refused(run, checks(updates=6))) == (
            "Cancelled, 3 changes of an earlier invocation stand: 6 updates > 5. If these changes are right, approve "
            "what a dry run lists (kinds: update), or raise the limit, and sync again. Roles could not be read."
        )


class TestWhatIsInDoubt:
    def test_is_said_beside_what_was_done_and_what_failed(self) -> None:
        run = a_run(Counts(delete=1, failed=1, doubtful=2))

        assert said(outcome(run, checks())) == (
            "Deleted 1; 1 failed; 2 in doubt. The audit log says why for each."
        )


class TestRunsThatEndEarly:
    def test_that_nothing_was_applied_is_said(self) -> None:
        assert said(cut_short(verbatim("Access Control did not answer."), a_run())) == (
            "Access Control did not answer. Nothing was applied."
        )

    def test_what_was_made_stands_and_the_failures_are_in_the_audit_log(self) -> None:
        run = a_run(Counts(add=2, rename=1, failed=1), total=9)

        assert said(cut_short(verbatim("Cancelled by Mori."), run)) == (
            "Cancelled by Mori. 3 of 9 changes were made and stand; the next run does the rest. "
            "1 failed: the audit log says why for each."
        )

    def test_what_is_in_doubt_is_looked_up_by_the_next_run(self) -> None:
        run = a_run(Counts(delete=1, doubtful=2), total=3)

        assert said(cut_short(verbatim("Cancelled by Mori."), run)).endswith(
            " 2 are in doubt: the next run looks them up again."
        )

    def test_an_undo_that_was_cut_short_does_not_promise_that_the_next_sync_goes_on_with_it(self) -> None:
        run = a_run(Counts(restore=3), total=9).model_copy(update={"undoes": "r0"})

        assert said(cut_short(verbatim("Cancelled by Mori."), run)) == (
            "Cancelled by Mori. 3 of 9 changes were taken back and stay so; undo the sync again for the rest."
        )

    def test_one_that_got_nowhere_says_where_to_look(self) -> None:
        assert said(say("run.stalled", invocations=5)).startswith(
            "Given up: 5 invocations in a row got nothing done."
        )
        assert "perform_run" in said(poisoned())
