# SPDX-License-Identifier: MIT
"""Five hundred recorded messages become exactly the orders that are to come of them."""

from __future__ import annotations

import dataclasses
import gzip
import json
import pathlib
from typing import Any

import pytest

from ondemand import releases, triggers
from ondemand.commands import trigger
from ondemand.facts import Facts
from ondemand_web import app
from ondemand_web.service import Service
from tests import wish_parts as parts
from tests.tools import bus_messages

RELEASES = ("f43", "f44", "f45")


@pytest.fixture(name="facts")
def _facts(tmp_path: pathlib.Path) -> list[Facts]:
    """What the trigger's plugins read out of the recording."""
    path = tmp_path / "bus_messages.jsonl"
    path.write_bytes(gzip.decompress(bus_messages.MESSAGES.read_bytes()))
    return list(trigger.read(triggers.Triggers({}), path).facts.values())


def _with_rawhide(here: Service) -> releases.Releases:
    """The releases of the recording: the shipped ones and the next."""
    folder = here.settings.master.config / "releases"
    (folder / "f45.toml").write_text((folder / "f44.toml").read_text().replace("44", "45"))
    return releases.Releases(folder)


def replayed(here: Service, tmp_path: pathlib.Path, facts: list[Facts], **fields: Any) -> list[dict[str, Any]]:
    """What a rule with these fields would make of them, as the API tells it."""
    here.settings.master.__dict__.update(wishers=("alice",))
    here = dataclasses.replace(here, releases=_with_rawhide(here))
    wanted = parts.rule(**{"releases": RELEASES, "lull": 3600, "hourly_cap": 1000, **fields})
    client = app.make(parts.ruled(here, tmp_path, wanted)).test_client()
    body = {"facts": [each.model_dump(mode="json") for each in facts]}
    answer = client.post("/api/v1/wishes/replay", json=body)
    found: list[dict[str, Any]] = answer.get_json()["wishes"]
    return found


def test_every_update_becomes_what_it_is_to_become(here: Service, tmp_path: pathlib.Path, facts: list[Facts]) -> None:
    told = replayed(here, tmp_path, facts)
    became: dict[tuple[str, tuple[int, ...], bool], str] = {}
    for given, wish in zip(facts, told, strict=True):
        for decision in wish["decisions"] if given.happened == "offered" else ():
            # A message that comes twice is judged once; the first one counts.
            became.setdefault((given.subject, tuple(sorted(given.build_ids)), given.again), decision["state"])
    expected = json.loads(bus_messages.ORDERS.read_text())
    assert len(expected) > 100 and {order["state"] for order in expected} >= {"ordered", "superseded", "canceled", "skipped"}
    wanted = {(order["subject"], tuple(order["build_ids"]), order["again"]): order["state"] for order in expected}
    assert {key: (state, became.get(key)) for key, state in wanted.items() if became.get(key) != state} == {}
