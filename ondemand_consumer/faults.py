# SPDX-License-Identifier: MIT
"""What a step's error means when the builder's own disk is at fault: full, or not to be written to."""

from __future__ import annotations

import errno
import pathlib
import shutil

from ondemand import errors

_NOTHING_LEFT = 512 * 1024
_FULL = (errno.ENOSPC, errno.EDQUOT)


def explained(error: BaseException, folder: pathlib.Path) -> BaseException:
    """The error, or what is truly behind it: whatever fails while the disk of the attempt in `folder` is full failed of that."""
    if isinstance(error, errors.BuilderError) or not isinstance(error, Exception):
        return error
    if (isinstance(error, OSError) and error.errno in _FULL) or _is_full(folder):
        return errors.TooLittleDisk(
            "The builder's disk is full",
            cause="this build or something else on that machine filled it",
            remedy="it is tried again on another builder if there is one; the operator has to make room",
            details=(str(error),) if isinstance(error, errors.OndemandError) else (),
            lines=getattr(error, "lines", ()),
        )
    if isinstance(error, OSError) and error.filename is not None:
        return errors.BuilderError(
            f"The builder can't use {error.filename}",
            cause=f"of «{error.strerror}»",
            remedy="it is tried again on another builder if there is one; the operator has to look at that path",
        )
    return error


def _is_full(folder: pathlib.Path) -> bool:
    try:
        return shutil.disk_usage(folder).free < _NOTHING_LEFT
    except OSError:
        return False
