# SPDX-License-Identifier: MIT
"""The figures for Prometheus, and that their documentation names them all."""

from __future__ import annotations

import pathlib

from prometheus_client import parser

from ondemand_web import app
from ondemand_web.builds import services as builds
from ondemand_web.service import Service
from tests import master_parts as parts

DOCUMENT = (pathlib.Path(__file__).parents[2] / "docs" / "metrics.md").read_text()


def figures(here: Service) -> dict[tuple[str, ...], float]:
    """Each figure by its name and labels' values."""
    answer = app.make(here).test_client().get("/metrics")
    families = parser.text_string_to_metric_families(answer.text)
    return {(sample.name, *sample.labels.values()): sample.value for family in families for sample in family.samples}


def test_an_empty_service_has_figures(here: Service) -> None:
    assert set(figures(here).values()) == {0.0}


def test_the_backlog_of_each_sink_is_counted(here: Service) -> None:
    builds.cancel(here.database, parts.submit(here, notify=["one@example.org"]), "alice")
    found = figures(here)
    assert found["ondemand_builds", "canceled"] == 1
    assert (found["ondemand_deliveries", "bus", "waiting"], found["ondemand_deliveries", "mail", "waiting"]) == (2, 1)
    assert 0 < found["ondemand_delivery_oldest_seconds", "bus"] < 60


def test_queue_and_builders_are_counted(here: Service) -> None:
    parts.queued(here)
    parts.queued(here)
    parts.claim(here, parts.builder(here))
    found = figures(here)
    assert (found["ondemand_builds", "queued"], found["ondemand_builds", "building"]) == (1, 1)
    assert found["ondemand_builders_present",] == 1 and found["ondemand_queue_oldest_seconds",] > 0


def test_no_figure_names_an_owner_or_recipient(here: Service) -> None:
    parts.submit(here, "alice", notify=["one@example.org"])
    assert "alice" not in str(figures(here)) and "example.org" not in str(figures(here))


def test_every_figure_is_documented(here: Service) -> None:
    assert {name for name, *_ in figures(here) if f"`{name}`" not in DOCUMENT} == set()
