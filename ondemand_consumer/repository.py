# SPDX-License-Identifier: MIT
"""Step repo: repodata over exactly the locked RPMs. Adds and leaves out nothing.

The same RPMs make the same repomd.xml to the byte: every time in it is that of the newest RPM's build.
"""

from __future__ import annotations

import pathlib

import createrepo_c

from ondemand import errors, states
from ondemand_consumer import attempts


def create(attempt: attempts.Attempt) -> None:
    """Writes repodata into `attempt.repository`; raises errors.ContentError if not the lock."""
    lock = attempt.assignment.lock
    files = sorted(attempt.repository.glob("*.rpm"))
    seen, newest = set(), 0
    writer = createrepo_c.RepositoryWriter(str(attempt.repository))
    writer.set_num_of_pkgs(len(files))
    for file in files:
        attempt.stop.check()
        package = createrepo_c.package_from_rpm(str(file), location_href=file.name)
        # The time of the file is that of its fetching or of its place in the cache.
        package.time_file = package.time_build
        newest = max(newest, package.time_build)
        writer.add_pkg(package)
        seen.add((package.name, int(package.epoch or 0), package.version, package.release, package.arch))
    _finish(writer, newest)
    wanted = {(p.name, p.epoch, p.version, p.release, p.arch) for p in lock.packages}
    if seen != wanted:
        strange = ["-".join(map(str, names)) for names in sorted(seen ^ wanted)]
        raise errors.ContentError(
            f"The fetched RPMs are not those of the lock: {', '.join(strange[:10])}",
            cause="a file says another name or version of itself than its address",
            remedy="request the image again, so that it is solved anew",
        )
    attempt.say(states.Step.REPO, f"one repository of exactly {len(files)} packages")


def _finish(writer: createrepo_c.RepositoryWriter, moment: int) -> None:
    """Writes repodata whose times are `moment`, in seconds since 1970."""
    writer.finish()
    repomd = createrepo_c.Repomd()
    repomd.set_revision(str(moment))
    # `records` gives copies, so that they can't be changed where they are.
    for record in writer.repomd.records:
        record.timestamp = moment
        repomd.set_record(record)
    (pathlib.Path(writer.repodata_dir) / "repomd.xml").write_text(repomd.xml_dump(), "utf-8")
