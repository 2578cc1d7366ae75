"""Companies in which everything happens that happens somewhere in a large one. For the invariants."""

from dataclasses import replace
from typing import get_args

from hypothesis import strategies as st

from shared.model.people import AccountKind, EntraUser, SignIn
from shared.planning.protection import MAILBOX_PERMISSION, ROLE_PERMISSION, Protection
from shared.planning.sign_in import BLOCKED, CREATED
from tests.support.model_tenant import OTHER_DOMAIN, ModelTenant
from tests.support.people import DOMAIN, entra_user, source_user, values

# Few names, so that people meet: in a large company everything below happens somewhere.
NAMES = st.sampled_from(["a", "b", "c", "d", "e"])
DOMAINS = st.sampled_from([DOMAIN, DOMAIN, DOMAIN, OTHER_DOMAIN])
UPNS = st.builds("{}@{}".format, NAMES, DOMAINS)
IMMUTABLE_IDS = st.sampled_from(["K1", "K2", "K3", "K4"])
VALUES = st.builds(
    values,
    st.sampled_from(["青木", "Baker", None]),
    st.sampled_from(["花子", None, "長" * 65]),
    st.just("青木"),
    st.sampled_from([None, None, "a", "b", "a", "b", "a b"]),
)
STATUSES = st.sampled_from([True, True, False, None, "suspended"])
SOURCE_IDS = [f"s{number}" for number in range(6)]
OBJECT_IDS = [f"o{number}" for number in range(7)]

PEOPLE = st.builds(
    source_user,
    UPNS | st.just(""),
    source_id=st.sampled_from(SOURCE_IDS),
    immutable_id=st.none() | IMMUTABLE_IDS,
    values=VALUES,
    status=STATUSES,
    problem=st.sampled_from(["", "", "", "its name is odd"]),
)
# A source without anybody on the domain stops the survey, and one without any status where that is to count.
SOURCE = st.lists(
    PEOPLE,
    unique_by=lambda user: user.source_id,
    max_size=6,
).filter(
    lambda people: (
        any(user.upn.endswith(f"@{DOMAIN}") for user in people)
        and any(user.status is not None for user in people)
    )
)
# As many people as accounts of all other kinds.
KINDS = st.just("person") | st.sampled_from(get_args(AccountKind))
ENTRA = st.lists(
    st.builds(
        entra_user,
        UPNS,
        object_id=st.sampled_from(OBJECT_IDS),
        immutable_id=st.none() | IMMUTABLE_IDS,
        values=VALUES,
        kind=KINDS,
        enabled=st.booleans(),
    ),
    unique_by=(lambda user: user.object_id, lambda user: user.immutable_id or user.object_id),
    max_size=7,
)
PURPOSES = st.sampled_from(
    ["user", "user", "none", "shared", "room", "equipment", "linked", "others", "unknownFutureValue"]
)


MARKS = st.sampled_from([CREATED, BLOCKED])


@st.composite
def protections(draw: st.DrawFn) -> Protection:
    """Of what a permission is missing for, nothing is known."""
    missing = draw(st.sampled_from([(), (), (MAILBOX_PERMISSION,), (ROLE_PERMISSION,)]))
    roles = st.dictionaries(st.sampled_from(OBJECT_IDS), st.just("User Administrator"), max_size=1)
    mailboxes = st.none() | st.dictionaries(st.sampled_from(OBJECT_IDS), PURPOSES, max_size=7)
    return Protection(
        protected_users=frozenset(draw(st.sets(UPNS | st.sampled_from(OBJECT_IDS), max_size=2))),
        roles={} if ROLE_PERMISSION in missing else draw(roles),
        mailboxes=None if MAILBOX_PERMISSION in missing else draw(mailboxes),
        missing_permissions=missing,
        require_deletion_checks=draw(st.booleans()),
    )


@st.composite
def tenants(draw: st.DrawFn) -> ModelTenant:
    """Some of its people are deleted; nobody shares a UPN or an immutable ID with anybody else."""
    people = draw(ENTRA)
    active: dict[str, EntraUser] = {}
    deleted: dict[str, EntraUser] = {}
    for user in people:
        taken = {other.upn for other in active.values()}
        kept = deleted if user.upn in taken or draw(st.integers(0, 4)) == 0 else active
        kept[user.object_id] = user
    links = draw(st.dictionaries(st.sampled_from(SOURCE_IDS), st.sampled_from(OBJECT_IDS), max_size=4))
    marks = draw(st.dictionaries(st.sampled_from(sorted(links) or SOURCE_IDS), MARKS, max_size=2))
    tenant = ModelTenant(active, deleted, links, draw(st.booleans()), draw(protections()))
    return replace(tenant, sign_in=draw(st.sampled_from(SignIn)), blocked=marks)
