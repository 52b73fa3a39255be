# SPDX-License-Identifier: MIT
"""Release definitions: what an operator may not write."""

from __future__ import annotations

import pydantic
import pytest

from ondemand import locks, releases


def test_a_release_s_repository_can_not_look_like_a_request_s_own() -> None:
    with pytest.raises(pydantic.ValidationError, match="requests' own repositories"):
        releases.Repository(id=f"{locks.EXTRA}mine", baseurl="http://repo.example.org")
