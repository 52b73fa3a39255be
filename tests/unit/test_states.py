# SPDX-License-Identifier: MIT
"""The table of transitions holds together."""

from __future__ import annotations

from ondemand.states import TRANSITIONS, State


def test_every_state_has_its_row() -> None:
    assert set(TRANSITIONS) == set(State)


def test_final_states_lead_nowhere() -> None:
    assert {state for state in State if state.final} == {
        State.REFUSED,
        State.SUCCEEDED,
        State.FAILED,
        State.CANCELED,
    }


def test_every_state_that_is_not_final_can_be_canceled() -> None:
    assert all(State.CANCELED in TRANSITIONS[state] for state in State if not state.final)
