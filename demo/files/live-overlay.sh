#!/bin/sh
# SPDX-License-Identifier: MIT
mkdir -m 0755 -p /run/overlayfs /run/ovlwork
