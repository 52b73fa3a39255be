# SPDX-License-Identifier: MIT
"""Makes the demo distribution: repositories, Koji's package files, keys and the data its servers answer from.

Made once for given inputs in a temporary name and renamed when complete; a finished folder is never changed.
"""

from __future__ import annotations

import argparse
import collections.abc
import concurrent.futures
import datetime
import hashlib
import json
import os
import pathlib
import shutil
import sys
import tempfile
import time

from demo import (
    base_system,
    bodhi_updates,
    builds,
    debian,
    installer_package,
    installer_parts,
    koji_files,
    koji_records,
    live_tools,
    originals,
    packages,
    processes,
    repositories,
    rpms,
    signing,
)

# Modules whose change makes another distribution; a test compares them with what is imported.
INPUTS = (
    *("base_system", "bodhi_updates", "builds", "debian", "distribution", "installer_package", "installer_parts"),
    *("koji_files", "koji_records", "lists", "live_tools", "originals", "packages", "processes", "relations"),
    *("repositories", "rpms", "signing"),
)

Log = collections.abc.Callable[[str], None]


def inputs_hash() -> str:
    """Return the hash of what the distribution is made from: these sources and the host's release."""
    digest = hashlib.sha256()
    here = pathlib.Path(__file__).parent
    modules = [here / f"{name}.py" for name in INPUTS]
    for path in [*modules, *installer_package.modules(), *sorted((here / "files").iterdir())]:
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    for line in pathlib.Path("/etc/os-release").read_text().splitlines():
        if line.startswith(("ID=", "VERSION_CODENAME=")):
            digest.update(line.encode())
    return digest.hexdigest()[:16]


def make(output: pathlib.Path, log: Log = print) -> pathlib.Path:
    """Return the folder of the distribution under `output`, made first where it isn't there yet.

    Raises DemoError with a sentence when a tool is missing or fails.
    """
    output = output.absolute()
    target = output / inputs_hash()
    if (target / "distribution.json").is_file():
        return target
    if os.geteuid() != 0:
        raise processes.DemoError("The demo distribution keeps files' owners, so it is made as root: run this as root.")
    output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="making-", dir=output) as folder:
        made = pathlib.Path(folder) / "distribution"
        _make(made, pathlib.Path(folder) / "work", output / "debs", log)
        try:
            made.rename(target)
        except OSError:
            if not (target / "distribution.json").is_file():
                raise
    return target


def _make(folder: pathlib.Path, work: pathlib.Path, cache: pathlib.Path, log: Log) -> None:
    started = time.monotonic()

    def said(text: str) -> None:
        log(f"{time.monotonic() - started:6.1f} s  {text}")

    work.mkdir(parents=True)
    debs = debian.download(work, cache)
    said(f"{len(debs)} Debian packages are here")
    converted = packages.convert(debs, work)
    said("repackaged as RPMs")
    written = [*base_system.sources(), *installer_parts.sources(), installer_package.source(), live_tools.source()]
    base = [path for source in written for path in rpms.build(originals.spec(source), source.name, work)]
    own = _build_own(work)
    said("the demo's own packages are built")
    keys = {
        builds.Trust.DISTRIBUTION: signing.make_key(work / "key", "Demo distribution"),
        builds.Trust.STRANGER: signing.make_key(work / "stranger", "Stranger"),
    }
    try:
        _fill(folder, work, [*converted, *base], own, keys, said)
    finally:
        for key in keys.values():
            signing.close(key)
    said("done")


def _build_own(work: pathlib.Path) -> list[tuple[builds.Build, list[rpms.Rpm]]]:
    story = builds.builds()
    with concurrent.futures.ThreadPoolExecutor(max_workers=os.cpu_count() or 2) as pool:
        made = pool.map(lambda b: rpms.build(originals.spec(b.source), b.source.nvr, work, source=True), story)
    return [(build, rpms.read(paths, work / "db")) for build, paths in zip(story, made, strict=True)]


def _fill(
    folder: pathlib.Path,
    work: pathlib.Path,
    plain: list[pathlib.Path],
    own: list[tuple[builds.Build, list[rpms.Rpm]]],
    keys: dict[builds.Trust, signing.Key],
    said: Log,
) -> None:
    key = keys[builds.Trust.DISTRIBUTION]
    main, testing = folder / "repositories" / "main", folder / "repositories" / "updates-testing"
    for place in (main / "Packages", testing / "Packages", folder / "data", folder / "keys"):
        place.mkdir(parents=True)
    for path in plain:
        shutil.move(path, main / "Packages" / path.name)
    _sign_all(key, sorted((main / "Packages").glob("*.rpm")))
    said("signed")
    records = koji_files.place(folder, own, keys)
    for build, found in own:
        if build.place in (builds.Place.MAIN, builds.Place.TESTING):
            repository = main if build.place is builds.Place.MAIN else testing
            for rpm in found:
                if rpm.arch != "src":
                    os.link(
                        koji_files.signed_path(folder, build, rpm, key),
                        repository / "Packages" / rpm.path.name,
                    )
    _index(main, testing, own)
    said("indexed")
    now = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
    (folder / "keys" / "demo.asc").write_text(key.public)
    (folder / "keys" / "stranger.asc").write_text(keys[builds.Trust.STRANGER].public)
    _write(folder / "data" / "koji.json", koji_records.records(own, records, now))
    _write(folder / "data" / "bodhi.json", bodhi_updates.documents(builds.updates(), now))
    names: dict[str, object] = dict(builds.NAMES)
    names |= {
        "release": "demo",
        "scratch_task": koji_files.SCRATCH_TASK,
        "key_id": key.key_id,
        "key_fingerprint": key.long_id,
    }
    names |= {"stranger_key_id": keys[builds.Trust.STRANGER].key_id, "made": now.isoformat()}
    _write(folder / "distribution.json", names)


def _sign_all(key: signing.Key, paths: list[pathlib.Path]) -> None:
    halves = [paths[0::2], paths[1::2]]
    with concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
        list(pool.map(lambda half: signing.sign(key, half), halves))


def _index(main: pathlib.Path, testing: pathlib.Path, own: list[tuple[builds.Build, list[rpms.Rpm]]]) -> None:
    binaries = {
        build.source.nvr: [rpm for rpm in found if rpm.arch != "src"]
        for build, found in own
        if build.place is builds.Place.TESTING
    }
    pushed = [update for update in builds.updates() if update.status == "testing" and update.content_type == "rpm"]
    notices = repositories.update_notices(pushed, binaries, datetime.datetime.now(datetime.UTC))
    repositories.index(main, groups=repositories.comps())
    repositories.index(testing, groups=repositories.comps(), notices=notices)


def _write(path: pathlib.Path, content: object) -> None:
    path.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n")


def main(arguments: collections.abc.Sequence[str] | None = None) -> int:
    """Command line: make the distribution and print its folder as the last line."""
    parser = argparse.ArgumentParser(description="Make the demo distribution from the host's own Debian packages.")
    parser.add_argument(
        "--output", type=pathlib.Path, required=True, help="folder that holds distributions and downloads"
    )
    options = parser.parse_args(arguments)
    try:
        print(make(options.output, log=lambda text: print(text, file=sys.stderr, flush=True)))
    except processes.DemoError as problem:
        print(problem, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
