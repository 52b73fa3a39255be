# SPDX-License-Identifier: MIT
"""From upload to storage: what is stored, what is refused, what is swept. With a real folder as storage."""

from __future__ import annotations

import concurrent.futures
import datetime
import hashlib
import io
import pathlib
import threading
import time
from collections.abc import Callable

import pytest

from ondemand import errors, plugins
from ondemand.builds import FinishReport
from ondemand.proofs import FILES, Artifact
from ondemand_web import app
from ondemand_web.builds import services as builds
from ondemand_web.files import services as files
from ondemand_web.files import storing
from ondemand_web.queue import endings
from ondemand_web.queue.models import Attempt
from ondemand_web.service import Service
from tests import master_parts as parts


@pytest.fixture
def attempt(here: Service) -> Attempt:
    """A running attempt of a fresh build."""
    parts.builder(here)
    parts.queued(here)
    made = parts.claim(here)
    assert made is not None
    return made


def describe(name: str, role: str, data: bytes) -> Artifact:
    return Artifact(name=name, role=role, size=len(data), sha256=hashlib.sha256(data).hexdigest())


def upload(here: Service, name: str, data: bytes) -> None:
    """Bytes of an artifact of build 1, attempt 1."""
    files.append(files.growing(here.database, here.files, "one", 1, 1, name), 0, io.BytesIO(data), 1000)


def complete(here: Service, artifact: Artifact, data: bytes) -> Artifact:
    """Uploads and completes it."""
    upload(here, artifact.name, data)
    files.complete(here.database, here.files, "one", 1, 1, artifact)
    return artifact


def publish(here: Service) -> tuple[Artifact, ...]:
    """An image and its manifest, stored."""
    made = tuple(
        complete(here, describe(name, role, role.encode()), role.encode())
        for name, role in (("a.iso", "image"), ("manifest.json", "manifest"))
    )
    while storing.store_next(here):
        pass
    return made


def sweep(here: Service) -> bool:
    return storing.sweep_next(here, storing.Postponed())


def expire(here: Service) -> bool:
    return storing.expire_next(here, storing.Postponed())


def stored(here: Service) -> list[str]:
    """What lies in the storage for build 1, attempt 1."""
    folder = here.storage.local_path("f44/1/1")
    return sorted(path.name for path in folder.iterdir()) if folder and folder.exists() else []


def uploads(here: Service) -> list[str]:
    """What lies in the uploads of build 1, attempt 1."""
    folder = here.files.upload(1, 1, "x").parent
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def test_an_upload_is_stored_and_leaves_the_master_s_disk(here: Service, attempt: Attempt) -> None:
    publish(here)
    assert stored(here) == ["a.iso", "manifest.json"] and uploads(here) == []
    assert [item["url"] for item in files.of_attempt(here.database, "one", 1, 1)] == [
        f"http://master.example/builds/1/files/{name}" for name in ("a.iso", "manifest.json")
    ]


def test_an_upload_with_other_bytes_fails_at_once_and_is_not_stored(here: Service, attempt: Attempt) -> None:
    complete(here, describe("a.iso", "image", b"abc"), b"abd")
    assert storing.store_next(here) and not storing.store_next(here)
    (listed,) = files.of_attempt(here.database, "one", 1, 1)
    assert listed["state"] == "failed" and "other bytes than announced" in str(listed["error"])
    assert stored(here) == []


def test_an_upload_that_vanished_fails_and_stops_no_other(here: Service, attempt: Attempt) -> None:
    complete(here, describe("a.iso", "image", b"abc"), b"abc")
    here.files.upload(1, 1, "a.iso").unlink()
    complete(here, describe("b.log", "log", b"abc"), b"abc")
    while storing.store_next(here):
        pass
    assert [item["state"] for item in files.of_attempt(here.database, "one", 1, 1)] == ["failed", "stored"]


def test_an_empty_file_needs_its_empty_piece(here: Service, attempt: Attempt) -> None:
    empty = describe("boot.log", "log", b"")
    with pytest.raises(errors.WrongDigest, match="nothing of it came"):
        files.complete(here.database, here.files, "one", 1, 1, empty)
    complete(here, empty, b"")


def test_an_attempt_has_a_limit_of_files(here: Service, attempt: Attempt) -> None:
    complete(here, describe("a.iso", "image", b"abc"), b"abc")
    for number in range(FILES - 1):
        upload(here, f"{number}.log", b"x")
    files.growing(here.database, here.files, "one", 1, 1, "0.log")
    with pytest.raises(errors.InvalidRequest, match="an attempt may have 64"):
        upload(here, "one-more.log", b"x")


def test_what_a_winner_left_in_the_uploads_is_swept_and_nothing_else(here: Service, attempt: Attempt) -> None:
    report = parts.success(*publish(here))
    upload(here, "never-completed", b"x")
    endings.finish(here.database, "one", 1, 1, report, here.settings.queue)
    assert sweep(here) and not sweep(here)
    assert uploads(here) == [] and stored(here) == ["a.iso", "manifest.json"]


def test_all_that_a_loser_left_is_swept(here: Service, attempt: Attempt) -> None:
    publish(here)
    upload(here, "never-completed", b"x")
    error = errors.TooLittleDisk("no room").as_dict()
    endings.finish(here.database, "one", 1, 1, FinishReport(error=error), here.settings.queue)
    assert sweep(here) and not sweep(here)
    assert uploads(here) == stored(here) == []


class Slow(io.BytesIO):
    """Bytes that come only when they are let go."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.asked, self.free = threading.Event(), threading.Event()

    def read(self, size: int | None = -1, /) -> bytes:
        self.asked.set()
        assert self.free.wait(10)
        return super().read(size)


def test_a_piece_that_is_sent_twice_at_once_is_taken_once(tmp_path: pathlib.Path) -> None:
    path, first = tmp_path / "a.iso", Slow(b"abc")
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        one = pool.submit(files.append, path, 0, first, 1000)
        assert first.asked.wait(10)
        two = pool.submit(files.append, path, 0, io.BytesIO(b"abc"), 1000)
        first.free.set()
        assert one.result() == 3
        with pytest.raises(errors.OffsetMismatch, match="go on at offset 3"):
            two.result()
    assert path.read_bytes() == b"abc"


def test_a_piece_is_refused_while_another_one_does_not_end(tmp_path: pathlib.Path) -> None:
    path, first = tmp_path / "a.iso", Slow(b"abc")
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        one = pool.submit(files.append, path, 0, first, 1000)
        assert first.asked.wait(10)
        with pytest.raises(errors.ServiceError, match=r"Another piece of a\.iso is still coming"):
            files.append(path, 0, io.BytesIO(b"abc"), 1000, patience=0.1)
        first.free.set()
        assert one.result() == 3


def fail_to_boot(here: Service) -> None:
    """An attempt that leaves a screenshot alone."""
    complete(here, describe("screen.png", "screenshot", b"PNG"), b"PNG")
    while storing.store_next(here):
        pass
    error = errors.DoesNotBoot("It stays dark").as_dict()
    endings.finish(here.database, "one", 1, 1, FinishReport(error=error), here.settings.queue)


def test_the_picture_of_an_image_that_did_not_boot_is_kept_and_shown(here: Service, attempt: Attempt) -> None:
    fail_to_boot(here)
    assert sweep(here) and stored(here) == ["screen.png"] and uploads(here) == []
    client = app.make(here).test_client()
    (shown,) = client.get("/api/v1/builds/1").get_json()["artifacts"]
    assert (shown["name"], shown["role"]) == ("screen.png", "screenshot")
    with client.get("/builds/1/files/screen.png") as answer:
        assert (answer.data, answer.content_type) == (b"PNG", "image/png")


def test_the_picture_goes_with_the_build_s_time(here: Service, attempt: Attempt) -> None:
    fail_to_boot(here)
    assert not expire(here)
    with here.database.writing() as session:
        build = builds.get(session, 1)
        kept = (build.kept_until or build.created_at) - build.changed_at
        build.kept_until = build.created_at
    assert abs(kept - datetime.timedelta(days=14)) < datetime.timedelta(seconds=5)
    assert expire(here) and not expire(here)
    assert stored(here) == [] and app.make(here).test_client().get("/builds/1/files/screen.png").status_code == 404


def test_a_failed_build_shows_nothing_of_an_image_that_was_not_published(here: Service, attempt: Attempt) -> None:
    publish(here)
    fail_to_boot(here)
    assert sweep(here) and stored(here) == []
    assert app.make(here).test_client().get("/api/v1/builds/1").get_json()["artifacts"] == []


class Storage:
    """The real storage; `before` is called with each place that is stored to or deleted."""

    def __init__(self, here: Service, before: Callable[[str], None]) -> None:
        self._real, self._before = here.storage, before
        here.__dict__["storage"] = self

    def store(self, source: pathlib.Path, key: str, sha256: str) -> plugins.StoredFile:
        self._before(key)
        return self._real.store(source, key, sha256)

    def delete(self, prefix: str) -> None:
        self._before(prefix)
        self._real.delete(prefix)

    def local_path(self, key: str) -> pathlib.Path | None:
        return self._real.local_path(key)


def lose(here: Service, number: int = 1) -> None:
    """Attempt 1 of that build ends as lost."""
    error = errors.TooLittleDisk("no room").as_dict()
    endings.finish(here.database, "one", number, 1, FinishReport(error=error), here.settings.queue)


def end_while_storing(here: Service) -> None:
    """A dispatcher that ends in the midst of storing."""
    storage, ended = here.storage, KeyboardInterrupt()

    def end(_place: str) -> None:
        raise ended

    Storage(here, end)
    with pytest.raises(KeyboardInterrupt):
        storing.store_next(here)
    here.__dict__["storage"] = storage


def test_a_file_of_an_attempt_that_is_lost_meanwhile_is_swept_after_it_was_stored(here: Service, attempt: Attempt) -> None:
    complete(here, describe("a.iso", "image", b"abc"), b"abc")
    swept: list[bool] = []

    def lose_now(place: str) -> None:
        if place.endswith(".iso"):
            lose(here)
            swept.append(sweep(here))

    Storage(here, lose_now)
    assert storing.store_next(here) and swept == [False] and stored(here) == ["a.iso"]
    assert sweep(here) and stored(here) == [] and not storing.store_next(here)


def test_a_file_that_was_on_its_way_when_the_dispatcher_ended_is_stored_anew(here: Service, attempt: Attempt) -> None:
    complete(here, describe("a.iso", "image", b"abc"), b"abc")
    end_while_storing(here)
    assert storing.store_next(here) and not storing.store_next(here) and stored(here) == ["a.iso"]


def test_a_file_that_was_on_its_way_for_a_lost_attempt_stays_behind_and_is_swept(here: Service, attempt: Attempt) -> None:
    complete(here, describe("a.iso", "image", b"abc"), b"abc")
    end_while_storing(here)
    lose(here)
    assert not sweep(here)
    assert storing.store_next(here) and not storing.store_next(here)
    assert sweep(here) and uploads(here) == stored(here) == []


def test_a_file_that_breaks_the_storage_fails_in_the_end_and_stops_no_other(here: Service, attempt: Attempt) -> None:
    complete(here, describe("a.iso", "image", b"abc"), b"abc")
    complete(here, describe("b.log", "log", b"abc"), b"abc")

    def refuse_image(place: str) -> None:
        if place.endswith(".iso"):
            raise OSError("the storage is away")

    Storage(here, refuse_image)
    while storing.store_next(here):
        pass
    assert [item["state"] for item in files.of_attempt(here.database, "one", 1, 1)] == ["failed", "stored"]


def test_what_can_not_be_deleted_waits_and_holds_up_no_other(here: Service, attempt: Attempt) -> None:
    parts.queued(here, "bob")
    assert parts.claim(here) is not None
    lose(here)
    lose(here, 2)
    asked: list[str] = []

    def refuse_first(place: str) -> None:
        asked.append(place)
        if len(asked) == 1:
            raise OSError("the storage is away")

    Storage(here, refuse_first)
    postponed = storing.Postponed(0.3)
    found = [storing.sweep_next(here, postponed) for _ in range(3)]
    time.sleep(0.4)
    found += [storing.sweep_next(here, postponed) for _ in range(2)]
    assert found == [True, False, False, True, False]
    assert asked == ["f44/1/1", "f44/2/1", "f44/1/1"]
