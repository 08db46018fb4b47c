/*
 * map.c - ordered maps under crashes.
 *
 * Object 0 has a map of words and one of blocks, object 1 one of words; each begins with some
 * entries, so that what a script does to them splits or joins what it is meant to. After a crash each
 * map is sound and holds what a sorted array has: what returned has happened, the next transaction
 * wholly or not at all. And the used blocks of both heaps are those that the maps reach.
 */
#include <stdio.h>
#include <string.h>

#include "core/heap.h"
#include "core/map.h"
#include "core/pmem.h"
#include "tests/sim/objects.h"

#define NMAPS 3u
#define NENTRIES 2400u
#define NOPS 24u
#define BLOCK 40u
#define LARGE 2000u /* filled by plain stores */

enum what { END, PUT, REMOVE, CLEAR, GIVE_UP };

struct op {
	enum what what;
	unsigned map;
	uint64_t key, value;
	bool more; /* the next op belongs to the same transaction */
	bool in;   /* a transaction, though it is alone */
};

/* First entries have the keys 10, 20, ... */
struct script {
	unsigned count[NMAPS];
	uint64_t bytes; /* of a value in the map of blocks */
	struct op run[NOPS], again[NOPS];
};

static unsigned object_of(unsigned n)
{
	return n / 2;
}

static struct twz_map *map_at(unsigned n)
{
	const uint8_t *base = object(object_of(n));
	const struct twz_heap *heap = (const struct twz_heap *)(base + obj_meta(base)->heap);

	return (struct twz_map *)(base + heap->root) + n % 2;
}

/* ---- the program ----------------------------------------------------------------------------- */

static uint64_t block_bytes; /* of a value in the map of blocks */

static uint64_t shape_of(unsigned n)
{
	return n == 1 ? block_bytes : 8;
}

static bool in_transaction(const struct op *op)
{
	return op->in;
}

static void fill(uint64_t *block, uint64_t value)
{
	for (uint64_t i = 0; i < block_bytes / 8; i++)
		block[i] = value + i;
}

static int put(struct twz_tx *tx, unsigned n, uint64_t key, uint64_t value)
{
	uint64_t block[LARGE / 8];

	if (n != 1)
		return twz_map_put_word(tx, map_at(n), 8, key, value);
	fill(block, value);
	return twz_map_put_block(tx, map_at(n), block_bytes, key, block);
}

static int perform_one(struct twz_tx *tx, const struct op *op, unsigned number)
{
	int error;

	(void)number;
	switch (op->what) {
	case PUT:
		return put(tx, op->map, op->key, op->value);
	case REMOVE:
		error = twz_map_remove_key(tx, map_at(op->map), op->key);
		return error == TWZ_E_NOTFOUND ? 0 : error;
	default:
		return twz_map_clear_all(tx, map_at(op->map));
	}
}

/* ---- the model ------------------------------------------------------------------------------- */

struct model {
	struct entries {
		unsigned count;
		struct {
			uint64_t key, value;
		} at[NENTRIES];
	} map[NMAPS];
};

static void model_start(struct model *m, const struct script *s)
{
	for (unsigned n = 0; n < NMAPS; n++) {
		m->map[n].count = s->count[n];
		for (unsigned i = 0; i < s->count[n]; i++) {
			m->map[n].at[i].key = 10 * (i + 1);
			m->map[n].at[i].value = i;
		}
	}
}

static void model_one(struct model *model, const struct op *op, unsigned number)
{
	struct entries *m = &model->map[op->map];
	unsigned i = 0;

	(void)number;
	if (op->what == CLEAR) {
		m->count = 0;
		return;
	}
	while (i < m->count && m->at[i].key < op->key)
		i++;
	if (i < m->count && m->at[i].key == op->key) {
		m->at[i].value = op->value;
		if (op->what == PUT)
			return;
		m->count--;
		memmove(&m->at[i], &m->at[i + 1], (m->count - i) * sizeof(m->at[0]));
		return;
	}
	if (op->what == REMOVE)
		return;
	memmove(&m->at[i + 1], &m->at[i], (m->count - i) * sizeof(m->at[0]));
	m->count++;
	m->at[i].key = op->key;
	m->at[i].value = op->value;
}

static bool is_as(unsigned n, const struct entries *m)
{
	uint64_t block[LARGE / 8], expected[LARGE / 8];
	struct twz_map_cursor c;
	unsigned i = 0;

	if (twz_map_entries(map_at(n)) != m->count)
		return false;
	twz_map_cursor_set(&c, NULL, map_at(n), shape_of(n));
	for (int e = twz_map_move(&c, TWZ_MAP_FIRST, 0, block); !e;
	     e = twz_map_move(&c, TWZ_MAP_NEXT, 0, block), i++) {
		if (i == m->count || c.key != m->at[i].key)
			return false;
		if (n != 1) {
			if (c.word != m->at[i].value)
				return false;
			continue;
		}
		fill(expected, m->at[i].value);
		if (memcmp(block, expected, block_bytes))
			return false;
	}
	return c.error == TWZ_E_NOTFOUND && i == m->count;
}

static bool holds(const struct model *m)
{
	for (unsigned n = 0; n < NMAPS; n++)
		if (!is_as(n, &m->map[n]))
			return false;
	return true;
}

#include "tests/crash/script.h"

/* ---- a case ---------------------------------------------------------------------------------- */

static void setup(const void *arg)
{
	const struct script *s = arg;
	struct twz_heap *heap;
	void *maps;

	failure = NULL;
	block_bytes = s->bytes;
	objects_setup();
	for (unsigned n = 0; n < 2; n++) {
		expect(heap_make(object(n), object_id(n)), "make");
		heap = (struct twz_heap *)(object(n) + obj_meta(object(n))->heap);
		expect(heap_alloc(NULL, 64, &heap->root, &maps), "alloc of the maps");
		memset(maps, 0, 64);
	}
	for (unsigned n = 0; n < NMAPS; n++)
		for (unsigned i = 0; i < s->count[n]; i++)
			expect(put(NULL, n, 10 * (i + 1), i), "first put");
}

/* Sound maps and heaps, in which no block is lost. */
static const char *sound(void)
{
	static char text[80];
	uint64_t where, bytes, reached[2] = {0}, used;

	for (unsigned n = 0; n < NMAPS; n++) {
		if (twz_map_check_all(map_at(n), &where, &bytes)) {
			snprintf(text, sizeof(text), "map %u is not sound at 0x%llx", n,
				 (unsigned long long)where);
			return text;
		}
		reached[object_of(n)] += bytes;
	}
	for (unsigned n = 0; n < 2; n++) {
		if (heap_check(object(n), &where))
			return "a heap is not sound";
		if (heap_used(object(n), &used) ||
		    used != reached[n] + 64 + sizeof(struct twz_block_head))
			return "the used blocks are not those that the maps reach";
	}
	return NULL;
}

/* What is left can go on: also what was cleared gets freed. */
static const char *use_up(void)
{
	for (unsigned n = 0; n < NMAPS; n++)
		if (twz_map_clear_all(NULL, map_at(n)) || map_at(n)->doomed || map_at(n)->root ||
		    put(NULL, n, 7, 7))
			return "a map cannot be used";
	return sound();
}

static const char *check(const void *arg, const struct sim_crash *crash)
{
	const char *error = objects_check();

	if (failure)
		return failure;
	if (!error)
		error = sound();
	if (error)
		return error;
	if (!before_or_after(arg, crash))
		return "the entries are neither as before nor as after the transaction";
	return use_up();
}

/* ---- the list -------------------------------------------------------------------------------- */

/* clang-format off */
static const struct script
put_first = {
	.bytes = BLOCK,
	.run = {{PUT, 0, 5, 50}, {PUT, 0, 3, 30}, {PUT, 0, 5, 51}, {REMOVE, 0, 3}, {PUT, 0, 4, 40}},
	.again = {{PUT, 0, 6, 60}, {REMOVE, 0, 5}},
},
/* A root that is a leaf splits; then, with 416 entries, one that has 32 children. */
split_leaf = {
	.count = {14}, .bytes = BLOCK,
	.run = {{PUT, 0, 55, 1}, {PUT, 0, 56, 2}, {PUT, 0, 999, 3}},
	.again = {{PUT, 0, 57, 4}, {PUT, 0, 1, 5}},
},
split_root = {
	.count = {417}, .bytes = BLOCK,
	.run = {{PUT, 0, 9999, 1}, {PUT, 0, 55, 2}, {PUT, 0, 56, 3}},
	.again = {{PUT, 0, 57, 4}, {REMOVE, 0, 55}},
},
split_inner = { /* the last one but the root, full, among two */
	.count = {14 + 13 * 60}, .bytes = BLOCK,
	.run = {{PUT, 0, 9001, 1}, {PUT, 0, 9002, 2}, {PUT, 0, 9003, 3}},
	.again = {{PUT, 0, 9004, 4}},
},
join_leaves = {
	.count = {15}, .bytes = BLOCK,
	.run = {
		{REMOVE, 0, 10}, {REMOVE, 0, 20}, {REMOVE, 0, 30}, {REMOVE, 0, 40}, {REMOVE, 0, 50},
		{REMOVE, 0, 60}, {REMOVE, 0, 150}, {REMOVE, 0, 70}, {REMOVE, 0, 140}, {REMOVE, 0, 80},
	},
	.again = {{REMOVE, 0, 90}, {PUT, 0, 35, 1}},
},
blocks = {
	.count = {0, 13}, .bytes = BLOCK,
	.run = {{PUT, 1, 15, 1}, {PUT, 1, 10, 2}, {PUT, 1, 16, 3}, {REMOVE, 1, 10}, {REMOVE, 1, 15}},
	.again = {{PUT, 1, 17, 4}, {REMOVE, 1, 20}},
},
large = {
	.count = {0, 2}, .bytes = LARGE,
	.run = {{PUT, 1, 15, 1}, {PUT, 1, 10, 2}, {REMOVE, 1, 10}, {PUT, 1, 16, 3}},
	.again = {{PUT, 1, 17, 4}},
},
clear = {
	.count = {30, 5}, .bytes = BLOCK,
	.run = {{CLEAR, 0}, {PUT, 0, 5, 1}, {CLEAR, 1}, {CLEAR, 0}, {PUT, 1, 3, 2}},
	.again = {{PUT, 0, 6, 3}, {CLEAR, 1}},
},
/* More leaves than one transaction frees. */
clear_many = {
	.count = {13 * 140}, .bytes = BLOCK,
	.run = {{CLEAR, 0, .in = true}, {PUT, 0, 1, 1}, {CLEAR, 0}},
	.again = {{PUT, 0, 2, 2}},
},
together = {
	.count = {14, 14, 14}, .bytes = BLOCK,
	.run = {
		{PUT, 0, 55, 1, true}, {PUT, 2, 55, 2, true}, {PUT, 1, 55, 3},
		{REMOVE, 0, 55, 0, true}, {PUT, 2, 10, 4, true}, {PUT, 0, 56, 5},
		{CLEAR, 2, 0, 0, true}, {REMOVE, 1, 10, 0, true}, {PUT, 2, 7, 7, true}, {PUT, 1, 11, 8},
	},
	.again = {{PUT, 2, 8, 8, true}, {PUT, 0, 57, 9, true}, {CLEAR, 1}},
},
given_up = {
	.count = {14, 14, 3}, .bytes = BLOCK,
	.run = {
		{PUT, 0, 55, 1, true}, {PUT, 2, 55, 2, true}, {REMOVE, 1, 50, 0, true}, {GIVE_UP},
		{PUT, 0, 56, 3}, {CLEAR, 0, 0, 0, true}, {PUT, 1, 55, 4, true}, {GIVE_UP}, {REMOVE, 1, 10},
	},
	.again = {{CLEAR, 1, 0, 0, true}, {PUT, 0, 57, 5, true}, {GIVE_UP}, {PUT, 2, 1, 6}},
};

/* So much in one transaction that what is staged has an index; the last entries go to one leaf. */
static struct script in_order;

static void make_in_order(void)
{
	struct op *op = in_order.run;

	in_order.count[0] = 14 * 20;
	in_order.bytes = BLOCK;
	for (uint64_t i = 0; i < 22; i++)
		*op++ = (struct op){PUT, 0, i < 14 ? 180 * i + 5 : 9000 + i, i, i < 21, false};
	in_order.again[0] = (struct op){PUT, 0, 9100, 3, false, false};
}

/* Removing so much that inner nodes are joined, each as one transaction of many. */
static struct script join_inner;

static void make_join_inner(void)
{
	struct op *op = join_inner.run;

	join_inner.count[0] = 14 + 13 * 31; /* two inner nodes, of 30 and 2 children, and more */
	join_inner.bytes = BLOCK;
	for (uint64_t i = 0; i < 20; i++)
		*op++ = (struct op){REMOVE, 0, 10 * (join_inner.count[0] - i), 0, i < 17, false};
	join_inner.again[0] = (struct op){PUT, 0, 3, 3, false, false};
	join_inner.again[1] = (struct op){REMOVE, 0, 10, 0, false, false};
}

static const struct sim_case cases[] = {
	CASE("put, new value, remove", put_first, 18000),
	CASE("split of a leaf", split_leaf, 18000),
	CASE("split of the root", split_root, 9000),
	CASE("split of an inner node", split_inner, 6000),
	CASE("leaves joined", join_leaves, 18000),
	CASE("inner nodes joined", join_inner, 9000),
	CASE("many in order", in_order, 3000),
	CASE("values in blocks", blocks, 18000),
	CASE("large values", large, 12000),
	CASE("clear", clear, 18000),
	CASE("clear of many", clear_many, 1500),
	CASE("several maps and objects", together, 18000),
	CASE("given up", given_up, 12000),
	CASE("put, killed", put_first, 9000, .killed = true),
	CASE("split, killed", split_leaf, 9000, .killed = true),
	CASE("joined, killed", join_leaves, 9000, .killed = true),
	CASE("several, killed", together, 9000, .killed = true),
};
/* clang-format on */

int main(int argc, char **argv)
{
	make_join_inner();
	make_in_order();
	return sim_main(argc, argv, "crash_map", cases, sizeof(cases) / sizeof(cases[0]));
}
