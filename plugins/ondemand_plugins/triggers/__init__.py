# SPDX-License-Identifier: MIT
"""Triggers: messages of the bus become facts."""
