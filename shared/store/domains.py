"""The settings of each domain that ever had a setting or a run, and who changed them.

Changes made with earlier versions of the app are in the table `Changes`.
"""

from collections.abc import Mapping
from typing import Any

from shared.errors import PreconditionFailed
from shared.model.domains import DomainSettings, StoredSettings
from shared.model.records import Author
from shared.store.settings_rows import SettingsRows
from shared.store.storage import Storage


class Domains(SettingsRows[DomainSettings]):
    def __init__(self, storage: Storage) -> None:
        super().__init__(storage, DomainSettings, "settings")

    async def change(
        self, domain: str, changes: Mapping[str, Any], author: Author, if_match: str | None = None
    ) -> tuple[StoredSettings[DomainSettings], StoredSettings[DomainSettings]]:
        """Sets some settings (by their Python names) and records who did. Returns all settings before and after.

        Raises PreconditionFailed if `if_match` names another version, or if others keep changing the row.
        """
        outdated = PreconditionFailed("settings.changedMeanwhile", domain=domain)
        return await self._change(domain, changes, author, if_match, outdated)
