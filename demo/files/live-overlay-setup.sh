#!/bin/bash
# SPDX-License-Identifier: MIT
# dracut module: makes the folders of a live system's overlay before its root is mounted, as dracut 060 and later do.

check() {
    return 0
}

depends() {
    echo base
}

install() {
    inst_hook pre-mount 01 "$moddir/live-overlay.sh"
}
