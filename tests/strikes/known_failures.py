"""What still goes wrong after a strike: scenario, write and fault, each with `*` for any. To be emptied."""

from fnmatch import fnmatchcase

from tests.strikes.harness import Strike

KNOWN_FAILURES: tuple[tuple[str, str, str], ...] = ()


def is_known(strike: Strike) -> bool:
    """Whether this strike is one of those."""
    return any(
        fnmatchcase(strike.scenario, scenario)
        and fnmatchcase(str(strike.write), write)
        and fnmatchcase(strike.fault, fault)
        for scenario, write, fault in KNOWN_FAILURES
    )
