"""The demo shows the whole procedure, says whether all was as expected, and leaves nothing behind."""

import os
import re
import shlex
import signal
import socket
import subprocess
import sys
from urllib.parse import urlsplit

import pytest

from local.demo.terminal import cut, width
from local.processes import REPOSITORY, ChildProcess, inherited_environment

DEMO = [sys.executable, "-m", "local.demo"]


def listening(url: str) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", urlsplit(url).port or 80)) == 0


def test_the_walk_through_finds_everything_as_expected_and_ends() -> None:
    demo = subprocess.run(  # noqa: S603 - this repository's own
        DEMO,
        env={**inherited_environment(), "DEMO_ONCE": "1"},
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )

    assert demo.returncode == 0, demo.stdout + demo.stderr
    assert "✗" not in demo.stdout
    assert "\033" not in demo.stdout
    assert re.search(
        r"^ +rename +planned +mei\.yamada@contoso\.com +山田 芽衣 +userPrincipalName ", demo.stdout, re.M
    )
    assert re.search(
        r"^ +add +would fail +alexandria\.winter@contoso\.com .* 66 characters", demo.stdout, re.M
    )
    assert "✓ Nothing is left to do" in demo.stdout
    assert "3 of 7 users = 42.9% ≥ 20%: a sync would be cancelled" in demo.stdout
    assert "All as expected" in demo.stdout
    addresses = re.findall(r"http://127\.0\.0\.1:\d+", demo.stdout)
    assert not any(map(listening, addresses))


def test_it_serves_until_it_is_interrupted_and_its_commands_work_as_they_are_printed() -> None:
    with ChildProcess(DEMO) as demo:
        demo.wait_for("Ctrl-C stops everything", timeout=100)
        output = demo.output
        commands = re.findall(r"^ +(curl .*)$", output, re.M)
        answers = [
            subprocess.run(  # noqa: S603 - what the demo tells people to copy
                [*shlex.split(command), "--fail-with-body"],
                capture_output=True,
                text=True,
                timeout=30,
                check=True,
            ).stdout
            for command in commands
        ]
        os.kill(demo.pid, signal.SIGINT)
        status = demo.terminate()

    assert len(answers) == 3
    assert '"status":"queued"' in answers[1]
    assert '"runs":[{' in answers[2]
    assert status == 0
    addresses = re.findall(r"http://127\.0\.0\.1:\d+", output)
    assert not any(map(listening, addresses))


@pytest.mark.parametrize(("text", "columns"), [("Oliver", 6), ("青木 花子", 9), ("カ\u3099ラス", 6), ("", 0)])
def test_a_full_width_character_takes_two_columns_and_a_combining_one_none(text: str, columns: int) -> None:
    assert width(text) == columns


def test_what_is_cut_ends_in_an_ellipsis_and_fits() -> None:
    assert cut("青木 花子", 9) == "青木 花子"
    assert cut("青木 花子", 8) == "青木 花…"
    assert cut("青木 花子", 4) == "青…"
