# SPDX-License-Identifier: MIT
"""What the kernel says of a control group is read; the group itself can be had on few machines of tests."""

import pathlib

import pytest

from ondemand_consumer import cgroups

EVENTS = "low 0\nhigh 0\nmax 12\noom 1\noom_kill {}\noom_group_kill 0\n"


@pytest.mark.parametrize("count", [0, 1, 12])
def test_a_process_that_the_kernel_ended_for_its_memory_is_noticed(tmp_path: pathlib.Path, count: int) -> None:
    (tmp_path / "memory.events").write_text(EVENTS.format(count))
    assert cgroups.killed(tmp_path) is (count > 0)


def test_without_a_group_nothing_was_ended() -> None:
    assert not cgroups.killed(None) and not cgroups.killed(pathlib.Path("/nonexistent"))
