# SPDX-License-Identifier: MIT
"""Fetching real RPMs from a real HTTP server: digests, signatures, resuming, the cache."""

import dataclasses
import http.server
import pathlib
from collections.abc import Iterator
from typing import Any

import pytest

from ondemand import build_requests, errors, locks, states
from ondemand_consumer import attempts, cache, fetching, repository, rpm_headers, signatures
from tests import builder_parts

LOOPBACK = {"private_networks": ["127.0.0.0/8"]}


class _Redirect(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        server: Any = self.server
        self.send_response(302)
        self.send_header("Location", server.target + self.path)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture
def rpm(tmp_path: pathlib.Path) -> pathlib.Path:
    folder = tmp_path / "files"
    folder.mkdir()
    return builder_parts.make_rpm(folder)


@pytest.fixture
def server(rpm: pathlib.Path) -> Iterator[Any]:
    with builder_parts.serving_files(rpm.parent) as server:
        yield server


def _fetch(
    tmp_path: pathlib.Path, *packages: locks.LockedPackage, keys: tuple[str, ...] = ()
) -> tuple[fetching.Fetched, ...]:
    return fetching.fetch(builder_parts.make_attempt(tmp_path, builder_parts.make_lock(*packages, keys=keys)))


def test_a_locked_rpm_is_fetched_and_its_digests_are_told(
    tmp_path: pathlib.Path, rpm: pathlib.Path, server: Any
) -> None:
    (file,) = _fetch(tmp_path, builder_parts.locked(rpm, server.url))
    assert file.path.read_bytes() == rpm.read_bytes()
    assert file.header == rpm_headers.digests(rpm)["header-sha256"]


def test_without_a_cache_that_can_be_written_the_attempt_fetches_for_itself_and_says_so(
    tmp_path: pathlib.Path, rpm: pathlib.Path, server: Any
) -> None:
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "index").write_text("a file where a folder belongs")
    attempt = builder_parts.make_attempt(tmp_path, builder_parts.make_lock(builder_parts.locked(rpm, server.url)))
    (file,) = fetching.fetch(attempt)
    assert file.path.read_bytes() == rpm.read_bytes() and not file.from_cache
    said = attempt.log(states.Step.FETCH).read_text()
    assert said.count("the cache can't be used") == 1 and f"{tmp_path}/cache/index" in said


def test_what_only_the_side_repository_has_is_fetched_apart(
    tmp_path: pathlib.Path, rpm: pathlib.Path, server: Any
) -> None:
    rest = builder_parts.locked(builder_parts.make_rpm(rpm.parent, "rest"), server.url)
    lock = builder_parts.make_lock(builder_parts.locked(rpm, server.url)).model_copy(update={"side": (rest,)})
    attempt = builder_parts.make_attempt(tmp_path, lock)
    assert [file.path.name for file in fetching.fetch(attempt)] == [rpm.name]
    assert [path.name for path in attempt.repository.iterdir()] == [rpm.name]
    assert [path.name for path in attempt.side.iterdir()] == [rest.filename]


def test_the_side_repository_s_packages_are_held_to_the_lock_too(
    tmp_path: pathlib.Path, rpm: pathlib.Path, server: Any
) -> None:
    rest = builder_parts.locked(rpm, server.url, checksums={"sha256": "0" * 64})
    lock = builder_parts.make_lock().model_copy(update={"side": (rest,)})
    with pytest.raises(errors.WrongDigest):
        fetching.fetch(builder_parts.make_attempt(tmp_path, lock))


@pytest.mark.parametrize("kind", ["sha256", "sigmd5", "header-sha256"])
def test_a_wrong_digest_of_any_kind_is_refused(
    tmp_path: pathlib.Path, rpm: pathlib.Path, server: Any, kind: str
) -> None:
    package = builder_parts.locked(rpm, server.url, checksums={kind: "0" * 64})
    with pytest.raises(errors.WrongDigest, match="other bytes than the lock names"):
        _fetch(tmp_path, package)


def test_a_download_that_breaks_off_is_resumed(tmp_path: pathlib.Path, rpm: pathlib.Path, server: Any) -> None:
    big = builder_parts.make_rpm(rpm.parent, name="big", size=500_000)
    server.breaks = 2
    _fetch(tmp_path, builder_parts.locked(big, server.url))
    assert [asked for _, asked in server.asked] == ["", "bytes=65536-", "bytes=131072-"]


def test_the_next_address_is_tried_when_the_first_has_nothing(
    tmp_path: pathlib.Path, rpm: pathlib.Path, server: Any
) -> None:
    urls = (f"{server.url}/signed/{rpm.name}", f"{server.url}/{rpm.name}")
    assert len(_fetch(tmp_path, builder_parts.locked(rpm, server.url, urls=urls))) == 1


@pytest.mark.parametrize("origin", ["main", "extra-mine"])
def test_only_a_release_s_mirror_may_redirect_to_another_host(
    tmp_path: pathlib.Path, rpm: pathlib.Path, server: Any, origin: str
) -> None:
    elsewhere = server.url.replace("127.0.0.1", "localhost")
    with builder_parts.serving(_Redirect, target=elsewhere) as mirror:
        lock = builder_parts.make_lock(builder_parts.locked(rpm, mirror.url, origin=origin))
        attempt = builder_parts.make_attempt(tmp_path, lock, **LOOPBACK)
        if origin == "main":
            assert len(fetching.fetch(attempt)) == 1
            return
        with pytest.raises(errors.NotPermitted, match=r"extra-mine is not fetched.*«localhost»"):
            fetching.fetch(attempt)
    assert server.asked == []


def test_a_request_s_own_repository_may_redirect_within_its_host(
    tmp_path: pathlib.Path, rpm: pathlib.Path, server: Any
) -> None:
    with builder_parts.serving(_Redirect, target=server.url) as mirror:
        lock = builder_parts.make_lock(builder_parts.locked(rpm, mirror.url, origin="extra-mine"))
        assert len(fetching.fetch(builder_parts.make_attempt(tmp_path, lock, **LOOPBACK))) == 1


def test_a_request_s_own_repository_is_not_asked_at_a_private_address(
    tmp_path: pathlib.Path, rpm: pathlib.Path, server: Any
) -> None:
    with pytest.raises(errors.NotPermitted, match="has no public address"):
        _fetch(tmp_path, builder_parts.locked(rpm, server.url, origin="extra-mine"))
    assert server.asked == []


def test_an_rpm_that_nobody_has_is_a_service_error(tmp_path: pathlib.Path, rpm: pathlib.Path, server: Any) -> None:
    package = builder_parts.locked(rpm, server.url, urls=(f"{server.url}/none.rpm",))
    with pytest.raises(errors.SourceUnavailable, match="can't be fetched"):
        _fetch(tmp_path, package)


def test_the_second_build_asks_no_server_though_it_knows_only_the_sigmd5(
    tmp_path: pathlib.Path, rpm: pathlib.Path, server: Any
) -> None:
    package = builder_parts.locked(rpm, server.url, checksums={"sigmd5": rpm_headers.digests(rpm)["sigmd5"]})
    _fetch(tmp_path / "a", package)
    (tmp_path / "b").mkdir()
    attempt = builder_parts.make_attempt(
        tmp_path / "b", builder_parts.make_lock(package), cache=tmp_path / "a" / "cache"
    )
    (file,) = fetching.fetch(attempt)
    assert file.from_cache
    assert len(server.asked) == 1


def test_a_file_that_went_bad_in_the_cache_is_fetched_anew(
    tmp_path: pathlib.Path, rpm: pathlib.Path, server: Any
) -> None:
    package = builder_parts.locked(rpm, server.url)
    store = cache.Cache(tmp_path / "cache", 10**9)
    bad = tmp_path / "bad"
    bad.write_bytes(b"x" * package.size)
    store.add(bad, package.checksums["sha256"], package.checksums)
    (file,) = _fetch(tmp_path, package)
    assert not file.from_cache


def test_an_rpm_signed_by_a_stranger_is_refused_even_by_digest(
    tmp_path: pathlib.Path, rpm: pathlib.Path, server: Any
) -> None:
    home = tmp_path / "gpg"
    key = builder_parts.make_key(home, "demo")
    builder_parts.make_key(home, "stranger")
    builder_parts.sign(rpm, home, "stranger")
    package = builder_parts.locked(rpm, server.url, trust="koji-digest")
    with pytest.raises(errors.WrongSignature, match="by a key that is none of the release"):
        _fetch(tmp_path, package, keys=(key,))


def test_one_stranger_s_signature_among_many_batches_is_found(
    tmp_path: pathlib.Path, rpm: pathlib.Path, server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signatures, "_MOST_FILES", 2)
    rpms = [rpm, *(builder_parts.make_rpm(rpm.parent, name=f"ball{number}") for number in range(6))]
    key = builder_parts.make_key(tmp_path / "gpg", "demo")
    builder_parts.make_key(tmp_path / "gpg", "stranger")
    for number, path in enumerate(rpms):
        builder_parts.sign(path, tmp_path / "gpg", "stranger" if number == 3 else "demo")
    packages = [builder_parts.locked(path, server.url, trust="signed:0123456789abcdef") for path in rpms]
    with pytest.raises(errors.WrongSignature, match=r"ball2-1-1\.noarch is signed by a key"):
        _fetch(tmp_path, *packages, keys=(key,))


def test_an_rpm_signed_by_the_release_is_taken(tmp_path: pathlib.Path, rpm: pathlib.Path, server: Any) -> None:
    key = builder_parts.make_key(tmp_path / "gpg", "demo")
    builder_parts.sign(rpm, tmp_path / "gpg", "demo")
    package = builder_parts.locked(rpm, server.url, trust="signed:0123456789abcdef")
    assert len(_fetch(tmp_path, package, keys=(key,))) == 1


@pytest.mark.parametrize(
    ("origin", "signer", "refused"),
    [
        ("main", "one", ""),
        ("main", "two", ""),
        ("main", "mine", "by a key that is none of the release"),
        ("extra-mine", "mine", ""),
        ("extra-mine", "one", "by a key that is none of repository mine"),
        ("extra-other", "mine", "by a key that is none of repository other"),
    ],
)
def test_a_key_stands_only_for_what_is_its_owner_s(
    tmp_path: pathlib.Path, rpm: pathlib.Path, server: Any, origin: str, signer: str, refused: str
) -> None:
    keys = {name: builder_parts.make_key(tmp_path / "gpg", name) for name in ("one", "two", "mine", "other")}
    builder_parts.sign(rpm, tmp_path / "gpg", signer)
    package = builder_parts.locked(rpm, server.url, origin=origin, trust="signed:0123456789abcdef")
    attempt = builder_parts.make_attempt(tmp_path, builder_parts.make_lock(package, keys=(*keys.values(),)), **LOOPBACK)
    attempt = _with_repositories(attempt, mine=keys["mine"], other=keys["other"])
    if not refused:
        assert len(fetching.fetch(attempt)) == 1
        return
    with pytest.raises(errors.WrongSignature, match=refused):
        fetching.fetch(attempt)


def _with_repositories(attempt: attempts.Attempt, **keys: str) -> attempts.Attempt:
    """The attempt as of a request that names these repositories."""
    named = [{"name": name, "url": "http://x/", "key": key} for name, key in keys.items()]
    request = build_requests.BuildRequest.model_validate({"release": "demo", "repositories": named})
    return dataclasses.replace(attempt, assignment=attempt.assignment.model_copy(update={"request": request}))


def test_an_unsigned_rpm_is_refused_where_the_lock_promises_a_signature(
    tmp_path: pathlib.Path, rpm: pathlib.Path, server: Any
) -> None:
    package = builder_parts.locked(rpm, server.url, trust="signed:0123456789abcdef")
    with pytest.raises(errors.WrongSignature, match="carries no signature"):
        _fetch(tmp_path, package)


def test_the_repository_is_exactly_the_lock(tmp_path: pathlib.Path, rpm: pathlib.Path, server: Any) -> None:
    attempt = builder_parts.make_attempt(tmp_path, builder_parts.make_lock(builder_parts.locked(rpm, server.url)))
    fetching.fetch(attempt)
    repository.create(attempt)
    assert (attempt.repository / "repodata" / "repomd.xml").is_file()
    assert "exactly 1 packages" in attempt.log(states.Step.REPO).read_text()


def test_an_rpm_that_names_itself_otherwise_is_refused(tmp_path: pathlib.Path, rpm: pathlib.Path, server: Any) -> None:
    package = builder_parts.locked(rpm, server.url, epoch=1)
    attempt = builder_parts.make_attempt(tmp_path, builder_parts.make_lock(package))
    fetching.fetch(attempt)
    with pytest.raises(errors.ContentError, match="not those of the lock"):
        repository.create(attempt)
