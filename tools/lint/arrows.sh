#!/bin/sh
# arrows.sh ROOT: every #include is one that ROOT/tools/lint/arrows allows.
set -eu
here=$(dirname "$(readlink -f "$0")")
cd "$1"
"$here/sources.sh" . c | xargs -r grep -HnE '^[[:space:]]*#[[:space:]]*include' /dev/null |
	awk -v arrows=tools/lint/arrows '
	BEGIN {
		while ((got = (getline line < arrows)) > 0) {
			if (line ~ /^#/ || line !~ /[^ \t]/) continue
			n++
			fields = split(line, f, " ")
			from[n] = f[1]
			for (i = 2; i <= fields; i++) to[n] = to[n] " " f[i]
		}
		if (got < 0 || !n) { print arrows ": cannot be read"; bad = 1 }
	}
	function applies(rule, file, tail) {
		if (rule ~ /^\*/) {
			tail = substr(rule, 2)
			return substr(file, length(file) - length(tail) + 1) == tail
		}
		return rule == file || (rule ~ /\/$/ && index(file, rule) == 1)
	}
	# what: <NAME> or a path; entry: one of the allowed
	function allows(entry, what) {
		if (entry == what) return 1
		if (what ~ /^</)
			return entry ~ /\*>$/ && index(what, substr(entry, 1, length(entry) - 2)) == 1 &&
				!(entry == "<*>" && what ~ /^<twz\//)
		return entry ~ /\/$/ && index(what, entry) == 1
	}
	{
		split($0, part, ":")
		file = part[1]
		if (!match($0, /<[^>]*>|"[^"]*"/)) { print file ":" part[2] ": not a plain #include"; bad = 1; next }
		what = substr($0, RSTART, RLENGTH)
		if (what ~ /^"/) what = substr(what, 2, length(what) - 2)
		ok = known = 0
		for (r = 1; r <= n && !ok; r++)
			if (applies(from[r], file)) {
				known = 1
				entries = split(to[r], e, " ")
				for (i = 1; i <= entries && !ok; i++) ok = allows(e[i], what)
			}
		if (ok && what !~ /\.\./) next
		bad = 1
		if (!known) print file ": tools/lint/arrows says nothing of this folder"
		else print file ":" part[2] ": may not include " what " (tools/lint/arrows)"
	}
	END { exit bad }'
