# SPDX-License-Identifier: MIT
"""A failed tool is told in one sentence with the lines around: by the table where it is known, else by its own line."""

import pathlib
import time

import pytest

from ondemand import errors, plugins
from ondemand.errors import FailureClass
from ondemand_consumer import failing

KIWI = """[ INFO    ]: 10:01:02 | Installing bootstrap packages
[ DEBUG   ]: 10:01:03 | EXEC: [dnf install]
[ ERROR   ]: 10:01:04 | KiwiBootStrapPhaseFailed: Bootstrap package installation failed: No package nosuch
[ INFO    ]: 10:01:05 | Cleaning up Prepare instance

"""
KEYMAP = """[ ERROR   ]: 10:01:04 | KiwiCommandError:

`systemd-firstboot --keymap` failed (code 1):
Keymap us is not installed.

systemd-firstboot's error message complains that the keymap is not installed.
"""
KNOWN = plugins.Failure(
    pattern=r"no (?P<what>\w+) here", happened="the {what} is gone", remedy="bring it", failure_class=FailureClass.SERVICE
)
FULL = plugins.Failure(
    pattern="No space left|Cannot allocate", happened="it has too little", remedy="more", failure_class=FailureClass.BUILDER
)
KERNEL = plugins.Failure(pattern="KernelLookupError", happened="no kernel", remedy="ask for one")
IMAGE = plugins.Failure(pattern="Creation of .* failed", happened="no image", remedy="look", consequence=True)
MACHINE = (FULL, KERNEL, IMAGE)


def test_the_failing_line_is_the_tools_error_without_its_time_stamp() -> None:
    assert failing.failing_line(KIWI).startswith("KiwiBootStrapPhaseFailed: Bootstrap")


def test_an_error_that_goes_over_lines_is_told_with_its_reason() -> None:
    said = failing.failing_line(KEYMAP)
    assert said == "KiwiCommandError: `systemd-firstboot --keymap` failed (code 1): Keymap us is not installed."


def test_without_an_error_it_is_the_last_line_that_says_anything() -> None:
    assert failing.failing_line("one\ntwo\n\n") == "two"


def test_a_tool_that_said_nothing_is_told_to_have_said_nothing() -> None:
    error = failing.explain("tool", 4, "", ())
    assert str(error).startswith("tool ended with status 4: it said nothing") and error.lines == ()


def test_a_known_failure_gives_cause_class_and_remedy() -> None:
    error = failing.explain("tool", 1, "a\nno mirror here\nb\n", (KNOWN,))
    assert isinstance(error, errors.ToolCutOff) and error.retryable
    assert str(error) == "tool failed: the mirror is gone, because it said «no mirror here»; bring it."


def test_twenty_lines_around_the_place_come_along() -> None:
    output = "".join(f"line {number}\n" for number in range(100)).replace("line 50\n", "no mirror here\n")
    lines = failing.explain("tool", 1, output, (KNOWN,)).lines
    assert len(lines) == failing.LINES and "no mirror here" in lines
    assert lines[0] == "line 38" and lines[-1] == "line 57"


def test_an_error_without_a_place_gets_the_last_lines_of_the_log(tmp_path: pathlib.Path) -> None:
    (tmp_path / "log").write_bytes(b"x" * 10**6 + b"\n" + b"".join(b"%d\r\n" % number for number in range(30)))
    assert failing.last_lines(tmp_path / "log") == tuple(str(number) for number in range(10, 30))
    assert failing.last_lines(tmp_path / "none") == ()


@pytest.mark.parametrize("at", [0, 3, 97, 99])
def test_at_the_ends_there_are_twenty_lines_too(at: int) -> None:
    lines = [str(number) for number in range(100)]
    assert len(failing.around(lines, at)) == failing.LINES and str(at) in failing.around(lines, at)


def test_control_characters_do_not_get_into_an_error() -> None:
    error = failing.explain("tool", 1, "\x1b[31merror: \x00red\x1b[0m\r\n", ())
    assert error.lines == ("error: red",)


def test_a_killed_tool_is_tried_again_elsewhere() -> None:
    error = failing.explain("tool", -9, "no dragon here\n", (KNOWN,))
    assert isinstance(error, errors.ToolStarved) and "was killed" in str(error)


def test_what_the_tool_said_between_braces_is_no_placeholder(tmp_path: pathlib.Path) -> None:
    known = plugins.Failure(pattern="(?P<all>.*bad.*)", happened="{all}", remedy="mend it")
    assert "{0} bad {x}" in str(failing.explain("tool", 1, "{0} bad {x}", (known,)))


def test_a_line_without_end_takes_no_time() -> None:
    known = plugins.Failure(pattern="nothing provides (.+?) needed by", happened="x", remedy="y")
    began = time.process_time()
    assert isinstance(failing.explain("tool", 1, "nothing provides " * 60_000, (known,)), errors.ToolFailed)
    assert time.process_time() - began < 1


def test_what_the_tool_lived_with_hides_no_later_fault_of_its_own() -> None:
    said = "dracut: Cannot allocate memory for a hint, ignoring\nmore\nKiwiKernelLookupError: none\n"
    assert "no kernel" in str(failing.explain("tool", 1, said, MACHINE))


def test_what_comes_of_a_full_disk_hides_it_not() -> None:
    said = "zstd: No space left on device\ndracut: Creation of /x failed\n"
    error = failing.explain("tool", 1, said, MACHINE)
    assert isinstance(error, errors.ToolStarved) and "too little" in str(error)
    assert "no image" in str(failing.explain("tool", 1, said.partition("\n")[2], MACHINE))


@pytest.mark.parametrize(("after", "kind"), [(99, errors.ToolStarved), (100, errors.ToolFailed), (1500, errors.ToolFailed)])
def test_a_fault_of_the_machine_counts_near_the_end_alone(after: int, kind: type) -> None:
    error = failing.explain("tool", 1, "cp: No space left on device\n" + "chatter\n" * (after - 1) + "error: another thing\n", MACHINE)
    assert type(error) is kind and ("another thing" in str(error)) is (kind is errors.ToolFailed)


def test_of_who_was_killed_the_machine_s_fault_is_told_whatever_came_after() -> None:
    said = "Cannot allocate memory\nKiwiKernelLookupError: none\n"
    assert "too little" in str(failing.explain("tool", -9, said, MACHINE))
