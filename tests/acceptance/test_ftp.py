# SPDX-License-Identifier: MIT
"""The image on an FTP server: fetched from there, held to its checksum, booted."""

from __future__ import annotations

import pathlib
import re
import urllib.request

import pytest

from ondemand.builds import BuildRecord
from ondemand.locks import Lock
from ondemand_consumer import boot, fetching, rpm_headers
from tests import builder_parts
from tests import service_parts as parts
from tests.ftp_server import FtpServer

pytestmark = pytest.mark.slow


def fetched(record: BuildRecord, role: str, folder: pathlib.Path) -> pathlib.Path:
    """The published file with that role, fetched as anybody would."""
    (artifact,) = (item for item in record.artifacts if item.role == role)
    assert artifact.url.startswith("ftp://") and "secret" not in artifact.url
    path = folder / artifact.name
    with urllib.request.urlopen(artifact.url, timeout=60) as answer, path.open("wb") as file:
        while piece := answer.read(1 << 20):
            file.write(piece)
    return path


def test_an_image_on_an_ftp_server_is_whole_and_boots(distribution: pathlib.Path, tmp_path: pathlib.Path) -> None:
    with FtpServer(tmp_path / "ftp") as ftp:
        storage: dict[str, object] = {"url": f"{ftp.url_with_password}/images", "public_url": f"{ftp.url}/images"}
        with parts.running(tmp_path, distribution, storage=storage) as service:
            record = service.succeeded(service.submit(**parts.wanted()))
            lock = Lock.model_validate(service.client.lock(record.id))
        image, checksum = fetched(record, "image", tmp_path), fetched(record, "checksum", tmp_path)
    said = re.search(rf"SHA256 \({re.escape(image.name)}\) = ([0-9a-f]{{64}})", checksum.read_text())
    assert said and said.group(1) == rpm_headers.sha256(image)
    proof, error = boot.prove(builder_parts.make_attempt(tmp_path, lock), image, named(lock), tmp_path / "screen.png")
    assert proof.held, error


def named(lock: Lock) -> tuple[fetching.Fetched, ...]:
    """The wanted packages with the header digests that the lock names, for the running system to repeat."""
    nowhere = pathlib.Path("nowhere")
    return tuple(
        fetching.Fetched(
            package=package, path=nowhere, sha256="", header=package.checksums["header-sha256"], from_cache=False
        )
        for package in lock.wanted
    )
