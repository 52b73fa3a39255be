# SPDX-License-Identifier: MIT
"""The demo's own small packages in several versions, and the story of where each build can be found.

Only the story: it neither builds nor signs.
"""

from __future__ import annotations

import dataclasses
import enum

from demo import originals


class Place(enum.Enum):
    """Where a build's packages can be found."""

    MAIN = "in main, and known to Koji"
    TESTING = "in updates-testing, and known to Koji"
    KOJI = "known to Koji only"
    SCRATCH = "left by a scratch build's task only"


class Trust(enum.Enum):
    """Who signed the copies of a build."""

    NOBODY = "no signature, as Koji's fresh builds have none"
    DISTRIBUTION = "signed with the distribution's key"
    STRANGER = "signed with a key that is not the distribution's"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Build:
    """One source at one version, with place and trust; `tags` are Koji's."""

    source: originals.Source
    place: Place
    trust: Trust
    tags: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Update:
    """One Bodhi update over builds named by NVR."""

    alias: str
    title: str
    notes: str
    status: str
    request: str | None
    nvrs: tuple[str, ...]
    kind: str = "enhancement"
    content_type: str = "rpm"


def _hello(version: str) -> originals.Source:
    data = "/usr/share/ondemand/hello/greeting.txt"
    return originals.Source(
        version=version,
        packages=(
            originals.Original(
                name="ondemand-hello",
                summary="Says hello from an image made on demand",
                files={"/usr/bin/ondemand-hello": f"#!/usr/bin/sh\n# version {version}\ncat {data}\n"},
                requires=("bash", "coreutils", f"ondemand-hello-data = {version}"),
                noarch=False,
            ),
            originals.Original(
                name="ondemand-hello-data",
                summary="The words of ondemand-hello",
                files={data: f"Hello from {version}\n"},
            ),
            originals.Original(
                name="ondemand-hello-doc",
                summary="How to use ondemand-hello",
                files={"/usr/share/doc/ondemand-hello/README": f"Run ondemand-hello {version}.\n"},
            ),
        ),
    )


def _single(
    name: str, version: str, summary: str, *, requires: tuple[str, ...] = (), provides: tuple[str, ...] = ()
) -> originals.Source:
    package = originals.Original(
        name=name,
        summary=summary,
        files={f"/usr/share/ondemand/{name}/version": version + "\n"},
        requires=requires,
        provides=provides,
        noarch=False,
    )
    return originals.Source(version=version, packages=(package,))


def _libs(version: str) -> originals.Source:
    return _single(
        "ondemand-libs",
        version,
        "What other demo packages build upon",
        provides=(f"ondemand-api = {version}",),
    )


def _greeting(version: str) -> originals.Source:
    return _single(
        "ondemand-greeting",
        version,
        "A greeting that needs ondemand-libs at its version",
        requires=(f"ondemand-libs >= {version}",),
    )


def builds() -> list[Build]:
    """Return every build of the story."""
    tools, panel, weather = "Tools of the demo", "A panel of the demo", "The demo's weather"
    main = [_hello("1.0"), _libs("1.0"), _greeting("1.0")]
    main += [_single("ondemand-tools", "1.0", tools), _single("ondemand-panel", "1.0", panel)]
    main += [_single("ondemand-weather", "1.0", weather)]
    testing = (_hello("1.1"), _libs("1.1"), _greeting("1.1"))
    broken = _single("ondemand-broken", "1.0", "Needs what nobody has", requires=("ondemand-nowhere",))
    scratch = _hello("2.1")
    return [
        *(Build(source=s, place=Place.MAIN, trust=Trust.DISTRIBUTION, tags=("demo",)) for s in main),
        *(
            Build(source=s, place=Place.TESTING, trust=Trust.DISTRIBUTION, tags=("demo-updates-testing",))
            for s in testing
        ),
        _koji(_hello("0.9"), Trust.DISTRIBUTION),
        _koji(_hello("2.0"), Trust.NOBODY, "demo-updates-candidate"),
        _koji(_single("ondemand-tools", "2.0", tools), Trust.DISTRIBUTION, "demo-updates-candidate"),
        _koji(_single("ondemand-weather", "2.0", weather), Trust.STRANGER, "demo-updates-candidate"),
        _koji(_single("ondemand-panel", "1.2", panel), Trust.DISTRIBUTION, "demo-updates-testing-pending"),
        _koji(broken, Trust.NOBODY, "demo-updates-candidate"),
        _koji(_libs("3.0"), Trust.NOBODY, "demo-build-side-7"),
        _koji(_greeting("3.0"), Trust.NOBODY, "demo-build-side-7"),
        Build(source=scratch, place=Place.SCRATCH, trust=Trust.NOBODY),
    ]


def _koji(source: originals.Source, trust: Trust, *tags: str) -> Build:
    return Build(source=source, place=Place.KOJI, trust=trust, tags=tags)


def updates() -> list[Update]:
    """Return every update of the story."""
    return [
        Update(
            alias="DEMO-2026-1a2b3c4d5e",
            title="ondemand-greeting and ondemand-libs 1.1",
            notes="The greeting is warmer; it needs the new libraries.",
            status="testing",
            request=None,
            nvrs=("ondemand-greeting-1.1-1.demo1", "ondemand-libs-1.1-1.demo1"),
        ),
        Update(
            alias="DEMO-2026-2b3c4d5e6f",
            title="ondemand-hello 1.1",
            notes="Says hello louder.",
            status="testing",
            request=None,
            nvrs=("ondemand-hello-1.1-1.demo1",),
            kind="bugfix",
        ),
        Update(
            alias="DEMO-2026-3c4d5e6f7a",
            title="ondemand-panel 1.2",
            notes="Not pushed yet.",
            status="pending",
            request="testing",
            nvrs=("ondemand-panel-1.2-1.demo1",),
        ),
        Update(
            alias="DEMO-2026-4d5e6f7a8b",
            title="ondemand-tools 1.0",
            notes="Long stable.",
            status="stable",
            request=None,
            nvrs=("ondemand-tools-1.0-1.demo1",),
        ),
        Update(
            alias="DEMO-2026-5e6f7a8b9c",
            title="A container of ondemand-hello",
            notes="Holds no packages.",
            status="testing",
            request=None,
            nvrs=("ondemand-hello-container-1-1",),
            content_type="container",
        ),
    ]


# The names that tests, the demonstration and its documents use.
NAMES: dict[str, str] = {
    "update": "DEMO-2026-1a2b3c4d5e",
    "single_update": "DEMO-2026-2b3c4d5e6f",
    "unpushed_update": "DEMO-2026-3c4d5e6f7a",
    "stable_update": "DEMO-2026-4d5e6f7a8b",
    "container_update": "DEMO-2026-5e6f7a8b9c",
    "koji_build": "ondemand-hello-2.0-1.demo1",
    "signed_koji_build": "ondemand-tools-2.0-1.demo1",
    "stranger_build": "ondemand-weather-2.0-1.demo1",
    "old_build": "ondemand-hello-0.9-1.demo1",
    "broken_build": "ondemand-broken-1.0-1.demo1",
    "stable_build": "ondemand-tools-1.0-1.demo1",
    "tag": "demo-updates-candidate",
    "side_tag": "demo-build-side-7",
}
