"""Changes of federated users that Entra takes only while their UPN is on the onmicrosoft.com domain. Pure.

On a federated domain an immutable ID can't be changed: the UPN moves away, the ID changes in a call of its own, the
UPN comes back (MicrosoftDocs/azure-docs#5108). Nothing says whether a first immutable ID is taken in place; a UPN on
another federated domain is, by most reports (azure-docs PR#51233). Both are tried in one step first.
"""

from dataclasses import replace

from shared.model.changes import Change
from shared.model.parts import say
from shared.planning.mapping import IMMUTABLE_ID, domain_of
from shared.planning.renames import temporary_upn


def with_detour(change: Change, initial_domain: str, *, federated: bool) -> Change:
    """The same update or rename, by a temporary UPN where Entra demands that or may.

    `federated` says it of the domain that the user is on afterwards; whether the one before is, need not be known.
    """
    rekeyed = next((a for a in change.attributes if a.attribute == IMMUTABLE_ID), None)
    replaced = rekeyed is not None and rekeyed.before is not None
    before, after = domain_of(change.upn), domain_of(change.new_upn)
    moved = before != after
    if not (federated and (rekeyed or moved)) and not (replaced and moved):
        return change
    if before == initial_domain.lower():
        # An earlier detour was cut off here, or an administrator moved the UPN: the first step is done.
        return replace(change, via=change.upn) if rekeyed else change
    via, demanded = temporary_upn(change, initial_domain), federated and replaced
    why = say("detour.demanded" if demanded else "detour.ifRefused", via=via)
    return replace(change, via=via, direct_first=not demanded, reason=change.reason + why)
