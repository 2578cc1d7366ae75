"""The time budget leaves room for everything that may happen after it, before the host ends the function."""

import json

from annotated_types import Le

from local.host.settings import seconds
from local.processes import REPOSITORY
from shared.entra.sdk import WHOLE_ANSWER_SECONDS
from shared.settings import Settings
from shared.store.leases import Times


def test_a_run_ends_its_invocation_well_before_the_function_timeout() -> None:
    host_json = json.loads((REPOSITORY / "host.json").read_bytes())
    (most,) = (
        limit.le for limit in Settings.model_fields["time_budget_seconds"].metadata if isinstance(limit, Le)
    )

    longest = Times().patience + float(str(most)) + WHOLE_ANSWER_SECONDS

    assert longest < seconds(host_json["functionTimeout"], "functionTimeout")
