# SPDX-License-Identifier: MIT
"""Builders, claims, attempts, leases and the reaper; the worker API."""
