# SPDX-License-Identifier: MIT
"""What is said of a build's lock: read once, and never before there is one."""

from __future__ import annotations

import collections

import pytest

from ondemand import locks
from ondemand_web.builds import records, summaries
from ondemand_web.builds import services as builds
from ondemand_web.service import Service
from tests import master_parts as parts


def test_a_lock_is_read_once_however_often_the_build_is_looked_at(here: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    build_id, read, asked = parts.queued(here), locks.Lock.model_validate, collections.Counter[str]()

    def counting(body: object) -> locks.Lock:
        asked["lock"] += 1
        return read(body)

    monkeypatch.setattr(locks.Lock, "model_validate", counting)
    with here.database.reading() as session:
        found = [records.full(session, builds.get(session, build_id), here) for _ in range(3)]
    assert asked.total() == 1 and found[0] == found[2] and found[0].packages == len(parts.LOCK.contents)


def test_a_build_without_a_lock_is_asked_again(here: Service) -> None:
    build_id = parts.submit(here)
    with here.database.reading() as session:
        assert here.summaries.of(session, build_id) is summaries.NONE
    other = parts.queued(here)
    with here.database.reading() as session:
        assert here.summaries.of(session, build_id) is summaries.NONE
        assert here.summaries.of(session, other).wanted


def test_only_so_many_are_kept_and_those_asked_for_last(here: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two, three = (parts.queued(here) for _ in range(3))
    kept = summaries.Summaries(most=2)
    with here.database.reading() as session:
        for build_id in (one, two, one, three):
            kept.of(session, build_id)
        monkeypatch.setattr(locks.Lock, "model_validate", lambda body: pytest.fail("it was not kept"))
        assert kept.of(session, one) and kept.of(session, three)
    assert list(kept._kept) == [one, three]
