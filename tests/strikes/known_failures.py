"""What still goes wrong after a strike: scenario and write, by `*` patterns, and the faults. To be emptied."""

from fnmatch import fnmatchcase

from tests.strikes.harness import Strike

# The tables' SDK tries no POST and no PATCH again whose connection broke or stayed silent.
_NO_ANSWER = ("lost after", "lost before", "hang", "late")
# And no SDK looks inside the 202 of a transaction.
_INNER = ("inner 500", "inner 503")

KNOWN_FAILURES = (
    # The request is answered 500, and what it asked for is not done, or is done without an answer or an event.
    ("*", "CreateTable *", _NO_ANSWER),
    ("*", "InsertEntity Domains(*", _NO_ANSWER),
    ("*", "EntityGroupTransaction Domains(PUT settings*", (*_NO_ANSWER, *_INNER)),
    ("*", "EntityGroupTransaction Runs(POST active*", (*_NO_ANSWER, *_INNER)),
    # The run has ended, and the log does not say so.
    (
        "*",
        "EntityGroupTransaction Runs(DELETE active*",
        ("lost after", "500 after", "inner 500", "hang", "late"),
    ),
    # The dry run is done a second time, from its start.
    ("dry run", "EntityGroupTransaction Runs(*", (*_NO_ANSWER, *_INNER)),
    ("dry run", "PutBlob audit-logs/*", ("lost after", "500 after", "hang", "late")),
)


def is_known(strike: Strike) -> bool:
    """Whether this strike is one of those."""
    return any(
        fnmatchcase(strike.scenario, scenario)
        and fnmatchcase(strike.write.kind, write)
        and strike.fault in faults
        for scenario, write, faults in KNOWN_FAILURES
    )
