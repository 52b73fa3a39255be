# SPDX-License-Identifier: MIT
"""Sweeping uploads: what nobody used for long goes, what an unfinished build names never."""

from __future__ import annotations

import datetime
import hashlib
import os
import pathlib
import time

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from ondemand_web import app
from ondemand_web.database import clock
from ondemand_web.service import Service
from ondemand_web.uploads import sweeping
from ondemand_web.uploads.models import Upload
from tests import master_parts
from tests import upload_parts as parts

RPM = parts.rpm()
DIGEST = hashlib.sha256(RPM).hexdigest()


@pytest.fixture
def web(here: Service) -> FlaskClient:
    """The API, with one upload."""
    here.settings.master.__dict__["own_code"] = ("alice",)
    client = app.make(here).test_client()
    parts.send(client, RPM)
    return client


def unused(here: Service, days: float) -> pathlib.Path:
    """The upload's file, last used so many days ago."""
    with here.database.writing() as session:
        session.execute(sa.update(Upload).values(last_used_at=clock(session) - datetime.timedelta(days=days)))
    return here.uploads.path(DIGEST)


@pytest.mark.parametrize(("days", "left"), [(13.9, True), (14.1, False)])
def test_what_nobody_used_for_its_time_goes(here: Service, web: FlaskClient, days: float, left: bool) -> None:
    file = unused(here, days)
    assert sweeping.sweep(here.uploads) == (0 if left else 1)
    assert file.exists() is left and len(web.get(parts.URL).get_json()["uploads"]) == int(left)


@pytest.mark.parametrize("make", [master_parts.submit, master_parts.queued])
def test_what_an_unfinished_build_names_stays_and_counts_as_used(here: Service, web: FlaskClient, make: object) -> None:
    assert callable(make)
    file, build_id = unused(here, 99), make(here, builds=[f"upload:{DIGEST}"])
    assert sweeping.sweep(here.uploads) == 0 and file.exists()
    web.post(f"/api/v1/builds/{build_id}/cancel")
    assert sweeping.sweep(here.uploads) == 0
    unused(here, 99)
    assert sweeping.sweep(here.uploads) == 1 and not file.exists()


@pytest.mark.usefixtures("web")
def test_a_look_up_is_a_use(here: Service) -> None:
    unused(here, 99)
    found = here.uploads.find(DIGEST)
    assert found is not None and found.name == "ball"
    assert sweeping.sweep(here.uploads) == 0


@pytest.mark.usefixtures("web")
def test_what_a_process_left_behind_goes(here: Service) -> None:
    folder = here.uploads.folder
    lost, old, new = folder / "00" / f"{'0' * 64}.rpm", folder / ".new-old", folder / ".new-new"
    lost.parent.mkdir()
    for path in (lost, old, new):
        path.write_text("x")
    os.utime(old, (time.time() - 2 * 24 * 3600,) * 2)
    assert sweeping.sweep(here.uploads) == 0
    assert [path.exists() for path in (lost, old, new, here.uploads.path(DIGEST))] == [False, False, True, True]


def test_where_nothing_was_uploaded_nothing_is_swept(here: Service) -> None:
    assert sweeping.sweep_all(here) is False


@pytest.mark.usefixtures("web")
def test_what_is_gone_is_not_found(here: Service) -> None:
    assert here.uploads.find("0" * 64) is None
    here.uploads.path(DIGEST).unlink()
    assert here.uploads.find(DIGEST) is None
