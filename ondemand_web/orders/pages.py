# SPDX-License-Identifier: MIT
"""The page of orders by message: who asked for what, and what was answered."""

from __future__ import annotations

import flask
import sqlalchemy as sa

from ondemand_web import service
from ondemand_web.orders.models import BotOrder

pages = flask.Blueprint("order_pages", __name__)
PAGE, PAGES = 50, 1000
"""Orders on a page, and pages back at most."""


@pages.get("/orders")
def index() -> str:
    """The orders with their answers, the newest first."""
    here = service.current()
    back = min(max(flask.request.args.get("back", 0, type=int), 0), PAGES)
    newest = sa.select(BotOrder).order_by(BotOrder.received_at.desc(), BotOrder.message_id)
    with here.database.reading() as session:
        rows = list(session.execute(newest.offset(back * PAGE).limit(PAGE + 1)).scalars())
    older = back + 1 if len(rows) > PAGE and back < PAGES else None
    return flask.render_template("orders.html", orders=rows[:PAGE], older=older, bots=sorted(here.settings.orders.bots))
