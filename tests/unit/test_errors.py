# SPDX-License-Identifier: MIT
"""The error tree: unique codes, documented, one sentence each."""

from __future__ import annotations

import pathlib

import pytest

from ondemand import errors

DOCUMENT = pathlib.Path(__file__).parents[2] / "docs" / "errors.md"
ALL = [cls for cls in errors.all_errors() if cls.__module__ == "ondemand.errors"]


def test_codes_and_exit_statuses_are_unique() -> None:
    assert len({cls.code for cls in ALL}) == len(ALL)
    assert len({cls.exit_status for cls in ALL}) == len(ALL)


@pytest.mark.parametrize("cls", ALL, ids=lambda cls: cls.code)
def test_every_code_is_documented_with_its_statuses(cls: type[errors.OndemandError]) -> None:
    row = f"| `{cls.code}` | {cls.exit_status} | {cls.http_status} | {cls.failure_class.value} |"
    assert row in DOCUMENT.read_text()


def test_the_sentence_holds_what_happened_why_and_what_to_do() -> None:
    error = errors.WrongSignature("The RPM is refused", cause="a stranger signed it", remedy="ask for another build")
    assert str(error) == "The RPM is refused, because a stranger signed it; ask for another build."


def test_only_builder_and_service_errors_are_retried() -> None:
    assert errors.AttemptLost("x").retryable
    assert errors.SourceUnavailable("x").retryable
    assert not errors.ToolFailed("x").retryable
    assert not errors.UnknownRelease("x").retryable


def test_a_code_of_another_version_is_still_an_error() -> None:
    assert errors.by_code("no-such-code") is errors.OndemandError
    assert errors.by_code("lease-lost") is errors.LeaseLost


def test_an_address_that_is_not_there_ends_the_command_line_with_its_own_status() -> None:
    assert errors.by_code("http-error").exit_status == 14
    assert errors.HttpError("The body was not taken", status=413).http_status == 413
