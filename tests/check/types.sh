#!/bin/sh
# The piece `check_types`: what is of the wrong type does not compile, in C and in C++; with the right
# one, in the same place, it does.
set -eu
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0 failed=0

# compiles LANGUAGE STATEMENT: as one of a function.
compiles() {
	case $1 in
	c) file=$work/try.c options='-std=gnu11 -x c' ;;
	*) file=$work/try.cc options='-std=c++17 -x c++' ;;
	esac
	{
		echo '#include <twz/twz.h>'
		echo 'struct one { int a[3]; }; struct two { int b[3]; };'
		echo 'struct ptrs { twz_ptr(void) any; twz_ptr(struct one) one; };'
		echo 'struct maps {'
		echo '	twz_map(uint64_t, struct one) ones; twz_map(int, int *) odd;'
		echo '	twz_map_ptr(int, struct one) ptrs;'
		echo '};'
		echo 'int f(struct twz_tx *tx, struct maps *m, struct one *one, struct two *two, struct ptrs *p);'
		echo 'int f(struct twz_tx *tx, struct maps *m, struct one *one, struct two *two, struct ptrs *p)'
		echo '{'
		echo '	struct twz_map_cursor c; uint64_t key = 0; int number = 0;'
		echo '	struct twz_map_raw raw = {0};'
		echo '	(void)tx, (void)m, (void)one, (void)two, (void)c, (void)key, (void)number, (void)raw, (void)p;'
		echo "	return $2;"
		echo '}'
	} >"$file"
	# shellcheck disable=SC2086
	gcc $options -Wall -Werror -fsyntax-only -I. -Ilib/include "$file" 2>"$work/gcc"
}

# differ RIGHT WRONG
differ() {
	for language in c c++; do
		if ! compiles $language "$1"; then
			echo "$language: does not compile: $1"
			head -n 5 "$work/gcc"
			failed=$((failed + 1))
		elif compiles $language "$2"; then
			echo "$language: compiles: $2"
			failed=$((failed + 1))
		else
			passed=$((passed + 1))
		fi
	done
}

differ 'twz_map_put(tx, &m->ones, 1, *one)' 'twz_map_put(tx, &m->ones, 1, *two)'
differ 'twz_map_put(tx, &m->ones, 1, *one)' 'twz_map_put(tx, &m->ones, one, *one)'
differ 'twz_map_put(tx, &m->ones, 1, *one)' 'twz_map_put(tx, one, 1, *one)'
differ 'twz_map_get(&m->ones, 1, one)' 'twz_map_get(&m->ones, 1, two)'
differ '({ struct { twz_map(long, int) m; } x; twz_map_get(&x.m, 1, &number); })' \
	'({ struct { twz_map(float, int) m; } x; twz_map_get(&x.m, 1, &number); })'
differ '({ struct { twz_map(long, int) m; } x; twz_map_get(&x.m, 1, &number); })' \
	'({ struct { twz_map(int *, int) m; } x; twz_map_get(&x.m, &number, &number); })'
differ 'twz_map_get(&m->ones, *one->a, one)' 'twz_map_get(&m->ones, one->a, one)'
differ 'twz_map_remove(tx, &m->ones, key)' 'twz_map_remove(tx, &m->ones, &key)'
differ 'twz_map_remove(tx, &m->ones, key)' 'twz_map_remove(tx, &m->ones, 1.5)'
differ 'twz_set(&p->any, one)' 'twz_set(&p->any, key)'
differ 'twz_set_tx(tx, &p->any, (const struct two *)two)' 'twz_set_tx(tx, &p->one, (const struct two *)two)'
differ 'twz_get(&p->any) == (void *)one' 'twz_get(&p->any) == key'
differ 'twz_map_first(&m->ones, &c, &key, one)' 'twz_map_first(&m->ones, &c, &number, one)'
differ 'twz_map_next(&m->ones, &c, &key, one)' 'twz_map_next(&m->ones, &c, &key, two)'
differ 'twz_map_put_ptr(tx, &m->ptrs, 1, one)' 'twz_map_put_ptr(tx, &m->ptrs, 1, two)'
differ 'twz_map_put_ptr(tx, &m->ptrs, 1, one)' 'twz_map_put_ptr(tx, &m->ones, 1, one)'
differ 'twz_map_put(tx, &m->ptrs, 1, raw)' 'twz_map_put(tx, &m->ptrs, 1, 7)'
differ 'twz_map_get_ptr(&m->ptrs, 1, &one)' 'twz_map_get_ptr(&m->ptrs, 1, &two)'
differ 'twz_map_follow(&m->ptrs, raw) == one' 'twz_map_follow(&m->ptrs, key) == one'

echo "check_types: $passed passed, $failed failed"
[ "$failed" = 0 ]
