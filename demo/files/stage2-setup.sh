#!/bin/bash
# SPDX-License-Identifier: MIT
# dracut module: boots the runtime that inst.stage2= names, by the means of dmsquash-live.

check() {
    return 255
}

depends() {
    echo dmsquash-live
}

install() {
    inst_hook cmdline 20 "$moddir/stage2-root.sh"
    inst_hook mount 20 "$moddir/stage2-mount.sh"
}
