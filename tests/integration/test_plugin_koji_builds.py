# SPDX-License-Identifier: MIT
"""Source koji against the demo's look-alike hub, through the koji client."""

from __future__ import annotations

import http.server
import pathlib
import threading
from typing import Any

import koji
import pytest
import requests

from demo import builds
from ondemand import errors, plugins, references, releases
from ondemand_plugins.sources import koji_builds, koji_hub
from tests import source_parts


@pytest.fixture
def release(distribution: pathlib.Path, servers: str, tmp_path: pathlib.Path) -> releases.Release:
    """The demo release."""
    return source_parts.demo_release(tmp_path / "site", distribution, servers)


def resolve(release: releases.Release, text: str) -> plugins.Resolution:
    """What a reference becomes."""
    return koji_builds.KojiBuilds().resolve(references.parse(text), release, "x86_64", source_parts.NoCatalog())


def test_a_build_has_its_packages_for_the_architecture(release: releases.Release) -> None:
    (build,) = resolve(release, builds.NAMES["koji_build"]).builds
    assert build.nvr == builds.NAMES["koji_build"]
    assert {rpm.name for rpm in build.rpms} == {"ondemand-hello", "ondemand-hello-data", "ondemand-hello-doc"}
    for rpm in build.rpms:
        assert rpm.arch in ("x86_64", "noarch") and len(rpm.checksums["sigmd5"]) == 32 and not rpm.signed_by
        assert requests.head(rpm.urls[0], timeout=30).headers["Content-Length"] == str(rpm.size)


def test_signed_copies_come_first(release: releases.Release) -> None:
    (build,) = resolve(release, builds.NAMES["signed_koji_build"]).builds
    (rpm,) = build.rpms
    assert len(rpm.urls) == 2 and f"/data/signed/{rpm.signed_by[0]}/" in rpm.urls[0]
    assert all(requests.head(url, timeout=30).ok for url in rpm.urls)


def test_an_id_names_the_same_build(release: releases.Release) -> None:
    hub = koji.ClientSession(release.koji_hub, opts=koji_hub.OPTIONS)
    number = hub.getBuild(builds.NAMES["koji_build"])["id"]
    hub.rsession.close()
    assert resolve(release, f"koji:{number}").builds == resolve(release, builds.NAMES["koji_build"]).builds


@pytest.mark.parametrize("text", ["ondemand-none-1-1", "koji:99999999"])
def test_an_unknown_build_is_named(release: releases.Release, text: str) -> None:
    with pytest.raises(errors.UnknownReference, match=f"no build {text.removeprefix('koji:')} in Koji"):
        resolve(release, text)


def test_another_architecture_is_said(release: releases.Release) -> None:
    reference = references.parse(builds.NAMES["signed_koji_build"])
    with pytest.raises(errors.UnknownReference, match="no packages for s390x"):
        koji_builds.KojiBuilds().resolve(reference, release, "s390x", source_parts.NoCatalog())


def test_a_build_of_another_release_is_warned_of(release: releases.Release) -> None:
    other = release.model_copy(update={"dist_tag": "fc44"})
    assert "another release" in resolve(other, builds.NAMES["koji_build"]).warnings[0]


@pytest.mark.parametrize(("state", "word"), [(2, "was deleted from Koji"), (0, "is building, not complete"), (3, "is failed")])
def test_a_build_that_is_no_more_or_not_yet_is_refused(
    release: releases.Release, distribution: pathlib.Path, tmp_path: pathlib.Path, state: int, word: str
) -> None:
    def change(records: dict[str, Any]) -> None:
        found = next(row for row in records["builds"] if row["nvr"] == builds.NAMES["koji_build"])
        found["state"] = state

    refused = pytest.raises(errors.UnknownReference, match=word)
    with source_parts.other_koji(tmp_path, distribution, change) as address, refused:
        resolve(release.model_copy(update={"koji_hub": f"{address}/kojihub"}), builds.NAMES["koji_build"])


def test_a_draft_build_lies_in_its_own_folder_and_is_warned_of(
    release: releases.Release, distribution: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    draft = f"{builds.NAMES['koji_build']},draft_77"

    def change(records: dict[str, Any]) -> None:
        found = next(row for row in records["builds"] if row["nvr"] == builds.NAMES["koji_build"])
        found.update(draft=True, nvr=draft, release=f"{found['release']},draft_77")

    with source_parts.other_koji(tmp_path, distribution, change) as address:
        found = resolve(release.model_copy(update={"koji_hub": f"{address}/kojihub"}), draft)
    assert "is a draft build" in found.warnings[0] and found.builds[0].nvr == draft
    assert all("/1.demo1,draft_77/" in rpm.urls[0] and rpm.release == "1.demo1" for rpm in found.builds[0].rpms)


def test_a_hub_that_is_away_refuses_nothing(release: releases.Release) -> None:
    for hub in ("http://127.0.0.1:9/kojihub", f"{release.koji_topurl}/nothing"):
        with pytest.raises(errors.SourceUnavailable, match="does not answer"):
            resolve(release.model_copy(update={"koji_hub": hub}), "ondemand-none-1-1")


class _Refusing(http.server.BaseHTTPRequestHandler):
    """A hub behind a proxy that answers everything with an error page."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(502)
        self.send_header("Content-Length", "4")
        self.end_headers()
        self.wfile.write(b"away")

    def log_message(self, format: str, *args: object) -> None:
        return


def test_a_hub_that_answers_with_an_error_keeps_no_connection(release: releases.Release) -> None:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Refusing) as hub:
        threading.Thread(target=hub.serve_forever, args=(0.05,), daemon=True).start()
        at = release.model_copy(update={"koji_hub": f"http://127.0.0.1:{hub.server_port}/kojihub"})
        with pytest.raises(errors.SourceUnavailable, match="does not answer") as raised:
            resolve(at, "ondemand-none-1-1")
        hub.shutdown()
    cause = raised.value.__cause__
    assert isinstance(cause, requests.HTTPError) and cause.response.raw.closed


def test_a_release_without_koji_is_said(release: releases.Release) -> None:
    with pytest.raises(errors.UnknownReference, match="knows no Koji"):
        resolve(release.model_copy(update={"koji_hub": None}), "a-1-1")


def test_packages_of_another_architecture_come_along_where_the_release_is_multilib(
    release: releases.Release, distribution: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    def change(records: dict[str, Any]) -> None:
        row = next(row for row in records["rpms"] if row["arch"] == "x86_64" and row["nvr"] == "ondemand-hello-2.0-1.demo1")
        other = {**row, "id": 99001, "arch": "i686"}
        records["rpms"] += [other, {**other, "id": 99002, "name": "ondemand-hello-debuginfo"}]

    with source_parts.other_koji(tmp_path, distribution, change) as address:
        plain = release.model_copy(update={"koji_hub": f"{address}/kojihub", "koji_topurl": address})
        multilib = plain.model_copy(update={"multilib": {"x86_64": ("i686",)}})
        found = [resolve(each, builds.NAMES["koji_build"]).builds[0].rpms for each in (plain, multilib)]
    assert [sum(rpm.arch == "i686" for rpm in rpms) for rpms in found] == [0, 1]
