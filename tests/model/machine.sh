#!/bin/sh
# The piece `model_machine`: what model_hosted does, in the machine with the kernel that checks itself, and
# the plug is pulled.
#
# TWZ_SEED chooses other operations and moments. --long does more of everything.
# Needs the machine.
set -eu
cd "$(dirname "$0")/../.."
# shellcheck source=tests/cli/helpers
. tests/cli/helpers
# shellcheck source=tests/kill/machine
. tests/kill/machine
seed=${TWZ_SEED:-1}
operations=100000 pulls=10
# Steps of the kernel (kernel/step.h) without which the model must find something.
steps="copy-on-write ties right--the-active-context's-masks right--R6-signer"
if [ "${1:-}" = --long ]; then
	run_seconds=3000
	operations=2000000 pulls=200
	steps="$steps right--R10-expired publish-anew"
fi
# shellcheck source=tests/model/common
. tests/model/common
model=$build/home/model

set --
for image in "$build"/guest/image/* "$build/guest/image/home/model"; do
	[ ! -f "$image" ] || set -- "$@" "${image##*/}=$image"
done
"$build/pack" boot "$@"
options="--kernel $build/machine/kernel-check --boot $work/boot --smp 2 --timeout 6000"

pulled() {
	pull "$1"
	if grep -q '^model: ' "$err" seen; then
		fails 'the model'
		sed -n 's/^\(start\|model: \)/    seen: &/p' "$err" seen
		finish model_machine
		exit 1
	fi
	sound "pulled $1 s behind '$(tail -n 1 seen)', with seed $seed"
}

new_store
power "model $seed $operations"
await 'at 2048' || fails 'the machine does nothing'
pulled 0
i=0 busy=0
for moment in $(moments "$pulls"); do
	i=$((i + 1))
	power "model $seed $operations"
	if [ $((i % 5)) = 0 ]; then
		pulled "$(awk -v m="$moment" 'BEGIN { print m }')"
	else
		await start || fails 'the model does not start'
		until=$(goal $operations $((pulls - i)) "$moment")
		[ "$until" -le "$(noted seen)" ] || await "at $until." || fails "the model does not come to $until"
		pulled "$(awk -v m="$moment" 'BEGIN { print m / 50 }')"
	fi
	grep -q '^done' seen || busy=$((busy + 1))
done
# shellcheck disable=SC2086
run 0 "$vm" --store "$s" $options --exec "model $seed $operations"
done_by "$operations"
echo "seed $seed: $operations operations, pulled under way $busy times of $pulls; $(tail -n 1 "$out")"
if [ $busy -gt $((pulls / 5)) ]; then
	passes
else
	fails 'the moments missed the operations'
fi
leaves_nothing "seed $seed"

for step in $steps; do
	rm "$s" "$s.key"
	"$twz" mkstore "$s" --size 64M >/dev/null
	# shellcheck disable=SC2086
	run 1 "$vm" --store "$s" $options --word "off=$step" --exec "model $seed 10000"
	says "model: seed $seed, "
	echo "without $step: $(grep "^model: " "$out")"
done

finish model_machine
