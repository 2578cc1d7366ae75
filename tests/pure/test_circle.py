"""What becomes of one person follows from those alone who may have to do with them."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from shared.model.changes import Action
from shared.model.people import SourceUser
from shared.model.questions import Decisions
from shared.planning.surveyed import Survey
from shared.reports.person import Asked, Person, paired, person
from tests.support.companies import OBJECT_IDS, SOURCE, SOURCE_IDS, tenants
from tests.support.model_tenant import ModelTenant
from tests.support.surveys import closely_surveyed, surveyed

DECISIONS = st.builds(
    Decisions,
    same=st.dictionaries(st.sampled_from(SOURCE_IDS), st.sampled_from(OBJECT_IDS), max_size=1),
    apart=st.frozensets(st.tuples(st.sampled_from(SOURCE_IDS), st.sampled_from(OBJECT_IDS)), max_size=1),
)


def told(seen: Survey, tenant: ModelTenant, asked: Asked) -> Person:
    asked = paired(seen, asked)
    here = any(one.object_id == asked.object_id for one in seen.target)
    return person(seen, asked, None if here else tenant.users.get(asked.object_id or ""))


@given(SOURCE, tenants(), DECISIONS, st.booleans(), st.sampled_from(["", "surname", "onPremisesImmutableId"]))
def test_it_is_what_a_survey_of_everybody_says_of_them(
    source: list[SourceUser], tenant: ModelTenant, decisions: Decisions, ask: bool, filled: str
) -> None:
    tenant = replace(tenant, decisions=decisions, ask_unlinked=ask)
    whole = surveyed(tenant, source, filled)

    everybody = [Asked(query=user.source_id, source_id=user.source_id) for user in source]
    everybody += [Asked(query=one, object_id=one) for one in (*tenant.users, *tenant.deleted)]
    for asked in everybody:
        close = closely_surveyed(tenant, source, asked.query, filled)
        found, expected = told(close, tenant, asked), told(whole, tenant, asked)
        # A survey looks into the recycle bin only if anybody is new. Else it does not know whose account is there,
        # and has nothing to say of that account.
        unsure = whole.lookups.in_bin and not close.lookups.in_bin
        deleted = asked.object_id in tenant.deleted
        kept = found.change.action is Action.SKIP if found.change else deleted
        assert found == expected or (unsure and kept)
