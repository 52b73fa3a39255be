# SPDX-License-Identifier: MIT
"""Snapshots: read in every compression, refused when they name what they must not."""

from __future__ import annotations

import gzip
import hashlib
import io
import lzma
import pathlib
from collections.abc import Callable

import pytest
import requests
import solv
import zstandard

from ondemand import errors
from ondemand_web.packages import downloads, snapshots

PRIMARY = f"""<metadata xmlns="http://linux.duke.edu/metadata/common" packages="1">
<package type="rpm"><name>small</name>
<arch>noarch</arch>
<version epoch="0" ver="1" rel="1"/>
<checksum type="sha256" pkgid="YES">{"aa" * 32}</checksum>
<location href="small.rpm"/></package></metadata>""".encode()
PACKERS: dict[str, Callable[[bytes], bytes]] = {
    ".xml": bytes,
    ".xml.gz": gzip.compress,
    ".xml.xz": lzma.compress,
    ".xml.zst": zstandard.compress,
}


def repomd(href: str, data: bytes, kind: str = "sha256") -> bytes:
    """A repomd.xml that names one primary file."""
    digest = hashlib.sha256(data).hexdigest()
    return (
        f'<repomd xmlns="http://linux.duke.edu/metadata/repo"><data type="primary"><checksum type="{kind}">{digest}'
        f'</checksum><location href="{href}"/><size>{len(data)}</size></data></repomd>'
    ).encode()


class Server(requests.Session):
    """Answers from a dictionary of path to bytes."""

    def __init__(self, files: dict[str, bytes]) -> None:
        super().__init__()
        self.files = files
        self.mount("http://repo", _Adapter(files))


class _Adapter(requests.adapters.BaseAdapter):
    def __init__(self, files: dict[str, bytes]) -> None:
        super().__init__()
        self.files = files

    def send(self, request: requests.PreparedRequest, *args: object, **kwargs: object) -> requests.Response:
        answer = requests.Response()
        path = str(request.url).removeprefix("http://repo/")
        answer.status_code = 200 if path in self.files else 404
        answer.raw = requests.packages.urllib3.HTTPResponse(  # type: ignore[attr-defined]
            body=io.BytesIO(self.files.get(path, b"")), preload_content=False
        )
        return answer

    def close(self) -> None:
        """Holds nothing."""


@pytest.mark.parametrize("suffix", PACKERS)
def test_every_compression_is_read(suffix: str, tmp_path: pathlib.Path) -> None:
    data = PACKERS[suffix](PRIMARY)
    href = f"repodata/primary{suffix}"
    with Server({"repodata/repomd.xml": repomd(href, data), href: data}) as session:
        snapshot = snapshots.take("main", "http://repo", tmp_path, session)
        for _ in ("from XML", "from .solv"):
            pool = solv.Pool()
            snapshots.load(pool, snapshot, session)
            assert [item.name for item in pool.solvables_iter()] == ["small"]
    assert snapshot.folder == tmp_path / "main" / snapshot.sha256
    assert not list(tmp_path.rglob(".new-*"))


@pytest.mark.parametrize("href", ["../../etc/passwd", "/etc/passwd", "http://elsewhere/primary.xml", ""])
def test_a_file_outside_the_repository_is_not_fetched(href: str, tmp_path: pathlib.Path) -> None:
    with Server({"repodata/repomd.xml": repomd(href, b"")}) as session, pytest.raises(errors.SourceUnavailable):
        snapshots.take("main", "http://repo", tmp_path, session)


@pytest.mark.parametrize("text", [b"<html>", b"<html/>", repomd("p.xml", b"", kind="md5")])
def test_what_is_no_metadata_is_not_taken(text: bytes, tmp_path: pathlib.Path) -> None:
    with Server({"repodata/repomd.xml": text}) as session, pytest.raises(errors.SourceUnavailable):
        snapshots.take("main", "http://repo", tmp_path, session)


def test_a_longer_file_than_named_is_not_read_on(tmp_path: pathlib.Path) -> None:
    files = {"repodata/repomd.xml": repomd("p.xml", PRIMARY), "p.xml": PRIMARY + b"x"}
    with Server(files) as session, pytest.raises(errors.SourceUnavailable, match="larger"):
        snapshots.take("main", "http://repo", tmp_path, session)
    assert not list(tmp_path.rglob("p.xml"))


def test_a_broken_file_is_said_to_be_broken(tmp_path: pathlib.Path) -> None:
    files = {"repodata/repomd.xml": repomd("p.xml.gz", b"no gzip"), "p.xml.gz": b"no gzip"}
    with Server(files) as session:
        snapshot = snapshots.take("main", "http://repo", tmp_path, session)
        with pytest.raises(errors.SourceUnavailable, match="can't be unpacked"):
            snapshots.load(solv.Pool(), snapshot, session)


def test_no_repository_is_missing(tmp_path: pathlib.Path) -> None:
    with Server({}) as session, pytest.raises(downloads.Missing):
        snapshots.take("main", "http://repo", tmp_path, session)
