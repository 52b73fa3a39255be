# SPDX-License-Identifier: MIT
"""What the image tool may not: see other builds, the builder's token or the host's home; use more than its share."""

import os
import pathlib
import sys
from collections.abc import Iterator

import pytest

from ondemand import errors, states
from ondemand_consumer import attempts, building, limits
from tests import builder_parts, runner_parts

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
SECRET = "ondemand-left-no-token"


MARK = "98763.1"


@pytest.fixture(autouse=True)
def traces(tmp_path: pathlib.Path) -> Iterator[None]:
    """After each of these nothing is left on the machine."""
    found = runner_parts.Traces(tmp_path)
    yield
    found.check(MARK, str(tmp_path))


def _said(attempt: attempts.Attempt, script: str) -> str:
    """What the tool printed, the command itself left out."""
    with pytest.raises(errors.ToolFailed):
        building.build(attempt, runner_parts.Tool(f"{script}; exit 7"))
    return attempt.log(states.Step.BUILD).read_text().partition("\n")[2]


def test_a_build_sees_neither_other_builds_nor_token_nor_cache_nor_bell(tmp_path: pathlib.Path) -> None:
    node = tmp_path / "node"
    secrets = [node / "attempts" / "8-1" / "kickstart", node / "lock", tmp_path / "cache" / "rpm", tmp_path / "ondemand.toml"]
    for path in secrets:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(SECRET)
    hidden = (node, tmp_path / "cache", tmp_path / "ondemand.toml", tmp_path / "absent")
    attempt = builder_parts.make_attempt(tmp_path, hidden=hidden)
    said = _said(attempt, f"set +e; cat {' '.join(map(str, secrets))}; ls {node}/attempts; pwd; ls; true")
    assert SECRET not in said
    assert "7-1\n" in said and "8-1\n" not in said and "out\n" in said


def test_a_build_sees_nobody_s_home(tmp_path: pathlib.Path) -> None:
    said = _said(builder_parts.make_attempt(tmp_path), "for at in /root /home; do find $at -type f | grep -v python; done; true")
    kept = [path for path in (sys.prefix, sys.base_prefix, *sys.path) if path]
    lines = [line for line in said.splitlines() if line.startswith(("/root/", "/home/"))]
    assert [line for line in lines if not line.startswith(tuple(kept))] == []


def test_a_build_sees_no_process_and_no_environment_of_the_builder(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONDEMAND_BUILDER__TOKEN", SECRET)
    said = _said(builder_parts.make_attempt(tmp_path), "cat /proc/*/environ | tr '\\0' '\\n'; ls -d /proc/[0-9]* | wc -l")
    assert SECRET not in said and int(said.splitlines()[-1]) < 10


def test_what_a_tool_writes_to_a_hidden_home_is_gone_with_it(tmp_path: pathlib.Path) -> None:
    _said(builder_parts.make_attempt(tmp_path), "touch /root/ondemand-left-1 /home/ondemand-left-2 && echo written")


def test_too_many_processes_end_the_tool(tmp_path: pathlib.Path) -> None:
    attempt = builder_parts.make_attempt(tmp_path, tool_processes=16)
    script = f"for i in $(seq 30); do sleep {MARK} & done; wait"
    with pytest.raises(errors.LimitExceeded, match="processes at once, because a build may have 16"):
        building.build(attempt, runner_parts.Tool(script))


def test_too_much_memory_ends_the_tool_and_another_builder_may_try(tmp_path: pathlib.Path) -> None:
    attempt = builder_parts.make_attempt(tmp_path, tool_memory=64)
    script = f"exec {sys.executable} -c 'import time; held = bytearray(200 * 1024**2); time.sleep(60)'"
    with pytest.raises(errors.ToolStarved, match=r"GB of memory, because the builder gives a build 0\.1 GB") as raised:
        building.build(attempt, runner_parts.Tool(script))
    assert raised.value.retryable


def test_memory_that_processes_share_is_counted_once() -> None:
    pids = limits.descendants(os.getpid())
    assert 0 < limits.proportional(pids) <= limits.resident(pids) * 1.1


def test_a_build_that_takes_more_disk_than_it_was_to_need_is_ended(tmp_path: pathlib.Path) -> None:
    with runner_parts.small_disk(tmp_path / "small", "60M") as disk:
        attempt = builder_parts.make_attempt(disk, disk_reserve=50 * 1024**2)
        script = "head -c 40M /dev/zero > out/big; sleep 60"
        with pytest.raises(errors.LimitExceeded, match=r"to need 0\.0 GB at most"):
            building.build(attempt, runner_parts.Tool(script, disk=10**6))


def test_a_disk_that_others_fill_lets_another_builder_try(tmp_path: pathlib.Path) -> None:
    with runner_parts.small_disk(tmp_path / "small", "60M") as disk:
        (disk / "others").write_bytes(bytes(40 * 1024**2))
        attempt = builder_parts.make_attempt(disk, disk_reserve=50 * 1024**2)
        with pytest.raises(errors.TooLittleDisk, match="something else fills it"):
            building.build(attempt, runner_parts.Tool("sleep 60", disk=10**6))
