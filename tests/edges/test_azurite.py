"""Azurite runs on free ports, keeps what it should, and ends with whoever started it."""

import os
import select
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from azure.core.credentials import AccessToken
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueServiceClient

from local.azurite import Azurite
from local.processes import ChildNotReadyError, ChildProcess
from tests.support.managed_identity import unsigned_token


class UnsignedToken:
    """A credential whose token has the claims that Azurite checks, and no signature."""

    def get_token(self, *_scopes: str, **_options: object) -> AccessToken:
        return AccessToken(unsigned_token(), int(time.time()) + 3600)


def test_what_was_stored_is_still_there_after_a_restart_on_the_same_ports(tmp_path: Path) -> None:
    with Azurite(tmp_path) as azurite:
        blobs = BlobServiceClient.from_connection_string(azurite.connection_string)
        blobs.create_container("logs").upload_blob("a.csv", b"kept")
        before = azurite.connection_string

        azurite.restart()

        assert azurite.connection_string == before
        assert blobs.get_blob_client("logs", "a.csv").download_blob().readall() == b"kept"


def test_over_https_it_gives_user_delegation_keys_to_bearer_tokens() -> None:
    with Azurite(https=True) as azurite:
        blobs = BlobServiceClient(
            azurite.url("blob"), credential=UnsignedToken(), connection_verify=str(azurite.certificate)
        )
        now = datetime.now(UTC)
        with blobs:
            key = blobs.get_user_delegation_key(now - timedelta(minutes=15), now + timedelta(hours=1))

    assert key.value


def test_two_of_them_do_not_meet() -> None:
    with Azurite() as one, Azurite() as other:
        QueueServiceClient.from_connection_string(one.connection_string).create_queue("only-here")
        seen = QueueServiceClient.from_connection_string(other.connection_string).list_queues()

        assert list(seen) == []


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent has died")
def test_it_dies_with_a_parent_that_is_killed() -> None:
    parent = ChildProcess(
        [
            sys.executable,
            "-c",
            "import signal\nfrom local.azurite import Azurite\n"
            "with Azurite() as a:\n    print(a.pid, flush=True)\n    signal.pause()",
        ]
    )
    pid = int(parent.wait_for(r"^(\d+)$")[1])
    azurite = os.pidfd_open(pid)

    parent.kill()

    ended, _, _ = select.select([azurite], [], [], 10)
    assert ended == [azurite]


def test_a_child_that_ends_before_it_is_ready_is_quoted() -> None:
    child = ChildProcess([sys.executable, "-c", "import sys; sys.exit('no such setting')"])

    with pytest.raises(ChildNotReadyError, match=r"ended with status 1 before 'listening':\nno such setting"):
        child.wait_for("listening")
