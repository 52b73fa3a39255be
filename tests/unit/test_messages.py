# SPDX-License-Identifier: MIT
"""Messages: valid by their schema, registered, with what readers need."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys

import jsonschema
import pytest
from fedora_messaging import message

from ondemand import messages
from tests.tools import documents, message_schemas

BUILD = {
    "id": 7,
    "url": "http://x/builds/7",
    "owner": "alice",
    "release": "demo",
    "arch": "x86_64",
    "image_type": "live",
    "title": "A title",
    "packages": ["bash"],
}


def test_a_requested_build_is_a_valid_message() -> None:
    sent = messages.BuildRequestedV1(body={"build": BUILD})
    sent.validate()
    assert (sent.topic, sent.url, sent.packages, sent.usernames) == (
        "ondemand.build.requested",
        "http://x/builds/7",
        ["bash"],
        ["alice"],
    )


def test_a_state_change_says_what_and_why() -> None:
    body = {"build": BUILD, "old": "building", "new": "failed", "reason": "it broke"}
    sent = messages.BuildStateChangedV1(body=body)
    sent.validate()
    assert sent.summary == "alice's build 7 (A title) is now failed: it broke"


def test_a_newer_version_is_one_of_the_older_to_who_asks_and_each_is_read_by_its_own_name() -> None:
    body = {"build": BUILD, "old": "building", "new": "failed", "reason": "it broke", "lines": ["so it was"]}
    sent = messages.BuildStateChangedV2(body=body)
    sent.validate()
    read = message.loads(message.dumps(sent))[0]
    assert type(read) is messages.BuildStateChangedV2 and isinstance(read, messages.BuildStateChangedV1)
    assert read.topic == messages.BuildStateChangedV1.topic and read.body["lines"] == ["so it was"]
    older = messages.BuildStateChangedV1(body={name: body[name] for name in body if name != "lines"})
    assert type(message.loads(message.dumps(older))[0]) is messages.BuildStateChangedV1


def test_a_message_without_its_build_is_refused() -> None:
    with pytest.raises(jsonschema.ValidationError):
        messages.BuildRequestedV1(body={}).validate()


def test_a_published_schema_never_changes_and_a_new_one_is_noted() -> None:
    assert message_schemas.changed() == [], "give it a new version, in its name and its class"
    assert message_schemas.published() == message_schemas.current(), "run `python -m tests.tools.message_schemas`"


def test_every_class_is_registered_under_the_name_and_version_of_its_schema() -> None:
    found = importlib.metadata.entry_points(group="fedora.messages")
    ours = {entry.load(): entry.name for entry in found if entry.value.startswith("ondemand.")}
    made = {cls for cls in vars(messages).values() if isinstance(cls, type) and "body_schema" in vars(cls)}
    assert made == set(ours) and len(made) >= 6
    for cls, name in ours.items():
        version = cls.__name__.rpartition("V")[2]
        assert cls.body_schema["id"] == name == f"{cls.topic}.v{version}"


def test_messages_need_the_base_install_alone() -> None:
    blocked = "import sys; sys.modules |= dict.fromkeys(('flask', 'sqlalchemy', 'koji', 'solv', 'kiwi', 'createrepo_c')); "
    subprocess.run([sys.executable, "-c", f"{blocked}import ondemand.messages"], check=True, timeout=60)


def test_an_image_names_its_files() -> None:
    artifact = {"name": "a.iso", "role": "image", "url": "http://x/a.iso", "size": 3, "sha256": "a" * 64}
    sent = messages.ImagePublishedV1(body={"build": BUILD, "artifacts": [artifact]})
    sent.validate()
    assert (sent.summary, sent.packages) == ("the image of alice's build 7 (A title) is published", ["bash"])


@pytest.mark.parametrize("name", documents.READ)
def test_every_message_says_what_its_reader_filters_by(name: str) -> None:
    ours = [entry.load() for entry in importlib.metadata.entry_points(group="fedora.messages") if entry.value.startswith("ondemand.")]
    assert ours
    for cls in ours:
        giver = next(each for each in cls.__mro__ if name in vars(each))
        assert giver.__module__ == "ondemand.messages" and getattr(cls, name).__doc__, cls


@pytest.mark.parametrize(
    ("builds", "packages"),
    [
        (["bash-5.3-1.fc44", "koji:zsh-5.9-1.fc44", "FEDORA-2026-0123456789", "vim", "package:git-2.50"], ["bash", "git", "vim", "zsh"]),
        (["koji:12", "no such", "", 5, None, []], []),
        ("bash", []),
        (None, []),
    ],
)
def test_an_order_tells_who_asks_and_for_what(builds: object, packages: list[str]) -> None:
    sent = messages.BuildWishV1(body={"bot": "acme", "request": {"release": "f44", "builds": builds}})
    sent.validate()
    assert (sent.url, sent.usernames, sent.packages) == ("", ["acme"], packages)


def test_a_builder_and_an_answer_are_about_no_package() -> None:
    builder = {"name": "node-1", "arches": ["x86_64"], "backends": ["kiwi"]}
    lost = messages.BuilderLostV1(body={"builder": builder, "reason": "it was silent"})
    answer = {"bot": "acme", "owner": "acme", "build": 7, "url": "http://x/builds/7", "accepted": True}
    said = messages.BuildWishAnsweredV1(body={"message_id": "m", "error": None, "reason": None, "details": [], **answer})
    lost.validate()
    said.validate()
    assert (lost.url, lost.usernames, lost.packages) == ("", [], [])
    assert (said.url, said.usernames, said.packages) == ("http://x/builds/7", ["acme"], [])


def test_a_decision_tells_of_its_update() -> None:
    wish = {"id": 3, "url": "http://x/wishes/3", "subject": "FEDORA-2026-1", "message_id": "m", "builds": ["bash-5.3-1.fc44"]}
    decided = {"rule": "live", "release": "f44", "image_type": "live", "decision": "ordered", "reason": "it is in it", "build": 7}
    sent = messages.WishDecidedV1(body={"wish": wish, **decided})
    sent.validate()
    assert (sent.packages, sent.usernames, sent.url) == (["bash"], [], "http://x/wishes/3")
    assert sent.summary == "FEDORA-2026-1: ordered: it is in it"
