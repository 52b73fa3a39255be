# SPDX-License-Identifier: MIT
"""Named, versioned, shared lists of references."""
