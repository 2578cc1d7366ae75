"""The pause in force: the later end of the domain's and the tenant's, and none once it has passed."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from shared.model.domains import DomainSettings
from shared.model.pause import Pausable, Pause, is_periodic, pause_of, told_in
from shared.model.runs import Mode, Run, RunKind, Trigger
from shared.planning.tenant_settings import TenantSettings
from shared.words import said

NOW = datetime(2026, 4, 1, 12, tzinfo=UTC)
SETTINGS = st.builds(
    Pausable,
    paused_until=st.none() | st.integers(-3, 3).map(lambda hours: NOW + timedelta(hours=hours)),
    pause_reason=st.sampled_from([None, "HR project"]),
)


def a_run(**fields: object) -> Run:
    given = {"mode": Mode.SYNC, "trigger": Trigger.SCHEDULE, "requested_by": "schedule", **fields}
    return Run.model_validate({"id": "x", "domain": "contoso.com", "created_at": NOW, **given})


@given(SETTINGS, SETTINGS)
def test_the_later_end_counts_with_its_reason_until_it_has_passed(one: Pausable, other: Pausable) -> None:
    pause = pause_of(NOW, (one, other))

    ends = [until for until in (one.paused_until, other.paused_until) if until and until > NOW]
    assert (pause and pause.until) == max(ends, default=None)
    if pause:
        assert (pause.until, pause.reason) in [(s.paused_until, s.pause_reason) for s in (one, other)]
        assert pause_of(pause.until, (one, other)) is None
        assert pause_of(pause.until - timedelta(microseconds=1), (one, other)) == pause
    assert (pause_of(NOW, (other, one)) is None) == (pause is None)


@pytest.mark.parametrize("kind", [DomainSettings, TenantSettings])
def test_settings_keep_a_time_in_utc_and_refuse_one_without_zone(kind: type[Pausable]) -> None:
    settings = kind.model_validate({"pausedUntil": "2026-04-02T09:00:00+09:00"})

    assert settings.model_dump(mode="json")["paused_until"] == "2026-04-02T00:00:00.000Z"
    with pytest.raises(ValidationError):
        kind.model_validate({"pausedUntil": "2026-04-02T09:00:00"})
    with pytest.raises(ValidationError):
        kind.model_validate({"pauseReason": "x" * 301})


def test_runs_say_until_when_and_why_and_are_known_by_it() -> None:
    plain, because = Pause(NOW, None).told, Pause(NOW, "人事プロジェクト").told

    assert said((plain,)) == "Periodic sync is paused until 2026-04-01 12:00 UTC."
    assert said((because,)) == "Periodic sync is paused until 2026-04-01 12:00 UTC: 人事プロジェクト"
    assert told_in(None) == told_in(a_run()) == ()
    assert told_in(a_run(message_parts=(because,))) == (because,)
    assert told_in(a_run(warning_parts=(plain,))) == (plain,)


def test_a_dry_run_is_periodic_only_where_it_watches() -> None:
    assert is_periodic(a_run())
    assert is_periodic(a_run(mode=Mode.DRY_RUN, kind=RunKind.WATCH))
    assert not is_periodic(a_run(mode=Mode.DRY_RUN))
