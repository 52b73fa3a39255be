# SPDX-License-Identifier: MIT
"""Source bodhi against the demo's look-alikes of Bodhi and Koji."""

from __future__ import annotations

import http.server
import json
import pathlib
from typing import Any

import pytest

from demo import builds
from ondemand import errors, plugins, references, releases
from ondemand_plugins.sources import bodhi_updates
from tests import builder_parts, source_parts


class OneUpdate(http.server.BaseHTTPRequestHandler):
    """A Bodhi whose every update has the server's `status` and holds a build that Koji knows."""

    server: Any

    def do_GET(self) -> None:
        update = {
            "alias": self.path.rsplit("/", 1)[-1],
            "status": self.server.status,
            "content_type": "rpm",
            "builds": [{"nvr": nvr} for nvr in builds.updates()[0].nvrs],
        }
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps({"update": update}).encode())

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture
def release(distribution: pathlib.Path, servers: str, tmp_path: pathlib.Path) -> releases.Release:
    """The demo release."""
    return source_parts.demo_release(tmp_path, distribution, servers)


def resolve(release: releases.Release, text: str) -> plugins.Resolution:
    """What a reference becomes."""
    return bodhi_updates.BodhiUpdates().resolve(references.parse(text), release, "x86_64")


@pytest.mark.parametrize("name", ["update", "single_update", "unpushed_update", "stable_update"])
def test_an_update_has_its_builds(release: releases.Release, name: str) -> None:
    alias = builds.NAMES[name]
    found = resolve(release, alias)
    assert {build.nvr for build in found.builds} == {
        nvr for update in builds.updates() if update.alias == alias for nvr in update.nvrs
    }
    assert all(build.rpms for build in found.builds)


def test_a_stable_update_is_said_to_be_stable(release: releases.Release) -> None:
    assert "stable already" in resolve(release, builds.NAMES["stable_update"]).warnings[0]


def test_an_update_of_containers_is_refused(release: releases.Release) -> None:
    with pytest.raises(errors.UnknownReference, match="holds a container"):
        resolve(release, builds.NAMES["container_update"])


def test_an_unknown_update_is_refused(release: releases.Release) -> None:
    with pytest.raises(errors.UnknownReference, match="no update of that name"):
        resolve(release, "FEDORA-2026-0123456789")


@pytest.mark.parametrize("status, word", [("unpushed", "took it back"), ("obsolete", "newer update")])
def test_an_update_that_was_taken_back_is_refused(release: releases.Release, status: str, word: str) -> None:
    with builder_parts.serving(OneUpdate, status=status) as bodhi, pytest.raises(errors.UnknownReference, match=word):
        resolve(release.model_copy(update={"bodhi": bodhi.url}), builds.NAMES["update"])


def test_a_bodhi_that_is_away_refuses_nothing(release: releases.Release) -> None:
    away = release.model_copy(update={"bodhi": "http://127.0.0.1:9"})
    with pytest.raises(errors.SourceUnavailable, match="does not answer"):
        resolve(away, builds.NAMES["update"])
