# SPDX-License-Identifier: MIT
"""Storage `fsspec` on a local folder and on a real FTP server."""

from __future__ import annotations

import ftplib
import hashlib
import pathlib
import urllib.request
from collections.abc import Iterator

import pytest

from ondemand import errors, plugins
from ondemand_plugins.storage import fsspec_storage
from tests.ftp_server import FtpServer

KEY = "demo/7/1/image.iso"
BYTES = b"an image\n" * 300_000
SHA256 = hashlib.sha256(BYTES).hexdigest()


@pytest.fixture(params=["file", "ftp"])
def storage(request: pytest.FixtureRequest, tmp_path: pathlib.Path) -> Iterator[plugins.Storage]:
    folder = tmp_path / "stored"
    if request.param == "file":
        yield fsspec_storage.FsspecStorage(f"file://{folder}")
        return
    with FtpServer(folder) as server:
        yield fsspec_storage.FsspecStorage(server.url_with_password)


@pytest.fixture
def source(tmp_path: pathlib.Path) -> pathlib.Path:
    path = tmp_path / "image.iso"
    path.write_bytes(BYTES)
    return path


def test_a_stored_file_is_fetched_from_its_address(storage: plugins.Storage, source: pathlib.Path) -> None:
    stored = storage.store(source, KEY, SHA256)
    with urllib.request.urlopen(stored.url, timeout=10) as answer:
        assert answer.read() == BYTES
    assert (stored.size, stored.sha256) == (len(BYTES), SHA256)


def test_storing_twice_is_harmless_and_leaves_no_part(storage: plugins.Storage, source: pathlib.Path, tmp_path: pathlib.Path) -> None:
    for _ in range(2):
        storage.store(source, KEY, SHA256)
    assert [path.name for path in (tmp_path / "stored" / "demo/7/1").iterdir()] == ["image.iso"]


def test_other_bytes_than_announced_are_refused(storage: plugins.Storage, source: pathlib.Path) -> None:
    with pytest.raises(errors.StorageFailed, match="other bytes"):
        storage.store(source, KEY, "0" * 64)


def test_deleting_removes_an_attempt_and_missing_is_no_error(
    storage: plugins.Storage, source: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    storage.store(source, KEY, SHA256)
    for _ in range(2):
        storage.delete("demo/7/1")
    assert not (tmp_path / "stored" / KEY).exists()


@pytest.mark.parametrize("key", ["../x", "/etc/passwd", "a//b", "a/../b", ""])
def test_a_key_can_not_leave_the_folder(storage: plugins.Storage, source: pathlib.Path, key: str) -> None:
    with pytest.raises(errors.StorageFailed, match="no place"):
        storage.store(source, key, SHA256)


def test_an_address_for_people_has_no_password(source: pathlib.Path, tmp_path: pathlib.Path) -> None:
    with FtpServer(tmp_path / "ftp") as server:
        stored = fsspec_storage.FsspecStorage(server.url_with_password).store(source, KEY, SHA256)
    assert "secret" not in stored.url


def test_a_server_that_is_away_is_a_sentence(source: pathlib.Path) -> None:
    with pytest.raises(errors.StorageFailed, match="away"):
        fsspec_storage.FsspecStorage("ftp://127.0.0.1:9/x").store(source, KEY, SHA256)


def test_the_fake_server_is_a_real_one_to_a_real_client(tmp_path: pathlib.Path) -> None:
    with FtpServer(tmp_path / "ftp") as server, ftplib.FTP() as client:
        client.connect("127.0.0.1", server.port, timeout=5)
        assert client.login().startswith("230")
