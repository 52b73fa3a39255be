# SPDX-License-Identifier: MIT
"""The duty that reads the releases' repositories from time to time, so that web processes need ask no mirror."""

from __future__ import annotations

import logging

import requests

from ondemand import errors
from ondemand_web.packages import places
from ondemand_web.service import Service

log = logging.getLogger(__name__)


def read_all(here: Service) -> bool:
    """Takes a snapshot of every release's stable repositories and loads it once, which leaves its `.solv` file.

    One that can't be read now is tried again at the next time. Always False: then the duty pauses.
    """
    folder = here.settings.master.data / "snapshots"
    for release in here.releases.all():
        for arch in release.arches:
            try:
                with requests.Session() as session:
                    found = places.stable_places(release, arch, folder, session)
                    with here.pools.borrow(found, arch, filelists=False):
                        log.debug("release %s for %s is read", release.name, arch)
            except errors.OndemandError as error:
                log.warning("release %s for %s: %s", release.name, arch, error)
    return False
