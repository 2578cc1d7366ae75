"""What must never be written down: passwords, tokens, the API client's secret, the storage key."""

import logging
import secrets

import pytest
from azure.storage.queue.aio import QueueServiceClient

from local.access_control.seed import CLIENT_SECRET
from local.azurite import ACCOUNT_KEY
from shared.entra import write_waves
from tests.support.stack import Stack, StartStack, in_source
from tests.support.storage_control import readable

PASSWORD = f"Aa1!{secrets.token_hex(10)}"


async def everything_stored(stack: Stack) -> str:
    """All tables, blobs and queues of the stack as one text."""
    stored: list[str] = []
    storage = stack.services.storage
    async for table in storage.tables.list_tables():
        client = storage.tables.get_table_client(table.name)
        stored += [str(dict(row)) async for row in client.list_entities()]
    async for container in storage.blobs.list_containers():
        blobs = storage.blobs.get_container_client(container.name)
        async for name in blobs.list_blob_names():
            stored.append(readable(await (await blobs.download_blob(name)).readall()))
    async with QueueServiceClient.from_connection_string(stack.settings["AzureWebJobsStorage"]) as queues:
        async for queue in queues.list_queues():
            stored += [m.content for m in await queues.get_queue_client(queue).peek_messages(32)]
    return "\n".join(stored)


async def test_they_are_in_no_log_table_blob_queue_or_answer(
    start_stack: StartStack, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(write_waves, "random_password", lambda _chance: PASSWORD)
    caplog.set_level(logging.DEBUG)
    # The second is refused by Entra, which puts the request's fate into an error row.
    taken = {"displayName": "Sales", "mail": "baba@contoso.com", "proxyAddresses": ["SMTP:baba@contoso.com"]}
    stack = await start_stack(source=[in_source("aoki"), in_source("baba")], tenant={"groups": [taken]})

    run = await stack.sync()

    assert (run.counts.add, run.counts.failed) == (1, 1)
    answers = [
        (await stack.get(path)).text for path in ("domains", "domains/contoso.com/runs", "health?deep=true")
    ]
    written = "\n".join([await everything_stored(stack), caplog.text, *answers])
    assert "aoki@contoso.com" in written
    for secret in (PASSWORD, CLIENT_SECRET, ACCOUNT_KEY, "passwordProfile"):
        assert secret not in written
