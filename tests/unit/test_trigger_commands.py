# SPDX-License-Identifier: MIT
"""`ondemand trigger replay`: what recorded messages would order, as a person and as a script read it."""

from __future__ import annotations

import json
import pathlib
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from ondemand import errors, recordings
from tests import command_parts
from tests import trigger_parts as parts


@pytest.fixture
def master() -> Iterator[Any]:
    with parts.serving() as server:
        yield server


def line(body: Any, topic: str = parts.READY, **fields: Any) -> str:
    """A recorded message."""
    return json.dumps({"topic": topic, "id": "m-1", "headers": {}, "body": body, "queue": None, "priority": 0} | fields)


def replay(folder: pathlib.Path, master: Any, *lines: str, words: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    """The command on a file of these lines."""
    file = folder / "recording.jsonl"
    file.write_text("\n".join(lines) + "\n")
    return command_parts.run("trigger", "replay", str(file), *words, MASTER__URL=master.url, MASTER__TOKEN=parts.TOKEN)


def test_a_table_says_what_would_be_ordered_and_why(tmp_path: pathlib.Path, master: Any) -> None:
    withdrawn = line({"update": parts.ready()["update"]}, "bodhi.update.eject")
    done = replay(tmp_path, master, line(parts.ready()), withdrawn, line({}, "unheard"), line({}), "{oops")
    assert done.returncode == 0, done.stderr
    rows = [row.split() for row in done.stdout.splitlines()]
    assert rows[1] == ["1", parts.ALIAS, "offered", "all", "f44", "live", "x86_64", "ordered", "a", "[red]", "rule"]
    assert rows[2][:3] == ["2", parts.ALIAS, "withdrawn"] and "no rule decides about it" in done.stdout
    assert "line 4: The message is malformed" in done.stdout and "line 5: The line is no recorded message" in done.stdout
    assert done.stdout.endswith("2 messages with facts: 1 none, 1 ordered; 1 of no interest, 2 malformed\n")


def test_a_script_reads_json(tmp_path: pathlib.Path, master: Any) -> None:
    printed = json.loads(replay(tmp_path, master, line(parts.ready()), "[]", words=("--json",)).stdout)
    (row,) = printed["decisions"]
    assert row["state"] == "ordered" and row["message_id"] == "m-1" and row["line"] == 1
    assert list(printed["malformed"]) == ["2"] and printed["of_no_interest"] == 0


def test_a_long_recording_is_judged_in_pieces(tmp_path: pathlib.Path, master: Any) -> None:
    lines = [line(parts.ready(), id=f"m-{number}") for number in range(1500)]
    printed = json.loads(replay(tmp_path, master, *lines, words=("--json",)).stdout)
    assert len(printed["decisions"]) == 1500 and master.calls == 2 and printed["anew_from_lines"] == [1001]
    said = replay(tmp_path, master, *lines).stdout
    assert "from line 1001 on all is judged anew" in said and "judged anew" not in replay(tmp_path, master, *lines[:1000]).stdout


def test_the_triggers_options_are_those_of_the_configuration(tmp_path: pathlib.Path, master: Any) -> None:
    conf = parts.configuration(tmp_path, "amqp://x", master.url)
    conf.write_text(conf.read_text().replace("request_testing = false", "request_testing = true"))
    asked = line({"update": parts.ready()["update"]}, "bodhi.update.request.testing")
    assert "1 of no interest" in replay(tmp_path, master, asked).stdout
    assert "1 ordered" in replay(tmp_path, master, asked, words=("--conf", str(conf))).stdout


def test_a_file_that_is_not_there_is_one_sentence(master: Any) -> None:
    done = command_parts.run("trigger", "replay", "/nonexistent", MASTER__URL=master.url)
    assert done.returncode == errors.InvalidRequest.exit_status and "/nonexistent can't be read" in done.stderr


def test_a_configuration_that_is_not_there_is_one_sentence() -> None:
    done = command_parts.run("trigger", "parked", "--conf", "/nonexistent")
    assert done.returncode == errors.CannotStart.exit_status and "/nonexistent can't be used" in done.stderr


def test_a_broker_that_is_away_is_one_sentence(tmp_path: pathlib.Path) -> None:
    conf = parts.configuration(tmp_path, "amqp://127.0.0.1:9", "http://127.0.0.1:9")
    done = command_parts.run("trigger", "unpark", "--conf", str(conf))
    assert done.returncode == errors.ServiceError.exit_status
    assert done.stderr.startswith("ondemand: The queue ondemand.trigger.parked") and done.stderr.count("\n") == 1


@pytest.mark.parametrize(("limit", "value"), [("LARGEST", 10), ("LONGEST", 10), ("LINES", 1)])
def test_a_recording_has_its_limits(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, limit: str, value: int) -> None:
    file = tmp_path / "recording.jsonl"
    file.write_text(f"{line({})}\n{line({})}\n")
    monkeypatch.setattr(recordings, limit, value)
    with pytest.raises(errors.InvalidRequest, match="has more than"):
        list(recordings.read(file))


@pytest.mark.parametrize("text", ["[]", "5", "{}", '{"topic": "t"}', "\xff", '{"a":' * 100_000])
def test_a_line_that_is_no_message_is_told_by_its_number(tmp_path: pathlib.Path, text: str) -> None:
    file = tmp_path / "recording.jsonl"
    file.write_text(f"\n{text}\n", "latin-1")
    ((number, found),) = recordings.read(file)
    assert number == 2 and isinstance(found, errors.InvalidRequest)
