# SPDX-License-Identifier: MIT
"""The demo release as a configured service sees it, for tests of sources and of the check."""

from __future__ import annotations

import contextlib
import json
import pathlib
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from demo import servers, site
from ondemand import plugins, releases

_OWN = ("data", "packages")
"""What another distribution has for itself; its repositories are those of the first, and not served again."""


def demo_release(folder: pathlib.Path, distribution: pathlib.Path, address: str) -> releases.Release:
    """Release `demo`, read from the definition that the demo writes below `folder`."""
    site.write(folder, distribution, address)
    (definition,) = folder.rglob("releases/demo.toml")
    return releases.load(definition)


def change(distribution: pathlib.Path, name: str, edit: Callable[[dict[str, Any]], object]) -> None:
    """Edits `koji.json` or `bodhi.json` of a distribution; Bodhi answers from it at once, Koji when it is started."""
    path = distribution / "data" / name
    held = json.loads(path.read_text())
    edit(held)
    path.write_text(json.dumps(held))


@contextlib.contextmanager
def other_demo(folder: pathlib.Path, distribution: pathlib.Path, **edits: Callable[[dict[str, Any]], object]) -> Iterator[str]:
    """The demo's servers once more, with `koji` and `bodhi` edited in `folder`/other-distribution; gives their address."""
    made = folder / "other-distribution"
    made.mkdir()
    for path in distribution.iterdir():
        if path.name not in _OWN:
            (made / path.name).symlink_to(path)
    for name in _OWN:
        shutil.copytree(distribution / name, made / name)
    for name, edit in edits.items():
        change(made, f"{name}.json", edit)
    running = servers.DemoServers(made)
    yield running.start()
    running.stop()


def other_koji(
    folder: pathlib.Path, distribution: pathlib.Path, edit: Callable[[dict[str, Any]], object]
) -> contextlib.AbstractContextManager[str]:
    """The demo's servers once more, their Koji's records as `edit` leaves them; gives their address."""
    return other_demo(folder, distribution, koji=edit)


def point(definition: pathlib.Path, **addresses: str) -> releases.Release:
    """Changes `koji_hub`, `koji_topurl` or `bodhi` of a release's definition, and reads it."""
    text = definition.read_text()
    for name, address in addresses.items():
        text = re.sub(rf'^{name} = ".*"$', f'{name} = "{address}"', text, flags=re.MULTILINE)
    definition.write_text(text)
    return releases.load(definition)


class NoCatalog:
    """For sources that ask no catalog."""

    def named(self, name: str) -> Sequence[plugins.CatalogPackage]:
        """Fails the test."""
        raise AssertionError(name)

    def built_as(self, nvr: str, role: releases.Role) -> Sequence[plugins.CatalogPackage]:
        """Fails the test."""
        raise AssertionError(nvr)

    def near(self, name: str) -> Sequence[str]:
        """Fails the test."""
        raise AssertionError(name)

    def upload(self, sha256: str) -> plugins.SourceRpm | None:
        """Fails the test."""
        raise AssertionError(sha256)
