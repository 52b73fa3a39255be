# SPDX-License-Identifier: MIT
"""What every part of the master shares: settings, database, releases, files, storage. The one place of wiring."""

from __future__ import annotations

import dataclasses
import functools

import flask

from ondemand import addresses, plugins, registry, releases, settings
from ondemand_web import starting
from ondemand_web.builds.summaries import Summaries
from ondemand_web.database import Database
from ondemand_web.files.services import Files
from ondemand_web.packages.pools import Pools
from ondemand_web.packages.previews import Previews
from ondemand_web.sets.source import Sets
from ondemand_web.uploads.services import Uploads
from ondemand_web.wishes.rules import Rules


@dataclasses.dataclass(frozen=True, kw_only=True)
class Service:
    """The parts, made once per process."""

    settings: settings.Settings
    database: Database
    releases: releases.Releases
    files: Files
    rules: Rules

    @property
    def guard(self) -> addresses.Guard:
        """Where a request's own repositories may be."""
        master = self.settings.master
        return addresses.Guard(hosts=master.repository_hosts, networks=master.private_networks)

    @property
    def kickstart_guard(self) -> addresses.Guard:
        """Where a request's own kickstart may be."""
        master = self.settings.master
        hosts, networks = master.kickstart_hosts, master.private_networks
        return addresses.Guard(hosts=hosts, networks=networks, thing="kickstart", setting="kickstart_hosts")

    @functools.cached_property
    def summaries(self) -> Summaries:
        """What this process has read of builds' locks."""
        return Summaries()

    @functools.cached_property
    def uploads(self) -> Uploads:
        """The RPM files that testers brought."""
        return Uploads(database=self.database, master=self.settings.master)

    @functools.cached_property
    def sources(self) -> dict[str, plugins.Source]:
        """The installed sources by the kind of reference that they serve."""
        found: dict[str, plugins.Source] = {
            kind: source() for kind, source in registry.load_all(plugins.SOURCES).items()
        }
        return {**found, Sets.kind: Sets(self.database, found)}

    @functools.cached_property
    def pools(self) -> Pools:
        """The repositories that this process has loaded."""
        return Pools()

    @functools.cached_property
    def previews(self) -> Previews:
        """What this process was told of references lately."""
        master = self.settings.master
        folder = master.data / "snapshots"
        return Previews(self.sources, folder, self.pools, self.uploads.find, age=master.metadata_age)

    @functools.cached_property
    def storage(self) -> plugins.Storage:
        """The storage that the settings name."""
        chosen = registry.load(plugins.STORAGE, self.settings.storage.plugin)
        storage: plugins.Storage = chosen(self.settings.storage_url, self.settings.storage.public_url)
        return storage


def make(options: settings.Settings) -> Service:
    """The parts that the settings describe; the database is brought to this version. Raises errors.CannotStart."""
    starting.require(options)
    known = releases.Releases(options.master.config / "releases")
    rules = Rules(options.master.config / "triggers", known)
    automatic = {*(rule.owner for rule in rules.all()), *(bot.owner for bot in options.orders.bots.values())}
    return Service(
        settings=options.model_copy(update={"queue": options.queue.sharing(automatic)}),
        database=starting.database(options),
        releases=known,
        rules=rules,
        files=Files(data=options.master.data, max_upload=options.master.max_upload),
    )


def current() -> Service:
    """The service of the request that is answered now."""
    here: Service = flask.current_app.extensions["ondemand"]
    return here
