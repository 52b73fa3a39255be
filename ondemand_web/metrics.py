# SPDX-License-Identifier: MIT
"""Figures for Prometheus at `/metrics`: queue, builders, and the outbox with its backlog and oldest age. Only reads."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator

import flask
import prometheus_client
import sqlalchemy as sa
from prometheus_client import core, registry
from sqlalchemy import orm

from ondemand.states import State
from ondemand_web import service
from ondemand_web.builds.models import Build
from ondemand_web.database import clock
from ondemand_web.events.models import Delivery, Event
from ondemand_web.queue.models import Builder

pages = flask.Blueprint("metrics", __name__)
SINKS = ("bus", "mail")


@pages.get("/metrics")
def show() -> flask.Response:
    """The figures as they are now, in Prometheus' text format; they name nobody."""
    held = prometheus_client.CollectorRegistry()
    held.register(_Figures(service.current()))
    text = prometheus_client.generate_latest(held)
    return flask.Response(text, content_type=prometheus_client.CONTENT_TYPE_LATEST)


class _Figures(registry.Collector):
    """Read from the database anew each time, so that every process of the service gives the same."""

    def __init__(self, here: service.Service) -> None:
        self._here = here

    def describe(self) -> Iterable[core.Metric]:
        """Nothing beforehand: registering must not read the database."""
        return ()

    def collect(self) -> Iterator[core.Metric]:
        """All of one moment."""
        with self._here.database.reading() as session:
            now = clock(session)
            yield from _builds(session, now)
            yield from _outbox(session, now)


def _builds(session: orm.Session, now: datetime.datetime) -> Iterator[core.Metric]:
    rows = session.execute(sa.select(Build.state, sa.func.count()).group_by(Build.state))
    counted = {State(state): number for state, number in rows}
    builds = core.GaugeMetricFamily("ondemand_builds", "Builds by state.", labels=["state"])
    for state in State:
        builds.add_metric([state.value], counted.get(state, 0))
    yield builds
    oldest = sa.select(sa.func.min(Build.changed_at)).where(Build.state == State.QUEUED)
    age = _age(session.execute(oldest).scalar(), now)
    yield core.GaugeMetricFamily("ondemand_queue_oldest_seconds", "Age of the build that is queued longest.", value=age)
    present = session.execute(sa.select(sa.func.count()).where(Builder.present)).scalar_one()
    yield core.GaugeMetricFamily("ondemand_builders_present", "Builders that were heard of lately.", value=present)


def _outbox(session: orm.Session, now: datetime.datetime) -> Iterator[core.Metric]:
    backlog = core.GaugeMetricFamily(
        "ondemand_deliveries", "Deliveries of events that wait, and that were given up.", labels=["sink", "state"]
    )
    oldest = core.GaugeMetricFamily("ondemand_delivery_oldest_seconds", "Age of the oldest event that waits.", labels=["sink"])
    for sink in SINKS:
        for state in ("waiting", "parked"):
            where = (Delivery.sink == sink, Delivery.state == state)
            backlog.add_metric([sink, state], session.execute(sa.select(sa.func.count()).where(*where)).scalar_one())
        statement = sa.select(sa.func.min(Event.at)).join(Delivery, Delivery.event_id == Event.id)
        first = session.execute(statement.where(Delivery.sink == sink, Delivery.state == "waiting")).scalar()
        oldest.add_metric([sink], _age(first, now))
    yield backlog
    yield oldest


def _age(moment: datetime.datetime | None, now: datetime.datetime) -> float:
    return max(0.0, (now - moment).total_seconds()) if moment else 0.0
