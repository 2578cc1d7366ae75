"""The settings of the tenant, and who changed them."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from shared.errors import PreconditionFailed
from shared.model.domains import StoredSettings
from shared.model.notifications import with_kept_secrets
from shared.model.records import Author
from shared.planning.surveyed import Terms
from shared.planning.tenant_settings import TenantSettings
from shared.settings import Settings
from shared.store.changes import TENANT
from shared.store.settings_rows import SettingsRows
from shared.store.storage import Storage


class TenantSettingsRow(SettingsRows[TenantSettings]):
    def __init__(self, storage: Storage, settings: Settings) -> None:
        # Another row key than a domain's: the hourly sweep asks for all of those.
        super().__init__(storage, TenantSettings, "tenant-settings")
        self._settings = settings

    async def read_terms(self) -> Terms:
        """The settings in force. Raises SettingsUnreadable if a stored one can't be read."""
        return self._settings.terms((await self.read()).complete())

    async def read(self) -> StoredSettings[TenantSettings]:
        return await self.read_settings(TENANT)

    async def change(
        self, changes: Mapping[str, Any], author: Author, if_match: str | None
    ) -> tuple[StoredSettings[TenantSettings], StoredSettings[TenantSettings]]:
        """As `Domains.change`. Raises BadValue for a notification without an address, also as a mask of none."""
        outdated = PreconditionFailed("settings.tenantChangedMeanwhile")
        completed = partial(self._with_kept_secrets, changes)
        return await self._change(TENANT, changes, author, if_match, outdated, completed)

    def _with_kept_secrets(self, changes: Mapping[str, Any], before: TenantSettings) -> Mapping[str, Any]:
        if not changes.get("notifications"):
            return changes
        clock, stored = self._storage.clock, before.notifications or ()
        kept = with_kept_secrets(
            changes["notifications"], stored, clock.now(), new_id=partial(clock.token, 4)
        )
        return {**changes, "notifications": kept}
