# SPDX-License-Identifier: MIT
"""Names, checksum and manifest of what is published, and its upload to a master that speaks the worker API."""

import dataclasses
import json
import pathlib
from collections.abc import Iterator
from typing import Any

import pytest

from ondemand import build_requests, errors, proofs, releases, states
from ondemand_consumer import attempts, master, publishing, rpm_headers
from tests import builder_parts, fake_master


@pytest.fixture
def server() -> Iterator[Any]:
    with fake_master.serving() as server:
        yield server


@pytest.fixture
def attempt(tmp_path: pathlib.Path) -> attempts.Attempt:
    return builder_parts.make_attempt(tmp_path)


@pytest.fixture
def image(attempt: attempts.Attempt) -> pathlib.Path:
    path = attempt.work / "result.iso"
    path.write_bytes(b"iso" * 4_000_000)
    return path


def _collect(attempt: attempts.Attempt, image: pathlib.Path) -> tuple[proofs.Artifact, ...]:
    attempt.say(states.Step.FETCH, "fetched")
    return publishing.collect(attempt, image, (), rpm_headers.sha256(image))


def test_the_image_is_named_after_what_it_is(attempt: attempts.Attempt) -> None:
    assert publishing.image_name(attempt) == "Demo-Live-x86_64-1-7.iso"
    kind = build_requests.ImageType.DVD
    installer = releases.Installer(boot_iso="http://f.invalid/os", product="Fedora", variant="Server")
    definition = releases.ImageTypeDefinition(backend="dvd", preset="server", installer=installer)
    release = attempt.assignment.release.model_copy(
        update={"title": "Fedora Linux 44", "version": "44", "image_types": {kind: definition}}
    )
    changed = {"request": build_requests.BuildRequest(release="f44", image_type=kind), "release": release}
    other = dataclasses.replace(attempt, assignment=attempt.assignment.model_copy(update=changed))
    assert publishing.image_name(other) == "Fedora-Linux-Server-DVD-x86_64-44-7.iso"


@pytest.mark.parametrize(("title", "head"), [("«Größe» 1", "Gr--e"), ("ж", "demo"), ("x" * 300, "x" * 80)])
def test_a_title_makes_a_file_s_name_whatever_it_is(attempt: attempts.Attempt, title: str, head: str) -> None:
    release = attempt.assignment.release.model_copy(update={"title": title})
    request = build_requests.BuildRequest(release="demo")
    named = dataclasses.replace(attempt, assignment=attempt.assignment.model_copy(update={"release": release, "request": request}))
    assert publishing.image_name(named) == f"{head}-Live-x86_64-1-7.iso"


def test_everything_is_collected_and_the_manifest_names_it(attempt: attempts.Attempt, image: pathlib.Path) -> None:
    names = {artifact.name: artifact.role for artifact in _collect(attempt, image)}
    assert names["Demo-Live-x86_64-1-7.iso"] == "image" and names["fetch.log"] == "log"
    manifest = json.loads((attempt.artifacts / "manifest.json").read_text())
    assert {file["name"] for file in manifest["files"]} == names.keys() - {"manifest.json"}


def test_the_checksum_file_is_fedoras(attempt: attempts.Attempt, image: pathlib.Path) -> None:
    digest = rpm_headers.sha256(image)
    _collect(attempt, image)
    assert (attempt.artifacts / "CHECKSUM").read_text() == (
        f"# Demo-Live-x86_64-1-7.iso: 12000000 bytes\nSHA256 (Demo-Live-x86_64-1-7.iso) = {digest}\n"
    )


def test_an_image_that_changed_after_its_boot_is_not_published(attempt: attempts.Attempt, image: pathlib.Path) -> None:
    with pytest.raises(errors.WrongDigest, match="changed between its boot"):
        publishing.collect(attempt, image, (), "0" * 64)


def test_all_files_arrive_whole_though_the_master_goes_away(
    server: Any, attempt: attempts.Attempt, image: pathlib.Path
) -> None:
    artifacts = _collect(attempt, image)
    server.away = 2
    server.uploads["CHECKSUM"] = bytearray((attempt.artifacts / "CHECKSUM").read_bytes()[:7])
    client = master.Master(server.url, "t").attempt(attempt.assignment)
    proof = publishing.publish(attempt, client, artifacts)
    assert proof.held and proof.facts["urls"]["CHECKSUM"] == "https://files.invalid/CHECKSUM"
    assert all(server.uploads[a.name] == (attempt.artifacts / a.name).read_bytes() for a in artifacts)


def test_a_file_that_the_master_holds_otherwise_is_not_published(
    server: Any, attempt: attempts.Attempt, image: pathlib.Path
) -> None:
    artifacts = _collect(attempt, image)
    server.uploads["CHECKSUM"] = bytearray(b"x" * 7)
    client = master.Master(server.url, "t").attempt(attempt.assignment)
    with pytest.raises(errors.StorageFailed, match="CHECKSUM could not be stored"):
        publishing.publish(attempt, client, artifacts)


def test_a_file_that_did_not_arrive_whole_is_no_fault_of_the_content(server: Any, attempt: attempts.Attempt) -> None:
    (attempt.artifacts / "x.log").write_bytes(b"one")
    artifact = publishing.describe(attempt.artifacts / "x.log", "log").model_copy(update={"size": 2})
    client = master.Master(server.url, "t").attempt(attempt.assignment)
    with pytest.raises(errors.StorageFailed, match=r"x\.log did not arrive whole"):
        publishing.upload(attempt, client, artifact)
