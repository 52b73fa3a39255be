# SPDX-License-Identifier: MIT
"""Takes each order once: judged as its bot's owner, counted, made a build, and answered by message, all or nothing."""

from __future__ import annotations

import datetime
import logging

import sqlalchemy as sa
from sqlalchemy import orm

from ondemand import build_requests, errors
from ondemand.build_requests import BuildRequest
from ondemand.orders import Order
from ondemand_web.builds import permissions
from ondemand_web.builds import services as builds
from ondemand_web.database import alone, clock
from ondemand_web.events import services as events
from ondemand_web.orders.models import BotOrder
from ondemand_web.service import Service

log = logging.getLogger(__name__)
HOUR = datetime.timedelta(hours=1)
REFUSALS = 100
"""Refusals that one bot, and all senders together that are none, are told in an hour: who floods us floods nobody by us."""
DETAILS, LONGEST = 20, 600
"""Sentences that an answer has beside its reason, and characters of each."""
ALONE = 0x6F72646572730000
"""PostgreSQL's advisory lock for whoever counts orders and adds one: "orders" in ASCII."""


def take(here: Service, order: Order) -> tuple[BotOrder | None, bool]:
    """What became of the message, and whether that is new: the same message id, the same answer.

    None for what is not answered: orders are off, or too many were refused in this hour.
    """
    if not here.settings.orders.bots:
        log.warning("an order came, but [orders.bots] is empty")
        return None, False
    owner, judged = _judged(here, order)
    with here.database.writing() as session:
        alone(session, ALONE)
        known = session.get(BotOrder, order.message_id)
        if known is not None:
            return known, False
        now = clock(session)
        row = BotOrder(message_id=order.message_id, bot=order.bot, owner=owner, received_at=now)
        try:
            if isinstance(judged, errors.RequestError):
                raise judged
            _require_room(session, order.bot, here.settings.orders.bots[order.bot].hourly, now)
            row.build_id = builds.submit_within(session, judged, owner or "", order.message_id).id
        except errors.RequestError as error:
            if _refused(session, row, now) >= REFUSALS:
                log.warning("an order of bot %s is refused and not answered, as are many: %s", order.bot, error)
                return None, False
            row.error = _told(error)
        session.add(row)
        session.flush()
        events.announce(session, f"order/{row.message_id}", events.ANSWERED, _answer(row), now)
        return row, True


def _judged(here: Service, order: Order) -> tuple[str | None, BuildRequest | errors.RequestError]:
    """The owner, if the sender may speak for one, and the request or why there is none; asks no server and no DNS."""
    bot = here.settings.orders.bots.get(order.bot)
    if bot is None:
        return None, errors.NotPermitted(
            f"The bot {order.bot} may not order images", cause="the settings don't name it", remedy="ask the operator"
        )
    if bot.secret and not order.proven(bot.secret):
        return None, errors.NotPermitted(
            f"The order is not proven to come from the bot {order.bot}",
            cause="its `mac` is missing, or not made of this message with the bot's secret",
            remedy="make it as docs/bots.md describes",
        )
    try:
        request = build_requests.validate(order.request)
        if request.notify and not bot.secret:
            raise errors.NotPermitted(
                f"The bot {order.bot} may have no mails sent",
                cause="it has no secret, so anybody on the bus could have mails sent by it",
                remedy="leave out `notify` and listen to the build's messages, or ask the operator for a secret",
            )
        permissions.require(request, bot.owner, here)
    except errors.RequestError as error:
        return bot.owner, error
    return bot.owner, request


def _require_room(session: orm.Session, bot: str, hourly: int, now: datetime.datetime) -> None:
    recent = (BotOrder.bot == bot, BotOrder.build_id.is_not(None), BotOrder.received_at > now - HOUR)
    if session.execute(sa.select(sa.func.count()).select_from(BotOrder).where(*recent)).scalar_one() >= hourly:
        raise errors.TooManyOrders(
            f"The bot {bot} has ordered {hourly} images within an hour",
            cause="the operator lets it order no more",
            remedy="order again later, in a new message",
        )


def _refused(session: orm.Session, row: BotOrder, now: datetime.datetime) -> int:
    """How many were refused like it in this hour: of its bot, or of all senders that are none."""
    alike = BotOrder.owner.is_(None) if row.owner is None else sa.and_(BotOrder.owner.is_not(None), BotOrder.bot == row.bot)
    recent = (alike, BotOrder.build_id.is_(None), BotOrder.received_at > now - HOUR)
    return session.execute(sa.select(sa.func.count()).select_from(BotOrder).where(*recent)).scalar_one()


def _told(error: errors.RequestError) -> dict[str, object]:
    """The error as it is kept and sent; it may repeat what a stranger wrote."""
    details = [_plain(text) for text in error.details[:DETAILS]]
    return {"code": error.code, "sentence": _plain(error.sentence), "details": details}


def _plain(text: str) -> str:
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text[:LONGEST])


def _answer(row: BotOrder) -> dict[str, object]:
    error = row.error or {}
    return {
        "message_id": row.message_id,
        "bot": row.bot,
        "owner": row.owner,
        "accepted": row.build_id is not None,
        "build": row.build_id,
        "error": error.get("code"),
        "reason": error.get("sentence"),
        "details": error.get("details", []),
    }
