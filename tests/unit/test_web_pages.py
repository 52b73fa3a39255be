# SPDX-License-Identifier: MIT
"""The pages for people, rendered by the real application from rows in a real database."""

from __future__ import annotations

import datetime
import pathlib
import re
from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient

from ondemand import build_requests, locks, settings, states
from ondemand_web import app, service
from ondemand_web.builds import models as build_models
from ondemand_web.builds import services as builds
from ondemand_web.files import models as file_models
from ondemand_web.queue import models as queue_models

BEGAN = datetime.datetime(2026, 11, 24, 12, 0, tzinfo=datetime.UTC)
DIGEST = "5f" * 32
SENTENCE = "kiwi ended with status 1, because No space left on device; free some."
FAILURE = {"code": "tool-failed", "class": "content", "sentence": SENTENCE, "details": ["line 7: No space left"]}
PROOFS = [
    {"kind": kind, "held": kind != "boots", "how": f"How {kind} was found.", "facts": {"said": ["<b>"]}}
    for kind in ("built", "contains", "boots")
]


@pytest.fixture
def here(tmp_path: pathlib.Path, database_url: str) -> Iterator[service.Service]:
    master = {"data": tmp_path / "data", "url": "http://images.example", "database": database_url}
    made = service.make(settings.load(master=master))
    yield made
    made.database.close()


@pytest.fixture
def browser(here: service.Service) -> FlaskClient:
    client = app.make(here).test_client()
    client.environ_base["HTTP_ACCEPT"] = "text/html"
    return client


def received(here: service.Service, **request: Any) -> int:
    """A build as it is right after submission."""
    wanted = build_requests.BuildRequest(release="demo", **request)
    return builds.submit(here.database, wanted, "ada", None).id


def ended(here: service.Service, state: states.State, **request: Any) -> int:
    """A build with a lock, an attempt that was lost, and one that ended with it; three proofs and four files."""
    build_id = received(here, **request)
    outcome = states.Outcome.SUCCEEDED if state is states.State.SUCCEEDED else states.Outcome.FAILED
    with here.database.writing() as session:
        build = builds.get(session, build_id)
        build.state, build.ended_at = state, build.created_at + datetime.timedelta(minutes=3)
        build.error = None if state is states.State.SUCCEEDED else FAILURE
        build.winner = 2 if state is states.State.SUCCEEDED else None
        body = lock().model_dump(mode="json")
        session.add(build_models.BuildLock(build_id=build_id, digest="0", body=body, kickstart=""))
        session.merge(queue_models.Builder(name="node-1", token_hash="0", created_at=BEGAN))
        session.flush()
        lost = {**FAILURE, "sentence": "Node-1 went away."}
        session.add(attempt(build_id, 1, outcome=states.Outcome.LOST, error=lost))
        session.add(attempt(build_id, 2, outcome=outcome, error=build.error, proofs=PROOFS))
        session.flush()
        session.add_all(steps(build_id))
        session.add(file(build_id, "a.packages", "packages"))
        session.add(file(build_id, "demo.iso", "image"))
        session.add(file(build_id, "screen.png", "screenshot"))
        session.add(file(build_id, "far.log", "log", "ftp://images.example/far.log"))
    return build_id


def attempt(build_id: int, number: int, **values: Any) -> queue_models.Attempt:
    fixed = {"builder": "node-1", "instance": "i", "claim_id": f"{build_id}-{number}", "deadline": BEGAN}
    over = BEGAN + datetime.timedelta(seconds=100)
    return queue_models.Attempt(
        build_id=build_id, number=number, started_at=BEGAN, ended_at=over, **fixed, **values
    )


def steps(build_id: int) -> list[queue_models.AttemptStep]:
    took = datetime.timedelta(seconds=75)
    known = {"build_id": build_id, "attempt": 2, "started_at": BEGAN}
    done = queue_models.AttemptStep(
        step=states.Step.FETCH, state=states.StepState.DONE, ended_at=BEGAN + took, **known
    )
    return [done, queue_models.AttemptStep(step=states.Step.BUILD, state=states.StepState.FAILED, **known)]


def file(build_id: int, name: str, role: str, url: str | None = None) -> file_models.ArtifactFile:
    return file_models.ArtifactFile(
        build_id=build_id,
        attempt=2,
        name=name,
        role=role,
        size=270 * 1024**2,
        sha256=DIGEST,
        state="stored",
        url=url or f"http://images.example/builds/{build_id}/files/{name}",
    )


def lock() -> locks.Lock:
    plain: dict[str, Any] = {"version": "5.2", "release": "1", "arch": "x86_64", "checksums": {}, "urls": ()}
    bash = locks.LockedPackage(name="bash", origin="main", trust="signed:abcd", **plain)
    wanted = locks.LockedPackage(
        name="nano",
        epoch=2,
        origin=locks.SIDE_REPOSITORY,
        trust="koji-digest",
        wanted=True,
        reference="nano-5.2-1",
        **plain,
    )
    return locks.Lock(
        release="demo", arch="x86_64", image_type="live", snapshot={}, requested=("bash",), packages=(bash, wanted)
    )


def page(browser: FlaskClient, address: str, status: int = 200) -> str:
    with browser.get(address) as answer:
        assert answer.status_code == status
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'self'")
        return answer.get_data(as_text=True)


def test_an_empty_list_tells_how_to_order(browser: FlaskClient) -> None:
    assert "ondemand build --release" in page(browser, "/")


def test_the_list_filters_by_state(here: service.Service, browser: FlaskClient) -> None:
    received(here, title="Waits")
    ended(here, states.State.FAILED, title="Broke")
    text = page(browser, "/?state=failed")
    assert "Broke" in text and "Waits" not in text
    assert "No build is in state canceled here" in page(browser, "/?state=canceled")


def test_the_list_leads_to_older_builds(here: service.Service, browser: FlaskClient) -> None:
    for number in range(52):
        received(here, title=f"Number {number}.")
    assert 'href="/?before=3"' in page(browser, "/")
    assert "Number 0." in page(browser, "/?before=3") and 'rel="next"' not in page(browser, "/?before=3")


def test_a_received_build_says_that_nothing_is_there_yet(here: service.Service, browser: FlaskClient) -> None:
    text = page(browser, f"/builds/{received(here)}")
    assert text.count(">pending<") == 4 and "demo live x86_64" in text
    assert "has not yet found out which packages" in text and "No builder has begun" in text


def test_a_waiting_build_says_for_what(here: service.Service, browser: FlaskClient) -> None:
    build_id = received(here)
    with here.database.writing() as session:
        builds.get(session, build_id).waiting = "Koji does not answer."
    assert "Waiting: Koji does not answer." in page(browser, f"/builds/{build_id}")


def test_a_refused_build_lists_every_reason(here: service.Service, browser: FlaskClient) -> None:
    build_id = received(here)
    with here.database.writing() as session:
        build = builds.get(session, build_id)
        build.state, build.error = states.State.REFUSED, {**FAILURE, "details": ["one reason", "another"]}
    text = page(browser, f"/builds/{build_id}")
    assert "<li>one reason</li><li>another</li>" in text and "There is no lock" in text


def test_a_failed_build_shows_sentence_code_and_attempts(here: service.Service, browser: FlaskClient) -> None:
    text = page(browser, f"/builds/{ended(here, states.State.FAILED)}")
    assert SENTENCE in text and "<code>tool-failed</code>" in text and "line 7: No space left" in text
    assert "Node-1 went away." in text and "Attempt 1 on node-1: lost" in text
    assert "1 min 15 s" in text and "no log" in text and "not reached" in text
    assert "demo.iso" not in text


def test_a_failed_build_shows_the_screen_that_did_not_boot(here: service.Service, browser: FlaskClient) -> None:
    build_id = ended(here, states.State.FAILED)
    with here.database.writing() as session:
        builds.get(session, build_id).pictured = 2
    text = page(browser, f"/builds/{build_id}")
    assert "The screen when it was given up" in text and "Downloads" not in text
    assert f'<img class="screen" src="/builds/{build_id}/files/screen.png" alt="Screen' in text


def test_the_four_proofs_stand_apart(here: service.Service, browser: FlaskClient) -> None:
    text = page(browser, f"/builds/{ended(here, states.State.SUCCEEDED)}")
    found = re.findall(r'<h3>(\w+) <span class="verdict">([a-z ]+)</span>', text)
    assert found == [("built", "held"), ("contains", "held"), ("boots", "not held"), ("published", "not reached")]
    assert "How contains was found." in text and "<b>" not in text


def test_a_succeeded_build_offers_its_files_the_image_first(here: service.Service, browser: FlaskClient) -> None:
    build_id = ended(here, states.State.SUCCEEDED)
    text = page(browser, f"/builds/{build_id}")
    assert text.index(">demo.iso</a>") < text.index(">a.packages</a>")
    assert text.count(DIGEST) == 4 and "270.0 MiB" in text
    assert 'href="ftp://images.example/far.log"' in text
    assert f'<img class="screen" src="/builds/{build_id}/files/screen.png" alt="Screen' in text


def test_an_address_that_is_a_script_is_no_link(here: service.Service, browser: FlaskClient) -> None:
    build_id = ended(here, states.State.SUCCEEDED)
    with here.database.writing() as session:
        session.get_one(file_models.ArtifactFile, (build_id, 2, "far.log")).url = "javascript:alert(1)"
    text = page(browser, f"/builds/{build_id}")
    assert "far.log" in text and "javascript:" not in text


def test_removed_files_are_said_to_be_removed(here: service.Service, browser: FlaskClient) -> None:
    build_id = ended(here, states.State.SUCCEEDED)
    with here.database.writing() as session:
        builds.get(session, build_id).artifacts_removed_at = BEGAN
    assert "The files were removed after their time (14 days)" in page(browser, f"/builds/{build_id}")


def test_packages_come_with_origin_and_trust(here: service.Service, browser: FlaskClient) -> None:
    text = page(browser, f"/builds/{ended(here, states.State.SUCCEEDED)}")
    assert text.count("nano-2:5.2-1.x86_64") == 3 and "bash-5.2-1.x86_64" in text
    assert "side repository" in text and "koji-digest" in text and "nano-5.2-1<" in text


def relocked(here: service.Service, build_id: int, **fields: Any) -> None:
    """Has the build another lock."""
    with here.database.writing() as session:
        row = session.get_one(build_models.BuildLock, build_id)
        row.body = lock().model_copy(update=fields).model_dump(mode="json")


def test_every_package_is_listed_with_the_part_it_belongs_to(here: service.Service, browser: FlaskClient) -> None:
    build_id = ended(here, states.State.SUCCEEDED)
    plain, wanted = lock().packages
    more, beside = (wanted.model_copy(update={"name": name}) for name in ("nano-extra", "nano-doc"))
    relocked(here, build_id, image_type="dvd", tree=(plain, more), side=(beside,))
    text = page(browser, f"/builds/{build_id}")
    rows = re.findall(r'class="mono">([^<]+)</th><td role="cell">([^<]+)</td><td role="cell">[^<]+</td>', text)
    parts = dict(rows[-4:])
    assert parts.pop("bash-5.2-1.x86_64") == "installer and tree" and parts.pop("nano-2:5.2-1.x86_64") == "installer"
    assert parts == {"nano-extra-2:5.2-1.x86_64": "tree", "nano-doc-2:5.2-1.x86_64": "side repository alone"}
    assert "All 3 packages of the image and 1 of the side repository alone, with their origin" in text
    assert "2 of the 3 packages are not signed" in text


def test_a_medium_made_of_a_published_boot_iso_says_which(here: service.Service, browser: FlaskClient) -> None:
    build_id = ended(here, states.State.SUCCEEDED)
    assert "boot.iso" not in page(browser, f"/builds/{build_id}")
    published = locks.BootIso(urls=("https://f.invalid/images/boot.iso",), sha256="ab" * 32)
    relocked(here, build_id, image_type="dvd", boot_iso=published)
    text = page(browser, f"/builds/{build_id}")
    assert "https://f.invalid/images/boot.iso" in text and "ab" * 32 in text


def test_an_unsigned_package_of_the_side_repository_alone_is_said_too(here: service.Service, browser: FlaskClient) -> None:
    build_id = ended(here, states.State.SUCCEEDED)
    plain, wanted = lock().packages
    relocked(here, build_id, side=(wanted.model_copy(update={"name": "nano-doc"}), plain))
    text = page(browser, f"/builds/{build_id}")
    assert "which the image does not need; 1 of them is not signed by a trusted key: nano-doc-2:5.2-1.x86_64.</p>" in text
    assert "1 of the 2 packages is not signed" in text


def test_what_was_uploaded_is_said_by_name(here: service.Service, browser: FlaskClient) -> None:
    other, build_id = ended(here, states.State.SUCCEEDED), ended(here, states.State.SUCCEEDED)
    assert "Uploaded by hand" not in page(browser, f"/builds/{other}")
    plain, wanted = lock().packages
    mine = wanted.model_copy(update={"trust": "uploaded", "reference": f"upload:{DIGEST}"})
    relocked(here, build_id, packages=(plain, mine))
    text = page(browser, f"/builds/{build_id}")
    assert "Uploaded by hand was nano-2:5.2-1.x86_64." in text and '<td role="cell" class="mono">uploaded</td>' in text


def test_the_unsigned_packages_are_said_in_a_sentence(here: service.Service, browser: FlaskClient) -> None:
    build_id = ended(here, states.State.SUCCEEDED)
    text = page(browser, f"/builds/{build_id}")
    assert "1 of the 2 packages is not signed by a trusted key, so that the digest alone vouches: nano-2:5.2-1" in text
    assert f'<a href="/api/v1/builds/{build_id}/lock" download="build-{build_id}-lock.json">' in text


def test_a_canceled_build_names_the_builder_that_still_stops(here: service.Service, browser: FlaskClient) -> None:
    build_id = ended(here, states.State.CANCELED)
    with here.database.writing() as session:
        builds.get(session, build_id).canceled_by = "grace"
        session.get_one(queue_models.Attempt, (build_id, 2)).ended_at = None
    assert "Canceled by grace, stopping on builder node-1." in page(browser, f"/builds/{build_id}")


def test_what_users_write_is_shown_as_text(here: service.Service, browser: FlaskClient) -> None:
    build_id = ended(here, states.State.FAILED, title="<script>alert(1)</script>", kickstart="<img src=x>")
    for text in (page(browser, "/"), page(browser, f"/builds/{build_id}")):
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
        assert "<script>" not in text and "<img src=x>" not in text


def test_pages_hold_no_script_and_style_of_their_own(here: service.Service, browser: FlaskClient) -> None:
    build_id = ended(here, states.State.SUCCEEDED)
    for address, status in (("/", 200), (f"/builds/{build_id}", 200), ("/builds/999", 404)):
        text = page(browser, address, status)
        assert not re.search(r"<style|\s(style|on\w+)=|<script(?! src=\"/static/build\.js\" defer></script>)", text)


def test_static_files_are_served_and_never_write_markup(browser: FlaskClient) -> None:
    script = page(browser, "/static/build.js")
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", script)
    assert "prefers-color-scheme: dark" in page(browser, "/static/style.css")


def test_mail_addresses_are_not_on_the_page(here: service.Service, browser: FlaskClient) -> None:
    text = page(browser, f"/builds/{received(here, notify=['ada@example.org'])}")
    assert "1 address" in text and "ada@example.org" not in text


def test_an_unknown_build_gives_the_sentence_and_a_way_back(browser: FlaskClient) -> None:
    text = page(browser, "/builds/999", 404)
    assert "There is no build 999" in text and "<code>unknown-build</code>" in text and '<a href="/">Back' in text
