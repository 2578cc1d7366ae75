"""What the hashes of the log cover, and that every field is either covered or is left out on purpose."""

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from pydantic.alias_generators import to_camel

from shared.model.domains import DomainSettings
from shared.model.holds import Hold
from shared.model.questions import Decision
from shared.model.runs import Approval, Compared, LimitCheck, PreCheckSummary, Run, WhatIf
from shared.planning.tenant_settings import TenantSettings
from shared.store.covered import DECIDED, RUN, SETTINGS, covered_change

# May be, or name, a person.
OF_RUN = {"requestedBy", "requestedFrom", "message", "warnings"}
OF_SETTINGS = {"protectedUsers", "scope", "notifications", "pauseReason"}
OF_PERSON = {"id", "sourceId", "objectId", "by", "address", "reason"}
INSIDE = {
    "approval": (Approval, {"approvedBy", "reason"}),
    "compared": (Compared, {"some"}),
    "limitChecks": (LimitCheck, {"verdict", "verdictParts"}),
    "preCheck": (PreCheckSummary, {"notice", "noticeParts"}),
    "whatIf": (WhatIf, {"settings", "tenantEtag", "domainEtag", "some"}),
}
AT = datetime(2026, 8, 1, 12, tzinfo=UTC)


def names(*models: Any) -> set[str]:
    return {to_camel(name) for model in models for name in model.model_fields}


def test_every_field_of_a_run_is_covered_or_left_out_on_purpose() -> None:
    assert names(Run) == RUN.keys() | OF_RUN
    assert not RUN.keys() & OF_RUN
    for field, (model, left_out) in INSIDE.items():
        assert names(model) == {*RUN[field], *left_out}


def test_so_is_every_setting_and_every_field_of_a_decision() -> None:
    assert names(DomainSettings, TenantSettings) | {"unreadable"} == SETTINGS | OF_SETTINGS
    assert not SETTINGS & OF_SETTINGS
    assert names(Decision, Hold) | {"do"} == DECIDED | OF_PERSON


def change(before: object, after: object) -> dict[str, Any]:
    documents = {
        name: orjson.dumps(one).decode() for name, one in (("before", before), ("after", after)) if one
    }
    return {"changedAt": AT, "changedBy": "somebody", **documents}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            {"protectedUsers": ["aoki@contoso.com"]},
            {"protectedUsers": ["aoki@contoso.com", "boss@contoso.com"]},
        ),
        ({"objectId": "aoki@contoso.com", "same": True}, None),
        (None, {"objectId": "1", "until": "2026-08-02", "reason": "aoki@contoso.com", "scope": "all"}),
        ({"leaver": "aoki@contoso.com", "do": "wait"}, {"leaver": "aoki@contoso.com", "do": "keep"}),
    ],
)
def test_a_person_is_erased_without_a_break(before: object, after: object) -> None:
    row = change(before, after)
    erased = {
        name: value.replace("aoki@contoso.com", "erased") if isinstance(value, str) else value
        for name, value in row.items()
    }
    assert erased != row
    assert covered_change({**erased, "changedBy": "erased"}) == covered_change(row)


def test_that_a_setting_changed_is_covered_even_where_its_value_is_not() -> None:
    row = change({"protectedUsers": ["boss"]}, {"protectedUsers": []})
    assert covered_change(row) != covered_change(change({"protectedUsers": []}, {"protectedUsers": []}))
