# SPDX-License-Identifier: MIT
"""Writes the configuration of a service that builds the demo release: what an operator would write by hand."""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import shutil
import socket

CONFIG = pathlib.Path(__file__).resolve().parent.parent / "config"
LORAX = pathlib.Path(__file__).resolve().parent / "lorax"
"""lorax's templates for the demo release, by which the master knows what its installer is made of."""

RULE = """\
name = "demo"
releases = ["demo"]
lull = 30
hourly_cap = 4
keep_for = 1
"""
"""The trigger rule of the demo: an update is ordered when its packages are in the live image."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Site:
    """One configured service. `environment` makes any `ondemand` process part of it; `settings` is its file."""

    folder: pathlib.Path
    url: str
    settings: pathlib.Path

    @property
    def environment(self) -> dict[str, str]:
        """The environment of its processes."""
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("ONDEMAND_", "FEDORA_"))}
        return {**kept, "ONDEMAND_CONF": str(self.settings)}


def write(
    folder: pathlib.Path,
    distribution: pathlib.Path | None,
    servers: str,
    *,
    mail_port: int = 0,
    cache: pathlib.Path | None = None,
    tables: dict[str, dict[str, object]] | None = None,
) -> Site:
    """Writes settings, release `demo` and its trigger rule where there is its distribution, presets and mail texts below `folder`.

    `servers` is the address of the demo's Koji, Bodhi and repositories; `tables` adds or overrides settings.
    """
    port = free_port()
    config = folder / "config"
    for name in ("presets", "mail"):
        shutil.copytree(CONFIG / name, config / name, dirs_exist_ok=True)
    (config / "releases").mkdir(parents=True, exist_ok=True)
    if distribution is not None:
        shutil.copy(distribution / "keys" / "demo.asc", config / "releases" / "demo.asc")
        published = (distribution / "repositories" / "main" / ".treeinfo").is_file()
        (config / "releases" / "demo.toml").write_text(_release(servers) + (_installers(servers) if published else _by_lorax()))
        (config / "triggers").mkdir(exist_ok=True)
        (config / "triggers" / "demo.toml").write_text(RULE)
    url = f"http://127.0.0.1:{port}"
    sections: dict[str, dict[str, object]] = {
        "master": {
            "url": url,
            "port": port,
            "data": str(folder / "master"),
            "config": str(config),
            "anonymous_owner": "you",
            "own_code": ["you"],
            "wishers": ["you"],
            "operators": ["you"],
            "repository_hosts": ["127.0.0.1"],
            "private_networks": ["127.0.0.0/8"],
        },
        "builder": {
            "work": str(folder / "builder"),
            "cache": str(cache or folder / "cache"),
            "bell": str(folder / "bell.sock"),
            "private_networks": ["127.0.0.0/8"],
        },
        "queue": {},
        "mail": {"host": "127.0.0.1", "port": mail_port, "sender": "ondemand@demo.example"} if mail_port else {},
    }
    for name, values in (tables or {}).items():
        sections.setdefault(name, {}).update(values)
    settings = folder / "ondemand.toml"
    settings.write_text("".join(_table(name, values) for name, values in sections.items() if values))
    settings.chmod(0o600)
    return Site(folder=folder, url=url, settings=settings)


def _table(name: str, values: dict[str, object]) -> str:
    return f"[{name}]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in values.items()) + "\n"


def _release(servers: str) -> str:
    return f"""\
name = "demo"
title = "The demo distribution"
version = "1"
known_as = ["DEMO", "demo-*"]
arches = ["x86_64"]
kickstart_syntax = "F44"
dist_tag = "demo1"
koji_hub = "{servers}/kojihub"
koji_topurl = "{servers}"
bodhi = "{servers}"
candidate_tag = "demo-updates-candidate"
trust = "allow-unsigned-from-koji"
key_files = ["demo.asc"]

[[repositories]]
id = "main"
baseurl = "{servers}/repositories/main"

[[repositories]]
id = "updates-testing"
baseurl = "{servers}/repositories/updates-testing"
role = "testing"

[image_types]
live = {{ backend = "kiwi", preset = "demo-live" }}
"""


def _by_lorax() -> str:
    """The types that a builder with lorax makes, where there is no published boot.iso to begin from."""
    made = (("boot", "lorax", "installer", ""), ("dvd", "lorax_dvd", "demo-install", "automatic = true\n"))
    return "".join(
        f"""
[image_types.{image_type}]
backend = "{backend}"
preset = "{preset}"
installer = {{ templates = {json.dumps(str(LORAX))}, product = "Ondemand Demo" }}

[image_types.{image_type}.options]
sharedir = {json.dumps(str(LORAX))}
{more}"""
        for image_type, backend, preset, more in made
    )


def _installers(servers: str) -> str:
    """The types that begin from the published boot.iso, offered where `demo.boot_iso` has made it. They install by themselves,
    which the demo's installer does onto an empty disk only."""
    return "".join(
        f"""
[image_types.{image_type}]
backend = "{backend}"
preset = "demo-install"

[image_types.{image_type}.installer]
boot_iso = "{servers}/repositories/main"
product = "Demo"

[image_types.{image_type}.options]
automatic = true
"""
        for image_type, backend in (("dvd", "dvd"), ("boot", "remaster"))
    )


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
