# SPDX-License-Identifier: MIT
"""Measurements on the real service: `make bench` writes build/bench.json. Asserts nothing."""
