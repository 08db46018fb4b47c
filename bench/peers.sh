#!/bin/sh
# What an ordered map costs here and elsewhere: libtwz's beside those of PMDK, LMDB and SQLite, with the same
# keys and values, in one run. docs/peers.md says what is compared, and shows a run.
#
# Counted, at 100,000 keys: instructions, flushes, fences, locked instructions and system calls. Timed, at
# 1,000,000: processor time of insert, look-up and scan; from the start of a process to its first look-up;
# two threads beside one. Every peer's turn comes once in each round; a value is the median of the rounds.
# Times bound nothing.
#
#   TWZ_PEERS_ROUNDS=N    rounds (5, some ten minutes in all)
#   TWZ_PEERS_KEYS=N      keys of what is timed (1,000,000)
#   TWZ_PEERS_FOLDER=F    where the stores are made, in a folder of their own (/dev/shm)
#
# The medians stay in $TWZ_BUILD/peers/medians; bench/peers/docs.sh makes table and plot of them.
set -eu
cd "$(dirname "$0")/.."
: "${TWZ_BUILD:=build/release}"
rounds=${TWZ_PEERS_ROUNDS:-5}
keys=${TWZ_PEERS_KEYS:-1000000}
batch=1000
counted=100000 # keys of what is counted
means=1000     # operations that a mean is of; stepping through one of others takes longer
means_peers=50
starts=51
thread_rounds=41
folder=$(mktemp -d "${TWZ_PEERS_FOLDER:-/dev/shm}/twz-peers.XXXXXX")
results=$TWZ_BUILD/peers/results
medians=$TWZ_BUILD/peers/medians
tab=$(printf '\t')

trap 'rm -rf "$folder"' EXIT
trap 'exit 1' INT TERM HUP
export PMEM_IS_PMEM_FORCE=1 # PMDK: the stores' folder counts as persistent memory, as it does for libtwz

fail() {
	printf 'bench peers: %s\n' "$*" >&2
	exit 1
}

# The peers: NAME PROGRAM KIND.
peers='libtwz map map
plain plain plain
rbtree pmdk rbtree
btree pmdk btree
lmdb lmdb lmdb
lmdb-nosync lmdb nosync
sqlite sqlite sqlite
sqlite-normal sqlite normal'
# Those that are durable, and plain, which stands for a program that only starts.
opened='libtwz plain rbtree btree lmdb sqlite'
# Of these, those whose store several processes can have: a pool of PMDK is one's.
shared='libtwz plain lmdb sqlite'
# Those that have put everything in one transaction where they are compared elsewhere.
at_once='lmdb sqlite'

# program PEER
program() {
	echo "$peers" | awk -v name="$1" -v folder="$TWZ_BUILD/peers/" '$1 == name { print folder $2, $3 }'
}

# measure WHAT PEER COMMAND PATH ARGUMENT...: its lines, as WHAT_LINE PEER VALUE
measure() {
	what=$1 peer=$2 command=$3 path=$4
	shift 4
	# shellcheck disable=SC2046
	set -- $(program "$peer") "$command" "$path" "$@"
	"$@" >"$folder/lines" || fail "$* failed"
	awk -v OFS='\t' -v what="$what" -v peer="$peer" '{ print what $1, peer, $2 }' "$folder/lines" \
		>>"$results"
}

remove_stores() {
	find "$folder" -name 'store*' -exec rm -rf {} +
}

count_all() {
	for peer in $(echo "$peers" | cut -d ' ' -f 1); do
		n=$means_peers
		[ "$peer" != libtwz ] || n=$means
		measure '' "$peer" count "$folder/store" $counted $n
		remove_stores
	done
}

time_all() {
	round=0
	while [ $round -lt "$rounds" ]; do
		for order in random rising; do
			for peer in $(echo "$peers" | cut -d ' ' -f 1); do
				measure ${order}_ "$peer" time "$folder/store" $order "$keys" $batch
				remove_stores
			done
			for peer in $at_once; do
				measure ${order}_all_ "$peer" fill "$folder/store" $order "$keys" "$keys"
				remove_stores
			done
		done
		round=$((round + 1))
	done
}

# start_all WHAT PEERS [killed]: starts in turns, each after a process that was killed in a transaction if so.
start_all() {
	what=$1 of=$2 killed=${3:-}
	set --
	for peer in $of; do
		before=
		[ -z "$killed" ] || before="$(program "$peer") die $folder/store.$peer ++"
		# shellcheck disable=SC2046,SC2086
		set -- "$@" -- "$peer" $before $(program "$peer") find "$folder/store.$peer"
	done
	shift
	"$TWZ_BUILD/peers/start" $starts "$@" >"$folder/lines" || fail "a store was not opened again"
	awk -v OFS='\t' -v what="$what" '{ print what, $1, $2 }' "$folder/lines" >>"$results"
}

# Of a store that nobody has, after a kill, and beside a process that has it.
time_starts() {
	for peer in $opened; do
		measure start_ "$peer" fill "$folder/store.$peer" random "$keys" $batch
	done
	start_all start "$opened"
	start_all start_killed "$opened" killed
	mkfifo "$folder/hold"
	exec 9<>"$folder/hold"
	for peer in $shared; do
		# shellcheck disable=SC2046
		$(program "$peer") hold "$folder/store.$peer" <"$folder/hold" >"$folder/held.$peer" 9>&- &
		while [ ! -s "$folder/held.$peer" ] && kill -0 $!; do sleep 0.1; done
	done
	start_all start_beside "$shared"
	exec 9>&-
	wait
	remove_stores
}

time_threads() {
	for peer in $opened; do
		measure '' "$peer" threads "$folder/store" $counted $thread_rounds
		remove_stores
	done
}

./twizzler build peers >&2 || fail 'the programs could not be built'
: >"$results"
count_all
time_all
time_starts
time_threads

# By the value within each figure of a peer; the middle one of them.
sort -t "$tab" -k 1,1 -k 2,2 -k 3,3g "$results" | awk -F '\t' -v OFS='\t' '
	function end() { if (n) print what, peer, value[int((n + 1) / 2)] }
	$1 != what || $2 != peer { end(); n = 0; what = $1; peer = $2 }
	{ value[++n] = $3 }
	END { end() }' >"$medians"
awk -f bench/peers/names.awk -f bench/peers/figures.awk "$medians"

# What it was measured on, for the docs.
{
	sed -n 's/^model name[[:space:]]*: /processor: /p' /proc/cpuinfo | head -n 1
	echo "processors: $(nproc)"
	echo "kernel: $(uname -sr | sed 's/-.*//')"
	echo "compiler: $(gcc --version | head -n 1)"
	dpkg-query -W -f='package: ${Package} ${Version}\n' libpmemobj1 liblmdb0 libsqlite3-0
	echo "rounds: $rounds"
	echo "keys: $keys"
} >"$TWZ_BUILD/peers/machine"
