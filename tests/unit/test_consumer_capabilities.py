# SPDX-License-Identifier: MIT
"""A builder offers what it has tools for."""

import pathlib
from typing import ClassVar

import pytest

from ondemand import errors, registry, settings
from ondemand_consumer import capabilities


class Usable:
    """A backend whose tools are everywhere."""

    image_types, tools = frozenset({"live"}), ("sh",)


class Unusable:
    """A backend whose tools are nowhere."""

    image_types, tools = frozenset({"dvd"}), ("no-such-tool",)


def test_only_backends_with_their_tools_are_offered(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "load_all", lambda _: {"a": Usable, "b": Unusable})
    offer = capabilities.find(settings.Builder(work=tmp_path))
    assert offer.backends == {"a": ("live",)}
    assert offer.memory > 0


def test_the_reserve_is_not_offered(tmp_path: pathlib.Path) -> None:
    assert capabilities.find(settings.Builder(work=tmp_path, disk_reserve=10**18)).disk == 0


def test_a_backend_without_its_tools_is_refused_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "load", lambda *_: Unusable)
    with pytest.raises(errors.ToolMissing, match="no-such-tool is not installed"):
        capabilities.backend("b")


class Probed(Usable):
    """A backend that asks a tool for its version."""

    probes: ClassVar = {"sh": ("sh", "-c", "echo shell, version 31.10.2 of 2026")}


class Silent(Usable):
    """A backend whose tool has no version to tell."""

    probes: ClassVar = {"sh": ("sh", "-c", "exit 3")}


def test_a_tool_s_version_is_the_first_one_that_it_prints() -> None:
    assert capabilities.versions(Probed()) == {"sh": "31.10.2"}  # type: ignore[arg-type]


def test_a_tool_that_tells_no_version_is_named_in_a_sentence() -> None:
    with pytest.raises(errors.ToolMissing, match=r"version of sh .* is not known, .*status 3"):
        capabilities.versions(Silent())  # type: ignore[arg-type]
