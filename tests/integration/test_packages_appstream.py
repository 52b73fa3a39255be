# SPDX-License-Identifier: MIT
"""The check against the metadata of a whole distribution, where it is at hand."""

from __future__ import annotations

import functools
import http.server
import os
import pathlib
import threading

import pytest

from ondemand import build_requests, errors, releases
from ondemand_web.packages import checking

SHARED = pathlib.Path(os.environ.get("ONDEMAND_SHARED_DATA", pathlib.Path(__file__).parents[3] / "shared" / "data"))


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


@pytest.fixture(name="release")
def _release() -> object:
    if not (SHARED / "appstream").is_dir():
        pytest.skip("needs shared/data/appstream")
    handler = functools.partial(_Quiet, directory=str(SHARED))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield releases.Release.model_validate(
            {
                "name": "stream",
                "title": "Stream",
                "version": "9",
                "arches": ["x86_64"],
                "kickstart_syntax": "RHEL9",
                "repositories": [{"id": "appstream", "baseurl": f"http://127.0.0.1:{server.server_port}/appstream"}],
                "image_types": {"live": {"backend": "kiwi", "preset": "live"}},
            }
        )
        server.shutdown()
        thread.join()


def test_real_packages_are_locked(release: releases.Release, tmp_path: pathlib.Path) -> None:
    request = build_requests.BuildRequest(release="stream")
    text = "%packages --nocore\ngoogle-guice\n%end\n"
    lock, _ = checking.check(request, release, text, {}, tmp_path)
    assert len(lock.packages) == 5 and all(package.checksums["sha256"] for package in lock.packages)


def test_a_set_that_lacks_the_other_repository_is_refused_with_its_needs(
    release: releases.Release, tmp_path: pathlib.Path
) -> None:
    request = build_requests.BuildRequest(release="stream", add_packages=("vim-enhanced", "thunderbrid"))
    with pytest.raises(errors.Unsolvable) as caught:
        checking.check(request, release, "%packages\nbash\n%end\n", {}, tmp_path)
    text = "\n".join(caught.value.details)
    assert "vim-enhanced" in text and "which no package provides" in text and "thunderbird" in text
