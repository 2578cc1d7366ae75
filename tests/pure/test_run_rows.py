"""A run always fits into a row, whatever it has to say."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from shared.model.parts import Parts, verbatim
from shared.model.runs import Mode, Run, Trigger, new_run_id
from shared.store.run_rows import LARGEST_DOCUMENT, from_row, to_row
from shared.words import said

NOW = datetime(2026, 11, 28, tzinfo=UTC)
LARGEST_PROPERTY = 64 * 1024


def run(message: Parts, warnings: list[str]) -> Run:
    return Run(
        id=new_run_id(NOW, "0123abcd"),
        domain="contoso.com",
        mode=Mode.SYNC,
        trigger=Trigger.MANUAL,
        requested_by="a test",
        created_at=NOW,
        message_parts=message,
        warning_parts=tuple(part for text in warnings for part in verbatim(text)),
    )


TEXTS = st.builds(
    lambda text, times: text * times, st.text("aあ😀\x01\"'", min_size=1, max_size=5), st.integers(1, 2_000)
)


@given(TEXTS, st.integers(1, 100), st.lists(TEXTS, max_size=2), st.integers(1, 20))
def test_it_fits_and_is_the_same_but_for_what_was_cut(
    message: str, sentences: int, few: list[str], times: int
) -> None:
    before = run(verbatim(message) * sentences, few * times)

    row = to_row(before)

    assert len(row["run"].encode("utf-16-le")) < LARGEST_PROPERTY
    kept = {"message_parts": before.message_parts, "warning_parts": before.warning_parts}
    assert from_row(row).model_copy(update=kept) == before


@given(st.text(min_size=1, max_size=100), st.lists(st.text(min_size=1, max_size=100), max_size=20))
def test_nothing_is_cut_that_fits(message: str, warnings: list[str]) -> None:
    before = run(verbatim(message), warnings)

    assert from_row(to_row(before)) == before


def test_what_was_cut_is_said() -> None:
    before = run(verbatim("m" * LARGEST_DOCUMENT), [f"{n} {'w' * 300}" for n in range(500)])

    after = from_row(to_row(before))

    assert said(after.message_parts).endswith("m…")
    kept = len(after.warning_parts) - 1
    left_out = f"{500 - kept} more warnings are left out: a Sync Log holds no more."
    assert said(after.warning_parts[-1:]) == left_out
    starts = [said((part,)).partition(" ")[0] for part in after.warning_parts[:-1]]
    assert starts == [str(n) for n in range(kept)]


def test_a_message_of_too_many_sentences_says_where_the_rest_is() -> None:
    after = from_row(to_row(run(verbatim("m" * 1_500) * 100, [])))

    assert "too long for a Sync Log" in said(after.message_parts)
