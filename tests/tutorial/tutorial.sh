#!/bin/sh
# The piece `tutorial`: docs/tutorial.md, done: the program put together out of its blocks, built with an installed
# libtwz, and run as it says, to the end in the machine. What is printed is compared; "..." stands for anything.
# Needs the machine.
set -eu
cd "$(dirname "$0")/../.."
# shellcheck source=tests/cli/helpers
. tests/cli/helpers
top=$PWD
page=$top/docs/tutorial.md
seconds=500 # for all of it: only what hangs takes so long

run 0 ./twizzler install --profile "${build##*/}" --prefix "$work/usr"

# blocks KIND: the lines of the page's code blocks that begin with ```KIND, one empty line between two blocks.
blocks() {
	awk -v kind="$1" '
		/^```/ { open = !open; now = substr($0, 4); if (open && now == kind && n++) print ""; next }
		open && now == kind
	' "$page"
}
blocks c >"$work/tasks.c"
same bin/tasks.c "$work/tasks.c"

blocks '' | grep -v -e '^\./twizzler install$' -e '^$' >"$work/expected"
run 0 grep -c '^\$ ' "$work/expected"

# The commands, each shown before what it prints.
sed -n 's/^\$ //p' "$work/expected" | while IFS= read -r command; do
	printf "cat <<'EOF'\n$ %s\nEOF\n%s\n" "$command" "$command"
done >"$work/commands"
cat >"$work/twizzler" <<EOF
#!/bin/sh
shift
exec $build/vm --kernel $build/machine/kernel "\$@"
EOF
chmod +x "$work/twizzler"
(cd "$work" && env PATH="$work/usr/bin:$PATH" PKG_CONFIG_PATH="$work/usr/lib/pkgconfig" \
	LD_LIBRARY_PATH="$work/usr/lib" timeout -k 5 $seconds sh ./commands) >"$work/printed" 2>&1 </dev/null || true

# As many lines, and each is the one that is expected.
is_as_expected() {
	awk -v expected="$work/expected" '
		{
			if ((getline line <expected) <= 0) line = ""
			at = index(line, "...")
			if (!at ? $0 == line : index($0, substr(line, 1, at - 1)) == 1 &&
					       substr($0, length - length(line) + at + 3) == substr(line, at + 3))
				next
			print NR ": expected: " line "\n    printed: " $0
			wrong = 1
		}
		END { if ((getline line <expected) > 0) { print "not printed: " line; wrong = 1 } exit wrong }
	' "$1"
}
if is_as_expected "$work/printed" >"$out" 2>"$err"; then
	passes
else
	fails 'what the tutorial says is not what comes'
fi
sed 's/This week/This year/' "$work/printed" >"$work/other"
if is_as_expected "$work/other" >"$out" 2>&1; then
	fails 'another output is taken for what the tutorial says'
else
	passes
fi
finish tutorial
