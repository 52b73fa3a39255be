# SPDX-License-Identifier: MIT
"""The demo release as a configured service sees it, for tests of sources and of the check."""

from __future__ import annotations

import pathlib

from demo import site
from ondemand import releases


def demo_release(folder: pathlib.Path, distribution: pathlib.Path, servers: str) -> releases.Release:
    """Release `demo`, read from the definition that the demo writes below `folder`."""
    site.write(folder, distribution, servers)
    (definition,) = folder.rglob("demo.toml")
    return releases.load(definition)
