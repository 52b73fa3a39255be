# SPDX-License-Identifier: MIT
"""A message finds the trigger that reads it; its id and time are sound whatever it says of them."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

from ondemand import errors, triggers
from tests import trigger_parts as parts


@pytest.mark.parametrize("topic", ["org.example.unheard", "xbodhi.update.eject", "", None, 5])
def test_a_topic_that_no_trigger_reads_says_nothing(topic: Any) -> None:
    assert parts.facts(topic, {}) is None


def test_a_topic_counts_with_any_prefix_and_without_one() -> None:
    for prefix in ("", "org.fedoraproject.stg."):
        assert parts.facts(prefix + parts.READY.removeprefix("org.fedoraproject.prod."), parts.ready())


@pytest.mark.parametrize("body", [None, [], "x", 5])
def test_a_body_that_is_no_object_is_malformed(body: Any) -> None:
    with pytest.raises(errors.InvalidRequest, match="no JSON object"):
        parts.facts(parts.READY, body)


def test_the_senders_id_is_the_messages() -> None:
    assert parts.heard("t", {}, "abc").message_id == "abc"


@pytest.mark.parametrize("odd", [None, "", "a b", "x" * 201, 5, b"abc", "a\x00b", ["x"]])
def test_an_odd_id_gives_way_to_one_that_comes_again_with_the_message(odd: Any) -> None:
    first, again = (parts.heard("t", {"a": [1, {"b": None}]}, odd, **{"sent-at": "x"}) for _ in range(2))
    assert first.message_id == again.message_id != parts.heard("t", {"a": 2}, odd).message_id
    assert len(first.message_id) == 36


def test_the_time_is_the_senders() -> None:
    said = parts.heard("t", {}, **{"sent-at": "2026-01-02T03:04:05+01:00"}).sent_at
    assert said == datetime.datetime(2026, 1, 2, 2, 4, 5, tzinfo=datetime.UTC)
    assert parts.heard("t", {}, **{"sent-at": "2026-01-02T03:04:05"}).sent_at.hour == 3


@pytest.mark.parametrize("odd", [None, "", "yesterday", 5, "9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00+14:00"])
def test_an_odd_time_is_now(odd: Any) -> None:
    age = datetime.datetime.now(datetime.UTC) - parts.heard("t", {}, **{"sent-at": odd}).sent_at
    assert abs(age) < datetime.timedelta(seconds=5)


def test_options_of_a_trigger_that_is_not_installed_are_an_error() -> None:
    with pytest.raises(errors.PluginMissing, match="copr"):
        triggers.Triggers({"copr": {}})


@pytest.mark.parametrize("table", [{"mistress": "x"}, {"master": "ftp://x"}, {"patience": 1900}, {"parked": "a b"}])
def test_wrong_options_are_named(table: dict[str, Any]) -> None:
    with pytest.raises(errors.CannotStart, match=next(iter(table))):
        triggers.options(table)


def test_the_token_comes_from_a_file_or_the_environment(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "token").write_text("secret\n")
    assert triggers.options({"token_file": str(tmp_path / "token")}).token == "secret"
    monkeypatch.setenv(triggers.TOKEN, "other")
    assert triggers.options({}).token == "other"


@pytest.mark.parametrize("table", [{}, {"token_file": "/nonexistent/token"}, {"token_file": "/dev/null"}])
def test_no_token_is_said_at_the_start(table: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(triggers.TOKEN, raising=False)
    with pytest.raises(errors.CannotStart, match="token"):
        assert triggers.options(table).token


@pytest.mark.parametrize(
    ("error", "final"),
    [
        (errors.InvalidRequest("x"), True),
        (errors.NotPermitted("x"), False),
        (errors.NotAuthenticated("x"), False),
        (errors.HttpError("x", status=413), True),
        (errors.HttpError("x", status=404), False),
        (errors.MasterUnavailable("x"), False),
    ],
)
def test_only_what_is_the_messages_own_fault_is_final(error: errors.OndemandError, final: bool) -> None:
    assert triggers.final(error) is final
