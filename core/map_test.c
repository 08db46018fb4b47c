/*
 * map_test.c - the ordered map against a sorted array; its errors; maps that lie. Crashes:
 * tests/crash/map.c. Readers beside a writer: tests/tsan/map.c.
 */
#define _GNU_SOURCE /* REG_RIP */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
/* cmocka wants the above first */
#include <cmocka.h>

#include "core/heap.h"
#include "core/map_int.h"
#include "tests/sim/objects.h"

/* ---- the model: a sorted array --------------------------------------------------------------- */

#define MODEL_MAX 40000u
#define WORD 8u /* shape of values of a word */

struct model {
	unsigned count;
	struct {
		uint64_t key, value;
	} at[MODEL_MAX];
};

static unsigned model_rank(const struct model *m, uint64_t key)
{
	unsigned low = 0, high = m->count;

	while (low < high) {
		unsigned mid = (low + high) / 2;

		if (m->at[mid].key < key)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static bool model_has(const struct model *m, uint64_t key)
{
	unsigned rank = model_rank(m, key);

	return rank < m->count && m->at[rank].key == key;
}

static void model_put(struct model *m, uint64_t key, uint64_t value)
{
	unsigned rank = model_rank(m, key);

	if (!model_has(m, key)) {
		assert_true(m->count < MODEL_MAX);
		memmove(&m->at[rank + 1], &m->at[rank], (m->count - rank) * sizeof(m->at[0]));
		m->at[rank].key = key;
		m->count++;
	}
	m->at[rank].value = value;
}

static int model_remove(struct model *m, uint64_t key)
{
	unsigned rank = model_rank(m, key);

	if (!model_has(m, key))
		return TWZ_E_NOTFOUND;
	m->count--;
	memmove(&m->at[rank], &m->at[rank + 1], (m->count - rank) * sizeof(m->at[0]));
	return 0;
}

/* ---- the maps: one at the root of each of two objects ---------------------------------------- */

static struct twz_tx tx;
static struct model model[2], before[2];
static uint64_t bytes_of_value; /* of the maps in use */

static struct twz_heap *heap(unsigned n)
{
	return (struct twz_heap *)(object(n) + obj_meta(object(n))->heap);
}

/* In a block of 64 bytes. */
static struct twz_map *map(unsigned n)
{
	return (struct twz_map *)(object(n) + heap(n)->root);
}

static void make_maps(uint64_t bytes)
{
	void *p;

	sim_memory(OBJECTS_BYTES);
	objects_setup();
	for (unsigned n = 0; n < 2; n++) {
		assert_int_equal(heap_make(object(n), object_id(n)), 0);
		heap(n)->end = OBJECTS_SPAN;
		assert_int_equal(heap_alloc(NULL, 64, &heap(n)->root, &p), 0);
		memset(p, 0, 64);
		model[n].count = 0;
	}
	bytes_of_value = bytes;
}

static int setup(void **state)
{
	(void)state;
	make_maps(WORD);
	return 0;
}

/* A value of any size begins with its word; the rest follows from it. */
static void value_make(uint64_t word, uint8_t *value)
{
	for (uint64_t i = 0; i < bytes_of_value; i++)
		value[i] = (uint8_t)((word >> i % 8 * 8) + i / 8);
}

static int put(struct twz_tx *in, unsigned n, uint64_t key, uint64_t word)
{
	static uint8_t value[TWZ_MAP_VALUE_MAX];

	if (bytes_of_value <= 8)
		return twz_map_put_word(in, map(n), bytes_of_value, key, word);
	value_make(word, value);
	return twz_map_put_block(in, map(n), bytes_of_value, key, value);
}

static int get(const struct twz_tx *in, unsigned n, uint64_t key, uint64_t *word)
{
	static uint8_t value[TWZ_MAP_VALUE_MAX], expected[TWZ_MAP_VALUE_MAX];
	int error;

	if (bytes_of_value <= 8)
		return in ? twz_map_get_word_tx(in, map(n), bytes_of_value, key, word)
			  : twz_map_get_word(map(n), bytes_of_value, key, word);
	error = in ? twz_map_get_block_tx(in, map(n), bytes_of_value, key, value)
		   : twz_map_get_block(map(n), bytes_of_value, key, value);
	if (error)
		return error;
	memcpy(word, value, 8);
	value_make(*word, expected);
	assert_memory_equal(value, expected, bytes_of_value);
	return 0;
}

/* All entries one way, then the other, are those of the model. */
static void same(const struct twz_tx *in, unsigned n, const struct model *m)
{
	static uint8_t value[TWZ_MAP_VALUE_MAX];
	struct twz_map_cursor c;
	unsigned i = 0;

	twz_map_cursor_set(&c, in, map(n), bytes_of_value);
	for (int e = twz_map_move(&c, TWZ_MAP_FIRST, 0, value); !e;
	     e = twz_map_move(&c, TWZ_MAP_NEXT, 0, value), i++) {
		uint64_t word = c.word;

		if (bytes_of_value > 8)
			memcpy(&word, value, 8);
		assert_true(i < m->count);
		assert_int_equal(c.key, m->at[i].key);
		assert_int_equal(word, m->at[i].value);
	}
	assert_int_equal(c.error, TWZ_E_NOTFOUND);
	assert_int_equal(i, m->count);
	for (int e = twz_map_move(&c, TWZ_MAP_LAST, 0, value); !e;
	     e = twz_map_move(&c, TWZ_MAP_PREV, 0, value))
		assert_int_equal(c.key, m->at[--i].key);
	assert_int_equal(c.error, TWZ_E_NOTFOUND);
	assert_int_equal(i, 0);
}

/* Sound, as the model has it, and every used block of the heap is the map's. */
static void sound(unsigned n)
{
	uint64_t where, bytes, used;

	if (twz_map_check_all(map(n), &where, &bytes))
		fail_msg("map %u is damaged at 0x%llx", n, (unsigned long long)where);
	assert_int_equal(heap_check(object(n), &where), 0);
	assert_int_equal(heap_used(object(n), &used), 0);
	assert_int_equal(used, bytes + 64 + sizeof(struct twz_block_head));
	assert_int_equal(twz_map_entries(map(n)), model[n].count);
	assert_int_equal(obj_meta(object(n))->log.lock, 0);
}

static uint64_t random_state;

static uint64_t random_next(void)
{
	random_state = random_state * 6364136223846793005ull + 1442695040888963407ull;
	return random_state >> 20;
}

/* ---- what it does ---------------------------------------------------------------------------- */

static void test_empty(void **state)
{
	struct twz_map_cursor c;
	uint64_t word;

	(void)state;
	assert_int_equal(get(NULL, 0, 1, &word), TWZ_E_NOTFOUND);
	assert_int_equal(twz_map_remove_key(NULL, map(0), 1), TWZ_E_NOTFOUND);
	assert_int_equal(twz_map_clear_all(NULL, map(0)), 0);
	twz_map_cursor_set(&c, NULL, map(0), WORD);
	for (int to = TWZ_MAP_FIRST; to <= TWZ_MAP_SEEK; to++)
		assert_int_equal(twz_map_move(&c, to, 5, NULL), TWZ_E_NOTFOUND);
	sound(0);
}

/* Both ends of the keys, and all around the sizes where a leaf and a root are split. */
static void test_order(void **state)
{
	(void)state;
	for (unsigned how = 0; how < 4; how++) {
		setup(NULL);
		for (uint64_t i = 0; i < 1200; i++) {
			uint64_t key = how == 0   ? i
				       : how == 1 ? ~i
				       : how == 2 ? i << 63 | i
						  : i * 0x9e3779b97f4a7c15;

			assert_int_equal(put(NULL, 0, key, i), 0);
			model_put(&model[0], key, i);
			if (i < 100 || i % 50 == 0) {
				sound(0);
				same(NULL, 0, &model[0]);
			}
		}
		sound(0);
		same(NULL, 0, &model[0]);
		while (model[0].count) {
			uint64_t key = model[0].at[how == 3 ? model[0].count / 2 : 0].key;

			assert_int_equal(twz_map_remove_key(NULL, map(0), key), 0);
			model_remove(&model[0], key);
			if (model[0].count < 100 || model[0].count % 50 == 0) {
				sound(0);
				same(NULL, 0, &model[0]);
			}
		}
	}
}

/* One operation, on the map and on the model; `in` null: a transaction of its own. */
static void operation(struct twz_tx *in, uint64_t keys)
{
	unsigned n = random_next() % 2, what = random_next() % 16;
	uint64_t key = random_next() % keys * 0x9e3779b97f4a7c15, word = 0,
		 expected = random_next();
	unsigned rank = model_rank(&model[n], key);

	if (what < 8) {
		assert_int_equal(put(in, n, key, expected), 0);
		model_put(&model[n], key, expected);
		return;
	}
	if (what < 14) {
		if (rank < model[n].count && what < 13)
			key = model[n].at[rank].key;
		assert_int_equal(twz_map_remove_key(in, map(n), key), model_remove(&model[n], key));
		return;
	}
	if (random_next() % 150 == 0) {
		assert_int_equal(twz_map_clear_all(in, map(n)), 0);
		model[n].count = 0;
		return;
	}
	if (!model_has(&model[n], key)) {
		assert_int_equal(get(in, n, key, &word), TWZ_E_NOTFOUND);
		return;
	}
	assert_int_equal(get(in, n, key, &word), 0);
	assert_int_equal(word, model[n].at[rank].value);
}

static void several(unsigned round, uint64_t keys)
{
	memcpy(before, model, sizeof(model));
	twz_tx_begin(&tx);
	for (unsigned i = random_next() % (round % 7 || bytes_of_value > 1000 ? 40 : 600); i; i--)
		operation(&tx, keys);
	if (round % 3 == 0)
		for (unsigned n = 0; n < 2; n++)
			same(&tx, n, &model[n]);
	if (round % 4) {
		assert_int_equal(twz_tx_commit(&tx), 0);
		return;
	}
	twz_tx_abort(&tx);
	memcpy(model, before, sizeof(model));
}

static void test_random(void **state)
{
	const uint64_t sizes[] = {WORD, 3, 100, 3000};
	const char *seed = getenv("TWZ_SEED");

	(void)state;
	random_state = seed ? strtoull(seed, NULL, 0) : 1;
	print_message("seed %llu\n", (unsigned long long)random_state);
	for (unsigned i = 0; i < 4; i++) {
		make_maps(sizes[i]);
		for (unsigned round = 0; round < 300; round++) {
			uint64_t keys =
				sizes[i] > 1000 ? 300 : 20u << round / 50 * (sizes[i] > 8 ? 1 : 2);

			if (round % 2)
				several(round, keys);
			else
				for (unsigned k = 0; k < 40; k++)
					operation(NULL, keys);
			for (unsigned n = 0; n < 2; n++) {
				if (!twz_read_word(&map(n)->doomed))
					sound(n);
				if (round % 10 == 0)
					same(NULL, n, &model[n]);
			}
		}
	}
}

/* A large transaction goes on where the last entry is, whatever happens to that leaf in between. */
static void test_in_order(void **state)
{
	(void)state;
	twz_tx_begin(&tx);
	for (uint64_t i = 0; i < 5000; i++) {
		uint64_t key = i % 2000 / 7 * 8 + i % 7, gone = key - i % 5;

		assert_int_equal(put(&tx, 0, key, i), 0);
		model_put(&model[0], key, i);
		for (uint64_t k = gone; i > 2000 && k < gone + i / 100 % 20; k++)
			assert_int_equal(twz_map_remove_key(&tx, map(0), k),
					 model_remove(&model[0], k));
		if (i == 3000)
			assert_int_equal(twz_map_clear_all(&tx, map(0)), model[0].count = 0);
	}
	same(&tx, 0, &model[0]);
	assert_null(twz_tx_write(&tx, map(0), (uint64_t)1 << 41)); /* an error stays */
	assert_int_equal(put(&tx, 0, 9, 9), TWZ_E_RANGE);
	assert_int_equal(twz_tx_commit(&tx), TWZ_E_RANGE);
}

/* ---- errors ---------------------------------------------------------------------------------- */

static void test_arguments(void **state)
{
	uint64_t word, *place;
	uint8_t value[TWZ_MAP_VALUE_MAX] = {0};
	struct twz_map_cursor c;

	(void)state;
	assert_int_equal(twz_map_put_word(NULL, map(0), 0, 1, 1), TWZ_E_ARG);
	assert_int_equal(twz_map_put_word(NULL, map(0), 9, 1, 1), TWZ_E_ARG);
	assert_int_equal(twz_map_put_block(NULL, map(0), 8, 1, value), TWZ_E_ARG);
	assert_int_equal(twz_map_put_block(NULL, map(0), TWZ_MAP_VALUE_MAX + 1, 1, value),
			 TWZ_E_ARG);
	assert_memory_equal(map(0), value, sizeof(struct twz_map));

	/* The first entry gives the shape; an empty map takes another. */
	assert_int_equal(twz_map_put_word(NULL, map(0), 4 | TWZ_MAP_SIGNED, 1, 1), 0);
	assert_int_equal(twz_map_put_word(NULL, map(0), 8 | TWZ_MAP_SIGNED, 1, 1), TWZ_E_TYPE);
	assert_int_equal(twz_map_put_word(NULL, map(0), 4, 1, 1), TWZ_E_TYPE);
	assert_int_equal(twz_map_put_block(NULL, map(0), 100, 1, value), TWZ_E_TYPE);
	assert_int_equal(twz_map_get_word(map(0), 8, 1, &word), TWZ_E_TYPE);
	assert_int_equal(twz_map_get_block(map(0), 100, 1, value), TWZ_E_TYPE);
	twz_map_cursor_set(&c, NULL, map(0), 8);
	assert_int_equal(twz_map_move(&c, TWZ_MAP_FIRST, 0, NULL), TWZ_E_TYPE);
	assert_int_equal(twz_map_remove_key(NULL, map(0), 1), 0);
	assert_int_equal(twz_map_get_word(map(0), 8, 1, &word), TWZ_E_NOTFOUND);
	assert_int_equal(twz_map_put_block(NULL, map(0), 100, 1, value), 0);
	assert_int_equal(twz_map_put_block(NULL, map(0), TWZ_MAP_VALUE_MAX, 1, value), TWZ_E_TYPE);
	assert_int_equal(twz_map_clear_all(NULL, map(0)), 0);
	assert_int_equal(twz_map_put_block(NULL, map(0), TWZ_MAP_VALUE_MAX, 1, value), 0);
	assert_int_equal(twz_map_get_block(map(0), TWZ_MAP_VALUE_MAX, 1, NULL), 0);
	model[0].count = 1;
	sound(0);

	twz_tx_begin(&tx);
	assert_int_equal(twz_map_find_word(&tx, map(1), 1, &place), TWZ_E_NOTFOUND);
	assert_int_equal(twz_map_put_word(&tx, map(1), 8, 1, 5), 0);
	assert_int_equal(twz_map_find_word(&tx, map(1), 2, &place), TWZ_E_NOTFOUND);
	assert_int_equal(twz_map_find_word(&tx, map(1), 1, &place), 0);
	assert_int_equal(twz_tx_set(&tx, place, 6), 0);
	assert_int_equal(twz_tx_commit(&tx), 0);
	assert_int_equal(twz_map_get_word(map(1), 8, 1, &word), 0);
	assert_int_equal(word, 6);
}

/* A cursor goes on from its key, whatever became of it; at an end it stays. */
static void test_cursor(void **state)
{
	struct twz_map_cursor c;

	(void)state;
	for (uint64_t i = 1; i <= 100; i++)
		assert_int_equal(put(NULL, 0, i * 10, i), 0);
	twz_map_cursor_set(&c, NULL, map(0), WORD);
	assert_int_equal(twz_map_move(&c, TWZ_MAP_SEEK, 495, NULL), 0);
	assert_int_equal(c.key, 500);
	assert_int_equal(c.word, 50);
	for (uint64_t i = 40; i <= 60; i++)
		assert_int_equal(twz_map_remove_key(NULL, map(0), i * 10), 0);
	assert_int_equal(twz_map_move(&c, TWZ_MAP_NEXT, 0, NULL), 0);
	assert_int_equal(c.key, 610);
	assert_int_equal(twz_map_move(&c, TWZ_MAP_PREV, 0, NULL), 0);
	assert_int_equal(c.key, 390);
	assert_int_equal(put(NULL, 0, 391, 7), 0);
	assert_int_equal(twz_map_move(&c, TWZ_MAP_NEXT, 0, NULL), 0);
	assert_int_equal(c.key, 391);
	assert_int_equal(twz_map_move(&c, TWZ_MAP_SEEK, 1001, NULL), TWZ_E_NOTFOUND);
	assert_int_equal(c.key, 391);
	assert_int_equal(twz_map_move(&c, TWZ_MAP_LAST, 0, NULL), 0);
	assert_int_equal(c.key, 1000);
	assert_int_equal(twz_map_move(&c, TWZ_MAP_NEXT, 0, NULL), TWZ_E_NOTFOUND);
	assert_int_equal(twz_map_move(&c, TWZ_MAP_PREV, 0, NULL), 0);
	assert_int_equal(c.key, 990);
	assert_int_equal(twz_map_move(&c, TWZ_MAP_FIRST, 0, NULL), 0);
	assert_int_equal(twz_map_move(&c, TWZ_MAP_PREV, 0, NULL), TWZ_E_NOTFOUND);
	assert_int_equal(c.key, 10);
	assert_int_equal(twz_map_clear_all(NULL, map(0)), 0);
	assert_int_equal(twz_map_move(&c, TWZ_MAP_NEXT, 0, NULL), TWZ_E_NOTFOUND);
	assert_int_equal(put(NULL, 0, 11, 7), 0);
	assert_int_equal(twz_map_move(&c, TWZ_MAP_NEXT, 0, NULL), 0);
	assert_int_equal(c.key, 11);
	assert_int_equal(twz_map_move(&c, (enum twz_map_to)17, 0, NULL), TWZ_E_ARG);
}

/*
 * The heap ends wherever an allocation may be: the entries stay as they were, alone and in a
 * transaction that goes on.
 */
static void test_heap_full(void **state)
{
	const uint64_t sizes[] = {WORD, 100};

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		unsigned failed = 0;

		make_maps(sizes[i % 2]);
		random_state = 7;
		for (unsigned round = 0; round < 900; round++) {
			struct twz_tx *in = i < 2 ? NULL : &tx;
			uint64_t key = random_next() % 4096, end = heap(0)->top;
			int error;

			/* Room for no, one or two nodes. */
			heap(0)->end = end + round % 3 * 540;
			if (in)
				twz_tx_begin(in);
			error = put(in, 0, key, round);
			if (error) {
				assert_int_equal(error, TWZ_E_HEAPFULL);
				failed++;
				heap(0)->end = OBJECTS_SPAN;
				if (in && round % 2)
					assert_int_equal(put(in, 0, key, round), 0);
			}
			if (!error || (in && round % 2))
				model_put(&model[0], key, round);
			if (in)
				same(in, 0, &model[0]);
			if (in)
				assert_int_equal(twz_tx_commit(in), 0);
			heap(0)->end = OBJECTS_SPAN;
			sound(0);
			same(NULL, 0, &model[0]);
		}
		assert_true(failed > 30);
	}
}

/* One that is larger than the log fails as a whole, wherever it was. */
static void test_tx_full(void **state)
{
	unsigned n = 0, entries;
	int error;

	(void)state;
	random_state = 3;
	for (unsigned i = 0; i < 30000; i++) {
		uint64_t key = random_next();

		assert_int_equal(put(NULL, 0, key, i), 0);
		model_put(&model[0], key, i);
	}
	entries = model[0].count;
	twz_tx_begin(&tx);
	assert_int_equal(put(&tx, 1, 1, 1), 0);
	do
		error = n % 3 ? put(&tx, 0, random_next(), 1)
			      : twz_map_remove_key(&tx, map(0),
						   model[0].at[random_next() % entries].key);
	while ((!error || error == TWZ_E_NOTFOUND) && ++n < 30000);
	assert_int_equal(error, TWZ_E_TXFULL);
	assert_true(n > 1500);
	assert_int_equal(twz_tx_commit(&tx), TWZ_E_TXFULL);
	sound(0);
	sound(1);
	same(NULL, 0, &model[0]);

	/* What was cleared is freed by those that come after; in the end all of it. */
	twz_tx_begin(&tx);
	assert_int_equal(twz_map_clear_all(&tx, map(0)), 0);
	model[0].count = 0;
	same(&tx, 0, &model[0]);
	assert_int_equal(twz_tx_commit(&tx), 0);
	assert_true(map(0)->doomed);
	sound(0);
	for (unsigned i = 0; i < 200; i++) {
		assert_int_equal(put(NULL, 0, i, i), 0);
		model_put(&model[0], i, i);
		sound(0);
	}
	same(NULL, 0, &model[0]);
	assert_int_equal(twz_map_clear_all(NULL, map(0)), 0);
	model[0].count = 0;
	assert_int_equal(map(0)->doomed, 0);
	sound(0);
}

/* What a runtime does with a fault of a probe: nothing can be made there. */
static void on_fault(int signal, siginfo_t *info, void *context)
{
	greg_t *reg = ((ucontext_t *)context)->uc_mcontext.gregs;

	(void)signal, (void)info;
	reg[REG_RIP] = (greg_t)tx_fixup((uintptr_t)reg[REG_RIP]);
	if (!reg[REG_RIP])
		abort();
}

/* The store has no page for a node: nothing is changed. */
static void test_store_full(void **state)
{
	struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO}, old;
	uint64_t i = 0;
	int error;

	(void)state;
	heap(0)->end = TWZ_SLOT_SIZE;
	heap(0)->top = OBJECTS_SPAN - 1008;
	sigaction(SIGSEGV, &action, &old);
	while (!(error = put(NULL, 0, i, i))) {
		model_put(&model[0], i, i);
		i++;
	}
	assert_int_equal(error, TWZ_E_FULL);
	twz_tx_begin(&tx);
	assert_int_equal(put(&tx, 0, i, i), TWZ_E_FULL);
	assert_int_equal(twz_tx_commit(&tx), TWZ_E_FULL);
	sigaction(SIGSEGV, &old, NULL);
	same(NULL, 0, &model[0]);
}

/* ---- maps that lie --------------------------------------------------------------------------- */

/* Everything that can be done, whatever comes of it. */
static void try_all(void)
{
	static uint8_t value[TWZ_MAP_VALUE_MAX];
	uint64_t word, key = random_next() % 3000, where, bytes, *place;
	struct twz_map_cursor c;
	unsigned n = 0;

	twz_map_check_all(map(0), &where, &bytes);
	twz_map_get_word(map(0), bytes_of_value, key, &word);
	twz_map_get_block(map(0), bytes_of_value, key, value);
	twz_map_cursor_set(&c, NULL, map(0), bytes_of_value);
	for (twz_map_move(&c, TWZ_MAP_FIRST, 0, value); !c.error && n < 100000; n++)
		twz_map_move(&c, TWZ_MAP_NEXT, 0, value);
	for (twz_map_move(&c, TWZ_MAP_LAST, 0, value); !c.error && n < 100000; n++)
		twz_map_move(&c, TWZ_MAP_PREV, 0, value);
	assert_true(n < 100000);
	for (unsigned i = 0; i < 6; i++) {
		put(NULL, 0, random_next() % 3000, 5);
		twz_map_remove_key(NULL, map(0), random_next() % 3000);
	}
	twz_tx_begin(&tx);
	twz_map_find_word(&tx, map(0), key, &place);
	for (unsigned i = 0; i < 10; i++) {
		put(&tx, 0, random_next() % 3000, 5);
		twz_map_remove_key(&tx, map(0), random_next() % 3000);
		twz_map_get_word_tx(&tx, map(0), bytes_of_value, random_next() % 3000, &word);
	}
	if (twz_map_clear_all(&tx, map(0)) || random_next() % 2)
		twz_tx_abort(&tx);
	else
		twz_tx_commit(&tx);
	twz_map_clear_all(NULL, map(0));
	assert_int_equal(obj_meta(object(0))->log.lock, 0);
}

/* What is wrong is found where it is followed. */
static void test_lies(void **state)
{
	static uint8_t value[100];
	struct twz_map_inner *root;
	struct twz_map_leaf *leaf;
	struct twz_map_cursor c;
	uint64_t first, rank;

	(void)state;
	for (unsigned how = 0; how < 14; how++) {
		make_maps(how < 11 ? WORD : 100);
		for (uint64_t i = 0; i < 100; i++)
			assert_int_equal(put(NULL, 0, i * 10, i), 0);
		root = (struct twz_map_inner *)(object(0) + map(0)->root);
		leaf = (struct twz_map_leaf *)(object(0) + root->child[0]);
		first = leaf->pair[place_of(leaf->order, 0)].key;
		rank = count_of(leaf->order);
		assert_int_equal(twz_map_remove_key(NULL, map(0), 10), 0);
		twz_map_cursor_set(&c, NULL, map(0), bytes_of_value);
		switch (how) {
		case 0:
			map(0)->root = TWZ_SLOT_SIZE - 16;
			break;
		case 1:
			map(0)->root += 8;
			break;
		case 2:
			root->head = head_word(TWZ_MAP_LEVELS, keys_of(root->head));
			break;
		case 3:
			root->head = head_word(1, KEYS + 1);
			break;
		case 4:
			root->head = head_word(2, keys_of(root->head));
			break;
		case 5:
			root->child[0] = TWZ_SLOT_SIZE - 128;
			break;
		case 6:
			root->child[0] += 8;
			break;
		case 7:
			leaf->head ^= 1;
			break;
		case 8: /* the place of the first entry */
			leaf->order |= 15;
			break;
		case 9: /* the first free place */
			leaf->order |= (uint64_t)15 << 4 * (rank - 1);
			assert_int_equal(put(NULL, 0, 1, 1), TWZ_E_DAMAGED);
			continue;
		case 10: /* keys of free places that are less */
			for (unsigned i = 0; i < PAIRS; i++)
				leaf->pair[i].key = 0;
			leaf->order &= ORDER_MASK;
			assert_int_equal(put(NULL, 0, 1, 1), TWZ_E_DAMAGED);
			continue;
		case 11:
			leaf->pair[place_of(leaf->order, 0)].value = TWZ_SLOT_SIZE - 64;
			break;
		case 12:
			leaf->pair[place_of(leaf->order, 0)].value = 16;
			assert_int_equal(put(NULL, 0, first, 1), TWZ_E_DAMAGED);
			break;
		case 13:
			leaf->pair[place_of(leaf->order, 0)].value += 8;
			assert_int_equal(twz_map_remove_key(NULL, map(0), first), TWZ_E_DAMAGED);
			break;
		}
		if (how < 11)
			assert_int_equal(get(NULL, 0, first, &rank), TWZ_E_DAMAGED);
		else
			assert_int_equal(twz_map_get_block(map(0), 100, first, value),
					 TWZ_E_DAMAGED);
		assert_int_equal(twz_map_move(&c, TWZ_MAP_FIRST, 0, value), TWZ_E_DAMAGED);
		assert_int_equal(obj_meta(object(0))->log.lock, 0);
	}
}

/* A scan comes to a leaf that says that it has no entry. */
static void test_empty_leaf(void **state)
{
	struct twz_map_inner *root;
	struct twz_map_leaf *leaf;
	struct twz_map_cursor c;

	(void)state;
	for (uint64_t i = 0; i < 100; i++)
		assert_int_equal(put(NULL, 0, i * 10, i), 0);
	root = (struct twz_map_inner *)(object(0) + map(0)->root);
	leaf = (struct twz_map_leaf *)(object(0) + root->child[1]);
	leaf->order &= ORDER_MASK;
	twz_map_cursor_set(&c, NULL, map(0), WORD);
	assert_int_equal(twz_map_move(&c, TWZ_MAP_SEEK, root->key[0] - 10, NULL), 0);
	assert_int_equal(twz_map_move(&c, TWZ_MAP_NEXT, 0, NULL), TWZ_E_DAMAGED);
}

/* A word that leads astray. */
static uint64_t bad_word(uint64_t word, uint64_t top)
{
	switch (random_next() % 8) {
	case 0:
		return 0;
	case 1:
		return ~(uint64_t)0;
	case 2:
		return word ^ (uint64_t)1 << random_next() % 64;
	case 3:
		return TWZ_OBJ_DATA + random_next() % (top - TWZ_OBJ_DATA) / 16 * 16;
	case 4:
		return TWZ_SLOT_SIZE - random_next() % 40 * 16;
	case 5:
		return head_word(random_next() % 14, random_next() % 34);
	case 6:
		return word + (random_next() % 3 - 1) * 16;
	}
	return random_next() << 20 ^ random_next();
}

/*
 * Words of a map's nodes, of its head and of the heap's blocks are changed at random: there may be
 * any answer, but no crash and no end without one.
 */
static void test_damage(void **state)
{
	const unsigned rounds = getenv("TWZ_LONG") ? 40000 : 800;
	uint8_t *const rest = object(0) + OBJECTS_SPAN;
	const char *seed = getenv("TWZ_SEED");
	unsigned wrong = 0;

	(void)state;
	random_state = seed ? strtoull(seed, NULL, 0) : 1;
	for (unsigned i = 0; i < 2; i++) {
		uint64_t start, top, where, bytes;
		uint8_t *image;

		make_maps(i ? 100 : WORD);
		for (uint64_t key = 0; key < 600; key++)
			assert_int_equal(put(NULL, 0, key * 7 % 3000, key), 0);
		start = heap(0)->start;
		top = heap(0)->top;
		image = malloc(top - start);
		memcpy(image, object(0) + start, top - start);
		/* An object has 1 GiB that can be read. */
		assert_ptr_equal(mmap(rest, TWZ_SLOT_SIZE - OBJECTS_SPAN, PROT_READ | PROT_WRITE,
				      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1,
				      0),
				 rest);
		for (unsigned round = 0; round < rounds; round++) {
			uint64_t *words = (uint64_t *)(object(0) + start);

			memcpy(words, image, top - start);
			heap(0)->top = top;
			memset(heap(0)->free, 0, sizeof(heap(0)->free));
			for (unsigned n = 1 + random_next() % 12; n; n--) {
				uint64_t at = random_next() % ((top - start) / 8);

				if (random_next() % 8 == 0)
					at = (heap(0)->root - start) / 8 + random_next() % 4;
				words[at] = bad_word(words[at], top);
			}
			wrong += twz_map_check_all(map(0), &where, &bytes) != 0;
			try_all();
		}
		assert_int_equal(munmap(rest, TWZ_SLOT_SIZE - OBJECTS_SPAN), 0);
		free(image);
	}
	assert_true(wrong > rounds);
}

/* The checker misses none of the invariants. */
static void test_check(void **state)
{
	struct twz_map_inner *root;
	struct twz_map_leaf *leaf;
	uint64_t where, bytes;

	(void)state;
	for (unsigned how = 0; how < 22; how++) {
		make_maps(how < 20 ? WORD : 100);
		for (uint64_t i = 0; i < 100; i++)
			assert_int_equal(put(NULL, 0, i * 10, i), 0);
		assert_int_equal(twz_map_check_all(map(0), &where, &bytes), 0);
		root = (struct twz_map_inner *)(object(0) + map(0)->root);
		leaf = (struct twz_map_leaf *)(object(0) + root->child[1]);
		switch (how) {
		case 0: /* M1 */
			map(0)->shape = 0;
			break;
		case 1:
			map(0)->root = 0;
			break;
		case 2:
			map(0)->shape = TWZ_MAP_VALUE_MAX + 1;
			break;
		case 3: /* M2 */
			((struct twz_block_head *)leaf - 1)->magic = TWZ_BLOCK_FREE;
			break;
		case 4:
			leaf->head++;
			break;
		case 5:
			root->head = head_word(2, keys_of(root->head));
			break;
		case 6:
			root->child[1] = root->child[0];
			break;
		case 7:
			root->child[1] = 0;
			break;
		case 8: /* M3 */
			root->head = head_word(1, 0);
			break;
		case 9:
			root->key[1] = root->key[0];
			break;
		case 10:
			root->key[30] = 7;
			break;
		case 11: /* M4 */
			root->key[0]++;
			break;
		case 12:
			root->key[1]++;
			leaf->pair[place_of(leaf->order, 12)].key = root->key[1];
			break;
		case 13: /* M5 */
			leaf->order ^= 1;
			break;
		case 14:
			leaf->order = (leaf->order & ~(uint64_t)0xff) | (leaf->order & 15) << 4 |
				      (leaf->order >> 4 & 15);
			break;
		case 15:
			leaf->pair[place_of(leaf->order, 13)].key = 5;
			break;
		case 16:
			leaf->order &= ORDER_MASK;
			for (unsigned i = 0; i < PAIRS; i++)
				leaf->pair[i].key = KEY_MAX;
			map(0)->count -= 13;
			break;
		case 17: /* M6 */
			leaf->next = root->child[0];
			break;
		case 18:
			leaf = (struct twz_map_leaf *)(object(0) +
						       root->child[keys_of(root->head)]);
			leaf->next = root->child[0];
			break;
		case 19: /* M7 */
			map(0)->count++;
			break;
		case 20: /* M8 */
			leaf->pair[0].value += 16;
			break;
		case 21: /* M9 */
			map(0)->doomed = leaf->pair[0].value;
			break;
		}
		if (!twz_map_check_all(map(0), &where, &bytes))
			fail_msg("damage %u is not found", how);
		assert_true(where >= TWZ_OBJ_DATA || where == 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_empty, setup),
		cmocka_unit_test_setup(test_order, setup),
		cmocka_unit_test(test_random),
		cmocka_unit_test_setup(test_in_order, setup),
		cmocka_unit_test_setup(test_arguments, setup),
		cmocka_unit_test_setup(test_cursor, setup),
		cmocka_unit_test(test_heap_full),
		cmocka_unit_test_setup(test_tx_full, setup),
		cmocka_unit_test_setup(test_store_full, setup),
		cmocka_unit_test(test_lies),
		cmocka_unit_test_setup(test_empty_leaf, setup),
		cmocka_unit_test(test_damage),
		cmocka_unit_test(test_check),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
