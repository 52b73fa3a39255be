# SPDX-License-Identifier: MIT
"""An update of a hundred and fifty builds, told and checked with every trust right; nothing of it is timed."""

from __future__ import annotations

import hashlib
import pathlib
from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient

from demo import builds as story
from demo import site
from ondemand import resolutions, settings
from ondemand_web import app, service
from ondemand_web.packages import reading
from tests import source_parts, universe_parts

UPDATE = story.NAMES["unpushed_update"]
MADE = [universe_parts.Made(f"many{number:03}") for number in range(146)]
KNOWN = [story.NAMES[name] for name in ("koji_build", "signed_koji_build", "stranger_build")]
SIGNED = "ondemand-panel-1.2-1.demo1"
"""The build that the update has in the demo, signed by its key."""


def add(records: dict[str, Any]) -> None:
    """Has Koji know the made builds, each with one package that nobody signed."""
    build, rpm = records["builds"][0], records["rpms"][0]
    for number, made in enumerate(MADE, 7000):
        names = {"name": made.name, "version": made.version, "release": "1", "nvr": made.nvr, "epoch": None}
        records["builds"].append({**build, **names, "id": number, "build_id": number, "package_name": made.name})
        digest = hashlib.md5(made.nvr.encode(), usedforsecurity=False).hexdigest()
        own = {"id": 90000 + number, "build_id": number, "arch": "noarch", "payloadhash": digest, "size": -1}
        records["rpms"].append({**rpm, **names, **own})
        records["signatures"][str(90000 + number)] = [{"sigkey": "", "sighash": digest}]
        records["tagged"].append({"tag": "demo-updates-candidate", "build_id": number, "create_event": number})


def enlarge(updates: dict[str, Any]) -> None:
    """Has the update hold all of them, and builds of the demo with each kind of trust."""
    held = updates[UPDATE]["builds"]
    held += [{**held[0], "nvr": nvr} for nvr in (*KNOWN, *(made.nvr for made in MADE))]


@pytest.fixture
def web(distribution: pathlib.Path, servers: str, tmp_path: pathlib.Path) -> Iterator[FlaskClient]:
    """A service whose Koji and Bodhi know the large update."""
    made = site.write(tmp_path, distribution, servers)
    with source_parts.other_demo(tmp_path, distribution, koji=add, bodhi=enlarge) as address:
        for one in MADE:
            folder = tmp_path / "other-distribution" / "packages" / one.name / one.version / "1" / "noarch"
            folder.mkdir(parents=True)
            (folder / f"{one.nvr}.noarch.rpm").write_bytes(universe_parts.front(one))
        definition = made.folder / "config" / "releases" / "demo.toml"
        source_parts.point(definition, koji_hub=f"{address}/kojihub", koji_topurl=address, bodhi=address)
        master = {"data": tmp_path / "master", "config": made.folder / "config", "anonymous_owner": "you", "url": made.url}
        here = service.make(settings.load(master=master))
        reading.read_all(here)
        yield app.make(here).test_client()
        here.database.close()


def trusts(packages: Any) -> dict[str, str]:
    """The kind of trust of each package, by its name."""
    return {package["nevra"].rsplit("-", 2)[0]: package["trust"].partition(":")[0] for package in packages}


def test_every_package_of_a_large_update_is_told_with_its_trust(web: FlaskClient) -> None:
    answer = web.post("/api/v1/resolve", json={"release": "demo", "references": [UPDATE]}).get_json()
    for _ in range(20):
        if not answer["partial"]:
            break
        answer = web.post("/api/v1/resolve", json={"release": "demo", "references": [UPDATE]}).get_json()
    (found,) = resolutions.ResolveRecord.model_validate(answer).references
    assert len(found.builds) == 150 and found.error is None
    told = trusts(package for build in answer["references"][0]["builds"] for package in build["packages"])
    assert {name: told.pop(name) for name in ("ondemand-tools", "ondemand-panel", "ondemand-weather", "ondemand-hello")} == {
        **dict.fromkeys(("ondemand-tools", "ondemand-panel"), "signed"), "ondemand-weather": "refused", "ondemand-hello": "koji-digest"
    }  # fmt: skip
    assert len(told) == 148 and {*told.values()} == {"koji-digest"}
    assert [text for text in found.warnings if "is refused" in text] == [next(t for t in found.warnings if "weather" in t)]


def test_a_large_update_is_checked_whole(web: FlaskClient, tmp_path: pathlib.Path) -> None:
    def leave_out_the_stranger(updates: dict[str, Any]) -> None:
        updates[UPDATE]["builds"] = [b for b in updates[UPDATE]["builds"] if "weather" not in b["nvr"]]

    body = {"release": "demo", "builds": [UPDATE], "add_packages": ["ondemand-panel", *(made.name for made in MADE)]}
    refused = web.post("/api/v1/check", json=body)
    assert refused.status_code == 422 and len(refused.get_json().get("details") or ["one"]) == 1
    assert "ondemand-weather" in refused.get_json()["detail"]
    source_parts.change(tmp_path / "other-distribution", "bodhi.json", leave_out_the_stranger)
    answer = web.post("/api/v1/check", json=body).get_json()
    told = trusts(answer["wanted"])
    assert [told.pop(name) for name in ("ondemand-tools", "ondemand-panel", "ondemand-hello", "ondemand-hello-data")] == [
        *["signed"] * 2,
        *["koji-digest"] * 2,
    ]
    assert len(told) == len(MADE) and {*told.values()} == {"koji-digest"}
