#!/bin/sh
# The piece `docs`: what the manual says of files, commands, names, invariants and layouts is so.
# A check counts as passed only if it also refuses a manual with a mistake: each has a bad example.
set -eu
cd "$(dirname "$0")/../.."
bin=${TWZ_BUILD:-build/release}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0 failed=0

# ---- what the tree has ---------------------------------------------------------------------------

find abi core kernel lib rt srv bin tools tests bench -path tests/docs -prune -o -type f \( -name '*.[ch]' -o -name '*.sh' \) -print |
	sort >"$work/sources"
xargs cat Makefile twizzler <"$work/sources" | tr -cs 'A-Za-z0-9_' '\n' | sort -u >"$work/words"
sed -n 's/^[[:space:]]*X(\([A-Z]*\),.*/TWZ_E_\1/p' abi/errors.h | sort -u - "$work/words" -o "$work/words"
./twizzler test --list 2>/dev/null >"$work/pieces" || : >"$work/pieces"

# ---- what the manual says ------------------------------------------------------------------------

pages() {
	(cd "$1" && find README.md docs -name '*.md' | sort)
}

# spans ROOT: what stands between backquotes outside of code blocks, as "page:line<tab>text".
spans() {
	pages "$1" | while IFS= read -r page; do
		awk -v page="$page" '
			/^[ \t]*```/ { code = !code; next }
			code { next }
			{ n = split($0, part, "`"); for (i = 2; i <= n; i += 2) print page ":" NR "\t" part[i] }
		' "$1/$page"
	done
}

# blocks ROOT: the lines of code blocks, in the same form.
blocks() {
	pages "$1" | while IFS= read -r page; do
		awk -v page="$page" '
			/^[ \t]*```/ { code = !code; next }
			code || /^    / { print page ":" NR "\t" $0 }
		' "$1/$page"
	done
}

# links ROOT: "page:line<tab>target" of every link that is not to another site.
links() {
	pages "$1" | while IFS= read -r page; do
		awk -v page="$page" '
			/^[ \t]*```/ { code = !code; next }
			code { next }
			{
				gsub(/`[^`]*`/, "x")
				while (match($0, /\]\([^)]*\)/)) {
					target = substr($0, RSTART + 2, RLENGTH - 3)
					if (target !~ /^[a-z]+:/) print page ":" NR "\t" target
					$0 = substr($0, RSTART + RLENGTH)
				}
			}' "$1/$page"
	done
}

# ---- the checks: each prints what is wrong with the manual in ROOT -------------------------------

check_links() {
	links "$1" | while IFS='	' read -r where target; do
		page=${where%:*}
		file=${target%%#*}
		section=${target#"$file"}
		if [ -n "$file" ]; then
			at=$1/$(dirname "$page")/$file
			# What is not the manual's is in the tree.
			[ -e "$at" ] || at=$(dirname "$page")/$file
		else
			at=$1/$page
		fi
		if [ ! -e "$at" ]; then
			echo "$where: there is no $target"
		elif [ -n "$section" ] && ! sed -n 's/^##* //p' "$at" | tr 'A-Z ' 'a-z-' |
			sed 's/[^a-z0-9_-]//g' | grep -qxF -e "${section#\#}"; then
			echo "$where: $file has no section $section"
		fi
	done
}

# Every page of the manual is reached from the README or the map.
check_reached() {
	root=$(realpath "$1")
	links "$1" | while IFS='	' read -r where target; do
		realpath -m --relative-to="$root" "$root/$(dirname "${where%:*}")/${target%%#*}"
	done | sort -u >"$work/reached"
	pages "$1" | grep -vxF -e README.md | grep -vxFf "$work/reached" | sed 's/$/: no page leads here/' || true
}

check_paths() {
	spans "$1" | while IFS='	' read -r where text; do
		case $text in
		*[!A-Za-z0-9_./\<\>*-]* | *NAME* | *FOLDER* | *PROFILE* | *FILE* | *VARIANT*) continue ;;
		'<twz/'*'>') text=lib/include/${text#<} text=${text%>} ;;
		'<'* | *'>') continue ;;
		abi/* | core/* | lib/* | rt/* | bin/* | tools/* | tests/* | bench/* | docs/* | .ci/*) ;;
		kernel/* | twix/* | drv/* | srv/* | Makefile | LICENSE) ;;
		*) continue ;;
		esac
		# shellcheck disable=SC2086
		ls -d $text >/dev/null 2>&1 || echo "$where: there is no $text"
	done
}

# Names with an underscore are names in the sources. Not on the page of what is absent.
check_names() {
	spans "$1" | grep -v '^docs/absent.md:' | awk -F '\t' '
		{ name = $2; sub(/^(struct|enum) /, "", name); sub(/\(\)$/, "", name); sub(/\[[^\]]*\]$/, "", name) }
		name ~ /^[A-Za-z][A-Za-z0-9]*(_[A-Za-z0-9]+)+\*?$/ { print name "\t" $1 }
	' | sort -u | while IFS='	' read -r name where; do
		case $name in
		*NAME*) ;;
		*\*) grep -q "^${name%\*}" "$work/words" "$work/pieces" ;;
		*) grep -qxF -e "$name" "$work/words" || grep -qxF -e "$name" "$work/pieces" ;;
		esac || echo "$where: there is no $name in the sources"
	done
}

# ./twizzler COMMAND --OPTION is one that its help knows; a piece that is named exists.
check_commands() {
	{ spans "$1"; blocks "$1"; } | grep -F './twizzler ' | while IFS='	' read -r where text; do
		line=${text#*./twizzler }
		line=${line%%#*}
		command=${line%% *}
		case $command in
		help) continue ;;
		[a-z]*) ;;
		*) continue ;;
		esac
		./twizzler help "$command" >"$work/help" 2>/dev/null || {
			echo "$where: there is no ./twizzler $command"
			continue
		}
		for option in $(printf '%s\n' "$line" | grep -o -e '--[a-z]*' || true); do
			grep -qwF -e "$option" "$work/help" ||
				echo "$where: ./twizzler $command knows no $option"
		done
		[ "$command" = test ] || continue
		piece=${line#test}
		piece=${piece# }
		piece=${piece%% *}
		case $piece in
		'' | -* | *[!a-z0-9_]*) ;;
		*) grep -qxF -e "$piece" "$work/pieces" || echo "$where: there is no piece $piece" ;;
		esac
	done
}

# The invariants that the checker quotes are those of the table, and so are the update's rules.
check_rules() {
	rules() {
		sed -n "s/^| \($1[0-9]*\) |.*/\1/p" "$2" | sort
	}
	grep -o '"S[0-9]*"' core/check.c | tr -d '"' | sort -u >"$work/have"
	rules S "$1/docs/format/store.md" | diff "$work/have" - |
		sed -n 's/^</docs\/format\/store.md: it does not have the rule/p; s/^>/docs\/format\/store.md: core\/check.c does not check/p'
	grep -o '^ \*   U[0-9]*' core/update.h | grep -o 'U[0-9]*' | sort -u >"$work/have"
	rules U "$1/docs/format/store.md" | diff "$work/have" - |
		sed -n 's/^</docs\/format\/store.md: it does not have the rule/p; s/^>/docs\/format\/store.md: core\/update.h does not have/p'
}

# tables ROOT: the rows of layout tables: "page line structure offset size field", offset - and field
# - for the structure itself. A layout table has the columns offset, size, field; its structure is
# named in the first row, or by the last `struct NAME` before the table.
tables() {
	pages "$1" | grep '^docs/format/' | while IFS= read -r page; do
		awk -F '|' -v page="$page" '
			function cell(i, s) { s = $i; gsub(/^[ \t]+|[ \t]+$/, "", s); gsub(/`/, "", s); return s }
			!/^\|/ {
				inside = 0
				if (match($0, /struct twz_[a-z_]+/)) { last = substr($0, RSTART + 7, RLENGTH - 7); first = NR }
				next
			}
			cell(2) == "offset" && cell(3) == "size" && cell(4) == "field" { inside = 1; name = last; said = 0; next }
			!inside || /^\|[ -]*-[ |-]*$/ { next }
			cell(2) ~ /^struct / {
				name = cell(2); sub(/^struct /, "", name); print page, NR, name, "-", cell(3), "-"; said = 1
				next
			}
			{
				if (!said) { print page, NR, name, "-", "?", "-"; said = 1 }
				field = cell(4); sub(/\[[0-9a-z]*\]$/, "", field)
				print page, NR, name, cell(2), cell(3), field
			}' "$1/$page"
	done
}

# Every structure of the formats has one table; its rows agree with the compiled header, follow each
# other without a gap and fill it.
check_tables() {
	tables "$1" >"$work/tables"
	grep -ho '^[[:space:]]*struct twz_[a-z_]* {' abi/base.h abi/container.h abi/interface.h abi/namespace.h abi/object.h abi/program.h \
		abi/record.h abi/security.h abi/store.h abi/view.h | sed 's/^[[:space:]]*struct \(.*\) {/\1/' | sort >"$work/have"
	awk '$4 == "-" { print $3 }' "$work/tables" | sort | diff "$work/have" - |
		sed -n 's/^< \(.*\)/docs\/format: there is no table of struct \1/p; s/^> \(.*\)/docs\/format: one table too many of struct \1/p'
	{
		printf '#include <stdio.h>\n'
		for header in abi/base.h abi/container.h abi/interface.h abi/namespace.h abi/object.h abi/program.h abi/record.h abi/security.h \
			abi/store.h abi/view.h; do
			printf '#include "%s"\n' $header
		done
		cat <<'C'
static void is(const char *where, const char *what, unsigned long said, unsigned long have)
{
	if (said != have)
		printf("%s: %s is %lu, not %lu\n", where, what, have, said);
}
int main(void)
{
	unsigned long next = 0, whole = 0;
	const char *last = "";
C
		awk '
			function num(s) { return s ~ /^(0x)?[0-9a-fA-F]+$/ }
			{ where = "\"" $1 ":" $2 "\""; print "#line " $2 " \"" $1 "\"" }
			$4 == "-" {
				print "is(last, \"the end of the last row\", next, whole);"
				print "next = 0, whole = sizeof(struct " $3 "), last = " where ";"
				if ($5 != "?") print "is(" where ", \"the size of struct " $3 "\", " $5 ", whole);"
				next
			}
			!num($4) || !(num($5) || $5 == "...") { print "puts(" where " \": a row without numbers\");"; next }
			{
				print "is(" where ", \"the offset of " $6 "\", " $4 ", offsetof(struct " $3 ", " $6 "));"
				print "is(" where ", \"the place behind the row before\", " $4 ", next);"
				if ($5 == "...") next
				print "is(" where ", \"the size of " $6 "\", " $5 ", sizeof(((struct " $3 " *)0)->" $6 "));"
				print "next = " $4 " + " $5 ";"
			}
			END { print "is(last, \"the end of the last row\", next, whole);\nreturn 0;\n}" }
		' "$work/tables"
	} >"$work/tables.c"
	if gcc -std=gnu11 -I. -o "$work/check" "$work/tables.c" 2>"$work/gcc"; then
		"$work/check"
	else
		grep 'error:' "$work/gcc" || cat "$work/gcc"
	fi
}

# Code blocks in C that include libtwz compile. One that begins with "/* NAME.h" is a header, which others of
# the page include.
check_examples() {
	pages "$1" | while IFS= read -r page; do
		awk -v out="$work/example" -v work="$work/" '
			/^```c$/ { code = 1; n++; header = ""; next }
			/^```/ { code = 0; next }
			code && match($0, /^\/\* [a-z]+\.h /) { header = work substr($0, 4, RLENGTH - 4) }
			code && header { print >header }
			code { print >(out n ".c") }
		' "$1/$page"
		for example in "$work"/example*.c; do
			[ -f "$example" ] || continue
			if grep -q '#include <twz/' "$example" &&
				! gcc -std=gnu11 -Wall -Wextra -fsyntax-only -I. -Ilib/include -I"$work" "$example" 2>"$work/gcc"; then
				echo "$page: an example does not compile"
				grep 'error:' "$work/gcc" | sed 's/^[^:]*:/    line /'
			fi
			rm "$example"
		done
	done
}

# docs/programs.md has a section for every program, whose last block is what --help prints.
check_programs() {
	{ ls "$bin/bin"; echo twz; } | while read -r program; do
		case $program in
		twz) "$bin/twz" --help ;;
		*) "$bin/bin/$program" --help ;;
		esac >"$work/help"
		awk -v heading="## $program" '
			/^## / { inside = $0 == heading }
			/^```/ { code = !code; if (code && inside) text = ""; next }
			code && inside { text = text $0 "\n" }
			END { printf "%s", text }
		' "$1/docs/programs.md" | cmp -s - "$work/help" ||
			echo "docs/programs.md: the section $program is not what $program --help prints"
	done
	sed -n 's/^## //p' "$1/docs/programs.md" | while read -r program; do
		[ "$program" = twz ] || [ -x "$bin/bin/$program" ] ||
			echo "docs/programs.md: there is no program $program"
	done
}

# The table of errors is that of the header.
check_errors() {
	sed -n 's/^[[:space:]]*X(\([A-Z]*\), *\([0-9]*\), "\(.*\)").*/\2 \1 \3/p' abi/errors.h >"$work/have"
	awk -F ' [|] ' '/^\| [0-9]/ { sub(/^\| /, "", $1); print $1, $2, $3 }' "$1/docs/errors.md" |
		diff "$work/have" - | sed -n 's/^< \(.*\)/docs\/errors.md: it does not have: \1/p; s/^> \(.*\)/docs\/errors.md: abi\/errors.h does not have: \1/p'
}

# Every system call is in the table of what it does and in that of its rights, in its place, and its rights
# are those that tests/attack/calls.c tries.
# shellcheck disable=SC2016
check_calls() {
	sed -n '/define TWZ_SYSCALLS/,/clang-format on/s/^[[:space:]]*X(\([a-z_]*\),.*/\1/p' abi/syscall.h >"$work/have"
	sed -n '/^## The calls/,/^## Rights/s/^| `\([a-z_]*\)` |.*/\1/p' "$1/docs/syscalls.md" |
		diff "$work/have" - | sed -n 's/^< /docs\/syscalls.md: it does not say what this does: /p; s/^> /docs\/syscalls.md: there is no call /p'
	sed -n '/^## Rights/,/^## Waiting/s/^| `\([a-z_]*\)` |.*/\1/p' "$1/docs/syscalls.md" | uniq |
		diff "$work/have" - | sed -n 's/^< /docs\/syscalls.md: it does not say which rights this needs: /p; s/^> /docs\/syscalls.md: no call needs these rights: /p'
	sed -n 's/^	FREE(\(.*\)),$/\1::/p
		s/^	[NO][ED]*D(\([a-z_]*\), "\(.*\)", \([A-Z]*\)[,)].*/\1:\2:\3/p' tests/attack/calls.c >"$work/have"
	awk -F ' *[|] *' '/^## / { inside = /^## Rights/ } inside && /^\| `/ { gsub(/`/, ""); print $2 ":" $3 ":" $4 }' \
		"$1/docs/syscalls.md" | diff "$work/have" - |
		sed -n 's/^< /docs\/syscalls.md: it does not have the right: /p; s/^> /docs\/syscalls.md: tests\/attack\/calls.c does not try: /p'
}

# sources_of PIECE: where its tests are.
sources_of() {
	name=${1#*_}
	case $1 in
	guest | attack) echo tests/"$1"/*.c ;;
	core_* | lib_*) echo "${1%%_*}/${name}_test.c" ;;
	rt_*) echo "rt/linux/${name}_test.c" ;;
	*) echo "tests/${1%%_*}/$name.c" ;;
	esac
}

# Every statement names tests that are there, as `piece: test` or as a piece that is one script; or it says
# that they come later.
check_statements() {
	printf '%s\n' tests/*/*.sh | sed 's|tests/\(.*\)/\(.*\)\.sh|\1_\2|; s|^\(.*\)_\1$|\1|' >"$work/scripts"
	awk -F ' *[|] *' '/^[|] / && $3 != "shown by" { print "docs/statements.md:" NR "\t" $3 }' \
		"$1/docs/statements.md" | while IFS='	' read -r where shown; do
		case $shown in
		'later ('*')') continue ;;
		'')
			echo "$where: no test shows it"
			continue
			;;
		esac
		printf '%s\n' "$shown" | sed 's/, /\n/g' | tr -d '\140' | while IFS= read -r test; do
			piece=${test%%: *}
			# shellcheck disable=SC2046
			if ! grep -qxF -e "$piece" "$work/pieces"; then
				echo "$where: there is no piece $piece"
			elif [ "$piece" = "$test" ]; then
				grep -qxF -e "$piece" "$work/scripts" || echo "$where: which test of $piece?"
			elif ! grep -qwsF -e "${test#*: }" $(sources_of "$piece"); then
				echo "$where: $piece has no test ${test#*: }"
			fi
		done
	done
}

# Outside of tables, code and links, which cannot be broken.
check_width() {
	pages "$1" | while IFS= read -r page; do
		awk -v page="$page" 'length($0) > 100 && !/^\|/ && !/\]\(/ && !/^    / { print page ":" NR ": longer than 100 columns" }' \
			"$1/$page"
	done
}

# The pages of section 3 can be made, and mandoc finds nothing in them.
check_man() {
	rm -rf "$work/man"
	tools/man/pages.sh "$work/man" "$1/docs/man/crashes" 2>&1 || return 0
	grep -L '^\.so' "$work"/man/*.3 | xargs mandoc -Tlint -W warning 2>&1 || true
}

# ---- each on the manual, and on one with a mistake -----------------------------------------------

# check NAME FUNCTION FILE LINE FINDING: FUNCTION finds nothing in the manual, and FINDING (a pattern
# for grep) when LINE (for printf) is added to FILE.
check() {
	name=$1 function=$2 file=$3 line=$4 finding=$5
	rm -rf "$work/bad"
	mkdir "$work/bad"
	cp -r README.md docs "$work/bad/"
	mkdir -p "$work/bad/$(dirname "$file")"
	# shellcheck disable=SC2059
	printf "$line" >>"$work/bad/$file"
	$function . >"$work/found"
	$function "$work/bad" >"$work/found.bad"
	if [ -s "$work/found" ]; then
		failed=$((failed + 1))
		echo "$name: failed"
		sed 's/^/    /' "$work/found"
	elif ! grep -q -e "$finding" "$work/found.bad"; then
		failed=$((failed + 1))
		echo "$name: failed: it does not find a mistake"
	else
		passed=$((passed + 1))
	fi
}

check 'links' check_links docs/README.md '\n[x](nowhere.md)\n' 'there is no nowhere.md'
check 'links to sections' check_links docs/README.md '\n[x](format/store.md#nowhere)\n' \
	'no section #nowhere'
check 'every page is reached' check_reached docs/lost.md '# Lost\n' 'docs/lost.md: no page'
check 'paths' check_paths docs/README.md '\n\140core/nowhere.c\140\n' 'there is no core/nowhere.c'
check 'names' check_names docs/README.md '\n\140twz_nothing_so\140\n' 'there is no twz_nothing_so'
check 'commands' check_commands README.md '\n    ./twizzler fly\n' 'there is no ./twizzler fly'
check 'options' check_commands README.md '\n\140./twizzler run --fast\140\n' 'run knows no --fast'
check 'pieces' check_commands README.md '\n\140./twizzler test nosuch_piece\140\n' \
	'there is no piece nosuch_piece'
check 'rules' check_rules docs/format/store.md '\n| S99 | |\n' 'does not check S99'
check 'tables: offsets' check_tables docs/format/fake.md \
	'| offset | size | field | meaning |\n|---|---|---|---|\n| \140struct twz_area\140 | 8 | | |\n| 4 | 4 | \140frame\140 | |\n| 8 | 4 | \140frames\140 | |\n' \
	'the offset of frame is 0, not 4'
check 'tables: sizes' check_tables docs/format/fake.md \
	'| offset | size | field | meaning |\n|---|---|---|---|\n| \140struct twz_area\140 | 8 | | |\n| 0 | 2 | \140frame\140 | |\n| 4 | 4 | \140frames\140 | |\n' \
	'the size of frame is 4, not 2'
check 'tables: gaps' check_tables docs/format/fake.md \
	'| offset | size | field | meaning |\n|---|---|---|---|\n| \140struct twz_area\140 | 8 | | |\n| 0 | 4 | \140frame\140 | |\n' \
	'the end of the last row is 8, not 4'
check 'tables: names' check_tables docs/format/fake.md \
	'| offset | size | field | meaning |\n|---|---|---|---|\n| \140struct twz_area\140 | 8 | | |\n| 0 | 4 | \140gone\140 | |\n' \
	'no member named'
check 'examples' check_examples README.md \
	'\n\140\140\140c\n#include <twz/twz.h>\nint f(void) { return twz_gone(); }\nint x = y;\n\140\140\140\n' \
	'README.md: an example does not compile'
check 'programs' check_programs docs/programs.md '\n## fly\n' 'there is no program fly'
check 'what programs say' check_programs docs/programs.md '\n## ls\n\140\140\140\nfly\n\140\140\140\n' \
	'section ls is not what'
check 'manual pages' check_man docs/man/crashes 'twz_nosuch none\n' 'in no public header: twz_nosuch'
check 'errors' check_errors docs/errors.md '| 99 | GONE | gone | |\n' 'does not have: 99 GONE gone'
check 'calls' check_calls docs/syscalls.md '\n## Rights\n| \140fly\140 | |\n' 'no call needs these rights: fly'
check 'rights of calls' check_calls docs/syscalls.md '\n## Rights\n| \140self\140 | x | USE | |\n' \
	'does not try: self:x:USE'
check 'statements' check_statements docs/statements.md '| x | \140guest: no_such_test\140 |\n' \
	'guest has no test no_such_test'
check 'statements without a test' check_statements docs/statements.md '| x | |\n' 'no test shows it'
check 'statements by a piece' check_statements docs/statements.md '| x | \140core_store\140 |\n' \
	'which test of core_store'
check 'width' check_width README.md "\\n$(printf '%101s' '' | tr ' ' x)\\n" 'longer than 100'

echo "docs: $passed passed, $failed failed"
[ "$failed" = 0 ]
