# SPDX-License-Identifier: MIT
"""Two builds side by side: the report for who changes the toolchain, in program, API, command line and page."""

from __future__ import annotations

import datetime
from typing import Any

from flask.testing import FlaskClient

from ondemand import comparisons, differences
from ondemand.build_requests import BuildRequest
from ondemand.builds import BuildRecord
from ondemand.commands import differences as command
from ondemand.states import Step
from ondemand_web.service import Service
from tests import master_parts as parts

BEGAN = datetime.datetime(2026, 11, 25, 4, 0, tzinfo=datetime.UTC)
SAME = differences.between(parts.LOCK, parts.LOCK)


def record(number: int, backend: str, seconds: float, boot: dict[str, Any], **changes: Any) -> BuildRecord:
    """A build by that backend whose step build took so long."""
    step = {"step": "build", "state": "done", "started_at": BEGAN, "ended_at": BEGAN + datetime.timedelta(seconds=seconds)}
    attempt = {"number": 1, "builder": "one", "started_at": BEGAN, "steps": [step], **changes}
    built = {"kind": "built", "held": True, "how": "seen", "facts": {"size": number * 1000, "tools": {f"{backend}-tool": "1.2"}}}
    proofs = [built, {"kind": "boots", "held": True, "how": "seen", "facts": boot}]
    head = {"id": number, "state": "succeeded", "owner": "ada", "page": "p", "created_at": BEGAN, "changed_at": BEGAN}
    return BuildRecord.model_validate(
        {**head, "backend": backend, "request": BuildRequest(release="demo"), "attempts": [attempt], "proofs": proofs}
    )


OLD = record(1, "kiwi", 90, {"seconds": 40.5, "acceleration": "tcg", "failed_units": []})
NEW = record(2, "livecd", 60, {"seconds": 50.0, "acceleration": "kvm", "failed_units": ["x.service"]}, builder="two")


def test_sizes_times_boots_and_tools_stand_side_by_side() -> None:
    found = comparisons.between(OLD, NEW, SAME)
    assert (found.old.size, found.new.size) == (1000, 2000)
    assert (found.old.steps, found.new.seconds) == ({Step.BUILD: 90.0}, 60.0)
    assert (found.old.tools, found.new.tools) == ({"kiwi-tool": "1.2"}, {"livecd-tool": "1.2"})
    assert found.new.boot == comparisons.Boot(held=True, seconds=50.0, acceleration="kvm", failed_units=("x.service",))


def test_what_to_look_at_and_what_can_not_be_compared_is_said() -> None:
    said = " ".join(comparisons.between(OLD, NEW, SAME).remarks)
    assert "Both hold the same packages." in said and "different builders (one, two)" in said
    assert "booted with tcg and kvm" in said and "In build 2 units fail that do not in build 1: x.service." in said


def test_equal_builds_need_no_remark_but_that() -> None:
    assert comparisons.between(OLD, OLD, SAME).remarks == ("Both hold the same packages.",)


def test_facts_that_an_older_builder_does_not_give_are_left_open() -> None:
    bare = OLD.model_copy(update={"proofs": (), "attempts": ()})
    one = comparisons.side(bare)
    assert (one.size, one.seconds, one.boot, one.tools, one.steps) == (None, None, None, {}, {})


def test_the_command_prints_a_row_for_each() -> None:
    rows = {name: (was, now) for name, was, now in command.rows(comparisons.between(OLD, NEW, SAME))}
    assert rows["backend"] == ("kiwi", "livecd") and rows["step build"] == ("90.0 s", "60.0 s")
    assert rows["kiwi-tool"] == ("1.2", "-") and rows["failed units"] == ("none", "x.service")


def test_api_and_page_tell_the_same(here: Service, web: FlaskClient) -> None:
    first, second = parts.queued(here), parts.queued(here)
    found = web.get(f"/api/v1/builds/{first}/comparison/{second}").get_json()
    assert (found["old"]["backend"], found["old"]["boot"], found["packages"]["added"]) == ("kiwi", None, [])
    assert f"Build {first} is queued, so that not all of it can be compared." in found["remarks"]
    page = web.get(f"/builds/{second}/differences?from={first}").text
    assert all(remark in page for remark in found["remarks"]) and "Size, time, boot and tools" in page
    assert web.get(f"/api/v1/builds/{first}/comparison/9999").status_code == 404
