# SPDX-License-Identifier: MIT
"""Sets as references: in `resolve`, in a check's lock, and by the commands."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator

import pytest
from typer import testing

from demo import builds as story
from demo import site
from ondemand import build_requests, errors
from ondemand.client import Client
from ondemand.commands import main
from ondemand_web import service
from ondemand_web.builds import checks
from tests import master_parts

TAG = f"tag:{story.NAMES['side_tag']}"


@pytest.fixture
def here(
    distribution: pathlib.Path, servers: str, tmp_path: pathlib.Path, database_url: str
) -> Iterator[service.Service]:
    """A master that offers the demo release and has read its repositories."""
    made = site.write(tmp_path, distribution, servers)
    with master_parts.offering(made, tmp_path, database=database_url) as started:
        yield started


@pytest.fixture
def url(here: service.Service) -> Iterator[str]:
    """The address of the running service."""
    with master_parts.served(here) as address:
        yield address


def command(url: str, *words: str) -> tuple[int, str]:
    """Exit status and output of `ondemand set`; an error of ours is its status."""
    environment = {"ONDEMAND_MASTER__URL": url, "COLUMNS": "200"}
    answer = testing.CliRunner().invoke(main.make(), ["set", *words], env=environment)
    if isinstance(answer.exception, errors.OndemandError):
        return answer.exception.exit_status, answer.exception.sentence
    return answer.exit_code, answer.output


def test_the_commands_make_change_show_and_remove_a_set(url: str) -> None:
    assert command(url, "add", "demo-set", story.NAMES["update"]) == (0, "set:demo-set@1: 1 reference\n")
    assert command(url, "add", "demo-set", TAG, story.NAMES["update"])[1].startswith("set:demo-set@2: 2 references")
    assert command(url, "remove", "demo-set", TAG)[1].startswith("set:demo-set@3: 1 reference\n")
    assert TAG in command(url, "show", "demo-set", "--version", "2")[1]
    assert command(url, "remove", "demo-set")[0] == command(url, "remove", "demo-set", TAG, "--all")[0] == 2
    assert "demo-set" in command(url, "list")[1]
    assert command(url, "remove", "demo-set", TAG)[0] == errors.UnknownReference.exit_status
    assert command(url, "remove", "demo-set", "--all")[0] == 0
    assert command(url, "show", "demo-set")[0] == errors.UnknownSet.exit_status


def test_a_set_becomes_what_its_references_become(url: str) -> None:
    client = Client(url)
    client.put_set("demo-set", [story.NAMES["single_update"], TAG], 0)
    (found,) = client.resolve(["set:demo-set"], "demo").references
    assert (found.reference, found.identity, found.error) == ("set:demo-set@1", "set:demo-set@1", None)
    assert {build.nvr.partition("-1.demo1")[0] for build in found.builds} == {
        "ondemand-hello-1.1",
        "ondemand-libs-3.0",
        "ondemand-greeting-3.0",
    }


def test_the_lock_names_the_version_that_was_current_at_the_check(here: service.Service, url: str) -> None:
    Client(url).put_set("demo-set", [TAG], 0)
    request = build_requests.validate({"release": "demo", "builds": ["set:demo-set"], "add_packages": ["ondemand-greeting"]})
    before = checks.checked(here, request).lock
    Client(url).put_set("demo-set", [story.NAMES["update"]], 1)
    assert {package.reference for package in before.wanted} == {"set:demo-set@1"}
    after = checks.checked(here, request).lock
    assert {f"{p.name}-{p.version}" for p in after.wanted} == {"ondemand-greeting-1.1", "ondemand-libs-1.1"}
    pinned = request.model_copy(update={"builds": ("set:demo-set@1",)})
    assert checks.checked(here, pinned).lock.packages == before.packages


def test_all_that_a_set_can_not_have_is_said_at_once(url: str) -> None:
    client = Client(url)
    client.put_set("demo-set", ["ondemand-none-1-1", "ondemand-none-2-1", TAG], 0)
    (found,) = client.resolve(["set:demo-set"], "demo").references
    assert found.error and found.error.code == "unknown-reference" and len(found.error.details) == 2
    (unknown,) = client.resolve(["set:nothing"], "demo").references
    assert unknown.error and "there is none of that name" in unknown.error.sentence
