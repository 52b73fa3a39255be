# SPDX-License-Identifier: MIT
"""The API of orders by message, described at /api/v1/openapi."""

from __future__ import annotations

from typing import Any

from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from ondemand.orders import Order
from ondemand_web import service
from ondemand_web.orders import services as orders
from ondemand_web.wishes.views import wisher

api = APIBlueprint("orders", __name__, url_prefix="/api/v1", abp_tags=[Tag(name="orders")])


@api.post("/orders")
def take(body: Order) -> tuple[dict[str, Any], int]:
    """Bring a bot's message that asks for an image; a refusal is told to the bot by message, and is no error here."""
    here = service.current()
    wisher(here)
    row, new = orders.take(here, body)
    answer = {"answered": row is not None, "build": row.build_id if row else None, "error": row.error if row else None}
    return answer, 202 if new else 200
