"""Changes of federated users that Entra accepts only while their UPN is on the onmicrosoft.com domain. Pure.

On a federated domain an immutable ID can't be changed directly. It takes three calls: move the UPN to the
onmicrosoft.com domain, change the ID, move the UPN back (MicrosoftDocs/azure-docs#5108). It is not documented
whether a first immutable ID can be set directly. A UPN can move directly to another federated domain, by most
reports (azure-docs PR#51233). Both are tried in one step first.
"""

from dataclasses import replace

from shared.model.changes import Change
from shared.model.parts import say
from shared.planning.mapping import IMMUTABLE_ID, domain_of
from shared.planning.renames import temporary_upn


def with_detour(change: Change, initial_domain: str, *, federated: bool) -> Change:
    """The same update or rename, with a temporary UPN (`via`) where Entra demands one or may demand one.

    `federated`: whether the domain of the new UPN is federated. The domain of the old UPN does not matter.
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
