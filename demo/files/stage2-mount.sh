#!/bin/sh
# SPDX-License-Identifier: MIT
# dmsquash-live leaves this to a unit made from root=, which a boot line with inst.stage2= doesn't have.
if [ -e /run/rootfsbase ] && ! ismounted "$NEWROOT"; then
    mount -t overlay LiveOS_rootfs -o lowerdir=/run/rootfsbase,upperdir=/run/overlayfs,workdir=/run/ovlwork "$NEWROOT"
fi
