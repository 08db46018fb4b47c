#!/bin/sh
# shell.sh ROOT: shellcheck finds nothing in any shell script, and each that begins
# with #! can be started; the others are read in.
set -eu
here=$(dirname "$(readlink -f "$0")")
cd "$1"
status=0
"$here/sources.sh" . sh | xargs -r shellcheck --format=gcc || status=1
for script in $("$here/sources.sh" . sh); do
	! head -c 2 "$script" | grep -qx '#!' || [ -x "$script" ] || {
		echo "$script: is not executable"
		status=1
	}
done
exit $status
