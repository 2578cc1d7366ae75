"""The settings of the tenant, and who changed them."""

from collections.abc import Mapping
from typing import Any

from shared.errors import PreconditionFailed
from shared.model.domains import StoredSettings
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
        """As `Domains.change`."""
        outdated = PreconditionFailed("settings.tenantChangedMeanwhile")
        return await self._change(TENANT, changes, author, if_match, outdated)
