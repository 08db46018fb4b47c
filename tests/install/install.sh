#!/bin/sh
# The piece `install`: what ./twizzler install puts where, and programs of users built with it: all examples, as
# C11 and C++17, shared and static; what is exported; what must not compile.
set -eu
cd "$(dirname "$0")/../.."
# shellcheck source=tests/cli/helpers
. tests/cli/helpers
top=$PWD
profile=${build##*/}
prefix=/opt/twizzler
root=$work/dest$prefix

installs() {
	run 0 ./twizzler install --profile "$profile" --prefix $prefix --destdir "$work/dest" "$@"
}

# is WHAT EXPRESSION...: a check that test(1) says so.
is() {
	what=$1
	shift
	: >"$out"
	: >"$err"
	if [ "$@" ]; then
		passes
	else
		fails "$what"
	fi
}

# nothing FILE WHAT: a check that the file is empty.
nothing() {
	is "$2: $(head -n 3 "$1" | tr '\n' ' ')" ! -s "$1"
}

# ---- installing ----------------------------------------------------------------------------------

mkdir -p "$work/dest$prefix/include/twz" "$work/dest$prefix/share/twizzler"
echo 'include/twz/of_before.h' >"$root/share/twizzler/installed"
touch "$root/include/twz/of_before.h" "$root/include/twz/my_own.h"
installs
warns "installed in $root"
is 'what an older install had is still there' ! -e "$root/include/twz/of_before.h"
for file in include/twz/twz.h include/twz/core/tx.h include/twz/abi/rt.h lib/libtwz.a lib/libtwz.so \
	lib/libtwz.so.1 lib/pkgconfig/twz.pc bin/twz share/man/man1/twz.1 share/man/man3/twz_tx.3; do
	is "there is no $file" -f "$root/$file"
done
run 0 "$root/bin/twz" --help
run 0 mandoc -Tlint -W warning "$root/share/man/man3/twz_tx.3"

# Nobody sees who built it, where.
grep -rlaF -e "$top" -e "$work" "$root" >"$work/paths" || true
nothing "$work/paths" 'the folder of the build is named in what is installed'

# What cannot be written is said, and nothing is left behind.
touch "$work/file"
run 1 ./twizzler install --profile "$profile" --prefix "$work/file/below"
warns "cannot write to $work/file/below"
mkdir -p "$work/half/lib/libtwz.so.1"
run 1 ./twizzler install --profile "$profile" --prefix "$work/half"
warns "cannot write to $work/half/lib/libtwz.so.1"
find "$work/half" ! -type d >"$work/left"
nothing "$work/left" 'an install that failed left something'
run 1 ./twizzler install --uninstall --prefix "$work/nowhere"
warns 'nothing is installed there'

# ---- what is exported ----------------------------------------------------------------------------

# The public functions: those that the installed headers declare and do not define.
export PKG_CONFIG_SYSROOT_DIR="$work/dest" PKG_CONFIG_PATH="$root/lib/pkgconfig"
run 0 pkg-config --modversion twz
says 1.0.0
flags=$(pkg-config --cflags twz)
shared=$(pkg-config --libs twz)
run 0 pkg-config --libs --static twz
says '-lsodium -pthread'
(cd "$root/include" && find twz -maxdepth 1 -name '*.h' ! -name my_own.h | sort) >"$work/headers"
sed 's/.*/#include <&>/' "$work/headers" >"$work/all.c"
echo 'extern int more;' >>"$work/all.c"
# shellcheck disable=SC2086
gcc -std=gnu11 $flags -fsyntax-only -aux-info "$work/functions" "$work/all.c"
sed -n "s|^/\* $root.*:NC \*/ extern [^(]*[ *]\(twz_[a-z0-9_]*\) (.*|\1|p" "$work/functions" |
	sort -u >"$work/declared"
nm -D --defined-only "$root/lib/libtwz.so" | awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' |
	sort >"$work/exported"
nm -g --defined-only "$root/lib/libtwz.a" | awk 'NF == 3 { print $3 }' | sort >"$work/global"
run 0 cmp "$work/exported" "$work/global"
{ cat "$work/declared"; echo twz_rows; } | sort | comm -13 - "$work/exported" >"$work/more"
nothing "$work/more" 'exported, and in no header'
# Of core/ only what macros and inline functions reach; and what the checking build has is in no other.
comm -23 "$work/declared" "$work/exported" | grep -v -e '^twz_core_' -e '^twz_ptr_check$' >"$work/less" || true
nothing "$work/less" 'in a header, and not exported'
objdump -p "$root/lib/libtwz.so" >"$work/dynamic"
run 0 grep -E 'SONAME +libtwz\.so\.1$' "$work/dynamic"
run 0 grep -F 'LIBTWZ_1.0' "$work/dynamic"
run 1 grep -E 'TEXTREL|RPATH|RUNPATH|libedit' "$work/dynamic"

# ---- the headers ---------------------------------------------------------------------------------

# compiles STATUS COMPILER FILE: and no warning.
compiles() {
	expected=$1 compiler=$2 file=$3
	# shellcheck disable=SC2086
	run "$expected" $compiler -Wall -Wextra $flags -fsyntax-only "$file"
	[ "$expected" != 0 ] || silent
}
c11='gcc -std=c11 -pedantic -x c' cxx17='g++ -std=c++17 -x c++'
for compiler in "$c11" 'gcc -std=gnu11 -pedantic -x c' 'clang -std=c11 -pedantic -x c' "$cxx17" \
	'clang++ -std=c++17 -x c++'; do
	compiles 0 "$compiler" "$work/all.c"
done
while read -r header; do
	printf '#include <%s>\nextern int more;\n' "$header" >"$work/alone.c"
	compiles 0 "$c11" "$work/alone.c"
	compiles 0 "$cxx17" "$work/alone.c"
done <"$work/headers"

# All names at file scope are libtwz's, by another eye than that of tools/install/headers.sh; and no field was
# renamed with them. The calls of services are named after these.
grep -v -e console -e keyring -e names "$work/all.c" >"$work/most.c"
# shellcheck disable=SC2086
clang -std=gnu11 $flags -fsyntax-only -Xclang -ast-dump=json "$work/most.c" >"$work/ast"
python3 tests/install/names.py "$root/include" "$work/ast" >"$work/names" || echo failed >>"$work/names"
nothing "$work/names" 'names that are not twz_ or TWZ_, or fields that are twz_core_'

# A program's own names do not meet those inside the library.
cat >"$work/own.c" <<'EOF'
#include <twz/twz.h>
int heap_alloc, home, message, list_add;
int obj_base(void);
int obj_base(void)
{
	return 1;
}
void die(void);
void die(void)
{
}
enum { fot_name, TX_SLOTS, tx_part };
int main(void)
{
	return twz_rt_version() ? 0 : heap_alloc + home + message + list_add + obj_base();
}
EOF
for library in "$shared" "$root/lib/libtwz.a -lsodium -pthread"; do
	# shellcheck disable=SC2086
	run 0 gcc -std=c11 -Wall -Wextra $flags -o "$work/own" "$work/own.c" $library
	silent
	run 0 env LD_LIBRARY_PATH="$root/lib" "$work/own"
done

# ---- what must not compile -----------------------------------------------------------------------

# refused LINE: a program with the line does not compile, and without it does.
cat >"$work/types.h" <<'EOF'
#include <twz/map.h>
#include <twz/twz.h>
#include <twz/vec.h>
struct other { int x; };
struct node {
	twz_ptr(struct node) next;
	twz_map(uint64_t, struct other) values;
	twz_map_ptr(uint32_t, struct node) nodes;
	twz_vec(struct other) row;
	twz_vec(twz_ptr(struct node)) others;
	twz_dict(struct other) words;
	twz_dict(twz_ptr(struct node)) named;
	twz_queue_of(struct other) queue;
};
EOF
refused() {
	printf '#include "types.h"\nvoid f(struct node *n, struct other *o);\nvoid f(struct node *n, struct other *o)\n' \
		>"$work/good.c"
	cp "$work/good.c" "$work/wrong.c"
	echo '{ (void)n, (void)o; }' >>"$work/good.c"
	echo "{ (void)n, (void)o; $1 }" >>"$work/wrong.c"
	for compiler in "$c11" "$cxx17"; do
		compiles 0 "$compiler" "$work/good.c"
		compiles 1 "$compiler" "$work/wrong.c"
	done
}
refused 'twz_set(&n->next, o);'
refused 'twz_alloc(0, &n->next, 8, &o);'
refused 'twz_map_put(0, &n->values, 1, n);'
refused 'twz_map_get(&n->values, 1, n);'
refused 'twz_map_put_ptr(0, &n->nodes, 1, o);'
refused 'twz_map_get_ptr(&n->nodes, 1, &o);'
refused 'twz_vec_get(&n->row, 1, n);'
refused 'twz_vec_push(0, &n->row, n);'
refused 'twz_vec_pop(0, &n->row, n);'
refused 'twz_vec_push_ptr(0, &n->others, o);'
refused 'twz_vec_get_ptr(&n->others, 1, &o);'
refused 'twz_dict_put(0, &n->words, "a", 1, n);'
refused 'twz_dict_get(&n->words, "a", 1, n);'
refused 'struct twz_dict_cursor c; twz_dict_first(&n->words, &c, n);'
refused 'twz_dict_put_ptr(0, &n->named, "a", 1, o);'
refused 'twz_dict_get_ptr(&n->named, "a", 1, &o);'
refused 'twz_queue_send(&n->queue, n, 0);'
refused 'twz_queue_receive(&n->queue, n, 0);'

# ---- the examples --------------------------------------------------------------------------------

# each NAME COMMAND...: what an example prints on a store of its own, into $work/NAME.out.
each() {
	name=$1
	shift
	for arguments; do
		# shellcheck disable=SC2086
		"$work/$name" "$work/$name.store" $arguments
	done >"$work/$name.out" 2>&1 || true
}

for library in shared static; do
	for example in examples/*.c examples/*.cpp; do
		name=$(basename "${example%.*}")
		is "nobody knows what $name prints" -f "tests/install/$name.expected"
		case $example in
		*.c) compiler='gcc -std=gnu11 -pedantic' ;;
		*) compiler='g++ -std=c++17' ;;
		esac
		libraries=$shared
		[ $library = shared ] || libraries="$root/lib/libtwz.a -lsodium -pthread -Wl,--gc-sections"
		# shellcheck disable=SC2086
		run 0 $compiler -O2 -Wall -Wextra $flags -o "$work/$name" "$example" $libraries
		silent
	done
	export LD_LIBRARY_PATH="$root/lib"
	rm -f "$work"/*.store
	each list 'add milk bread' 'add tea' drop '' 'drop' 'drop' 'drop'
	each accounts 'open alice 100' 'open bob 50' 'move alice bob 30' '' 'move alice bob 71' \
		'move bob bob 7' 'move bob eve 1' ''
	each series 'put 1200 20.5' 'put -7 1' 'put 1000 1' 'put 1250 7' 'put 900 -3' 'range -10 1200' \
		'last 2' 'thin 100' 'range -100 5000'
	each jobs 'give paint sweep' 'work 1' 'give mop' 'work 2'
	each stock 'put 7 12 teapot' 'put 3 5 cup' 'sell 7 3' 'sell 7 10' 'sell 8 1' ''
	printf 'the cat sat on the mat\nthe bat, too\n' | "$work/words" "$work/words.store" read
	echo 'The theme' | "$work/words" "$work/words.store" read
	each words 'show' 'show th' 'show zz'
	for name in list accounts series jobs stock words; do
		ran="$name, $library"
		same "tests/install/$name.expected" "$work/$name.out"
		run 0 "$root/bin/twz" check "$work/$name.store"
		says '0 violations'
	done
done

# A program that is newer than the library is refused, both versions named.
for library in "$shared" "$root/lib/libtwz.a -lsodium -pthread"; do
	# shellcheck disable=SC2086
	run 0 gcc $flags -DTWZ_RT_VERSION=0x000100ffu -o "$work/newer" "$work/own.c" $library
	run 126 "$work/newer"
	warns 'built for version 1.255 of the runtime ABI, but this is 1.'
done

# One that stands alone.
# shellcheck disable=SC2086
run 0 gcc -static-pie $flags -o "$work/alone" examples/list.c "$root/lib/libtwz.a" -lsodium
run 0 "$work/alone" "$work/list.store" add x

# ---- installed again, and removed ----------------------------------------------------------------

installs
installs --uninstall
find "$work/dest" ! -type d >"$work/left"
run 0 grep -xF "$root/include/twz/my_own.h" "$work/left"
is 'uninstall left something' "$(wc -l <"$work/left")" = 1

finish install
