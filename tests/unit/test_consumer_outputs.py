# SPDX-License-Identifier: MIT
"""What a tool prints reaches the log, is heard line by line, and never fills the disk: the end is kept whatever comes before."""

import os
import pathlib

import pytest

from ondemand import errors
from ondemand_consumer import outputs


def _printed(path: pathlib.Path, limit: int, *pieces: bytes) -> outputs.Output:
    with path.open("ab", buffering=0) as log:
        output = outputs.Output(log, limit)
        with output as writing:
            for piece in pieces:
                writing.write(piece)
    return output


def test_what_is_below_the_cap_comes_through_as_it_is(tmp_path: pathlib.Path) -> None:
    output = _printed(tmp_path / "log", 1000, b"one\n", b"two \xff\n")
    assert (tmp_path / "log").read_bytes() == b"one\ntwo \xff\n" and output.tail.startswith("one\ntwo ")


def test_past_the_cap_the_middle_is_left_out_and_the_end_is_there(tmp_path: pathlib.Path) -> None:
    line = b"x" * 1023 + b"\n"
    _printed(tmp_path / "log", 10_000, *[line * 1024] * 8, b"error: the last word\n")
    said = (tmp_path / "log").read_bytes()
    assert said.startswith(b"x" * 1023) and said.endswith(b"error: the last word\n")
    assert b"The log is full here" in said and b" bytes are left out here" in said
    assert len(said) < 10_000 + outputs.TAIL + 300


def test_what_just_passes_the_cap_is_whole(tmp_path: pathlib.Path) -> None:
    _printed(tmp_path / "log", 10, b"0123456789abcdef\n")
    said = (tmp_path / "log").read_bytes()
    assert said.startswith(b"0123456789\n[The log is full") and said.endswith(b"]\nabcdef\n") and b"left out" not in said


def test_the_cap_is_the_step_s_and_not_each_command_s(tmp_path: pathlib.Path) -> None:
    (tmp_path / "log").write_bytes(b"y" * 100)
    _printed(tmp_path / "log", 100, b"more\n")
    assert (tmp_path / "log").read_bytes().count(b"The log is full here") == 1


def test_lines_are_heard_as_they_come_also_those_that_end_with_a_return(tmp_path: pathlib.Path) -> None:
    heard: list[str] = []
    with (tmp_path / "log").open("ab", buffering=0) as log, outputs.Output(log, 1000, heard.append) as writing:
        for piece in (b"be", b"gun\n10%\r20%\r", b"end"):
            writing.write(piece)
    assert heard == ["begun", "10%", "20%"]


def test_a_log_that_can_not_be_written_stops_no_tool(tmp_path: pathlib.Path) -> None:
    with pathlib.Path("/dev/full").open("wb", buffering=0) as log:
        output = outputs.Output(log, 10**6)
        with output as writing:
            writing.write(b"No space left on device\n")
    assert output.tail == "No space left on device\n"


def test_what_lives_on_and_holds_the_pipe_ends_the_attempt_as_the_builder_s_fault(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outputs, "_PATIENCE", 0.2)
    with (tmp_path / "log").open("ab", buffering=0) as log:
        output = outputs.Output(log, 1000)
        writing = output.__enter__()
        writing.write(b"said\n")
        held = os.dup(writing.fileno())
        with pytest.raises(errors.BuilderError, match="runs on although the tool has ended"):
            output.__exit__(None, None, None)
    os.write(held, b"late\n")
    os.close(held)
    output._thread.join(5)
    os.close(output._reading)
    assert output.tail == "said\nlate\n"
