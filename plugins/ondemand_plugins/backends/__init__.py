# SPDX-License-Identifier: MIT
"""Backends: a locked build becomes a plan."""
