# SPDX-License-Identifier: MIT
"""What this builder can do: backends whose tools it finds, architecture, disk, memory."""

from __future__ import annotations

import os
import pathlib
import platform
import re
import shutil
import subprocess
from typing import Any

from ondemand import builds, errors, plugins, registry, settings
from ondemand_consumer import namespaces

_VERSION = re.compile(r"\d+(?:\.\d+)+")
_PROBE_TIMEOUT = 60.0
_OWN = ("unshare", "setpriv", "mount", "umount", "losetup", "rpm", "rpmkeys", "xorriso")


def find(builder: settings.Builder) -> builds.Capabilities:
    """What the builder offers now."""
    return builds.Capabilities(
        arches=(platform.machine(),),
        backends={
            name: tuple(sorted(str(kind) for kind in backend.image_types))
            for name, backend in sorted(registry.load_all(plugins.BACKENDS).items())
            if not missing(backend.tools)
        },
        disk=max(0, shutil.disk_usage(builder.work).free - builder.disk_reserve),
        memory=_free_memory(),
    )


def missing(tools: tuple[str, ...]) -> list[str]:
    """Those of the programs that are not installed."""
    return [tool for tool in tools if namespaces.find(tool) is None]


def require_tools() -> None:
    """Raises errors.ToolMissing when a program is not there that every build needs."""
    if gone := missing((*_OWN, f"qemu-system-{platform.machine()}")):
        raise errors.ToolMissing(
            f"The builder can't start without {', '.join(gone)}",
            cause="every build is checked with these programs, and they are not installed",
            remedy="install them (util-linux, mount, rpm, xorriso, qemu-system-x86) and start it again",
        )


def backend(name: str) -> Any:
    """A backend by name; raises errors.ToolMissing or errors.PluginMissing where this builder can't offer it."""
    loaded = registry.load(plugins.BACKENDS, name)()
    if gone := missing(loaded.tools):
        raise errors.ToolMissing(
            f"The backend «{name}» can't run on this builder",
            cause=f"{', '.join(gone)} is not installed there",
            remedy="install it, or let another builder take the build",
        )
    return loaded


def versions(backend: plugins.Backend) -> dict[str, str]:
    """The versions of the backend's tools, asked anew, since an operator may renew them; raises errors.ToolMissing."""
    return {tool: _version(tool, argv) for tool, argv in plugins.probes(backend).items()}


def _version(tool: str, argv: tuple[str, ...]) -> str:
    try:
        done = subprocess.run(
            (namespaces.find(argv[0]) or argv[0], *argv[1:]),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PROBE_TIMEOUT,
            check=False,
            text=True,
            errors="replace",
        )
        found = _VERSION.search(done.stdout) or _VERSION.search(done.stderr)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _unknown(tool, str(error)) from error
    if found is None:
        raise _unknown(tool, f"«{' '.join(argv)}» ended with status {done.returncode} and named none")
    return found.group()


def _unknown(tool: str, why: str) -> errors.ToolMissing:
    return errors.ToolMissing(
        f"The version of {tool} on this builder is not known",
        cause=why,
        remedy="install it anew, or let another builder take the build",
    )


def _free_memory() -> int:
    try:
        lines = pathlib.Path("/proc/meminfo").read_text().splitlines()
        kib = next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable:"))
    except (OSError, StopIteration, ValueError):
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_AVPHYS_PAGES")
    return kib * 1024
