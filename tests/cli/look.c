/*
 * look.c - puts into the store TWZ_STORE what tests/cli/look.sh looks at:
 *
 *     /here      pointers to /there (which it holds), late to /late/name, to an object without a name
 *     /there     in a block of its heap a map of 20 entries, a vector of 10, a dictionary of 5 in
 *                several layers, and one whose value leads to /here
 */
#include <stdio.h>
#include <stdlib.h>

#include <twz/dict.h>
#include <twz/heap.h>
#include <twz/map.h>
#include <twz/name.h>
#include <twz/tie.h>
#include <twz/twz.h>
#include <twz/vec.h>

struct here {
	twz_ptr(struct there) there;
	twz_ptr(struct there) late;
	twz_ptr(struct there) lost;
	twz_ptr(uint64_t) spare; /* a block that was freed */
};

struct pair {
	uint64_t a, b;
};

struct there {
	twz_map(uint64_t, uint64_t) map;
	twz_vec(uint64_t) vec;
	twz_dict(struct pair) dict;
	twz_dict(twz_ptr(struct here)) back;
};

static void must(const char *what, int error)
{
	if (!error)
		return;
	fprintf(stderr, "%s: %s\n", what, twz_error_text(error));
	exit(1);
}
#define MUST(call) must(#call, call)

static struct twz_obj make(const char *path)
{
	const struct twz_new new = {.ending = path, .heap = true};
	struct twz_obj obj;

	MUST(twz_obj_new(&new, &obj));
	if (path)
		MUST(twz_name_publish(path, obj.id, 0));
	return obj;
}

int main(void)
{
	static const char *const keys[] = {"", "key", "another", "and one of more",
					   "and one of mine"};
	struct twz_obj here = make("/here"), there = make("/there"), lost = make(NULL);
	twz_ptr(struct there) *to = (void *)twz_heap_root(&there);
	twz_ptr(struct here) *from = (void *)twz_heap_root(&here);
	struct there *t;
	struct here *h;
	uint64_t *spare;
	struct twz_tx tx;

	twz_tx_begin(&tx);
	MUST(twz_alloc(&tx, to, sizeof(*t), &t));
	twz_tx_fresh(&tx, t, sizeof(*t));
	*t = (struct there){0};
	MUST(twz_tx_commit(&tx));
	for (uint64_t i = 1; i <= 20; i++)
		MUST(twz_map_put(NULL, &t->map, i, i * 0x100));
	for (uint64_t i = 0; i < 10; i++)
		MUST(twz_vec_push(NULL, &t->vec, i));
	for (uint64_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		MUST(twz_dict_put_text(NULL, &t->dict, keys[i], ((struct pair){i, 2 * i})));
	twz_tx_begin(&tx);
	MUST(twz_alloc(&tx, from, sizeof(*h), &h));
	twz_tx_fresh(&tx, h, sizeof(*h));
	*h = (struct here){0};
	MUST(twz_tx_commit(&tx));
	MUST(twz_dict_put_ptr(NULL, &t->back, "here", 4, h));
	MUST(twz_set(&h->there, t));
	MUST(twz_hold(&h->there));
	MUST(twz_set_name(NULL, &h->late, "/late/name"));
	MUST(twz_set(&h->lost, (struct there *)(lost.base + TWZ_OBJ_DATA)));
	MUST(twz_alloc(NULL, &h->spare, 100, &spare));
	MUST(twz_free(NULL, &h->spare));
	twz_persist(h, sizeof(*h));
	return 0;
}
