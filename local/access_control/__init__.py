"""A strict emulator of HENNGE Access Control's public API: the token endpoint and the list of users, in pages.

It enforces what HENNGE documents and what public clients rely on. What is not known (the spelling of the
keys, the size of a page, the CSV's encoding) is a setting of the seed.

    async with running_access_control({"users": [{"username": "a"}]}) as access_control:
        ...  # access_control.url, .token_url, .users, .faults, .requests

The seed is one JSON object. Every entry is optional. A mistake raises SeedError, which names the entry.

    {
      "clients": {"emulator": "emulator-secret"},   // API clients and their secrets
      "tokenLifetime": 3600,                        // seconds
      "pageSize": 50,
      "keys": "snake_case",                         // or "Display Name", "camelCase" or "inverted"
      "csvEncoding": "utf-8",                       // or "utf-8-sig" or "cp932"
      "csvDelimiter": ",",                          // or "\t"
      "users": [{"username": "aoki", "user_principal_name": "aoki@contoso.com", "email": "",
                 "family_name": "青木", "given_name": "花子", "display_name": "青木 花子",
                 "status": "enabled", "immutable_id": "", "custom_attributes": {"department": "営業"}}],
      "faults": {"latencyMs": 0, "tokenExpiresAfterCalls": null,
                 "rules": [{"kind": "status", "status": 503, "page": 2, "count": 1}]}
    }

(The comments are only for this description; the file is plain JSON.) `Fault` describes the rules of faults.
`hdeadmin`, the built-in administrator, always exists and is always listed, as in the real service.
"""

from local.access_control.faults import Fault, FaultPlan, Faults
from local.access_control.seed import Seed, SeedError, parse_seed, read_seed
from local.access_control.server import AccessControl, running_access_control
from local.access_control.users import User, Users

__all__ = [
    "AccessControl",
    "Fault",
    "FaultPlan",
    "Faults",
    "Seed",
    "SeedError",
    "User",
    "Users",
    "parse_seed",
    "read_seed",
    "running_access_control",
]
