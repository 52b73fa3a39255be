# SPDX-License-Identifier: MIT
"""Gathers the tables of all areas, so that migrations and tests see every one."""

from __future__ import annotations

import ondemand_web.builds.models
import ondemand_web.events.models
import ondemand_web.files.models
import ondemand_web.orders.models
import ondemand_web.people.models
import ondemand_web.queue.models
import ondemand_web.sets.models
import ondemand_web.uploads.models
import ondemand_web.wishes.models
from ondemand_web.database import Base

AREAS = (
    ondemand_web.builds.models,
    ondemand_web.events.models,
    ondemand_web.files.models,
    ondemand_web.orders.models,
    ondemand_web.people.models,
    ondemand_web.queue.models,
    ondemand_web.sets.models,
    ondemand_web.wishes.models,
    ondemand_web.uploads.models,
)
METADATA = Base.metadata
