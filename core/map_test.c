/*
 * map_test.c - the ordered map against a sorted array; its errors; maps that lie. Crashes:
 * tests/crash/map.c. Readers beside a writer: tests/tsan/map.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_empty, setup),
		cmocka_unit_test_setup(test_order, setup),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
