# SPDX-License-Identifier: MIT
"""However an attempt goes, it ends in a report; against a master that speaks the worker API."""

import errno
import pathlib
from collections.abc import Iterator
from typing import Any

import pytest

from ondemand import errors, locks, plugins, proofs, states
from ondemand_consumer import attempts, capabilities, master, pipeline
from tests import builder_parts, fake_master


class Greedy:
    """A backend that needs `size` bytes and can't plan."""

    name, closed, image_types, tools = "greedy", True, frozenset({"live"}), ()

    def __init__(self, size: int) -> None:
        self._size = size

    def disk(self, lock: locks.Lock) -> int:
        return self._size

    def plan(self, order: plugins.Order) -> plugins.Plan:
        raise ZeroDivisionError


@pytest.fixture
def server() -> Iterator[Any]:
    with fake_master.serving() as server:
        yield server


def _run(server: Any, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, backend: Any, reason: Any = None) -> Any:
    monkeypatch.setattr(capabilities, "backend", lambda _: backend)
    made = builder_parts.make_attempt(tmp_path / "made")
    attempt = attempts.Attempt(
        assignment=made.assignment, settings=made.settings, folder=tmp_path / "7-1", stop=made.stop
    )
    if reason:
        attempt.stop.set(reason)
    return pipeline.run(attempt, master.Master(server.url, "t").attempt(attempt.assignment))


def test_too_little_disk_is_said_before_anything_starts(
    server: Any, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = _run(server, tmp_path, monkeypatch, Greedy(10**17))
    assert report.error["code"] == "too-little-disk" and "needs 100000000.0 GB" in report.error["sentence"]
    assert server.steps == []


def test_a_tool_that_the_backend_can_t_drive_is_said_before_anything_is_fetched(
    server: Any, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Particular(Greedy):
        def check(self, draft: plugins.Draft) -> None:
            raise errors.ToolMissing("It is too old")

    report = _run(server, tmp_path, monkeypatch, Particular(0))
    assert (report.error["code"], server.steps) == ("tool-missing", [])


def test_an_error_that_nobody_foresaw_is_the_builders_and_shows_no_traceback(
    server: Any, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = _run(server, tmp_path, monkeypatch, Greedy(0))
    assert report.error["class"] == "builder" and "Traceback" not in str(server.logs)
    assert server.steps[-2:] == [("build", "running"), ("build", "failed")]


def test_a_cancel_is_reported_as_such(server: Any, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    report = _run(server, tmp_path, monkeypatch, Greedy(0), errors.BuildCanceled("The build was canceled"))
    assert report.canceled and report.error is None


def test_a_builder_that_shuts_down_gives_the_attempt_up(
    server: Any, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = _run(server, tmp_path, monkeypatch, Greedy(0), errors.BuilderError("The builder is shutting down"))
    assert report.canceled and report.error["code"] == "builder-error"


def test_a_lost_lease_is_nobodys_report(server: Any, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server.lost = True
    with pytest.raises(errors.LeaseLost):
        _run(server, tmp_path, monkeypatch, Greedy(0))


ERRORS = [
    (states.Step.BUILD, errors.ToolStarved("The image tool used 9 GB of memory")),
    (states.Step.BUILD, errors.TooLittleDisk("The builder's disk has less than 1 GB left")),
    (states.Step.BUILD, errors.StepTimedOut("«tool» was ended")),
    (states.Step.FETCH, errors.SourceUnavailable("bash can't be fetched")),
    (states.Step.REPO, OSError(errno.EROFS, "Read-only file system", "/x")),
]


@pytest.mark.parametrize(("step", "error"), ERRORS)
def test_whosever_fault_it_is_the_error_has_the_last_lines_of_its_step(
    server: Any, tmp_path: pathlib.Path, step: states.Step, error: Exception
) -> None:
    attempt = builder_parts.make_attempt(tmp_path)
    way = pipeline.Way(attempt=attempt, client=master.Master(server.url, "t").attempt(attempt.assignment))
    attempt.log(step).write_text("".join(f"line {number}\n" for number in range(30)))
    with pytest.raises(errors.OndemandError) as raised, way._step(step):
        raise error
    assert raised.value.as_dict()["lines"] == [f"line {number}" for number in range(10, 30)]


def test_an_error_keeps_the_lines_around_its_own_place_and_none_come_of_a_log_that_is_not_there(
    server: Any, tmp_path: pathlib.Path
) -> None:
    attempt = builder_parts.make_attempt(tmp_path)
    way = pipeline.Way(attempt=attempt, client=master.Master(server.url, "t").attempt(attempt.assignment))
    attempt.log(states.Step.BUILD).write_text("chatter\n")
    with pytest.raises(errors.ToolStarved) as placed, way._step(states.Step.BUILD):
        raise errors.ToolStarved("It was killed", lines=("its own",))
    with pytest.raises(errors.ServiceError) as silent, way._step(states.Step.FETCH):
        raise errors.SourceUnavailable("bash can't be fetched")
    assert placed.value.lines == ("its own",) and silent.value.lines == ()


@pytest.mark.parametrize(("held", "names"), [(False, ["screen.png"]), (True, [])])
def test_the_screen_of_an_image_that_did_not_boot_is_stored(
    server: Any, tmp_path: pathlib.Path, held: bool, names: list[str]
) -> None:
    attempt = builder_parts.make_attempt(tmp_path)
    (attempt.artifacts / "screen.png").write_bytes(b"PNG")
    way = pipeline.Way(attempt=attempt, client=master.Master(server.url, "t").attempt(attempt.assignment))
    way.proven.append(proofs.Proof(kind=proofs.ProofKind.BOOTS, held=held, how="Seen."))
    way.publish_screen()
    assert [artifact.name for artifact in way.artifacts] == names == list(server.completed)
