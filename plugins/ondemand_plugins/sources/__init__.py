# SPDX-License-Identifier: MIT
"""Sources: a reference becomes exact RPMs."""
