# SPDX-License-Identifier: MIT
"""Releases that messages call new are read, and not more often than is good for their mirrors."""

from __future__ import annotations

import pytest

from ondemand_web.database import clock
from ondemand_web.packages import reading
from ondemand_web.service import Service
from ondemand_web.wishes import refreshing
from ondemand_web.wishes.models import ReleaseToRead


def test_a_release_is_read_once_in_a_while_however_often_it_is_asked_for(here: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    monkeypatch.setattr(reading, "read", lambda _, release: read.append(release.name))
    reader = refreshing.Reader(here)

    def ask(release: str) -> bool:
        with here.database.writing() as session:
            session.merge(ReleaseToRead(release=release, asked_at=clock(session)))
        return reader()

    assert [ask("f44"), ask("f44"), ask("f43"), ask("f44")] == [True, False, True, False] and read == ["f44", "f43"]
    monkeypatch.setattr(refreshing, "PAUSE", 0)
    assert reader() and read == ["f44", "f43", "f44"] and not reader()
