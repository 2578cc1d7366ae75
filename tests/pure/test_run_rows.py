"""A run always fits into a row, whatever it has to say."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from shared.model.runs import Mode, Run, Trigger, new_run_id
from shared.store.run_rows import LARGEST_DOCUMENT, from_row, to_row

NOW = datetime(2026, 11, 28, tzinfo=UTC)
LARGEST_PROPERTY = 64 * 1024


def run(message: str, warnings: tuple[str, ...]) -> Run:
    return Run(
        id=new_run_id(NOW, "0123abcd"),
        domain="contoso.com",
        mode=Mode.SYNC,
        trigger=Trigger.MANUAL,
        requested_by="a test",
        created_at=NOW,
        message=message,
        warnings=warnings,
    )


TEXTS = st.builds(
    lambda text, times: text * times, st.text("aあ😀\x01\"'", min_size=1, max_size=5), st.integers(1, 2_000)
)


@given(TEXTS, st.lists(TEXTS, max_size=2), st.integers(1, 20))
def test_it_fits_and_is_the_same_but_for_what_was_cut(message: str, few: list[str], times: int) -> None:
    before = run(message, tuple(few * times))

    row = to_row(before)

    assert len(row["run"].encode("utf-16-le")) < LARGEST_PROPERTY
    after = from_row(row)
    kept = {"message": before.message, "warnings": before.warnings}
    assert after.model_copy(update=kept) == before


@given(st.text(max_size=100), st.lists(st.text(max_size=100), max_size=20))
def test_nothing_is_cut_that_fits(message: str, warnings: list[str]) -> None:
    before = run(message, tuple(warnings))

    assert from_row(to_row(before)) == before


def test_what_was_cut_is_said() -> None:
    after = from_row(to_row(run("m" * LARGEST_DOCUMENT, tuple(f"{n} {'w' * 300}" for n in range(500)))))

    assert after.message.endswith("… (cut here: a Sync Log holds no more)")
    kept = len(after.warnings) - 1
    assert after.warnings[-1] == f"{500 - kept} more warnings are left out: a Sync Log holds no more."
    assert [warning.partition(" ")[0] for warning in after.warnings[:-1]] == [str(n) for n in range(kept)]
