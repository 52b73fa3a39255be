# SPDX-License-Identifier: MIT
"""Plugins by entry point: one that is missing is named, with those that are there."""

from __future__ import annotations

import pytest

from ondemand import errors, plugins, registry


def test_a_plugin_that_is_not_installed_is_named_with_those_that_are() -> None:
    with pytest.raises(errors.PluginMissing, match=r"no plugin «nosuch» in ondemand.storage.*use one of: fsspec"):
        registry.load(plugins.STORAGE, "nosuch")
