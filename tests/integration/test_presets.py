# SPDX-License-Identifier: MIT
"""A kiwi description as preset, from the check to what a builder gets, on the demo distribution."""

from __future__ import annotations

import pathlib
import shutil
from collections.abc import Iterator
from typing import Any, ClassVar

import pytest
from flask.testing import FlaskClient

from demo import builds as story
from demo import site
from ondemand import builds, errors, plugins
from ondemand.build_requests import BuildRequest
from ondemand_web import service
from ondemand_web.builds import bases, checks
from ondemand_web.builds.models import DescriptionBody
from ondemand_web.people import services as people
from tests import master_parts, preset_parts

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def here(distribution: pathlib.Path, servers: str, tmp_path: pathlib.Path) -> Iterator[service.Service]:
    """A master that offers the demo release and the kiwi description, and has read its repositories."""
    made = site.write(tmp_path, distribution, servers)
    shutil.copytree(preset_parts.FOLDER, made.folder / "config" / "presets", dirs_exist_ok=True)
    with master_parts.offering(made, tmp_path) as started:
        yield started


def queued(here: service.Service, web: FlaskClient, **fields: Any) -> int:
    """A build from the description that was checked."""
    build_id = web.post("/api/v1/builds", json={"release": "demo", "preset": "demo-console", **fields}).get_json()["id"]
    assert checks.check_next(here)
    assert web.get(f"/api/v1/builds/{build_id}").get_json()["error"] is None
    return int(build_id)


def assigned(here: service.Service, web: FlaskClient) -> builds.Assignment:
    """What the next claim gives."""
    token = {"Authorization": f"Bearer {people.add_builder(here.database, 'one')}"}
    web.post("/api/v1/worker/registration", json={"instance": "instance-1"}, headers=token)
    body = {"claim_id": "claim-0001", "instance": "instance-1", "capabilities": master_parts.CAN.model_dump(mode="json")}
    return builds.Assignment.model_validate(web.post("/api/v1/worker/claims", json=body, headers=token).get_json())


def test_what_the_description_asks_for_is_solved_with_edits_and_wanted_builds_on_top(web: FlaskClient) -> None:
    fields = {"builds": [story.NAMES["koji_build"]], "add_packages": ["ondemand-greeting"], "remove_packages": ["ondemand-tools"]}
    found = web.post("/api/v1/check", json={"release": "demo", "preset": "demo-console", **fields}).get_json()
    assert found["preset"]["kind"] == "kiwi" and found["preset"]["commit"] == COMMIT and found["warnings"] == []
    assert {item["nevra"].rpartition("-")[0] for item in found["wanted"]} >= {"ondemand-hello-2.0"}


def test_lock_record_and_page_name_the_preset_and_its_commit(here: service.Service, web: FlaskClient) -> None:
    build_id = queued(here, web)
    lock = web.get(f"/api/v1/builds/{build_id}/lock").get_json()
    record = web.get(f"/api/v1/builds/{build_id}").get_json()
    assert lock["preset"] == record["preset"] and lock["preset"]["sha256"] == preset_parts.description().digest()
    assert {"filesystem", "ondemand-hello", "basesystem"} <= {*lock["requested"]}
    page = web.get(f"/builds/{build_id}", headers={"Accept": "text/html"}).text
    assert f"at commit <code>{COMMIT}</code>" in page and "profile Console-Live" in page


def test_a_builder_gets_the_files_as_they_were_at_the_check(here: service.Service, web: FlaskClient) -> None:
    queued(here, web)
    folder = here.settings.master.config / "presets" / "demo-descriptions"
    (folder / "welcome.txt").write_text("Changed.\n")
    assert assigned(here, web).description == preset_parts.description()


def test_a_description_is_kept_once_for_all_its_builds(here: service.Service, web: FlaskClient) -> None:
    for _ in range(2):
        queued(here, web)
    with here.database.reading() as session:
        assert session.query(DescriptionBody).count() == 1


def test_a_kickstart_preset_names_its_digest_and_has_no_description(here: service.Service, web: FlaskClient) -> None:
    queued(here, web, preset="demo-live")
    found = assigned(here, web)
    assert found.description is None and found.lock.preset and found.lock.preset.kind == "kickstart"


def test_a_rebuild_by_the_same_lock_needs_the_preset_no_more(here: service.Service, web: FlaskClient) -> None:
    build_id = queued(here, web)
    web.post(f"/api/v1/builds/{build_id}/cancel")
    shutil.rmtree(here.settings.master.config / "presets" / "demo-descriptions")
    assert web.post(f"/api/v1/builds/{build_id}/rebuild", json={"lock": "same"}).status_code == 202
    assert checks.check_next(here)
    found = assigned(here, web)
    assert found.build_id != build_id and found.description == preset_parts.description()


class Other:
    """A backend that knows kickstarts alone."""

    name: ClassVar[str] = "other"
    closed: ClassVar[bool] = True
    image_types: ClassVar[frozenset[str]] = frozenset({"live"})
    tools: ClassVar[tuple[str, ...]] = ()
    commands: ClassVar[frozenset[str] | None] = None

    def disk(self, lock: object) -> int:
        return 0

    def plan(self, order: plugins.Order) -> plugins.Plan:
        raise NotImplementedError


def test_another_backend_refuses_it_in_a_sentence(here: service.Service) -> None:
    with pytest.raises(errors.UnknownImageType, match="preset «demo-console», because that is a kiwi description"):
        bases.of(here, BuildRequest(release="demo"), "demo-console", Other())
