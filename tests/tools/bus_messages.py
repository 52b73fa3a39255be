# SPDX-License-Identifier: MIT
"""Makes tests/data/bus_messages.jsonl.gz, 500 messages as `fedora-messaging record` writes them, and bus_orders.json, what is
to become of the updates among them: `python -m tests.tools.bus_messages`. The schemas are bodhi-messages' and Koji's own.

The orders are those of a rule that wants every RPM of every release, for one image, with supersede, a lull of an hour, no cap
and no wait for signatures: each offer, in the order of its time by update, with `state` as it is at the end. What is withdrawn
after its lull was ordered before.
"""

from __future__ import annotations

import datetime
import gzip
import json
import random
import uuid
from typing import Any

from bodhi.messages.schemas import buildroot_override, update
from fedora_messaging import api, message
from koji_fedoramessaging_messages import build as koji_build
from koji_fedoramessaging_messages import tag as koji_tag

from tests.tools import tree

COUNT = 500
LULL = 1.0
"""Hours; the edits and some of the withdrawals come sooner, and the next update later."""
MESSAGES = tree.ROOT / "tests" / "data" / "bus_messages.jsonl.gz"
ORDERS = tree.ROOT / "tests" / "data" / "bus_orders.json"
_PREFIX = "org.fedoraproject.prod."
_BEGIN = datetime.datetime(2026, 9, 1, tzinfo=datetime.UTC)
_NAMES = ("bash", "kernel", "anaconda", "glibc", "dnf5", "systemd", "firefox", "grub2", "mesa", "vim-enhanced", "openssl", "lorax")
_GROUPS = ("core", "critical-path-apps", "critical-path-base", "critical-path-gnome", "critical-path-kde")
_WITHDRAWN = {
    "obsolete": update.UpdateRequestObsoleteV1,
    "unpush": update.UpdateRequestUnpushV1,
    "revoke": update.UpdateRequestRevokeV1,
    "eject": update.UpdateEjectV1,
    "stable": update.UpdateCompleteStableV1,
}
Json = dict[str, Any]


class Bus:
    """Messages with their times; the same for the same seed."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.sent: list[tuple[datetime.datetime, int, message.Message]] = []
        self.build_id = 2_600_000

    def send(self, hours: float, made: message.Message) -> None:
        """Sends it then."""
        at = _BEGIN + datetime.timedelta(seconds=round(hours * 3600))
        made.id = str(uuid.UUID(int=self.random.getrandbits(128), version=4))
        made.topic = _PREFIX + made.topic
        made._headers["sent-at"] = at.isoformat()
        self.sent.append((at, len(self.sent), made))

    def build(self, name: str, dist: str) -> Json:
        """A build that Koji has made."""
        self.build_id += self.random.randint(1, 40)
        number = self.random.randint
        nvr = f"{name}-{number(1, 9)}.{number(0, 30)}.{number(0, 9)}-{number(1, 4)}.{dist}"
        return {"type": "koji-build", "id": self.build_id, "task_id": self.build_id + 130_000_000, "nvr": nvr}


class Update:
    """One update and what is said of it."""

    def __init__(self, bus: Bus, number: int) -> None:
        self.bus, self.begun = bus, 1 + number * 4.0
        self.release = bus.random.choice(("F43", "F44", "F44", "F45"))
        self.content = "flatpak" if number % 11 == 5 else "container" if number % 17 == 3 else "rpm"
        self.alias = f"FEDORA-{'FLATPAK-' if self.content == 'flatpak' else ''}2026-{bus.random.getrandbits(40):010x}"
        self.critical = bus.random.choice((True, False, False))
        groups = " ".join(sorted(bus.random.sample(_GROUPS, bus.random.randint(1, 3))))
        self.groups = bus.random.choice((groups, None)) if self.critical else ""
        self.builds = [self._build() for _ in range(bus.random.choice((1, 1, 1, 2, 3, 5)))]
        self.orders: list[Json] = []

    def _build(self) -> Json:
        return self.bus.build(self.bus.random.choice(_NAMES), f"fc{self.release[1:]}")

    def body(self, request: str | None = None, status: str = "pending") -> Json:
        """The update as Bodhi describes it."""
        return {
            "alias": self.alias,
            "builds": [{"nvr": each["nvr"], "release_id": 70, "signed": False, "type": self.content, "epoch": 0} for each in self.builds],
            "release": {"name": self.release, "version": self.release[1:], "id_prefix": "FEDORA"},
            "user": {"name": self.bus.random.choice(("alice", "bob", "carol"))},
            "request": request,
            "status": status,
            "content_type": self.content,
            "critpath": self.critical,
            "critpath_groups": self.groups,
            "from_tag": None,
            "title": " ".join(each["nvr"] for each in self.builds),
        }

    def ready(self, hours: float, again: bool = False) -> None:
        """Its builds are complete, or shall be tested again."""
        artifact = {"type": "koji-build-group", "builds": list(self.builds)}
        body = {"agent": "bodhi", "artifact": artifact, "update": self.body("testing"), "re-trigger": again}
        self.bus.send(self.begun + hours, update.UpdateReadyForTestingV3(body=body))
        state = "ordered" if self.content == "rpm" else "skipped"
        ids = sorted(each["id"] for each in self.builds)
        self.orders.append({"subject": self.alias, "build_ids": ids, "again": again, "state": state})

    def edit(self, hours: float) -> None:
        """A build takes another's place."""
        self.builds[0] = self._build()
        self._become("superseded", hours)
        self.ready(hours)

    def signed(self, hours: float) -> None:
        """Its builds go into the pending tag."""
        for each in self.builds:
            self.bus.send(self.begun + hours, koji_tag.TagV1(body=_tagged(each, f"f{self.release[1:]}-updates-testing-pending")))

    def told(self, hours: float, kind: type[message.Message], request: str | None, status: str) -> None:
        """Something else of it."""
        extra = {"reason": "Tests failed", "repo": "f44-updates-testing"} if kind is update.UpdateEjectV1 else {}
        body = {"agent": "alice", "update": self.body(request, status), **extra}
        self.bus.send(self.begun + hours, kind(body=body))

    def withdrawn(self, hours: float, how: str) -> None:
        """It is no longer to be tested."""
        request = how if how in ("obsolete", "unpush", "revoke") else None
        self.told(hours, _WITHDRAWN[how], request, {"stable": "stable", "obsolete": "obsolete"}.get(how, "pending"))
        self._become("canceled", hours)

    def _become(self, state: str, hours: float) -> None:
        """What waits in its lull becomes that."""
        for order in self.orders:
            if order["state"] == "ordered" and hours < LULL:
                order["state"] = state


def _tagged(build: Json, tag: str) -> Json:
    name, version, release = build["nvr"].rsplit("-", 2)
    who = {"instance": "primary", "user": "bodhi", "owner": "alice"}
    return {"build_id": build["id"], "name": name, "version": version, "release": release, "tag_id": 9, "tag": tag, **who}


def _updates(bus: Bus) -> list[Update]:
    updates = [Update(bus, number) for number in range(110)]
    for number, each in enumerate(updates):
        each.ready(0)
        if number % 3 == 0:
            each.signed(0.3)
        if number % 4 == 1:
            each.told(0.35, update.UpdateRequestTestingV1, "testing", "pending")
        if number % 5 == 2:
            each.edit(0.4)
        how = list(_WITHDRAWN)[number // 6 % len(_WITHDRAWN)] if number % 6 == 5 and number % 37 != 36 else ""
        early = how not in ("", "stable") and number % 4 != 3
        if early:
            each.withdrawn(0.8, how)
        elif number % 9 == 4:
            each.ready(2, again=True)
        if number % 4 == 3:
            each.told(6, update.UpdateCompleteTestingV1, None, "testing")
        if number % 37 == 36:
            each.told(8, update.UpdateRequestRevokeV1, "stable", "testing")
        elif how and not early:
            each.withdrawn(20, how)
    return updates


def _composes(bus: Bus) -> None:
    for number, (product, version) in enumerate([("Fedora", "Rawhide"), ("Fedora", "44"), ("Fedora-Cloud", "43")] * 4):
        end = ("FINISHED", "FINISHED_INCOMPLETE", "DOOMED")[number % 4 % 3]
        for hours, status in ((0, "STARTED"), (5, end)):
            body = {
                "status": status,
                "compose_id": f"{product}-{version}-202609{number + 1:02}.n.0",
                "location": f"https://kojipkgs.fedoraproject.org/compose/{version.lower()}/compose",
                "release_short": product,
                "release_version": version,
            }
            bus.send(7 + number * 14 + hours, api.Message(topic="pungi.compose.status.change", body=body))


def _noise(bus: Bus, updates: list[Update]) -> None:
    for each in updates[::7]:
        times = {"creation_time": "2026-09-01T00:00:00+00:00", "completion_time": "2026-09-01T00:10:00+00:00"}
        made = _tagged(each.builds[0], "")
        kept = {name: made[name] for name in ("name", "version", "release", "build_id", "owner", "instance")}
        request = ["git+https://src.fedoraproject.org/x", f"f{each.release[1:]}-candidate", {}]
        told = {"epoch": None, "attribute": "state", "old": 0, "new": 1, "task_id": 5, "request": request}
        body = {**kept, **times, **told, "task": _task(each)}
        bus.send(each.begun - 0.5, koji_build.BuildStateChangeV1(body=body))
        bus.send(each.begun - 0.4, koji_tag.TagV1(body=_tagged(each.builds[0], f"f{each.release[1:]}-updates-candidate")))
        bus.send(each.begun + 1, koji_tag.UntagV1(body=_tagged(each.builds[0], f"f{each.release[1:]}-updates-candidate")))
        override = {"nvr": each.builds[0]["nvr"], "submitter": {"name": "bob"}}
        bus.send(each.begun + 0.1, buildroot_override.BuildrootOverrideTagV1(body={"override": override}))
        each.told(3, update.UpdateRequirementsMetStableV1, None, "testing")


def _task(of: Update) -> Json:
    """The task that made the first build of an update."""
    info = {"id": 5, "method": "build", "host_id": None, "arch": "noarch", "result": None, "request": [], "url": "https://koji/5"}
    return {**info, "state": 2, "owner": "alice", "label": None, "children": [], "srpm": f"{of.builds[0]['nvr']}.src.rpm"}


def _malformed(bus: Bus, updates: list[Update]) -> None:
    ready = update.UpdateReadyForTestingV3.topic
    whole = updates[0].body("testing")
    bodies: list[tuple[str, Json]] = [
        ("buildsys.tag", {}),
        ("buildsys.tag", {"instance": "primary", "tag": "f44-updates-testing-pending", "name": "a b", "version": "1", "release": "1"}),
        (ready, {"update": None, "artifact": {"builds": []}}),
        (ready, {"update": whole}),
        (ready, {"update": whole, "artifact": {"builds": "all"}}),
        (ready, {"update": whole, "artifact": {"builds": [{"id": True, "nvr": "a-1-1"}]}}),
        (ready, {"update": {**whole, "alias": "FEDORA 2026\n1"}, "artifact": {"builds": [{"id": 7, "nvr": "a-1-1"}]}}),
        (ready, {"update": whole, "artifact": {"builds": [{"id": number, "nvr": "a-1-1"} for number in range(1, 502)]}}),
        ("bodhi.update.eject", {"update": {"alias": ["FEDORA-2026-1"]}}),
        ("pungi.compose.status.change", {"status": "FINISHED"}),
    ]
    for number, (topic, body) in enumerate(bodies):
        bus.send(30 + number, api.Message(topic=topic, body=body))


def _comments(bus: Bus, updates: list[Update], count: int) -> None:
    for number in range(count):
        of = updates[number % len(updates)]
        comment = {"karma": 1, "text": "Works for me", "timestamp": "2026-09-02 01:02:03", "user": {"name": "carol"}}
        body = {"comment": {**comment, "update": of.body(None, "testing")}}
        bus.send(of.begun + 12, update.UpdateCommentV1(body=body))


def make(seed: int = 20260901) -> tuple[str, list[Json]]:
    """The lines of the recording, and the orders."""
    bus = Bus(seed)
    updates = _updates(bus)
    _composes(bus)
    _noise(bus, updates)
    _malformed(bus, updates)
    again = [item for item in bus.sent if "koji-build-group" in item[2].topic][::15]
    bus.sent += [(at + datetime.timedelta(minutes=1), len(bus.sent) + number, made) for number, (at, _, made) in enumerate(again)]
    _comments(bus, updates, COUNT - len(bus.sent))
    lines = api.dumps([made for *_, made in sorted(bus.sent, key=lambda item: item[:2])])
    return lines, [order for each in updates for order in each.orders]


if __name__ == "__main__":
    recorded, orders = make()
    MESSAGES.write_bytes(gzip.compress(recorded.encode(), mtime=0))
    ORDERS.write_text("[\n" + ",\n".join(json.dumps(order) for order in orders) + "\n]\n")
