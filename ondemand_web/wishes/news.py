# SPDX-License-Identifier: MIT
"""What the bus is told of decisions: each time one is made or changed by a rule. Decides nothing."""

from __future__ import annotations

import datetime

from sqlalchemy import orm

from ondemand.wishes import DecisionState
from ondemand_web.events import services as events
from ondemand_web.wishes.models import Decision, Wish


def tell(session: orm.Session, decision: Decision, now: datetime.datetime) -> None:
    """Announces the decision as it is now; the caller has just written its row.

    One that still waits is no news yet, and that no rule is concerned is none at all.
    """
    state = DecisionState(decision.state)
    if decision.rule is None or state is DecisionState.WAITING:
        return
    wish = session.get_one(Wish, decision.wish_id)
    body = {
        "wish": {
            "id": wish.id,
            "subject": wish.subject,
            "message_id": wish.message_id,
            "user": wish.facts.get("user"),
            "builds": list(wish.facts.get("builds", ())),
        },
        "rule": decision.rule,
        "release": decision.release,
        "image_type": decision.image_type,
        "decision": state.value,
        "reason": decision.reason,
        "build": decision.build_id,
    }
    events.announce(session, f"decision/{decision.id}", events.DECIDED, body, now)
