# SPDX-License-Identifier: MIT
"""Source bodhi against the demo's look-alikes of Bodhi and Koji."""

from __future__ import annotations

import http.server
import json
import pathlib
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
import requests

from demo import builds
from ondemand import errors, plugins, references, releases
from ondemand_plugins.sources import bodhi_updates
from ondemand_web.packages import pools
from ondemand_web.packages.catalog import Catalog
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
    return source_parts.demo_release(tmp_path / "site", distribution, servers)


@pytest.fixture
def catalog(release: releases.Release, tmp_path: pathlib.Path) -> Iterator[plugins.Catalog]:
    """What the demo's repositories hold."""
    with requests.Session() as session:
        yield Catalog(release, "x86_64", tmp_path / "snapshots", session, pools.Pools())


def resolve(release: releases.Release, text: str, catalog: plugins.Catalog | None = None) -> plugins.Resolution:
    """What a reference becomes."""
    source = bodhi_updates.BodhiUpdates()
    return source.resolve(references.parse(text), release, "x86_64", catalog or source_parts.NoCatalog())


def origins(found: plugins.Resolution) -> set[str]:
    """Where the packages come from."""
    return {rpm.origin for build in found.builds for rpm in build.rpms}


@pytest.mark.parametrize("name", ["update", "single_update", "unpushed_update", "stable_update"])
def test_an_update_has_its_builds(release: releases.Release, catalog: plugins.Catalog, name: str) -> None:
    alias = builds.NAMES[name]
    found = resolve(release, alias, catalog)
    assert {build.nvr for build in found.builds} == {
        nvr for update in builds.updates() if update.alias == alias for nvr in update.nvrs
    }
    assert all(build.rpms for build in found.builds)


@pytest.mark.parametrize(
    ("name", "origin"), [("unpushed_update", "koji"), ("update", "updates-testing"), ("stable_update", "main")]
)
def test_an_update_s_status_says_where_its_packages_are(
    release: releases.Release, catalog: plugins.Catalog, name: str, origin: str
) -> None:
    assert origins(resolve(release, builds.NAMES[name], catalog)) == {origin}


def test_koji_gives_what_the_testing_repository_has_no_more(release: releases.Release) -> None:
    class MovedOn(source_parts.NoCatalog):
        """Repositories that hold another version by now."""

        def built_as(self, nvr: str, role: releases.Role) -> Sequence[plugins.CatalogPackage]:
            return ()

    found = resolve(release, builds.NAMES["update"], MovedOn())
    assert origins(found) == {"koji"} and "because the release's testing repositories don't have them" in found.warnings[-1]


def test_koji_gives_what_a_repository_that_is_away_can_not(release: releases.Release, tmp_path: pathlib.Path) -> None:
    with requests.Session() as session:
        unread = Catalog(release, "x86_64", tmp_path / "none", session, pools.Pools(), kept=True)
        found = resolve(release, builds.NAMES["update"], unread)
    assert origins(found) == {"koji"} and "can't be read now" in found.warnings[-1]


def test_a_release_without_testing_repositories_has_its_updates_in_koji(release: releases.Release) -> None:
    rawhide = release.model_copy(update={"repositories": release.repositories[:1]})
    found = resolve(rawhide, builds.NAMES["update"])
    assert origins(found) == {"koji"} and not found.warnings


def test_an_update_s_identity_is_that_of_its_builds(release: releases.Release, catalog: plugins.Catalog) -> None:
    one, other = (resolve(release, builds.NAMES[name], catalog).identity for name in ("update", "single_update"))
    assert one.startswith(f"bodhi:{builds.NAMES['update']}@") and one.partition("@")[2] != other.partition("@")[2]


def test_a_stable_update_is_said_to_be_stable(release: releases.Release, catalog: plugins.Catalog) -> None:
    assert "stable already" in resolve(release, builds.NAMES["stable_update"], catalog).warnings[0]


def test_an_update_of_containers_is_refused(release: releases.Release) -> None:
    with pytest.raises(errors.UnknownReference, match="holds a container"):
        resolve(release, builds.NAMES["container_update"])


@pytest.mark.parametrize("kind", ["flatpak", "module"])
def test_an_update_of_what_is_no_package_is_refused(
    release: releases.Release, distribution: pathlib.Path, tmp_path: pathlib.Path, kind: str
) -> None:
    refused = pytest.raises(errors.UnknownReference, match=f"holds a {kind}, not packages")
    edit = {"content_type": kind}
    with source_parts.other_demo(tmp_path, distribution, bodhi=lambda held: held[builds.NAMES["update"]].update(edit)) as address, refused:
        resolve(release.model_copy(update={"bodhi": address}), builds.NAMES["update"])


@pytest.mark.parametrize("status", ["pending", "side_tag_active"])
def test_an_update_made_from_a_side_tag_has_its_own_builds_not_the_tag_s(
    release: releases.Release, distribution: pathlib.Path, tmp_path: pathlib.Path, status: str
) -> None:
    def edit(updates: dict[str, Any]) -> None:
        only = [{"nvr": "ondemand-libs-3.0-1.demo1", "signed": False, "type": "rpm"}]
        updates[builds.NAMES["update"]].update(status=status, from_tag=builds.NAMES["side_tag"], builds=only)

    with source_parts.other_demo(tmp_path, distribution, bodhi=edit) as address:
        found = resolve(release.model_copy(update={"bodhi": address}), builds.NAMES["update"])
    assert [build.nvr for build in found.builds] == ["ondemand-libs-3.0-1.demo1"] and origins(found) == {"koji"}


def test_an_unknown_update_is_refused(release: releases.Release) -> None:
    with pytest.raises(errors.UnknownReference, match="no update of that name"):
        resolve(release, "FEDORA-2026-0123456789")


def said_by_bodhi(text: str) -> dict[str, Any]:
    """A comment that Bodhi wrote on an update."""
    return {"text": text, "timestamp": "2026-11-20 09:15:00", "user": {"name": "bodhi"}}


def test_an_edit_of_its_builds_is_told(
    release: releases.Release, catalog: plugins.Catalog, distribution: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    def edit(updates: dict[str, Any]) -> None:
        text = "packager edited this update.\n\nNew build(s):\n\n- ondemand-libs-1.1-1.demo1\n\nKarma has been reset."
        updates[builds.NAMES["update"]].update(date_modified="2026-11-20 09:15:00", comments=[said_by_bodhi(text)])

    with source_parts.other_demo(tmp_path, distribution, bodhi=edit) as address:
        warnings = resolve(release.model_copy(update={"bodhi": address}), builds.NAMES["update"], catalog).warnings
    (told,) = [text for text in warnings if "was edited on 2026-11-20 09:15 UTC" in text]
    assert "got ondemand-libs-1.1-1.demo1; its builds now are ondemand-greeting-1.1-1.demo1, ondemand-libs" in told


def test_what_made_an_update_obsolete_is_named(
    release: releases.Release, distribution: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    def edit(updates: dict[str, Any]) -> None:
        link = f"[ondemand-hello-1.1-1.demo1](https://demo.invalid/updates/{builds.NAMES['single_update']})"
        updates[builds.NAMES["update"]].update(
            status="obsolete", comments=[said_by_bodhi(f"This update has been obsoleted by {link}.")]
        )

    refused = pytest.raises(errors.UnknownReference, match=f"of {builds.NAMES['single_update']} took its place; name")
    with source_parts.other_demo(tmp_path, distribution, bodhi=edit) as address, refused:
        resolve(release.model_copy(update={"bodhi": address}), builds.NAMES["update"])


@pytest.mark.parametrize("status, word", [("unpushed", "took it back"), ("obsolete", "newer update")])
def test_an_update_that_was_taken_back_is_refused(release: releases.Release, status: str, word: str) -> None:
    with builder_parts.serving(OneUpdate, status=status) as bodhi, pytest.raises(errors.UnknownReference, match=word):
        resolve(release.model_copy(update={"bodhi": bodhi.url}), builds.NAMES["update"])


def test_a_bodhi_that_is_away_refuses_nothing(release: releases.Release) -> None:
    away = release.model_copy(update={"bodhi": "http://127.0.0.1:9"})
    with pytest.raises(errors.SourceUnavailable, match="does not answer"):
        resolve(away, builds.NAMES["update"])
