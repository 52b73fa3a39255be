# SPDX-License-Identifier: MIT
"""How long `GET /api/v1/builds` takes with hundreds of thousands of builds: whole, by state, and further back."""

from __future__ import annotations

import itertools
import time

import requests

from ondemand.states import State
from tests.bench import figures

COUNT = 50
"""Times that each question is asked."""
QUESTIONS: tuple[dict[str, str], ...] = (
    {},
    {"limit": "200"},
    {"before": "100000"},
    *({"state": state.value} for state in State),
    {"state": State.SUCCEEDED.value, "before": "50000"},
)


def measure(url: str) -> dict[str, float]:
    """`list_p95_ms` over all, each question COUNT times."""
    figures.announce(f"{COUNT} times {len(QUESTIONS)} lists of builds")
    taken: dict[int, list[float]] = {number: [] for number in range(len(QUESTIONS))}
    with requests.Session() as session:
        for _, number in itertools.product(range(COUNT), range(len(QUESTIONS))):
            taken[number].append(_ask(session, url, QUESTIONS[number]))
    for number, question in enumerate(QUESTIONS):
        words = " ".join(f"{key}={value}" for key, value in question.items()) or "all"
        print(figures.spread(words, [value * 1000 for value in taken[number]], "ms"), flush=True)
    every = [value for values in taken.values() for value in values]
    return {"list_p95_ms": figures.percentile(every, 95) * 1000}


def _ask(session: requests.Session, url: str, question: dict[str, str]) -> float:
    began = time.perf_counter()
    answer = session.get(f"{url}/api/v1/builds", params=question, timeout=30)
    taken = time.perf_counter() - began
    assert answer.status_code == 200, answer.text
    return taken
