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
from ondemand import builds, errors, plugins, settings
from ondemand.build_requests import BuildRequest
from ondemand_consumer import attempts, roots, stopping
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


def own(**changes: Any) -> dict[str, Any]:
    """A request's own description: the preset's files as texts."""
    found = preset_parts.description()
    texts = {path: content.decode() for path, content in found.contents().items()}
    return {"files": texts, "main": found.main, "profile": found.profile, **changes, **({"main": None} if "files" in changes else {})}


def test_a_description_of_one_s_own_needs_the_permission_and_is_built_as_a_preset_is(
    here: service.Service, web: FlaskClient
) -> None:
    sent = {"release": "demo", "description": own(), "builds": [story.NAMES["koji_build"]]}
    refused = web.post("/api/v1/builds", json=sent)
    assert (refused.status_code, refused.get_json()["code"]) == (403, "not-permitted")
    assert "the kiwi description" in refused.get_json()["detail"]
    here.settings.master.__dict__["own_code"] = ("you",)
    build_id = queued(here, web, preset=None, description=own(), builds=[story.NAMES["koji_build"]])
    found = assigned(here, web)
    assert found.description and found.description.contents() == preset_parts.description().contents()
    assert found.lock.preset and (found.lock.preset.name, found.lock.preset.kind) == ("of the request", "kiwi")
    page = web.get(f"/builds/{build_id}", headers={"Accept": "text/html"}).text
    assert "<dt>Description</dt><dd>of the request: a kiwi description, profile Console-Live" in page
    assert not roots.storable(_attempt(found))


def _attempt(found: builds.Assignment) -> attempts.Attempt:
    config = settings.load().builder
    return attempts.Attempt(assignment=found, settings=config, folder=pathlib.Path("/nowhere"), stop=stopping.Stop())


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"main": "Other.kiwi"}, "«Other.kiwi» is not in it"),
        ({"files": {"../x": "y"}}, "«../x» may lie elsewhere"),
        ({"files": {"config.xml": "<user pwdformat='plain' password='x'/>"}}, "give its hash"),
        ({"files": {"config.xml": "x" * 512_001}}, "at most 512000"),
        ({"files": {"config.xml": "\x00"}}, "U+0000"),
        ({"files": {}}, "description.files"),
        ({"files": {"config.xml": "<image/>", "config.xml/x": "y"}}, "«config.xml» is a file and a folder at once"),
        ({"files": {"config.xml": "<image/>", "a" * 256: "y"}}, "more than 255 bytes"),
        ({"files": {"config.xml": "<repository password='x'/>"}}, "give its hash"),
    ],
    ids=["main", "path", "password", "length", "control", "empty", "both", "name", "repository"],
)
def test_a_description_that_can_t_travel_is_refused_at_once(web: FlaskClient, changes: dict[str, Any], said: str) -> None:
    answer = web.post("/api/v1/builds", json={"release": "demo", "description": own(**changes)})
    assert (answer.status_code, answer.get_json()["code"]) == (422, "invalid-request") and said in answer.get_json()["detail"]
    assert "password='x'" not in answer.text


def test_what_its_files_say_in_vain_is_the_check_s_to_say(here: service.Service, web: FlaskClient) -> None:
    here.settings.master.__dict__["own_code"] = ("you",)
    answer = web.post("/api/v1/check", json={"release": "demo", "description": {"files": {"config.xml": "<image"}}})
    assert answer.status_code == 422 and "config.xml is no plain XML" in answer.get_json()["detail"]


def test_two_things_to_begin_from_are_one_too_many(web: FlaskClient) -> None:
    answer = web.post("/api/v1/builds", json={"release": "demo", "preset": "demo-live", "description": own()})
    assert answer.status_code == 422 and "or a kiwi description, not two of them" in answer.get_json()["detail"]
