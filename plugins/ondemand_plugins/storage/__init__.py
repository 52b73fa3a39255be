# SPDX-License-Identifier: MIT
"""Storage: files of an attempt become addresses."""
