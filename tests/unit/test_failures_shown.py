# SPDX-License-Identifier: MIT
"""Why a build failed is the same on page, in API, command line, mail and message: the sentence, and the lines of the log."""

from __future__ import annotations

import pathlib

import pytest
from flask.testing import FlaskClient

from ondemand import messages, plugins, settings
from ondemand.builds import BuildRecord
from ondemand.commands import builds as command
from ondemand.errors import FailureClass
from ondemand.states import State
from ondemand_consumer import failing
from ondemand_plugins.backends import failures
from ondemand_plugins.notifiers import mail
from ondemand_web import service
from ondemand_web.builds import records
from ondemand_web.builds import services as builds
from ondemand_web.events import composing
from ondemand_web.events import services as events
from ondemand_web.events.models import Event
from tests import master_parts

ROOT = pathlib.Path(__file__).parents[2]
LOG = (ROOT / "tests" / "data" / "tool_logs" / "kiwi_kernel_missing.txt").read_text()
ERROR = failing.explain("kiwi-ng", 1, LOG, failures.KIWI)


@pytest.fixture
def failed(here: service.Service) -> BuildRecord:
    """A build that failed so."""
    build_id = master_parts.submit(here)
    with here.database.writing() as session:
        build = builds.get(session, build_id)
        build.state, build.error, build.ended_at = State.FAILED, ERROR.as_dict(), build.created_at
        session.flush()
        return records.full(session, build, here)


def test_page_and_api_show_sentence_and_lines(failed: BuildRecord, web: FlaskClient) -> None:
    answered = web.get(f"/api/v1/builds/{failed.id}").json
    assert answered and answered["error"]["sentence"] == str(ERROR)
    assert tuple(answered["error"]["lines"]) == ERROR.lines and len(ERROR.lines) == failing.LINES
    page = web.get(f"/builds/{failed.id}", headers={"Accept": "text/html"}).text
    assert "KiwiKernelLookupError: No kernel found" in page and "the image has no kernel" in page


def test_the_mail_says_both(failed: BuildRecord) -> None:
    notice = plugins.Notice(
        event_id=1, kind=events.STATE_CHANGED, recipient="bob@demo.example", build=failed.model_dump(mode="json", by_alias=True)
    )
    text = mail.MailNotifier(settings.Mail(), ROOT / "config" / "mail").message(notice).get_content()
    assert str(ERROR) in " ".join(text.split())
    assert all(" ".join(line.split()) in " ".join(text.replace("=\n", "").split()) for line in ERROR.lines)


def test_the_command_line_says_both(failed: BuildRecord) -> None:
    said = command._facts(failed)
    assert f"error: {ERROR}" in said and [line for line in said if line.startswith("log: ")] == [f"log: {x}" for x in ERROR.lines]


CHANGED = {"old": "building", "new": "failed", "reason": str(ERROR)}


def test_the_message_says_both(failed: BuildRecord) -> None:
    told = composing.message_of(Event(kind=events.STATE_CHANGED, body=CHANGED), failed)
    told.validate()
    assert str(ERROR) in told.summary and tuple(told.body["lines"]) == ERROR.lines and told.url == failed.page
    assert failing.LINES == messages.LINES and max(map(len, ERROR.lines)) <= messages.LONGEST
    assert ERROR.failure_class is FailureClass.CONTENT


def test_a_message_takes_no_more_and_no_longer_lines_than_its_schema(failed: BuildRecord) -> None:
    assert failed.error
    long = failed.model_copy(update={"error": failed.error.model_copy(update={"lines": ("x" * 1000,) * 50})})
    told = composing.message_of(Event(kind=events.STATE_CHANGED, body=CHANGED), long)
    told.validate()
    assert told.body["lines"] == ["x" * 300] * 20


@pytest.mark.parametrize("new", ["queued", "succeeded"])
def test_a_message_of_another_change_has_no_lines(failed: BuildRecord, new: str) -> None:
    told = composing.message_of(Event(kind=events.STATE_CHANGED, body={**CHANGED, "new": new}), failed)
    told.validate()
    assert told.body["lines"] == []
