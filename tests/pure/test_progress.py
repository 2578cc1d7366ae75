"""How long a sync still takes."""

from shared.reports.progress import eta_seconds


def test_nothing_left_takes_no_time() -> None:
    assert eta_seconds(left=0, done=0, elapsed=0, quota_left=0, quota_per_second=20) == 0


def test_nobody_knows_before_anything_is_done() -> None:
    assert eta_seconds(left=10, done=0, elapsed=5, quota_left=3000, quota_per_second=20) is None


def test_within_the_quota_the_speed_seen_decides() -> None:
    assert eta_seconds(left=1000, done=500, elapsed=10, quota_left=3000, quota_per_second=20) == 20


def test_beyond_the_quota_its_refill_decides() -> None:
    assert eta_seconds(left=10_000, done=500, elapsed=1, quota_left=2500, quota_per_second=20) == 375


def test_what_others_have_taken_of_the_quota_refills_first() -> None:
    assert eta_seconds(left=200, done=100, elapsed=1, quota_left=-300, quota_per_second=20) == 25


def test_a_pause_that_graph_asked_for_is_waited_out_first() -> None:
    assert eta_seconds(left=20, done=100, elapsed=10, quota_left=3000, quota_per_second=20, paused=200) == 200
