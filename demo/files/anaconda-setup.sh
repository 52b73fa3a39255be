#!/bin/bash
# SPDX-License-Identifier: MIT
# dracut module: what lorax asks dracut for by the name of Anaconda's own. The installer's runtime is mounted as the root
# of a live system is.

check() {
    return 255
}

depends() {
    echo dmsquash-live
}
