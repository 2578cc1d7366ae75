"""A whole sync at the most talkative log level, its storage reached by identity: nothing secret is left anywhere.

What is looked for is what really went over the wire: both services are listened to, and the identity's tokens are
this test's own.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

from azure.data.tables import TableServiceClient
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueServiceClient

from local.azurite import ACCOUNT_KEY, Azurite
from shared.model.runs import Run
from shared.settings import Settings
from tests.support.managed_identity import ByIdentity, running_by_identity
from tests.support.stack import CONTOSO, Stack, in_entra, in_source
from tests.support.storage_control import readable

FUNCTION_KEY = "function-key-that-nobody-may-see"


def stored(azurite: Azurite) -> Iterator[str]:
    """Every row, blob and queue message."""
    connection = azurite.connection_string
    trust: dict[str, Any] = {"connection_verify": str(azurite.certificate)}
    with TableServiceClient.from_connection_string(connection, **trust) as tables:
        for table in tables.list_tables():
            for row in tables.get_table_client(table.name).list_entities():
                yield str(dict(row))
    with BlobServiceClient.from_connection_string(connection, **trust) as blobs:
        for container in blobs.list_containers():
            client = blobs.get_container_client(container.name)
            for name in client.list_blob_names():
                yield str(name) + readable(client.download_blob(name).readall())
    with QueueServiceClient.from_connection_string(connection, **trust) as queues:
        for queue in queues.list_queues():
            for message in queues.get_queue_client(queue.name).peek_messages(32):
                yield str(message.content)


def secrets_of(running: ByIdentity, links: list[str]) -> dict[str, str]:
    """Everything secret that was really used, by what it is."""
    found = {"the API client's secret": running.stack.settings["HENNGE_CLIENT_SECRET"]}
    found |= {"the account key": ACCOUNT_KEY, "the function key": FUNCTION_KEY}
    found |= {f"token {n} of the identity": token for n, token in enumerate(running.tokens)}
    authorised = {headers["Authorization"] for headers in running.hennge.headers}
    for header in authorised:
        kind, _, value = header.partition(" ")
        found[f"Access Control's {kind} {value[:3]}"] = value
    passwords = re.findall(r'"password":\s*"((?:[^"\\]|\\.)+)"', "".join(running.graph.sent))
    found |= {f"password {n}": json.loads(f'"{password}"') for n, password in enumerate(passwords)}
    for link in links:
        signature = parse_qs(urlsplit(link).query)["sig"][0]
        found[f"signature {signature[:4]}"] = signature
    return found


async def test_nothing_secret_is_in_any_log_table_blob_message_or_answer(tmp_path: Path) -> None:
    log = tmp_path / "host.log"
    source = [in_source("aoki"), in_source("baba"), in_source("chiba", display_name="new")]
    # The second is refused by Entra: its error goes into the audit log.
    taken = {"displayName": "Sales", "mail": "baba@contoso.com", "proxyAddresses": ["SMTP:baba@contoso.com"]}
    with Azurite(https=True) as azurite:
        async with running_by_identity(
            azurite, log, source=source, entra=[in_entra("chiba"), in_entra("doi")], debugging=True,
            tenant={"groups": [taken]}, settings={"LOCAL_FUNCTION_KEY": FUNCTION_KEY},
        ) as running:  # fmt: skip
            stack = running.stack
            stack.http.headers["x-functions-key"] = FUNCTION_KEY
            await stack.set(maxAllowedDeletions=100)
            dry_run, sync = await stack.dry_run(), await stack.sync()
            links = [await link_to(stack, dry_run), await link_to(stack, sync)]
            answers = [await said(stack, path) for path in looked_at(sync)]
            kept = list(stored(azurite))
            secrets = secrets_of(running, links)

    assert (sync.counts.add, sync.counts.update, sync.counts.delete, sync.counts.failed) == (1, 1, 1, 1)
    kinds = {name.split()[0] for name in secrets}
    assert kinds == {"the", "token", "Access", "password", "signature"}
    assert sum(name.startswith("password") for name in secrets) == 2
    logged = log.read_text()
    assert "DEBUG" in logged
    assert "aoki@contoso.com" in "".join(kept)
    for name, secret in secrets.items():
        for spelling in {secret, quote(secret, safe="")}:
            assert spelling not in logged, f"{name} is in the log"
            assert not [one for one in kept if spelling in one], f"{name} is stored"
            assert not [one for one in answers if spelling in one], f"{name} is answered"


def looked_at(run: Run) -> list[str]:
    one = f"domains/{CONTOSO}"
    return [
        "domains", one, f"{one}/runs", f"{one}/runs/{run.id}", "people/aoki", "people?q=aoki", f"{one}/pre-check",
        f"{one}/runs/nothing", f"{one}/runs?surprise=1", "health?deep=true", "openapi.json", "console", "nothing",
    ]  # fmt: skip


async def said(stack: Stack, path: str) -> str:
    """An answer with its headers."""
    answer = await stack.get(path)
    return f"{answer.headers}{answer.text}"


async def link_to(stack: Stack, run: Run) -> str:
    answer = await stack.get(f"domains/{run.domain}/runs/{run.id}/audit-log")
    return answer.headers["Location"]


def test_settings_do_not_print_their_secrets() -> None:
    environment = {
        "AzureWebJobsStorage": f"AccountKey={ACCOUNT_KEY}",
        "HENNGE_CLIENT_ID": "x",
        "HENNGE_CLIENT_SECRET": "hush",
    }
    settings = Settings.from_environment(environment)

    printed = (
        f"{settings} {settings!r} {settings.model_dump()} {settings.model_dump_json(include={'storage'})}"
    )
    assert "hush" not in printed
    assert ACCOUNT_KEY not in printed
