# SPDX-License-Identifier: MIT
"""Packages: snapshots of repositories, headers of wanted builds, solver, and the check."""
