# SPDX-License-Identifier: MIT
"""`make demo`: the whole service on this machine, from a request to an image that boots, on real tools."""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import json
import pathlib
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

from demo import distribution, mail_server, processes, site
from ondemand import build_requests, errors
from ondemand.builds import BuildRecord
from ondemand.client import Client
from ondemand.commands import builds as commands
from ondemand.proofs import ProofKind
from ondemand.states import State
from ondemand_web import lifeline

BUILD = pathlib.Path(__file__).resolve().parent.parent / "build"
READY_TIMEOUT = 120.0
STOP_TIMEOUT = 60.0
BUILD_TIMEOUT = 1500.0


class Phases:
    """Seconds per phase, for `build/demo.json`."""

    def __init__(self) -> None:
        """Nothing is measured yet."""
        self.seconds: dict[str, float] = {}

    @contextlib.contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Measures what happens inside."""
        print(f"== {name}", flush=True)
        started = time.monotonic()
        yield
        self.seconds[name] = round(time.monotonic() - started, 1)


def main() -> int:
    """The demo; the exit status says whether all four proofs held."""
    arguments = argparse.ArgumentParser(description="Build and boot a live image with two wanted builds.")
    arguments.add_argument("--release", help="demo (made of Debian's packages; the default there) or a Fedora one")
    arguments.add_argument("builds", nargs="*", help="what a Fedora image shall hold: updates and builds")
    options = arguments.parse_args()
    release = options.release or ("demo" if shutil.which("apt-get") else _newest_release())
    # Else a TERM would leave the service behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    phases = Phases()
    folder = BUILD / "demo"
    with contextlib.ExitStack() as stack:
        _alone(stack)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        record, here = _show(release, options.builds, phases, folder, stack)
        held = {proof.kind for proof in record.proofs if proof.held} == set(ProofKind)
        good = record.state is State.SUCCEEDED and held
        summary = {"seconds": phases.seconds, "steps": _steps(record), "proofs_held": good}
        (BUILD / "demo.json").write_text(json.dumps(summary, indent=2) + "\n")
        if sys.stdin.isatty():
            print(f"\nThe service stays up at {here.url} until Ctrl-C.", flush=True)
            with contextlib.suppress(KeyboardInterrupt):
                while True:
                    time.sleep(3600)
    return 0 if good else 1


def _alone(stack: contextlib.ExitStack) -> None:
    """Holds the demo's lock: a second demo would take the first one's folder away under its feet."""
    BUILD.mkdir(exist_ok=True)
    lock = stack.enter_context((BUILD / "demo.lock").open("a"))
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise processes.DemoError(
            "A demo of this folder is still up: end it with Ctrl-C in its terminal, then repeat this command."
        ) from error


def _newest_release() -> str:
    """The newest Fedora release of the shipped configuration."""
    return max(path.stem for path in (site.CONFIG / "releases").glob("f*.toml"))


def _show(
    release: str, wanted: list[str], phases: Phases, folder: pathlib.Path, stack: contextlib.ExitStack
) -> tuple[BuildRecord, site.Site]:
    made: pathlib.Path | None = None
    asked: dict[str, object] = {"release": release, "builds": wanted}
    if release == "demo":
        with phases.phase("distribution"):
            made = distribution.make(BUILD / "demo-distribution")
        names = json.loads((made / "distribution.json").read_text())
        asked |= {"builds": wanted or [names["update"], names["koji_build"]], "add_packages": ["ondemand-greeting"]}
    with phases.phase("service"):
        mails = mail_server.MailServer(folder / "mail")
        port = mails.start()
        stack.callback(mails.stop)
        here = _service(folder, made, port, stack)
    texts = {"title": f"A live image of {release}", "notify": ["you@demo.example"]}
    request = build_requests.validate({**asked, **texts})
    with phases.phase("build"):
        record = _build(Client(here.url), request)
    with phases.phase("mail"):
        _wait_for_mail(mails)
    _print(record, folder, mails)
    return record, here


def _service(
    folder: pathlib.Path, made: pathlib.Path | None, mail_port: int, stack: contextlib.ExitStack
) -> site.Site:
    servers = {"url": ""}
    if made is not None:
        argv = [sys.executable, "-m", "demo.servers", str(made), "--port", "0"]
        servers = _start(argv, folder / "servers.json", folder, stack)
    here = site.write(folder, made, servers["url"], mail_port=mail_port, cache=BUILD / "demo-cache")
    for path in (site.CONFIG / "releases").glob("*.toml"):
        shutil.copy(path, folder / "config" / "releases")
    _start(
        [sys.executable, "-m", "ondemand.commands.main", "serve", "--all-in-one"],
        folder / "service.json",
        folder,
        stack,
        here.environment,
    )
    return here


def _start(
    argv: list[str],
    ready: pathlib.Path,
    folder: pathlib.Path,
    stack: contextlib.ExitStack,
    environment: dict[str, str] | None = None,
) -> dict[str, str]:
    """Starts a child of the demo and gives what it wrote into its ready file."""
    output = folder / f"{ready.stem}.log"
    with output.open("wb") as log:
        child = subprocess.Popen(
            [*lifeline.words(), *argv, "--ready-file", str(ready)],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    stack.callback(_stop, child)
    deadline = time.monotonic() + READY_TIMEOUT
    while not ready.exists():
        if child.poll() is not None or time.monotonic() > deadline:
            raise processes.DemoError(f"{ready.stem} did not start; its reason stands in {output}.")
        time.sleep(0.1)
    found: dict[str, str] = json.loads(ready.read_text())
    return found


def _stop(child: subprocess.Popen[bytes]) -> None:
    child.terminate()
    try:
        child.wait(STOP_TIMEOUT)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait(STOP_TIMEOUT)


def _build(client: Client, request: build_requests.BuildRequest) -> BuildRecord:
    record = client.submit(request)
    said: set[str] = set()
    for newest in client.follow(record.id, timeout=BUILD_TIMEOUT, pause=0.5):
        record = newest
        for line in commands.progress(record):
            if line not in said:
                print(f"   {line}", flush=True)
            said.add(line)
    return record


def _wait_for_mail(mails: mail_server.MailServer) -> None:
    deadline = time.monotonic() + 30
    while not mails.mails() and time.monotonic() < deadline:
        time.sleep(0.2)


def _steps(record: BuildRecord) -> dict[str, float]:
    steps = record.attempt.steps if record.attempt else ()
    return {
        step.step.value: round((step.ended_at - step.started_at).total_seconds(), 1) for step in steps if step.ended_at
    }


def _print(record: BuildRecord, folder: pathlib.Path, mails: mail_server.MailServer) -> None:
    print()
    if record.error is not None:
        print(f"error: {record.error.sentence}")
    for proof in record.proofs:
        print(f"proof {proof.kind.value:9} {'held' if proof.held else 'NOT HELD'}: {proof.how}")
    for item in record.wanted:
        print(f"wanted {item.nevra} from the {item.origin}, {item.trust}")
    image = next((file for file in record.artifacts if file.role == "image"), None)
    if image is not None and record.attempt is not None:
        place = f"{record.request.release}/{record.id}/{record.attempt.number}/{image.name}"
        print(f"image  {folder / 'master' / 'artifacts' / place}")
        print(f"sha256 {image.sha256}")
    for mail in mails.mails():
        print(f"mail   {mail}")
    print(f"page   {record.page}", flush=True)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (processes.DemoError, errors.OndemandError) as error:
        print(f"demo: {error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
