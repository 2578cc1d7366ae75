"""The sample people of the demo: one company, as Access Control and as Entra know it.

Everybody is invented. The two sides differ on purpose, so that a dry run shows something of everything:

- contoso.com (managed): joiners, one of them with a given name that Entra finds too long; leavers, below the
  default Max Allowed Deletions; changed names, a rename, somebody disabled and somebody enabled again, a first
  name that was removed, a name typed in another Unicode form (no change), and somebody who comes back and is
  still among the deleted users. Beside them what must never be touched: a shared mailbox, a meeting room,
  equipment, a guest, an administrator, and a member of a role-assignable group.
- fabrikam.com (federated): so many leavers that Max Allowed Deletions stops a sync, and a joiner without the
  immutable ID that a federated domain needs.
- corp.contoso.com: users synchronised from Active Directory, none of whom is ever changed.
- Somebody has moved from contoso.com to fabrikam.com and somebody the other way.
"""

from pathlib import Path

ACCESS_CONTROL_SEED = Path(__file__).parent / "access_control.json"
ENTRA_SEED = Path(__file__).parent / "entra.json"
