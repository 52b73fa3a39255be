# SPDX-License-Identifier: MIT
"""Parts for the master's tests: builds in a state, builders, locks. Tests no thing itself."""

from __future__ import annotations

import contextlib
import datetime
import pathlib
import re
import shutil
import threading
import uuid
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm
from werkzeug import serving

from demo import site
from ondemand import build_requests, settings
from ondemand.builds import Capabilities, FinishReport
from ondemand.locks import Lock, LockedPackage
from ondemand.proofs import Artifact, Proof, ProofKind
from ondemand.states import State
from ondemand_web import app, service
from ondemand_web.builds import services as builds
from ondemand_web.builds.models import Build, BuildLock
from ondemand_web.database import clock
from ondemand_web.files.models import ArtifactFile
from ondemand_web.packages import reading
from ondemand_web.people import services as people
from ondemand_web.queue import endings, turns
from ondemand_web.queue import services as queue
from ondemand_web.queue.lengths import Kind
from ondemand_web.queue.models import Attempt
from ondemand_web.service import Service

ROOT = pathlib.Path(__file__).resolve().parent.parent
CAN = Capabilities(arches=("x86_64",), backends={"kiwi": ("live",)}, disk=10 * 1024**3, memory=8 * 1024**3)
IMAGE = Artifact(name="image.iso", role="image", size=3, sha256="a" * 64)
MANIFEST = Artifact(name="manifest.json", role="manifest", size=2, sha256="b" * 64)
FILES = (IMAGE, MANIFEST)
LOCK = Lock(
    release="f44",
    arch="x86_64",
    image_type="live",
    snapshot={"fedora": "b" * 64},
    requested=("bash",),
    packages=(
        LockedPackage(
            name="bash",
            version="5.3",
            release="1.fc44",
            arch="x86_64",
            origin="side repository",
            urls=("http://x/bash.rpm",),
            checksums={"sha256": "c" * 64},
            trust="koji-digest",
            wanted=True,
            reference="koji:bash-5.3-1.fc44",
            build="bash-5.3-1.fc44",
        ),
    ),
)


def config(folder: pathlib.Path) -> pathlib.Path:
    """The shipped configuration, whose releases need no key: Fedora's keys are not on every machine."""
    made = folder / "config"
    shutil.copytree(ROOT / "config", made, ignore=shutil.ignore_patterns("setup", "systemd"))
    for path in (made / "releases").glob("*.toml"):
        path.write_text(re.sub(r"^key_files = .*$", "key_files = []", path.read_text(), flags=re.MULTILINE))
    return made


@contextlib.contextmanager
def offering(made: site.Site, folder: pathlib.Path, *, read: bool = True, **master: Any) -> Iterator[Service]:
    """A master that offers the demo release, with `master` as settings; by default it has read the repositories."""
    given = {"data": folder / "master", "config": made.folder / "config", "anonymous_owner": "you", "url": made.url}
    here = service.make(settings.load(master={**given, **master}))
    if read:
        reading.read_all(here)
    try:
        yield here
    finally:
        here.database.close()


@contextlib.contextmanager
def served(here: Service, port: int = 0) -> Iterator[str]:
    """The address at which a master answers, on a free port unless one is named."""
    server = serving.make_server("127.0.0.1", port, app.make(here), threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def submit(here: Service, owner: str = "alice", **fields: object) -> int:
    """A build in state `received`."""
    request = build_requests.validate({"release": "f44", **fields})
    return builds.submit(here.database, request, owner, None).id


def queued(here: Service, owner: str = "alice", disk: int = 1024, **fields: object) -> int:
    """A build in state `queued`."""
    build_id = submit(here, owner, **fields)
    with here.database.writing() as session:
        turn = turns.turn(session, owner, kind(builds.get(session, build_id)), here.settings.queue)
        values = {"backend": "kiwi", "disk": disk, "turn": turn}
        builds.move(session, build_id, old=State.RECEIVED, new=State.QUEUED, values=values)
        session.add(BuildLock(build_id=build_id, digest="d", body=LOCK.model_dump(mode="json"), kickstart="lang C\n"))
    return build_id


def kind(build: Build) -> Kind:
    """What it is, made by kiwi."""
    return Kind(build.release, build.arch, build.image_type, "kiwi", build.request["profile"])


def builder(here: Service, name: str = "one") -> str:
    """A registered builder; gives its name."""
    people.add_builder(here.database, name)
    queue.register(here.database, name, f"{name}-instance", here.settings.queue)
    return name


def claim(here: Service, name: str = "one", claim_id: str | None = None, can: Capabilities = CAN) -> Attempt | None:
    """What a claim gives."""
    limits = here.settings.queue
    won = queue.claim(here.database, name, f"{name}-instance", claim_id or str(uuid.uuid4()), can, limits)
    return won[1] if won else None


def succeeded(here: Service, name: str, owner: str = "alice", seconds: float = 60.0, **fields: object) -> int:
    """A build that the builder, which has no other to claim, made in so many seconds."""
    build_id = queued(here, owner, 1024, **fields)
    attempt = claim(here, name)
    assert attempt is not None and attempt.build_id == build_id
    store(here, attempt)
    endings.finish(here.database, name, build_id, attempt.number, success(), here.settings.queue)
    last(here, attempt, seconds)
    return build_id


def last(here: Service, attempt: Attempt, seconds: float) -> None:
    """Has the attempt begun so long before its end, or before now."""
    with here.database.writing() as session:
        row = session.get_one(Attempt, (attempt.build_id, attempt.number))
        row.started_at = (row.ended_at or clock(session)) - datetime.timedelta(seconds=seconds)


def let_pass(here: Service, attempt: Attempt) -> None:
    """Moves the attempt's deadline into the past."""
    with here.database.writing() as session:
        deadline = clock(session) - datetime.timedelta(seconds=1)
        where = (Attempt.build_id == attempt.build_id, Attempt.number == attempt.number)
        session.execute(sa.update(Attempt).where(*where).values(deadline=deadline))


def store(here: Service, attempt: Attempt, *files: Artifact, state: str = "stored") -> None:
    """The files as stored; without any the image and its manifest."""
    with here.database.writing() as session:
        for file in files or FILES:
            values = {"build_id": attempt.build_id, "attempt": attempt.number, "state": state, **file.model_dump()}
            session.add(ArtifactFile(**values))


def success(*files: Artifact) -> FinishReport:
    """A report with all proofs held; without files those of `store`."""
    proven = tuple(Proof(kind=kind, held=True, how="seen") for kind in ProofKind)
    return FinishReport(proofs=proven, artifacts=files or FILES)


def state(here: Service, build_id: int) -> State:
    """The build's state."""
    with here.database.reading() as session:
        return State(builds.get(session, build_id).state)


def plan(session: orm.Session, query: sa.SelectBase) -> str:
    """How the database would find it in a large table."""
    dialect = session.get_bind().dialect
    text = str(query.compile(dialect=dialect, compile_kwargs={"literal_binds": True})).replace(":", r"\:")
    if dialect.name == "sqlite":
        return str(session.execute(sa.text(f"EXPLAIN QUERY PLAN {text}")).all())
    session.execute(sa.text("SET LOCAL enable_seqscan = off"))
    return str(session.execute(sa.text(f"EXPLAIN {text}")).all())
