# SPDX-License-Identifier: MIT
"""Plugins by entry point: one that is missing is named, with those that are there."""

from __future__ import annotations

import subprocess
import sys

import pytest

from ondemand import errors, plugins, registry


def test_a_plugin_that_is_not_installed_is_named_with_those_that_are() -> None:
    with pytest.raises(errors.PluginMissing, match=r"no plugin «nosuch» in ondemand.storage.*use one of: fsspec"):
        registry.load(plugins.STORAGE, "nosuch")


def test_one_command_is_loaded_alone_and_where_none_has_that_name_all() -> None:
    assert list(registry.load_all("ondemand.commands", "builder")) == ["builder"]
    assert set(registry.load_all("ondemand.commands", "nosuch")) == {"builder", "serve"}


def test_a_builder_holds_none_of_the_masters_libraries() -> None:
    program = "import sys; from ondemand.commands import main; main.make('builder'); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert "ondemand_consumer.worker" in done.stdout.split()
    assert not {"flask", "solv", "sqlalchemy", "fedora_messaging", "ondemand_web"} & set(done.stdout.split())
