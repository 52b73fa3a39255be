# SPDX-License-Identifier: MIT
"""Pages for people: the list of builds and one build."""

from __future__ import annotations

import datetime
import re
import uuid

import flask

from ondemand import errors
from ondemand.locks import Lock
from ondemand.states import State
from ondemand.uploads import KIND
from ondemand_web import service
from ondemand_web.builds import records
from ondemand_web.builds import services as builds
from ondemand_web.builds.models import BuildLock

pages = flask.Blueprint("pages", __name__)
PAGE = 50


@pages.get("/")
def index() -> str:
    """The builds, the newest first."""
    here = service.current()
    state = flask.request.args.get("state", "")
    wanted = State(state) if state in {item.value for item in State} else None
    before = flask.request.args.get("before", type=int)
    with here.database.reading() as session:
        rows = builds.page(session, state=wanted, before=before, limit=PAGE + 1)
        found = [records.brief(row, here.settings.master.url) for row in rows[:PAGE]]
    older = found[-1].id if len(rows) > PAGE else None
    return flask.render_template("builds.html", builds=found, state=wanted, states=State, older=older)


@pages.get("/builds/<int:build_id>")
def show(build_id: int) -> str:
    """One build: state, steps, logs, packages, proofs, downloads."""
    here = service.current()
    with here.database.reading() as session:
        row = builds.get(session, build_id)
        record = records.full(session, row, here)
        kept = session.get(BuildLock, build_id)
        before = builds.previous(session, row) if kept else None
    lock = Lock.model_validate(kept.body) if kept else None
    uploaded = [wanted.nevra for wanted in record.wanted if (wanted.reference or "").startswith(f"{KIND}:")]
    fetched = kept.kickstart if kept and record.request.kickstart_url else ""
    return flask.render_template(
        "build.html",
        build=record,
        parts=lock.parts if lock else (),
        boot_iso=lock.boot_iso if lock else None,
        before=before,
        unsigned=[package.nevra for package in lock.unsigned] if lock else [],
        unsigned_beside=[package.nevra for package in lock.side if not package.signed] if lock else [],
        uploaded=uploaded,
        fetched=fetched,
        needs_token=not here.settings.master.anonymous_owner,
        key=str(uuid.uuid4()),
    )


@pages.get("/builds/<int:build_id>/differences")
def compare(build_id: int) -> str:
    """What changed from another build (query `from`; else the owner's previous one) to this one."""
    here = service.current()
    with here.database.reading() as session:
        row = builds.get(session, build_id)
        builds.locked(session, build_id)
        old = _number(flask.request.args["from"]) if "from" in flask.request.args else builds.previous(session, row)
        whole = records.comparison(session, old, build_id, here) if old is not None else None
        record = records.brief(row, here.settings.master.url)
    return flask.render_template("differences.html", build=record, old=old, whole=whole, found=whole.packages if whole else None)


def _number(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,18}", text.strip()):
        raise errors.InvalidRequest("A build is named by its number", remedy="write digits alone")
    return int(text)


@pages.app_template_filter("moment")
def moment(value: datetime.datetime | None) -> str:
    """A time for people, in UTC to the second."""
    return value.astimezone(datetime.UTC).strftime("%Y-%m-%d %H:%M:%S UTC") if value else ""


@pages.app_template_filter("seconds")
def seconds(value: datetime.timedelta | None) -> str:
    """How long something took."""
    if value is None:
        return ""
    whole = value.total_seconds()
    return f"{whole:.1f} s" if whole < 60 else f"{int(whole // 60)} min {int(whole % 60)} s"


@pages.app_template_filter("about")
def about(value: float) -> str:
    """A time that is only known roughly."""
    return f"{max(5, round(value / 5) * 5)} s" if value < 90 else f"{round(value / 60)} min"


@pages.app_template_filter("octets")
def octets(value: int) -> str:
    """A size for people."""
    size = float(abs(value))
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024 or unit == "GiB":
            break
        size /= 1024
    sign = "−" if value < 0 else ""
    return f"{sign}{size:.0f} {unit}" if unit == "B" else f"{sign}{size:.1f} {unit}"
