/*
 * dict_test.c - dictionaries against a model, and dictionaries that lie. Crashes: tests/crash/dict.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* cmocka wants the above first */
#include <cmocka.h>

#include "core/dict.h"
#include "core/heap.h"
#include "tests/sim/objects.h"

#define NMODEL 300u
#define VALUE_MAX 1500u

static struct twz_tx tx;

static struct twz_heap *heap(void)
{
	return (struct twz_heap *)(object(0) + obj_meta(object(0))->heap);
}

/* In the last page that the test object has, out of the heap's way. */
static struct twz_dict *dict(void)
{
	return (struct twz_dict *)(object(0) + OBJECTS_SPAN - TWZ_PAGE);
}

static int setup(void **state)
{
	(void)state;
	sim_memory(OBJECTS_BYTES);
	objects_setup();
	assert_int_equal(heap_make(object(0), object_id(0)), 0);
	heap()->end = OBJECTS_SPAN - TWZ_PAGE;
	return 0;
}

/* The dictionary is sound, and all that is allocated is its own. */
static void sound(void)
{
	uint64_t where, owned, used;

	if (heap_check(object(0), &where) || dict_check(dict(), &where, &owned))
		fail_msg("damaged at 0x%llx", (unsigned long long)where);
	assert_int_equal(heap_used(object(0), &used), 0);
	assert_int_equal(owned, used);
	assert_int_equal(obj_meta(object(0))->log.lock, 0);
}

static int put(struct twz_tx *in, const char *key, uint64_t value)
{
	return dict_put(in, dict(), sizeof(value), key, (uint32_t)strlen(key), &value);
}

static int get(struct twz_tx *in, const char *key, uint64_t *value)
{
	return dict_get(in, dict(), sizeof(*value), key, (uint32_t)strlen(key), value);
}

static int take(struct twz_tx *in, const char *key)
{
	return dict_remove(in, dict(), key, (uint32_t)strlen(key));
}

/* ---- what it does ---------------------------------------------------------------------------- */

/* In their order; among them beginnings of others, and some that differ late. */
static const char *const some[] = {
	"",
	"a",
	"ab",
	"abcdefg",
	"abcdefgh",
	"abcdefgi",
	"abcdefghij",
	"abcdefghijklmn",
	"abcdefghijklmno",
	"abcdefghijklmnoz",
	"abcdefh",
	"abcdefx and more",
	"b",
	"zzzzzzzzzzzzzzzzzzzzzzzzzzzzzz",
};
#define NSOME (sizeof(some) / sizeof(some[0]))

/* As memcmp has them. */
static int by_key(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static const char *sorted[NSOME];

static void fill(void)
{
	memcpy(sorted, some, sizeof(some));
	qsort(sorted, NSOME, sizeof(sorted[0]), by_key);
	for (unsigned i = 0; i < NSOME; i++)
		assert_int_equal(put(NULL, some[i * 5 % NSOME], i * 5 % NSOME), 0);
}

static void test_some(void **state)
{
	struct twz_dict_cursor c;
	uint64_t value;

	(void)state;
	assert_int_equal(get(NULL, "a", &value), TWZ_E_NOTFOUND);
	assert_int_equal(take(NULL, "a"), TWZ_E_NOTFOUND);
	fill();
	sound();
	assert_int_equal(dict_count(NULL, dict()), NSOME);
	for (unsigned i = 0; i < NSOME; i++) {
		assert_int_equal(get(NULL, some[i], &value), 0);
		assert_int_equal(value, i);
	}
	value = 77;
	assert_int_equal(get(NULL, "abcdefghi", &value), TWZ_E_NOTFOUND);
	assert_int_equal(get(NULL, "abcdefx and mor", &value), TWZ_E_NOTFOUND);
	assert_int_equal(get(NULL, "c", &value), TWZ_E_NOTFOUND);
	assert_int_equal(value, 77);

	dict_cursor_set(&c, NULL, dict(), 8);
	for (unsigned i = 0; i < NSOME; i++) {
		assert_int_equal(dict_move(&c, i ? TWZ_MAP_NEXT : TWZ_MAP_FIRST, NULL, 0, &value),
				 0);
		assert_string_equal(c.key, sorted[i]);
		assert_int_equal(c.length, strlen(sorted[i]));
		assert_string_equal(some[value], sorted[i]);
	}
	assert_int_equal(dict_move(&c, TWZ_MAP_NEXT, NULL, 0, &value), TWZ_E_NOTFOUND);
	assert_string_equal(c.key, sorted[NSOME - 1]);
	for (unsigned i = NSOME; i-- > 0;) {
		assert_int_equal(
			dict_move(&c, i == NSOME - 1 ? TWZ_MAP_LAST : TWZ_MAP_PREV, NULL, 0, NULL),
			0);
		assert_string_equal(c.key, sorted[i]);
	}
	assert_int_equal(dict_move(&c, TWZ_MAP_PREV, NULL, 0, NULL), TWZ_E_NOTFOUND);
	for (unsigned i = 0; i < NSOME; i++) {
		assert_int_equal(take(NULL, some[i]), 0);
		assert_int_equal(take(NULL, some[i]), TWZ_E_NOTFOUND);
		sound();
	}
	assert_int_equal(dict_count(NULL, dict()), 0);
	assert_int_equal(dict_move(&c, TWZ_MAP_FIRST, NULL, 0, NULL), TWZ_E_NOTFOUND);
	assert_int_equal(dict_clear(NULL, dict()), 0);
	sound();
}

/* All that begin alike, by seeking. */
static void test_prefix(void **state)
{
	struct twz_dict_cursor c;
	unsigned n = 0;

	(void)state;
	fill();
	dict_cursor_set(&c, NULL, dict(), 8);
	dict_move(&c, TWZ_MAP_SEEK, "abcdefgh", 8, NULL);
	for (; dict_begins(&c, "abcdefgh", 8); dict_move(&c, TWZ_MAP_NEXT, NULL, 0, NULL))
		n++;
	assert_int_equal(n, 5);
	assert_string_equal(c.key, "abcdefgi");
	/* A cursor goes on though its entry is removed. */
	assert_int_equal(take(NULL, "abcdefgi"), 0);
	assert_int_equal(dict_move(&c, TWZ_MAP_PREV, NULL, 0, NULL), 0);
	assert_string_equal(c.key, "abcdefghijklmnoz");
}

static void test_arguments(void **state)
{
	static const uint8_t key[300], value[TWZ_DICT_VALUE_MAX + 1];
	uint8_t out[16];

	(void)state;
	assert_int_equal(dict_put(NULL, dict(), 8, key, 256, value), TWZ_E_RANGE);
	assert_int_equal(dict_get(NULL, dict(), 8, key, 256, out), TWZ_E_RANGE);
	assert_int_equal(dict_remove(NULL, dict(), key, 256), TWZ_E_RANGE);
	assert_int_equal(dict_put(NULL, dict(), 0, key, 1, value), TWZ_E_ARG);
	assert_int_equal(dict_put(NULL, dict(), TWZ_DICT_VALUE_MAX + 1, key, 1, value), TWZ_E_ARG);
	assert_int_equal(dict_put(NULL, dict(), 8, key, 255, value), 0);
	assert_int_equal(dict_put(NULL, dict(), 8, key, 254, value), 0);
	assert_int_equal(dict_put(NULL, dict(), 16, key, 1, value), TWZ_E_TYPE);
	assert_int_equal(dict_get(NULL, dict(), 16, key, 255, out), TWZ_E_TYPE);
	sound();
	assert_int_equal(dict_clear(NULL, dict()), 0);
	assert_int_equal(dict_put(NULL, dict(), TWZ_DICT_VALUE_MAX, key, 255, value), 0);
	sound();
}

static void test_fences(void **state)
{
	uint64_t before = sim_count.fences;
	static uint8_t large[1200];

	(void)state;
	fill();
	assert_int_equal(sim_count.fences - before, 2 * NSOME);
	assert_int_equal(take(NULL, "abcdefgh"), 0);
	assert_int_equal(sim_count.fences - before, 2 * NSOME + 2);
	assert_int_equal(dict_clear(NULL, dict()), 0);
	before = sim_count.fences;
	assert_int_equal(dict_put(NULL, dict(), sizeof(large), "k", 1, large), 0);
	assert_int_equal(sim_count.fences - before, 3);
}

/* ---- beside a model -------------------------------------------------------------------------- */

struct model {
	unsigned n;
	struct item {
		uint32_t length;
		uint8_t key[256];
		uint64_t value;
	} item[NMODEL]; /* in order */
};

static uint64_t seed;

static uint64_t random_below(uint64_t n)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return (seed >> 33) % n;
}

/* The first item that is not before this one. */
static unsigned model_at(const struct model *m, const struct item *key)
{
	unsigned i = 0;

	for (; i < m->n; i++) {
		const struct item *item = &m->item[i];
		uint32_t both = item->length < key->length ? item->length : key->length;
		int order = memcmp(item->key, key->key, both);

		if (order > 0 || (!order && item->length >= key->length))
			break;
	}
	return i;
}

static bool model_has(const struct model *m, const struct item *key, unsigned i)
{
	return i < m->n && m->item[i].length == key->length &&
	       !memcmp(m->item[i].key, key->key, key->length);
}

static void some_key(struct item *key)
{
	static const uint8_t letters[] = {0, 'a', 0xff};

	key->length = (uint32_t)random_below(random_below(8) ? 18 : 256);
	memset(key->key, 'a', sizeof(key->key));
	for (unsigned i = 0; i < 4 && key->length; i++)
		key->key[random_below(key->length)] = letters[random_below(3)];
}

/* A value's bytes follow from its number. */
static void content(uint8_t *out, uint64_t value, uint32_t bytes)
{
	for (uint32_t i = 0; i < bytes; i++)
		out[i] = (uint8_t)(value >> 8 * (i % 8)) ^ (uint8_t)(i / 8);
}

static void step(struct twz_tx *in, struct model *m, uint32_t bytes, int *error)
{
	uint8_t value[VALUE_MAX];
	struct item key;
	unsigned i;

	some_key(&key);
	if (m->n && random_below(3) == 0)
		key = m->item[random_below(m->n)];
	i = model_at(m, &key);
	if (random_below(300) == 0) {
		*error = dict_clear(in, dict());
		m->n = *error ? m->n : 0;
	} else if (random_below(m->n < 150 ? 8 : 2) || m->n == NMODEL) {
		if (m->n == NMODEL && !model_has(m, &key, i))
			return;
		key.value = random_below(1u << 30);
		content(value, key.value, bytes);
		*error = dict_put(in, dict(), bytes, key.key, key.length, value);
		if (*error)
			return;
		if (!model_has(m, &key, i)) {
			memmove(&m->item[i + 1], &m->item[i], (m->n++ - i) * sizeof(key));
		}
		m->item[i] = key;
	} else {
		*error = dict_remove(in, dict(), key.key, key.length);
		if (*error == TWZ_E_NOTFOUND && !model_has(m, &key, i))
			*error = 0;
		else if (!*error)
			memmove(&m->item[i], &m->item[i + 1], (--m->n - i) * sizeof(key));
	}
}

static void is_item(const struct twz_dict_cursor *c, const struct item *item, uint32_t bytes,
		    const uint8_t *value)
{
	uint8_t expected[VALUE_MAX];

	assert_int_equal(c->length, item->length);
	assert_memory_equal(c->key, item->key, item->length);
	content(expected, item->value, bytes);
	assert_memory_equal(value, expected, bytes);
}

/* Both ways through it, and to some places. */
static void same(struct twz_tx *in, const struct model *m, uint32_t bytes)
{
	static uint8_t value[VALUE_MAX];
	struct twz_dict_cursor c;
	struct item key;
	unsigned i;

	assert_int_equal(dict_count(in, dict()), m->n);
	dict_cursor_set(&c, in, dict(), bytes);
	dict_move(&c, TWZ_MAP_FIRST, NULL, 0, value);
	for (i = 0; i < m->n; i++, dict_move(&c, TWZ_MAP_NEXT, NULL, 0, value)) {
		assert_int_equal(c.error, 0);
		is_item(&c, &m->item[i], bytes, value);
	}
	assert_int_equal(c.error, TWZ_E_NOTFOUND);
	dict_move(&c, TWZ_MAP_LAST, NULL, 0, value);
	for (i = m->n; i-- > 0; dict_move(&c, TWZ_MAP_PREV, NULL, 0, value)) {
		assert_int_equal(c.error, 0);
		is_item(&c, &m->item[i], bytes, value);
	}
	assert_int_equal(c.error, TWZ_E_NOTFOUND);
	for (unsigned n = 0; n < 8; n++) {
		some_key(&key);
		i = model_at(m, &key);
		assert_int_equal(dict_get(in, dict(), bytes, key.key, key.length, value),
				 model_has(m, &key, i) ? 0 : TWZ_E_NOTFOUND);
		assert_int_equal(dict_move(&c, TWZ_MAP_SEEK, key.key, key.length, value),
				 i < m->n ? 0 : TWZ_E_NOTFOUND);
		if (i == m->n)
			continue;
		is_item(&c, &m->item[i], bytes, value);
		assert_int_equal(dict_move(&c, TWZ_MAP_PREV, NULL, 0, value),
				 i ? 0 : TWZ_E_NOTFOUND);
		if (i)
			is_item(&c, &m->item[i - 1], bytes, value);
	}
}

/* Operations at random, alone and in transactions; some are given up; in a full heap they go on. */
static void against_model(uint32_t bytes, unsigned rounds)
{
	static struct model m, after;

	m.n = 0;
	for (unsigned round = 0; round < rounds; round++) {
		uint64_t ops = random_below(3) ? 1 + random_below(12) : 0;
		int error = 0;

		heap()->end = random_below(6) ? OBJECTS_SPAN - TWZ_PAGE : heap()->top;
		after = m;
		if (ops)
			twz_tx_begin(&tx);
		do {
			step(ops ? &tx : NULL, &after, bytes, &error);
			assert_true(!error || error == TWZ_E_HEAPFULL);
		} while (ops && --ops);
		if (tx.nparts && random_below(5)) {
			same(&tx, &after, bytes);
			assert_int_equal(twz_tx_commit(&tx), 0);
			m = after;
		} else if (tx.nparts) {
			twz_tx_abort(&tx);
		} else if (!error) {
			m = after;
		}
		same(NULL, &m, bytes);
		sound();
	}
}

static void test_model(void **state)
{
	static const uint32_t sizes[] = {8, 3, 24, 1100};
	const char *text = getenv("TWZ_SEED");

	(void)state;
	seed = text ? strtoull(text, NULL, 10) : 1;
	print_message("TWZ_SEED=%llu\n", (unsigned long long)seed);
	twz_tx_begin(&tx);
	for (unsigned i = 0; i < 4; i++) {
		setup(NULL);
		against_model(sizes[i], getenv("TWZ_LONG") ? 6000 : 250);
	}
}

/* More than one transaction frees is freed piece by piece. */
static void test_clear(void **state)
{
	char key[32];

	(void)state;
	for (unsigned how = 0; how < 2; how++) {
		setup(NULL);
		for (unsigned i = 0; i < 300; i++) {
			snprintf(key, sizeof(key), "the key number %u of many", i * 7919 % 1000);
			assert_int_equal(put(NULL, key, i), 0);
		}
		sound();
		if (how) {
			twz_tx_begin(&tx);
			assert_int_equal(dict_clear(&tx, dict()), 0);
			assert_int_equal(put(&tx, "new", 1), 0);
			assert_int_equal(dict_count(&tx, dict()), 1);
			assert_int_equal(twz_tx_commit(&tx), 0);
			assert_int_not_equal(dict()->doomed.root, 0);
			sound();
			for (unsigned i = 0; dict()->doomed.root; i++) {
				assert_true(i < 80);
				assert_int_equal(put(NULL, "new", i), 0);
			}
			sound();
			assert_int_equal(take(NULL, "new"), 0);
			assert_int_equal(dict_clear(NULL, dict()), 0);
		} else {
			assert_int_equal(dict_clear(NULL, dict()), 0);
		}
		sound();
		assert_int_equal(dict()->first.root | dict()->doomed.root, 0);
		assert_int_equal(heap_used(object(0), &(uint64_t){0}), 0);
	}
}

/* ---- what is not right ----------------------------------------------------------------------- */

/* The word of a key of the first layer. */
static uint64_t *word_of(struct twz_map *layer, const char *bytes, unsigned code)
{
	uint64_t key = 0, *word;

	for (unsigned i = 0; i < 7; i++)
		key = key << 8 | (uint8_t)bytes[i];
	twz_tx_begin(&tx);
	assert_int_equal(twz_map_find_word(&tx, layer, key << 8 | code, &word), 0);
	twz_tx_abort(&tx);
	return word;
}

static struct twz_dict_entry *entry_of(void)
{
	return (struct twz_dict_entry *)(object(0) +
					 *word_of(&dict()->first, "abcdefx", TWZ_DICT_TAIL));
}

static void lie(unsigned how)
{
	uint64_t *tail = word_of(&dict()->first, "abcdefx", TWZ_DICT_TAIL);
	uint64_t *layer = word_of(&dict()->first, "abcdefg", TWZ_DICT_LAYER);

	switch (how) {
	case 0:
		*tail = *layer = TWZ_SLOT_SIZE;
		break;
	case 1:
		*tail = *layer = 16;
		break;
	case 2:
		*tail += 8, *layer += 8;
		break;
	case 3:
		*tail = *layer = 0;
		break;
	case 4: /* no such string is that long */
		entry_of()->length = 1000;
		*layer = 0;
		break;
	case 5: /* a value of another size */
		entry_of()->bytes = 9;
		*layer = 0;
		break;
	default: /* a layer without end */
		*layer = obj_offset(&dict()->first);
		*tail = 0;
	}
}

static void test_lies(void **state)
{
	uint64_t where, owned, value;

	(void)state;
	for (unsigned how = 0; how < 7; how++) {
		setup(NULL);
		fill();
		lie(how);
		assert_int_equal(get(NULL, "abcdefx and more", &value), TWZ_E_DAMAGED);
		assert_int_equal(put(NULL, "abcdefx and more", 1), TWZ_E_DAMAGED);
		assert_int_equal(take(NULL, "abcdefx and more"), TWZ_E_DAMAGED);
		if (how < 6)
			assert_int_equal(get(NULL, "abcdefgh", &value), TWZ_E_DAMAGED);
		assert_int_equal(dict_check(dict(), &where, &owned), TWZ_E_DAMAGED);
		assert_int_equal(obj_meta(object(0))->log.lock, 0);
	}
}

/* A layer that leads to itself ends with the longest string. */
static void test_circle(void **state)
{
	struct twz_dict_cursor c;
	uint64_t *word, value;

	(void)state;
	assert_int_equal(put(NULL, "aaaaaaaa", 1), 0);
	assert_int_equal(put(NULL, "aaaaaaab", 1), 0);
	word = word_of(&dict()->first, "aaaaaaa", TWZ_DICT_LAYER);
	*word = obj_offset(&dict()->first);
	dict_cursor_set(&c, NULL, dict(), 8);
	assert_int_equal(dict_move(&c, TWZ_MAP_FIRST, NULL, 0, &value), TWZ_E_DAMAGED);
	assert_int_equal(dict_move(&c, TWZ_MAP_LAST, NULL, 0, &value), TWZ_E_DAMAGED);
	assert_int_not_equal(get(NULL, "aaaaaaaa", &value), 0);
	/* Nor is it freed for ever. */
	dict()->doomed = dict()->first;
	dict()->doomed_bytes = 8;
	*word = obj_offset(&dict()->doomed);
	assert_int_equal(put(NULL, "x", 1), TWZ_E_DAMAGED);
}

/* The word of a code that is none, and a string that ends before its layer. */
static void test_codes(void **state)
{
	uint64_t key = 0x6161616161616100ull | 40, where, owned, value;
	struct twz_dict_cursor c;

	(void)state;
	assert_int_equal(put(NULL, "b", 1), 0);
	assert_int_equal(twz_map_put_word(NULL, &dict()->first, 8, key, 1), 0);
	dict_cursor_set(&c, NULL, dict(), 8);
	assert_int_equal(dict_move(&c, TWZ_MAP_FIRST, NULL, 0, &value), TWZ_E_DAMAGED);
	assert_int_equal(dict_check(dict(), &where, &owned), TWZ_E_DAMAGED);

	setup(NULL);
	fill();
	entry_of()->length = 7;
	assert_int_equal(put(NULL, "abcdefx and less", 1), TWZ_E_DAMAGED);
	assert_int_equal(dict_check(dict(), &where, &owned), TWZ_E_DAMAGED);
}

static void test_check(void **state)
{
	uint64_t where, owned;

	(void)state;
	for (unsigned how = 0; how < 6; how++) {
		setup(NULL);
		fill();
		switch (how) {
		case 0:
			dict()->count++;
			break;
		case 1: /* another string than the one that leads there */
			((uint8_t *)(entry_of() + 2))[3] ^= 1;
			break;
		case 2: /* bytes behind the end */
			assert_int_equal(
				twz_map_put_word(NULL, &dict()->first, 8, 0x6162000001000002ull, 1),
				0);
			break;
		case 3: /* a tail beside the layer of its bytes */
			assert_int_equal(twz_map_put_word(NULL, &dict()->first, 8,
							  0x6162636465666708ull,
							  *word_of(&dict()->first, "abcdefx", 8)),
					 0);
			break;
		case 4: /* a free block */
			((struct twz_block_head *)entry_of() - 1)->magic = TWZ_BLOCK_FREE;
			break;
		default: /* an empty layer */
			((struct twz_map *)(object(0) +
					    *word_of(&dict()->first, "abcdefg", TWZ_DICT_LAYER)))
				->count = 0;
		}
		assert_int_equal(dict_check(dict(), &where, &owned), TWZ_E_DAMAGED);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_some, setup),
		cmocka_unit_test_setup(test_prefix, setup),
		cmocka_unit_test_setup(test_arguments, setup),
		cmocka_unit_test_setup(test_fences, setup),
		cmocka_unit_test_setup(test_model, setup),
		cmocka_unit_test_setup(test_clear, setup),
		cmocka_unit_test_setup(test_lies, setup),
		cmocka_unit_test_setup(test_circle, setup),
		cmocka_unit_test_setup(test_codes, setup),
		cmocka_unit_test_setup(test_check, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
