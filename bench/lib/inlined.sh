#!/bin/sh
# inlined.sh ADDRESSES FUNCTION INLINED: how many instructions of INLINED, which the compiler put into
# FUNCTION of the kernel, are executed in one run of FUNCTION: the median of all runs. FUNCTIONs that it
# calls do not count.
#
# ADDRESSES is what QEMU wrote (-d exec,nochain -singlestep): a line for each instruction, with its
# address. The kernel's debug information says where each comes from.
#
# exit status: 0, or 1 and a message when there is no such run
set -eu
: "${TWZ_BUILD:=build/release}"
trace=$1 function=$2 inlined=$3
kernel=$TWZ_BUILD/machine/kernel
entry=$(nm "$kernel" | awk -v name="$function" '$3 == name { print $1 }')
[ -n "$entry" ] || {
	echo "inlined: the kernel has no function $function" >&2
	exit 1
}

addresses() {
	sed -n 's|^Trace [0-9]*: [^/]*/\([0-9a-f]*\)/.*|\1|p' "$trace"
}

# ADDRESS 1, if it is of INLINED, else 0.
origins() {
	addresses | sort -u | while read -r address; do
		if addr2line -i -f -e "$kernel" "$address" | grep -qx "$inlined"; then
			echo "$address 1"
		else
			echo "$address 0"
		fi
	done
}

origins >"$trace.origins"
addresses | awk -v entry="$entry" '
	NR == FNR { own[$1] = $2; next }
	$1 == entry { if (runs) print n; runs++; n = 0 }
	runs { n += own[$1] }' "$trace.origins" - | sort -n | awk '
	{ n[NR] = $1 }
	END { if (!NR || !n[NR]) exit 1; print n[int((NR + 1) / 2)] }' || {
	echo "inlined: $inlined was not executed in $function" >&2
	exit 1
}
