# SPDX-License-Identifier: MIT
"""Logs by offset, uploads of artifacts, and their way into the storage."""
