"""The system's Chromium, for the tests of the admin page and for its screenshots.

`python -m tools.browser` installs one if possible, and says so if not.
"""

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

from playwright.async_api import Browser, async_playwright

MISSING = (
    "NO CHROMIUM: the admin page was not tried in a browser. Install one (`apt-get install chromium`), "
    "or say where it is in CHROMIUM."
)
_NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
_MAC = Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")
_PACKAGES = ("chromium", "fonts-noto-core", "fonts-noto-cjk")
_ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def chromium() -> Path | None:
    """Its path: `CHROMIUM` if set, else the first one on PATH; None if there is none."""
    if told := os.environ.get("CHROMIUM"):
        return Path(told)
    found = next((path for name in _NAMES if (path := shutil.which(name))), None)
    if found:
        return Path(found)
    return _MAC if _MAC.exists() else None


def install() -> bool:
    """Tries to install one with apt-get, which needs root; returns whether there is one now."""
    if shutil.which("apt-get") and os.geteuid() == 0:
        for command in ("update", f"install --yes --no-install-recommends {' '.join(_PACKAGES)}"):
            subprocess.run(  # noqa: S603 - nothing in it comes from outside
                ["apt-get", "--quiet", *command.split()],  # noqa: S607
                check=False,
                env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
                stdout=subprocess.DEVNULL,
            )
    return chromium() is not None


@contextlib.asynccontextmanager
async def running_browser() -> AsyncIterator[Browser]:
    """Runs Chromium without a window. Raises FileNotFoundError if there is none."""
    path = chromium()
    if path is None:
        raise FileNotFoundError(MISSING)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=list(_ARGUMENTS))
        try:
            yield browser
        finally:
            await browser.close()


if __name__ == "__main__":
    if chromium() is None and not install():
        print(MISSING, file=sys.stderr)
