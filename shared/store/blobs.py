"""The bytes of a file or blob that an administrator named in a setting."""

import asyncio
from pathlib import Path

from shared.errors import SourceError
from shared.store.storage import Storage


async def read_file(path: str) -> bytes:
    try:
        return await asyncio.to_thread(Path(path).read_bytes)
    except OSError as error:
        raise SourceError(f"CSV_PATH {path} can't be read: {error.strerror}.") from error


async def read_blob(storage: Storage, container: str, name: str) -> bytes:
    from azure.core.exceptions import AzureError

    try:
        blob = storage.blobs.get_blob_client(container, name)
        return bytes(await (await blob.download_blob()).readall())
    except (AzureError, ValueError) as error:
        raise SourceError(
            f"CSV_PATH blob:{container}/{name} can't be read: {type(error).__name__}."
        ) from error
