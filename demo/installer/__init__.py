# SPDX-License-Identifier: MIT
"""The demo distribution's small installer: by kickstart from a tree onto the first empty disk. It is no Anaconda."""
