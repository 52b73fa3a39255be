# SPDX-License-Identifier: MIT
"""The demo release as a configured service sees it, for tests of sources and of the check."""

from __future__ import annotations

import contextlib
import json
import pathlib
import shutil
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from demo import servers, site
from ondemand import plugins, releases


def demo_release(folder: pathlib.Path, distribution: pathlib.Path, address: str) -> releases.Release:
    """Release `demo`, read from the definition that the demo writes below `folder`."""
    site.write(folder, distribution, address)
    (definition,) = folder.rglob("demo.toml")
    return releases.load(definition)


@contextlib.contextmanager
def other_koji(folder: pathlib.Path, distribution: pathlib.Path, change: Callable[[dict[str, Any]], object]) -> Iterator[str]:
    """The demo's servers once more, their Koji's records as `change` leaves them; gives their address."""
    made = folder / "other-distribution"
    made.mkdir()
    for path in distribution.iterdir():
        if path.name != "data":
            (made / path.name).symlink_to(path)
    shutil.copytree(distribution / "data", made / "data")
    records = json.loads((made / "data" / "koji.json").read_text())
    change(records)
    (made / "data" / "koji.json").write_text(json.dumps(records))
    running = servers.DemoServers(made)
    yield running.start()
    running.stop()


class NoCatalog:
    """For sources that ask no catalog."""

    def named(self, name: str) -> Sequence[plugins.CatalogPackage]:
        """Fails the test."""
        raise AssertionError(name)

    def built_as(self, nvr: str, role: releases.Role) -> Sequence[plugins.CatalogPackage]:
        """Fails the test."""
        raise AssertionError(nvr)

    def upload(self, sha256: str) -> plugins.SourceRpm | None:
        """Fails the test."""
        raise AssertionError(sha256)
