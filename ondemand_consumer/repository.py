# SPDX-License-Identifier: MIT
"""Step repo: repodata over exactly the locked RPMs. Adds and leaves out nothing."""

from __future__ import annotations

import createrepo_c

from ondemand import errors, states
from ondemand_consumer import attempts


def create(attempt: attempts.Attempt) -> None:
    """Writes repodata into `attempt.repository`; raises errors.ContentError if not the lock."""
    lock = attempt.assignment.lock
    files = sorted(attempt.repository.glob("*.rpm"))
    seen = set()
    with createrepo_c.RepositoryWriter(str(attempt.repository)) as writer:
        writer.set_num_of_pkgs(len(files))
        for file in files:
            attempt.stop.check()
            package = writer.add_pkg_from_file(str(file))
            seen.add((package.name, int(package.epoch or 0), package.version, package.release, package.arch))
    wanted = {(p.name, p.epoch, p.version, p.release, p.arch) for p in lock.packages}
    if seen != wanted:
        strange = ["-".join(map(str, names)) for names in sorted(seen ^ wanted)]
        raise errors.ContentError(
            f"The fetched RPMs are not those of the lock: {', '.join(strange[:10])}",
            cause="a file says another name or version of itself than its address",
            remedy="request the image again, so that it is solved anew",
        )
    attempt.say(states.Step.REPO, f"one repository of exactly {len(files)} packages")
