# SPDX-License-Identifier: MIT
"""Builds: rows, the one function that changes their state, API and pages."""
