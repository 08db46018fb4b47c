#!/bin/sh
# The piece `guest_mutate`: every step of the kernel that isolation rests on (kernel/step.h), switched off,
# is missed by a test in the machine. A step that none misses is not needed, or not tested.
#
#     tests/guest/mutate.sh [STEP...]      only these steps
#
# Needs the machine.
set -eu
cd "$(dirname "$0")/../.."
. tests/guest/lib/mutate.sh
[ "${1-}" != --long ] || shift
mutate guest "$@"
