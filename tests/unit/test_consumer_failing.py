# SPDX-License-Identifier: MIT
"""A failed tool is told in one sentence with the lines around: by the table where it is known, else by its own line."""

import pathlib

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
