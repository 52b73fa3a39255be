# SPDX-License-Identifier: MIT
"""From an API call to an image that boots, with two builders, RabbitMQ and every service a process of its own."""

from __future__ import annotations

import dataclasses
import email
import email.policy
import hashlib
import json
import pathlib
import re
import subprocess

import pytest
import requests

from demo import builds as story
from ondemand.builds import BuildRecord
from ondemand.proofs import Proof, ProofKind
from ondemand.states import Outcome, Step
from tests import builder_parts
from tests import service_parts as parts


@dataclasses.dataclass(frozen=True, kw_only=True)
class Way:
    """One build that went the whole way: its record, the service, the messages that a bot heard."""

    service: parts.Running
    record: BuildRecord
    during: bytes
    messages: list[dict[str, object]]

    def proof(self, kind: ProofKind) -> Proof:
        """The proof of that kind."""
        return next(proof for proof in self.record.proofs if proof.kind is kind)

    def file(self, role: str) -> requests.Response:
        """The published file with that role."""
        (artifact,) = (item for item in self.record.artifacts if item.role == role)
        return requests.get(artifact.url, timeout=60)


@pytest.fixture(scope="module")
def way(service: parts.Running, tmp_path_factory: pytest.TempPathFactory) -> Way:
    """The build, made once for all tests of this file: two wanted builds and an RPM that a tester uploaded."""
    recorder, heard = service.recorder(limit=5)
    rpm = builder_parts.make_rpm(tmp_path_factory.mktemp("mine"))
    builds = [*parts.WANTED, service.ondemand("upload", str(rpm)).strip()]
    build_id = service.submit(**parts.wanted(builds=builds, title="The whole way", notify=["tester@demo.example"]))
    service.at(build_id, Step.BUILD, b"kiwi")
    during, _ = service.client.log(build_id, Step.BUILD)
    record = service.succeeded(build_id)
    assert parts.soon(service.mails.mails), service.dispatcher.output
    assert parts.soon(lambda: not recorder.pid), recorder.output
    messages = [json.loads(line) for line in heard.read_text().splitlines()]
    return Way(service=service, record=record, during=during, messages=messages)


def test_all_four_proofs_hold(way: Way) -> None:
    assert {proof.kind: proof.held for proof in way.record.proofs} == dict.fromkeys(ProofKind, True)


def test_all_wanted_builds_are_there_out_of_the_side_repository_and_by_digest(way: Way) -> None:
    names = {"ondemand-greeting-1.1-1.demo1.x86_64", "ondemand-libs-1.1-1.demo1.x86_64"}
    names |= {"ondemand-hello-2.0-1.demo1.x86_64", "ondemand-hello-data-2.0-1.demo1.noarch", "ball-1-1.noarch"}
    assert {item.nevra for item in way.record.wanted} == names
    assert {item.origin for item in way.record.wanted} == {"side repository"}
    facts = way.proof(ProofKind.CONTAINS).facts
    locked = {item.nevra: item.checksums["header-sha256"] for item in way.record.wanted}
    assert facts["wanted"] == locked and facts["packages"] == way.record.packages
    assert way.proof(ProofKind.BOOTS).facts["packages"] == locked


def test_what_was_uploaded_is_in_the_image_and_said_to_be(way: Way) -> None:
    (mine,) = (item for item in way.record.wanted if (item.reference or "").startswith("upload:"))
    assert (mine.nevra, mine.trust) == ("ball-1-1.noarch", "uploaded")
    page = requests.get(way.record.page, headers={"Accept": "text/html"}, timeout=30).text
    assert "Uploaded by hand was ball-1-1.noarch." in page
    assert way.service.client.uploads().uploads[0].reference == mine.reference


def test_exactly_one_attempt_was_made_and_won(way: Way) -> None:
    (attempt,) = way.record.attempts
    assert attempt.outcome is Outcome.SUCCEEDED
    begun = [node.name for node in way.service.nodes if f"build {way.record.id}, attempt" in node.builder.output]
    assert begun == [attempt.builder]


def test_one_manifest_is_visible_and_names_what_can_be_fetched(way: Way) -> None:
    manifest = way.file("manifest").json()
    for item in manifest["files"]:
        answer = requests.get(f"{way.record.page}/files/{item['name']}", timeout=60)
        assert (len(answer.content), hashlib.sha256(answer.content).hexdigest()) == (item["size"], item["sha256"])
    stored = [path for path in (way.service.folder / "master" / "artifacts").rglob("*") if path.is_file()]
    assert {path.name for path in stored} == {item.name for item in way.record.artifacts}


def test_what_was_booted_is_what_was_published(way: Way) -> None:
    image = hashlib.sha256(way.file("image").content).hexdigest()
    assert way.proof(ProofKind.BOOTS).facts["sha256"] == image
    assert f" = {image}\n" in way.file("checksum").text
    assert way.file("screenshot").content.startswith(b"\x89PNG")


def test_kiwi_leaves_nothing_on_the_node_and_no_file_outside_of_its_work_folder(way: Way) -> None:
    nodes = way.service.nodes
    assert parts.soon(lambda: not any(map(parts.left_over, nodes)), pause=1), [parts.left_over(node) for node in nodes]


def test_event_numbers_have_no_gap(way: Way) -> None:
    events = way.service.client.events(way.record.id)
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    states = [event.body["new"] for event in events if event.kind == "state.changed"]
    assert states == ["received", "queued", "building", "succeeded"]


def test_a_bot_hears_each_event_once_and_in_order(way: Way) -> None:
    said = [(str(item["topic"]), item["body"]) for item in way.messages]
    news = [body["new"] for topic, body in said if topic == "ondemand.build.state.changed" and isinstance(body, dict)]
    assert news == ["received", "queued", "building", "succeeded"]
    assert sum(topic == "ondemand.build.requested" for topic, _ in said) == 1
    assert len({item["id"] for item in way.messages}) == len(way.messages)


def test_the_log_could_be_read_while_the_step_ran(way: Way) -> None:
    whole, size = way.service.client.log(way.record.id, Step.BUILD)
    assert 0 < len(way.during) < size and whole.startswith(way.during[:1000])


def test_the_mail_s_links_work(way: Way) -> None:
    (file,) = way.service.mails.mails()
    mail = email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
    body = mail.get_body()
    links = re.findall(r"https?://\S+", body.get_content() if body else "")
    assert mail["To"] == "tester@demo.example" and len(links) >= 2 + len(Step)
    assert {link: requests.get(link, timeout=60).status_code for link in links} == dict.fromkeys(links, 200)


def test_the_command_line_tells_the_same(way: Way) -> None:
    shown = json.loads(way.service.ondemand("show", str(way.record.id), "--json"))
    builds = {item["build"]: item["origin"] for item in shown["wanted"]}
    assert builds[story.NAMES["koji_build"]] == builds["ondemand-greeting-1.1-1.demo1"] == "side repository"
    assert shown["proofs"][1]["kind"] == "contains" and shown["proofs"][1]["held"]


def test_a_browser_shows_the_page_and_its_script_runs(way: Way, tmp_path: pathlib.Path) -> None:
    argv = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    argv += ["--virtual-time-budget=5000", f"--user-data-dir={tmp_path}", "--dump-dom", way.record.page]
    page = subprocess.run(argv, capture_output=True, text=True, timeout=120, check=False).stdout
    assert "ondemand-hello-2.0-1.demo1.x86_64" in page and "side repository" in page
    for kind in ProofKind:
        assert kind.value in page
