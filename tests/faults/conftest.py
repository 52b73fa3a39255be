# SPDX-License-Identifier: MIT
"""One service for all tests that hurt it; each leaves it whole."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests import outage_parts


@pytest.fixture(scope="session")
def hurt(tmp_path_factory: pytest.TempPathFactory) -> Iterator[outage_parts.Service]:
    """The service with four simulated builders."""
    with outage_parts.running(tmp_path_factory.mktemp("outages")) as service:
        yield service
