#!/bin/sh
# SPDX-License-Identifier: MIT
# Where no root is named, the medium of inst.stage2=hd:LABEL=… is: images/install.img on it, as Fedora lays it out.
stage2=$(getarg inst.stage2=)
case "$root:$stage2" in
    :hd:LABEL=*)
        stage2="${stage2#hd:LABEL=}"
        root="live:CDLABEL=${stage2%%:*}"
        echo "rd.live.dir=images rd.live.squashimg=install.img" > /etc/cmdline.d/20-demo-stage2.conf
        ;;
esac
