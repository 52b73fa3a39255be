# SPDX-License-Identifier: MIT
"""From `ondemand upload` over the check to the builder's disk: the same bytes, with the right trust."""

from __future__ import annotations

import hashlib
import pathlib
import shutil
import time
from collections.abc import Iterator
from typing import Any

import pytest
from typer import testing

from demo import site
from ondemand import build_requests, errors, locks, releases
from ondemand.client import Client
from ondemand.commands import main
from ondemand_consumer import fetching
from ondemand_web import service
from ondemand_web.builds import checks
from ondemand_web.packages import headers, previews, rpm_files
from tests import builder_parts, master_parts

SIGNED = releases.TrustPolicy.REQUIRE_SIGNED


@pytest.fixture
def here(distribution: pathlib.Path, servers: str, tmp_path: pathlib.Path) -> Iterator[service.Service]:
    """A running master that offers the demo release and has read its repositories."""
    made = site.write(tmp_path, distribution, servers)
    port = int(made.url.rpartition(":")[2])
    with master_parts.offering(made, tmp_path, own_code=["you"]) as started, master_parts.served(started, port):
        yield started


@pytest.fixture
def rpm(tmp_path: pathlib.Path) -> pathlib.Path:
    """An RPM that no repository has."""
    folder = tmp_path / "mine"
    folder.mkdir()
    return builder_parts.make_rpm(folder, size=300_000)


def command(here: service.Service, *words: str) -> tuple[int, str]:
    """Exit status and output of `ondemand`; an error of ours is its status and sentence."""
    environment = {"ONDEMAND_MASTER__URL": here.settings.master.url, "COLUMNS": "200"}
    answer = testing.CliRunner().invoke(main.make(), list(words), env=environment)
    if isinstance(answer.exception, errors.OndemandError):
        return answer.exception.exit_status, answer.exception.sentence
    return answer.exit_code, answer.output


def upload(here: service.Service, rpm: pathlib.Path) -> str:
    """The reference of the uploaded file."""
    return Client(here.settings.master.url).upload(rpm).reference


def checked(here: service.Service, *names: str, **policy: Any) -> locks.Lock:
    """The lock of a request for these references, of the release or one with another policy."""
    request = build_requests.validate({"release": "demo", "builds": names})
    known = here.releases.get("demo").model_copy(update=policy)
    here.releases.__dict__["get"] = lambda _: known
    return checks.checked(here, request, kept=True).lock


def test_what_was_uploaded_is_locked_and_fetched_to_the_byte(here: service.Service, rpm: pathlib.Path, tmp_path: pathlib.Path) -> None:
    reference = upload(here, rpm)
    lock = checked(here, reference)
    (package,) = lock.wanted
    assert (package.trust, package.reference, package.build) == ("uploaded", reference, "ball-1-1")
    assert package.urls == (f"{here.settings.master.url}/uploads/{package.checksums['sha256']}/ball-1-1.noarch.rpm",)
    assert package.size == rpm.stat().st_size and {"sha256", "sigmd5", "header-sha256"} == set(package.checksums)
    attempt = builder_parts.make_attempt(tmp_path, lock.model_copy(update={"packages": (package,)}))
    (file,) = fetching.fetch(attempt)
    assert file.path.read_bytes() == rpm.read_bytes() and not package.foreign


def test_the_builder_goes_on_where_an_upload_broke_off(here: service.Service, rpm: pathlib.Path, tmp_path: pathlib.Path) -> None:
    (package,) = checked(here, upload(here, rpm)).wanted
    attempt = builder_parts.make_attempt(tmp_path, builder_parts.make_lock(package))
    partial = tmp_path / "cache" / "partial" / f"sha256-{package.checksums['sha256']}"
    partial.parent.mkdir(parents=True)
    partial.write_bytes(rpm.read_bytes()[:100_000])
    (file,) = fetching.fetch(attempt)
    assert file.path.read_bytes() == rpm.read_bytes()


def test_one_that_is_not_signed_is_refused_where_all_must_be(here: service.Service, rpm: pathlib.Path) -> None:
    with pytest.raises(errors.WrongSignature, match=r"ball-1-1\.noarch\.rpm is refused, because it is not signed"):
        checked(here, upload(here, rpm), trust=SIGNED)


def test_a_stranger_s_signature_is_refused_and_the_release_s_own_counts(
    here: service.Service, rpm: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    key = builder_parts.make_key(tmp_path / "gpg", "tester")
    builder_parts.sign(rpm, tmp_path / "gpg", "tester")
    reference = upload(here, rpm)
    with pytest.raises(errors.WrongSignature, match="which release demo does not trust"):
        checked(here, reference)
    keys = (*here.releases.get("demo").keys, key)
    (package,) = checked(here, reference, keys=keys, trust=SIGNED).wanted
    assert package.trust.startswith("signed:") and package.reference == reference


def test_a_signature_that_does_not_hold_is_refused_by_the_builder(here: service.Service, rpm: pathlib.Path, tmp_path: pathlib.Path) -> None:
    key = builder_parts.make_key(tmp_path / "gpg", "tester")
    builder_parts.sign(rpm, tmp_path / "gpg", "tester")
    data = rpm.read_bytes()
    packet = next(value for tag, value in headers.opened(data).signature.items() if tag in (268, 278) and isinstance(value, bytes))
    rpm.write_bytes(data.replace(packet, packet[:-1] + bytes([packet[-1] ^ 1])))
    lock = checked(here, upload(here, rpm), keys=(*here.releases.get("demo").keys, key))
    assert lock.wanted[0].signed
    with pytest.raises(errors.WrongSignature, match=r"ball-1-1\.noarch is signed and the signature is wrong"):
        fetching.fetch(builder_parts.make_attempt(tmp_path, builder_parts.make_lock(*lock.wanted, keys=lock.keys)))


def of_repository(distribution: pathlib.Path, name: str) -> pathlib.Path:
    """A package's file of the demo's stable repository."""
    return next((distribution / "repositories" / "main").rglob(f"{name}-[0-9]*.rpm"))


def test_a_package_of_the_repositories_with_other_bytes_is_refused_and_with_its_own_taken_from_there(
    here: service.Service, distribution: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    held = of_repository(distribution, "ondemand-hello")
    other = tmp_path / held.name
    shutil.copy(held, other)
    builder_parts.run("rpmsign", "--delsign", str(other))
    with pytest.raises(errors.Unsolvable, match="have another package of that very name and version"):
        checked(here, upload(here, other))
    (package,) = checked(here, upload(here, held)).wanted
    assert package.origin == "main" and package.trust.startswith("signed:")


def test_an_upload_and_another_build_of_the_same_package_contradict_each_other(
    here: service.Service, distribution: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    folder = tmp_path / "two"
    names = [upload(here, builder_parts.make_rpm(folder, content=content)) for content in ("x", "y")]
    with pytest.raises(errors.Unsolvable, match="ball is wanted at 1-1"):
        checked(here, *names)


def test_the_commands_upload_list_and_remove(here: service.Service, rpm: pathlib.Path) -> None:
    digest = hashlib.sha256(rpm.read_bytes()).hexdigest()
    status, told = command(here, "upload", str(rpm))
    assert status == 0 and told.startswith(f"upload:{digest}\n")
    listed = command(here, "upload", "--list")[1]
    assert f"upload:{digest}" in listed and "ball-1-1.noarch" in listed
    resolved = command(here, "resolve", "-r", "demo", f"upload:{digest}")[1]
    assert "uploaded" in resolved and "ball-1-1.noarch" in resolved
    assert command(here, "check", "-r", "demo", f"upload:{digest}")[1].count("(uploaded)") == 1
    assert command(here, "upload", "--remove", f"upload:{digest}") == (0, f"upload:{digest} is removed\n")
    assert command(here, "upload", "--remove", f"upload:{digest}")[0] == errors.UnknownUpload.exit_status
    assert command(here, "check", "-r", "demo", f"upload:{digest}")[0] == errors.UnknownReference.exit_status


def test_what_was_unknown_a_moment_ago_is_known_once_it_is_uploaded(here: service.Service, rpm: pathlib.Path) -> None:
    name = f"upload:{hashlib.sha256(rpm.read_bytes()).hexdigest()}"
    assert "There is no upload" in command(here, "resolve", "-r", "demo", name)[1]
    upload(here, rpm)
    end = time.monotonic() + 3 * previews.KEEP_PARTIAL
    while (status := command(here, "resolve", "-r", "demo", name)[0]) and time.monotonic() < end:
        time.sleep(0.5)
    assert status == 0


def test_what_is_no_rpm_is_said_before_it_is_sent(here: service.Service, tmp_path: pathlib.Path) -> None:
    page = tmp_path / "page.rpm"
    page.write_text("<html>")
    said = f"{page} is no RPM file, because it does not begin as one; name another file."
    assert command(here, "upload", str(page)) == (errors.WrongDigest.exit_status, said)
    assert command(here, "upload", str(tmp_path / "none.rpm"))[0] == errors.InvalidRequest.exit_status
    assert command(here, "upload")[0] == command(here, "upload", "--list", "x.rpm")[0] == 2


def test_every_rpm_of_the_demo_distribution_is_whole(distribution: pathlib.Path) -> None:
    found = sorted((distribution / "repositories").rglob("*.rpm"))
    assert len(found) > 100 and all(rpm_files.verified(path).name for path in found)
