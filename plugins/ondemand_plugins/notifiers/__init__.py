# SPDX-License-Identifier: MIT
"""Notifiers: an event reaches a person."""
