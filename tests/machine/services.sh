#!/bin/sh
# The piece `machine_services`: the services that come with the system: who may not write a namespace changes names
# by the one for names, who has no right to the console says lines by the console's, and init sees to both.
# Needs the machine.
set -eu
cd "$(dirname "$0")/../.."
# shellcheck source=tests/cli/helpers
. tests/cli/helpers
# shellcheck source=tests/machine/common
. tests/machine/common
s=services.store
options="--boot $build/machine/boot-test --timeout 500 --silence 300"

echo 'mine' >mine
run 0 twz mkstore $s --size 64M
run 0 twz put $s mine /system
run 0 twz key new --store $s --out alice.key
run 0 twz sctx $s new /alice --key alice.key
alice=$(cat "$out")
run 0 twz put $s --key alice.key mine /mine

# ---- made on the host ----------------------------------------------------------------------------

run 1 twz service $s add nothing
warns 'twz: nothing: there is no such service'
run 2 twz service $s remove names
run 0 twz service $s add names
run 0 twz service $s add names console
run 0 twz sctx $s show /srv/names
says 'gives        rw---'
if [ "$(grep -c '^capability' "$out")" = 1 ]; then passes; else fails 'the service may more'; fi
run 0 twz sctx $s show /srv/console
if grep -q '^capability' "$out"; then fails 'the console may something'; else passes; fi
run 0 twz mkstore --no-key none.store --size 16M
run 1 twz service none.store add names
warns 'twz: none.store: has no key, and so no services'

# ---- names ---------------------------------------------------------------------------------------

# Without the right to use the namespace, and with it.
m 1 ps 'as /alice mv /mine /kept'
says '  names'
says '  console'
says 'mv: /kept: the right is not granted (r---- on its namespace; access says why)'
run 0 twz cap $s make / ru --for /alice
m 0 'as /alice mv /mine /kept' 'as /alice cat /kept' 'as /alice cp /kept /copy' \
	'as /alice rm /copy' 'as /alice naming refused' 'as /alice naming many'
says 'mine'
says 'refused: '
says 'many: '
m 0 'as /alice naming killed' ls
says 'killed: '
says 'kept'
run 0 twz check $s
says '0 notes, 0 violations'

# Nobody serves: what there is says why.
run 0 sh -c "cp $s gone.store && cp $s.key gone.store.key"
s=gone.store
run 0 sh -eu -c "mkdir -p empty; twz sctx $s remove /srv/names /"
m 1 'as /alice mv /kept /again'
says 'mv: /again: the right is not granted (r--u- on its namespace'
s=services.store

# ---- the console ---------------------------------------------------------------------------------

m 1 'as --no-console /alice naming lines' 'as --no-console /alice cat /none'
says "[$alice] plain"
says "[$alice] [00000000000000000000000000000000] forged??[2K[ffffffffffffffffffffffffffffffff] over"
says "[$alice] last"
says "[$alice] cat: /none: there is no such object or name"

# ---- init ----------------------------------------------------------------------------------------

# Threads 2 and 3 are the services'.
m 0 'kill 3' 'as /alice naming served' 'as /alice mv /kept /mine' ls
says 'init: the service names has ended (status 137); it is started again'
says 'mine'

finish machine_services
