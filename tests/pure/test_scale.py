"""The arithmetic of benchmarks/scale.py, on round figures; that docs/scale.md shows its tables is in test_docs.py."""

from dataclasses import replace

import pytest

from benchmarks.emulated import SOURCE_PAGE_SIZE
from benchmarks.scale import (
    DOMAINS,
    HOURS_A_MONTH,
    USERS,
    Deployment,
    Measured,
    deployment,
    hour,
    instance_mb,
    largest_domain,
    measured,
    writing,
)

RUN = Measured(cpu=1.0, cpu_per_user=50e-6, mb=90.0, mb_per_user=0.002, lookups=3, quota_used=1.0)
APP = Deployment(batch_size=4, at_a_time=6, instances=40, memory_mb=2048, batches_in_flight=4, alerts=4)


def test_three_thousand_writes_wait_for_answers_only() -> None:
    seconds, bound_by = writing(3_000, RUN, APP)

    assert bound_by == "latency"
    assert seconds == 38, "150 batches, 4 at a time, a second each"


def test_ten_thousand_writes_take_what_graph_makes_them_take() -> None:
    assert writing(10_000, RUN, APP) == (350, "Graph's quota")
    assert writing(10_000, replace(RUN, quota_used=0.99), APP)[0] > 350


@pytest.mark.parametrize("domains", DOMAINS)
def test_the_source_is_read_once_over_all_domains(domains: int) -> None:
    pages = 100_000 // SOURCE_PAGE_SIZE
    assert hour(100_000, domains, RUN, APP).source_requests == 1 + pages


def test_entra_is_asked_once_for_all_domains_and_listed_once_a_day() -> None:
    one, hundred = (hour(99_900, domains, RUN, APP).graph_requests for domains in (1, 100))
    a_day = 100 + 24 * RUN.lookups
    assert 24 * one >= a_day > 24 * (one - 1)
    assert hundred == one


def test_twice_the_users_take_twice_the_variable_part() -> None:
    once, twice, thrice = (hour(users, 1, RUN, APP).run_seconds for users in (50_000, 100_000, 150_000))
    assert twice - once == pytest.approx(thrice - twice, rel=0.01)


@pytest.mark.parametrize(
    ("domains", "instances", "rounds"),
    [(1, 1, 1), (4, 1, 1), (5, 2, 1), (160, 40, 1), (240, 40, 1), (241, 40, 2)],
)
def test_domains_spread_over_instances_by_the_queue(domains: int, instances: int, rounds: int) -> None:
    found = hour(10_000, domains, RUN, APP)
    assert found.instances == instances
    assert found.seconds == pytest.approx(found.reading_seconds + rounds * found.run_seconds)
    assert found.reading_seconds > 0


@pytest.mark.parametrize(("users", "domains"), [(1_000, 500), (100_000, 1)])
def test_a_domain_has_a_run_a_day_and_where_somebody_has_changed(users: int, domains: int) -> None:
    runs = hour(users, domains, RUN, APP).runs
    assert runs == pytest.approx(1 / 24, rel=0.1) if domains > 1 else runs == 1


def test_the_largest_domain_just_fits() -> None:
    users = largest_domain(2048, 6, RUN)
    assert instance_mb(users, users, 6, RUN) <= 2048 * 0.8 < instance_mb(users + 1, users + 1, 6, RUN)


def test_what_does_not_work_says_which_limit_is_in_the_way() -> None:
    small, large = hour(10_000, 1, RUN, APP), hour(1_000_000, 1, RUN, APP)
    assert small.works
    assert (large.works, large.binds) == (False, "memory")


def test_memory_binds_where_reading_is_quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.scale.SOURCE_PAGE_SECONDS", 0.001)
    monkeypatch.setattr("benchmarks.scale.GRAPH_PAGE_SECONDS", 0.001)
    assert hour(1_000_000, 10, RUN, APP).binds == "memory"


def test_one_small_domain_costs_its_alerts() -> None:
    cost = hour(1_000, 1, RUN, APP).cost
    assert (cost["computing"], cost["logs"], cost["alerts"]) == (0, 0, 2)
    assert 0 < cost["storage"] < 0.1


def test_computing_is_paid_for_while_an_instance_waits() -> None:
    found = hour(100_000, 1, RUN, APP)
    gb_seconds = (found.reading_seconds + found.run_seconds) * 2 * HOURS_A_MONTH
    assert found.cost["computing"] == pytest.approx((gb_seconds - 100_000) * 0.000026)


def test_nothing_gets_cheaper_or_smaller_with_size() -> None:
    for domains in DOMAINS:
        hours = [hour(users, domains, RUN, APP) for users in USERS[:3]]
        for figure in ("seconds", "memory_mb", "storage_requests"):
            assert sorted(hours, key=lambda one: float(getattr(one, figure))) == hours
        assert sorted(hours, key=lambda one: sum(one.cost.values())) == hours


def test_the_measured_figures_and_the_settings_are_found_where_they_stand() -> None:
    m, d = measured(), deployment()

    assert 0 < m.cpu < 5
    assert 0 < m.mb < 200
    assert 0 < m.cpu_per_user < 1e-3
    assert 0 < m.mb_per_user < 0.01
    assert m.lookups >= 1
    assert 0.5 < m.quota_used <= 1
    assert d.batch_size <= d.at_a_time
    assert d.instances >= 1
    assert d.alerts == 7
