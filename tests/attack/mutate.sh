#!/bin/sh
# The piece `attack_mutate`: every check of rights in the kernel (kernel/step.h), switched off, lets the attack
# succeed that it stands in the way of. A check that no attack needs is not needed, or not tested.
#
#     tests/attack/mutate.sh [STEP...]      only these checks
#
# Needs the machine.
set -eu
cd "$(dirname "$0")/../.."
. tests/guest/lib/mutate.sh
[ "${1-}" != --long ] || shift
mutate attack "$@"
