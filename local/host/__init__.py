"""A functions host for one machine: runs what `function_app.py` declares, with no Core Tools.

`serve` runs an app inside a test's event loop, `HostProcess` runs the host as a process of its own.
"""

from local.host.limits import Limits
from local.host.process import HostProcess
from local.host.server import Host, serve

__all__ = ["Host", "HostProcess", "Limits", "serve"]
