"""A strict emulator of the parts of Microsoft Graph v1.0 that a user sync touches.

It refuses what Graph refuses, as documented or reported. It is never made more lenient for a client.

    async with running_entra({"users": [{"userPrincipalName": "a@contoso.com"}]}) as entra:
        ...  # entra.url, entra.directory, entra.requests, entra.faults

The seed is one JSON object. Every part is optional; what is missing is derived, the same way every
time. A mistake raises SeedError, which names the entry.

    {
      "tenant": {"displayName": "Contoso", "onPremisesSyncEnabled": false,
                 "federatedRenames": false,    // true: renames onto a federated domain are not refused
                 "exchangeOnline": true,       // false: every read of mailbox settings is refused
                 "premium": true,              // false: without the licence for PIM
                 "lacking": [],                // properties that this cloud refuses in $select
                 "firstImmutableIds": false,   // true: on a federated domain there may be null, and null → ID in place
                 "objectQuota": null},         // Directory_QuotaExceeded from so many objects on
      "domains": [{"id": "contoso.com", "authenticationType": "Managed", "isDefault": true},
                  {"id": "fed.contoso.com", "authenticationType": "Federated", "isVerified": true}],
                                               // contoso.onmicrosoft.com is added when none is initial
      "users": [{"userPrincipalName": "a@contoso.com", "displayName": "青木", "…": "any property of user",
                 "_mailbox": "user",           // user linked shared room equipment others none
                                               // unknownFutureValue
                 "_roles": ["Global Administrator"], "_eligible": [],
                 "_exchangeMastered": [],      // properties refused to Graph, of a user who came from AD once
                 "@odata.type": "#microsoft.graph.agentUser"}],    // left out: a user
      "deletedUsers": [],                      // as users, with the UPN they had; null: Graph shows none
      "groups": [{"displayName": "Sales", "mail": "sales@contoso.com",
                  "proxyAddresses": ["SMTP:sales@contoso.com"], "isAssignableToRole": false,
                  "_members": ["a@contoso.com"], "_owners": [], "_roles": [],
                  "_eligible": [], "_eligibleMembers": [], "_eligibleOwners": []}],
      "contacts": [{"displayName": "Shop", "mail": "shop@contoso.com"}],      // mail contacts; no call reads them
      "applications": [{"displayName": "HR", "identifierUris": ["api://contoso.com/hr"]}],
      "permissions": ["User.ReadWrite.All"],   // left out: all
      "limits": {"writes": {"count": 3000, "seconds": 150},
                 "resourceUnits": {"count": 8000, "seconds": 10}},
                                               // null, or either one null: off; left out: Graph's own
      "faults": {"seed": 0, "latencyMs": 0, "jitterMs": 0, "staleListSeconds": 0,
                 "freshNotFoundSeconds": 0, "deltaPageSize": 200,
                 "rules": [{"kind": "status", "status": 503, "path": "/$batch", "probability": 0.05}]}
    }

A group's `mail` counts as one of its addresses, like a user's.

(The comments are only for this page: the file is plain JSON.) `Fault` describes the rules of faults.
Seeded users have a mailbox unless `_mailbox` says otherwise; created ones, without a licence, have none. A user with a
mailbox has every UPN there was among `proxyAddresses`.
"""

from local.entra.directory import Directory, User
from local.entra.faults import Fault, FaultPlan, Faults
from local.entra.request_log import LoggedCall, RequestLog
from local.entra.seed import Seed, SeedError, parse_seed, read_seed
from local.entra.server import running_entra
from local.entra.state import Entra

__all__ = [
    "Directory",
    "Entra",
    "Fault",
    "FaultPlan",
    "Faults",
    "LoggedCall",
    "RequestLog",
    "Seed",
    "SeedError",
    "User",
    "parse_seed",
    "read_seed",
    "running_entra",
]
