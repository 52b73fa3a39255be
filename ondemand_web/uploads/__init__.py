# SPDX-License-Identifier: MIT
"""RPM files that testers bring themselves: taken, kept for a while, given out to builders."""
