/*
 * vec_test.c - vectors against a model, and vectors that lie. Crashes: tests/crash/vec.c.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
/* cmocka wants the above first */
#include <cmocka.h>

#include "core/heap.h"
#include "core/vec.h"
#include "tests/sim/objects.h"

#define NMODEL 400u
#define BYTES_MAX 24u

static struct twz_tx tx;

static struct twz_heap *heap(void)
{
	return (struct twz_heap *)(object(0) + obj_meta(object(0))->heap);
}

/* In the last page that the test object has, out of the heap's way. */
static struct twz_vec *vec(void)
{
	return (struct twz_vec *)(object(0) + OBJECTS_SPAN - TWZ_PAGE);
}

static struct twz_vec_segments *list(void)
{
	return (struct twz_vec_segments *)(object(0) + vec()->segments);
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

static uint64_t used(void)
{
	uint64_t bytes = 0;

	assert_int_equal(heap_used(object(0), &bytes), 0);
	return bytes;
}

/* The vector is sound, and all that is allocated is its own. */
static void sound(uint32_t bytes)
{
	uint64_t where, owned;

	if (heap_check(object(0), &where) || vec_check(vec(), bytes, &where, &owned))
		fail_msg("damaged at 0x%llx", (unsigned long long)where);
	assert_int_equal(owned, used());
	assert_int_equal(obj_meta(object(0))->log.lock, 0);
}

/* ---- what it does ---------------------------------------------------------------------------- */

static void test_empty(void **state)
{
	uint64_t value;

	(void)state;
	assert_int_equal(vec_count(NULL, vec()), 0);
	assert_int_equal(vec_get(NULL, vec(), 8, 0, &value), TWZ_E_RANGE);
	assert_int_equal(vec_set(NULL, vec(), 8, 0, &value), TWZ_E_RANGE);
	assert_int_equal(vec_pop(NULL, vec(), 8, &value), TWZ_E_NOTFOUND);
	assert_int_equal(vec_swap_remove(NULL, vec(), 8, 0), TWZ_E_RANGE);
	assert_null(vec_at(NULL, vec(), 8, 0));
	assert_int_equal(vec_resize(NULL, vec(), 8, 0), 0);
	assert_int_equal(vec_clear(NULL, vec(), 8), 0);
	assert_int_equal(vec_push(NULL, vec(), 0, &value), TWZ_E_ARG);
	assert_int_equal(vec_push(NULL, vec(), TWZ_VEC_ELEMENT_MAX + 1, &value), TWZ_E_ARG);
	assert_int_equal(vec()->segments, 0);
	sound(8);
}

/* Elements never move, and are aligned. */
static void test_places(void **state)
{
	static const uint64_t *at[5000];

	(void)state;
	for (uint64_t i = 0; i < 5000; i++) {
		uint64_t value = i * i;

		assert_int_equal(vec_push(NULL, vec(), 8, &value), 0);
		at[i] = vec_at(NULL, vec(), 8, i);
		assert_int_equal((uintptr_t)at[i] % 8, 0);
	}
	sound(8);
	for (uint64_t i = 0; i < 5000; i++) {
		assert_ptr_equal(vec_at(NULL, vec(), 8, i), at[i]);
		assert_int_equal(*at[i], i * i);
	}
	assert_null(vec_at(NULL, vec(), 8, 5000));
	assert_int_equal(vec_clear(NULL, vec(), 8), 0);
	sound(8);
	assert_int_equal(used(), 0);
}

static void test_element_sizes(void **state)
{
	static const uint32_t sizes[] = {1, 2, 3, 7, 8, 12, 24, 100, 1975, 1976, 1977, 65536};
	static uint8_t value[TWZ_VEC_ELEMENT_MAX], out[TWZ_VEC_ELEMENT_MAX];

	(void)state;
	for (unsigned s = 0; s < sizeof(sizes) / sizeof(*sizes); s++) {
		uint32_t bytes = sizes[s];

		setup(NULL);
		for (unsigned i = 0; i < 20; i++) {
			memset(value, (int)i, bytes);
			assert_int_equal(vec_push(NULL, vec(), bytes, value), 0);
		}
		memset(value, 0xee, bytes);
		assert_int_equal(vec_set(NULL, vec(), bytes, 9, value), 0);
		assert_int_equal(vec_swap_remove(NULL, vec(), bytes, 3), 0);
		for (unsigned i = 0; i < 19; i++) {
			memset(value, i == 9 ? 0xee : i == 3 ? 19 : (int)i, bytes);
			assert_int_equal(vec_get(NULL, vec(), bytes, i, out), 0);
			assert_memory_equal(out, value, bytes);
		}
		sound(bytes);
	}
}

/* Two fences for what is usual, three for what fills segments at once. */
static void test_fences(void **state)
{
	uint64_t value = 1, before;

	(void)state;
	for (unsigned i = 0; i < 40; i++) {
		before = sim_count.fences;
		assert_int_equal(vec_push(NULL, vec(), 8, &value), 0);
		assert_int_equal(sim_count.fences - before, 2);
	}
	before = sim_count.fences;
	assert_int_equal(vec_set(NULL, vec(), 8, 7, &value), 0);
	assert_int_equal(vec_pop(NULL, vec(), 8, &value), 0);
	assert_int_equal(vec_swap_remove(NULL, vec(), 8, 7), 0);
	assert_int_equal(vec_resize(NULL, vec(), 8, 3), 0);
	assert_int_equal(vec_clear(NULL, vec(), 8), 0);
	assert_int_equal(sim_count.fences - before, 10);
	before = sim_count.fences;
	assert_int_equal(vec_resize(NULL, vec(), 8, 100), 0);
	assert_int_equal(sim_count.fences - before, 3);
}

/* Resized, it has the segments that it takes, and zeros where nothing was put. */
static void test_resize(void **state)
{
	uint64_t value = ~0ull;

	(void)state;
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(vec_push(NULL, vec(), 8, &value), 0);
	assert_int_equal(vec_resize(NULL, vec(), 8, 9), 0);
	assert_int_not_equal(list()->segment[1], 0);
	assert_int_equal(list()->segment[2], 0);
	sound(8);
	assert_int_equal(vec_resize(NULL, vec(), 8, 8), 0);
	assert_int_equal(list()->segment[1], 0);
	assert_int_equal(vec_resize(NULL, vec(), 8, 5), 0);
	assert_int_equal(vec_resize(NULL, vec(), 8, 5000), 0);
	for (uint64_t i = 0; i < 5000; i++) {
		assert_int_equal(vec_get(NULL, vec(), 8, i, &value), 0);
		assert_int_equal(value, i < 5 ? ~0ull : 0);
	}
	sound(8);
	assert_int_equal(vec_resize(NULL, vec(), 8, 0), 0);
	assert_int_equal(list()->segment[0], 0);
	sound(8);
	assert_int_equal(vec_resize(NULL, vec(), 8, TWZ_VEC_MAX + 1), TWZ_E_HEAPFULL);
	assert_int_equal(vec_resize(NULL, vec(), 8, TWZ_VEC_MAX), TWZ_E_HEAPFULL);
	sound(8);
}

/* What a transaction has pushed and popped again comes back as zeros. */
static void test_resize_after_push(void **state)
{
	uint64_t value = 7;

	(void)state;
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(vec_push(NULL, vec(), 8, &value), 0);
	twz_tx_begin(&tx);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(vec_push(&tx, vec(), 8, &value), 0);
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(vec_pop(&tx, vec(), 8, NULL), 0);
	assert_int_equal(vec_resize(&tx, vec(), 8, 30), 0);
	assert_int_equal(twz_tx_commit(&tx), 0);
	for (uint64_t i = 0; i < 30; i++) {
		assert_int_equal(vec_get(NULL, vec(), 8, i, &value), 0);
		assert_int_equal(value, i ? 0 : 7);
	}
	sound(8);
}

/* A full heap is no error of the transaction, and the elements are as before. */
static void test_heap_full(void **state)
{
	uint64_t value, n = 0;

	(void)state;
	heap()->end = heap()->start + 3000;
	while (!vec_push(NULL, vec(), 8, &n))
		n++;
	assert_true(n > 50);
	assert_int_equal(vec_push(NULL, vec(), 8, &n), TWZ_E_HEAPFULL);
	sound(8);
	twz_tx_begin(&tx);
	assert_int_equal(vec_pop(&tx, vec(), 8, NULL), 0);
	assert_int_equal(vec_push(&tx, vec(), 8, &n), 0);
	assert_int_equal(vec_push(&tx, vec(), 8, &n), TWZ_E_HEAPFULL);
	assert_int_equal(vec_resize(&tx, vec(), 8, n + 1), TWZ_E_HEAPFULL);
	assert_int_equal(vec_count(&tx, vec()), n);
	assert_int_equal(twz_tx_commit(&tx), 0);
	assert_int_equal(vec_get(NULL, vec(), 8, n - 1, &value), 0);
	assert_int_equal(value, n);
	sound(8);
}

/* What the log cannot hold ends the transaction as a whole. */
static void test_log_full(void **state)
{
	static uint8_t value[60000];
	unsigned n = 0;

	(void)state;
	twz_tx_begin(&tx);
	while (!vec_push(&tx, vec(), sizeof(value), value))
		n++;
	assert_true(n > 10);
	assert_int_equal(twz_tx_commit(&tx), TWZ_E_TXFULL);
	assert_int_equal(vec_count(NULL, vec()), 0);
	sound(sizeof(value));
}

/* ---- beside a model -------------------------------------------------------------------------- */

struct model {
	uint64_t count;
	uint8_t value[NMODEL][BYTES_MAX];
};

static uint64_t seed;

static uint64_t random_below(uint64_t n)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return (seed >> 33) % n;
}

static void same(struct twz_tx *in, const struct model *m, uint32_t bytes)
{
	uint8_t out[BYTES_MAX];

	assert_int_equal(vec_count(in, vec()), m->count);
	for (uint64_t i = 0; i < m->count; i++) {
		assert_int_equal(vec_get(in, vec(), bytes, i, out), 0);
		assert_memory_equal(out, m->value[i], bytes);
	}
	assert_int_equal(vec_get(in, vec(), bytes, m->count, out), TWZ_E_RANGE);
}

static void step_push(struct twz_tx *in, struct model *m, uint32_t bytes)
{
	uint8_t *value;

	if (m->count == NMODEL)
		return;
	value = m->value[m->count];
	for (uint32_t i = 0; i < bytes; i++)
		value[i] = (uint8_t)random_below(256);
	m->count += !vec_push(in, vec(), bytes, value);
}

static void step_pop(struct twz_tx *in, struct model *m, uint32_t bytes)
{
	uint8_t out[BYTES_MAX];

	assert_int_equal(vec_pop(in, vec(), bytes, out), m->count ? 0 : TWZ_E_NOTFOUND);
	if (m->count)
		assert_memory_equal(out, m->value[--m->count], bytes);
}

static void step_set(struct twz_tx *in, struct model *m, uint32_t bytes)
{
	uint64_t n = random_below(m->count + 1);
	uint8_t value[BYTES_MAX];

	memset(value, (int)random_below(256), sizeof(value));
	assert_int_equal(vec_set(in, vec(), bytes, n, value), n < m->count ? 0 : TWZ_E_RANGE);
	if (n < m->count)
		memcpy(m->value[n], value, bytes);
}

static void step_remove(struct twz_tx *in, struct model *m, uint32_t bytes)
{
	uint64_t n = random_below(m->count + 1);

	assert_int_equal(vec_swap_remove(in, vec(), bytes, n), n < m->count ? 0 : TWZ_E_RANGE);
	if (n < m->count)
		memmove(m->value[n], m->value[--m->count], bytes);
}

static void step_resize(struct twz_tx *in, struct model *m, uint32_t bytes)
{
	uint64_t n = random_below(NMODEL);

	if (vec_resize(in, vec(), bytes, n))
		return;
	if (n > m->count)
		memset(m->value[m->count], 0, (n - m->count) * BYTES_MAX);
	m->count = n;
}

static void step(struct twz_tx *in, struct model *m, uint32_t bytes)
{
	uint64_t what = random_below(100);

	if (what < 55)
		step_push(in, m, bytes);
	else if (what < 70)
		step_pop(in, m, bytes);
	else if (what < 85)
		step_set(in, m, bytes);
	else if (what < 95)
		step_remove(in, m, bytes);
	else if (what < 99)
		step_resize(in, m, bytes);
	else if (!vec_clear(in, vec(), bytes))
		m->count = 0;
}

/* Operations at random, alone and many in a transaction; some are given up; a heap that gets full. */
static void against_model(uint32_t bytes, unsigned rounds)
{
	static struct model m, after;

	m.count = 0;
	for (unsigned round = 0; round < rounds; round++) {
		uint64_t n = random_below(3) ? 1 + random_below(12) : 0;
		bool commit = random_below(5) != 0;

		heap()->end = random_below(4) ? OBJECTS_SPAN - TWZ_PAGE : heap()->top;
		if (!n) {
			step(NULL, &m, bytes);
		} else {
			after = m;
			twz_tx_begin(&tx);
			while (n--)
				step(&tx, &after, bytes);
			same(&tx, &after, bytes);
			if (commit)
				assert_int_equal(twz_tx_commit(&tx), 0);
			else
				twz_tx_abort(&tx);
			m = commit ? after : m;
		}
		same(NULL, &m, bytes);
		sound(bytes);
	}
}

static void test_model(void **state)
{
	static const uint32_t sizes[] = {8, 3, 24, 1};
	const char *text = getenv("TWZ_SEED");

	(void)state;
	seed = text ? strtoull(text, NULL, 10) : 1;
	print_message("TWZ_SEED=%llu\n", (unsigned long long)seed);
	for (unsigned i = 0; i < 4; i++) {
		setup(NULL);
		against_model(sizes[i], getenv("TWZ_LONG") ? 40000 : 2000);
	}
}

/* ---- what is not right ----------------------------------------------------------------------- */

static void lie(unsigned how)
{
	switch (how) {
	case 0:
		vec()->segments = TWZ_SLOT_SIZE - 16;
		break;
	case 1:
		vec()->segments = 16;
		break;
	case 2:
		vec()->segments += 8;
		break;
	case 3:
		vec()->segments = 0;
		break;
	case 4:
		list()->magic++;
		break;
	case 5:
		list()->segment[2] = TWZ_SLOT_SIZE;
		break;
	case 6:
		list()->segment[2] = ~(uint64_t)15;
		break;
	case 7:
		list()->segment[2] = 0;
		break;
	default:
		list()->segment[2] += 4;
	}
}

static void fill(unsigned n)
{
	for (uint64_t i = 0; i < n; i++)
		assert_int_equal(vec_push(NULL, vec(), 8, &i), 0);
}

/* The last element lies in segment 2. */
static void test_lies(void **state)
{
	uint64_t where, owned, value = 0;

	(void)state;
	for (unsigned how = 0; how < 9; how++) {
		setup(NULL);
		fill(30);
		lie(how);
		assert_int_equal(vec_get(NULL, vec(), 8, 29, &value), TWZ_E_DAMAGED);
		assert_int_equal(vec_set(NULL, vec(), 8, 29, &value), TWZ_E_DAMAGED);
		assert_int_equal(vec_pop(NULL, vec(), 8, &value), TWZ_E_DAMAGED);
		assert_int_equal(vec_swap_remove(NULL, vec(), 8, 29), TWZ_E_DAMAGED);
		assert_null(vec_at(NULL, vec(), 8, 29));
		assert_int_equal(vec_check(vec(), 8, &where, &owned), TWZ_E_DAMAGED);
		twz_tx_begin(&tx);
		assert_int_equal(vec_get(&tx, vec(), 8, 29, &value), TWZ_E_DAMAGED);
		assert_int_equal(vec_pop(&tx, vec(), 8, &value), TWZ_E_DAMAGED);
		assert_int_equal(twz_tx_commit(&tx), TWZ_E_DAMAGED);
		if (how != 3 && how != 7) { /* the general form would make it anew */
			assert_int_equal(vec_push(NULL, vec(), 8, &value), TWZ_E_DAMAGED);
			assert_int_equal(vec_clear(NULL, vec(), 8), TWZ_E_DAMAGED);
		}
		assert_int_equal(vec()->count, 30);
		assert_int_equal(obj_meta(object(0))->log.lock, 0);
	}
}

static void test_counts_that_lie(void **state)
{
	static const uint64_t wrong[] = {57, TWZ_VEC_MAX, TWZ_VEC_MAX + 1, 1ull << 40, ~0ull};
	uint64_t where, owned, value;

	(void)state;
	for (unsigned i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		setup(NULL);
		fill(30);
		vec()->count = wrong[i];
		assert_int_equal(vec_get(NULL, vec(), 8, wrong[i] - 1, &value), TWZ_E_DAMAGED);
		assert_int_equal(vec_pop(NULL, vec(), 8, &value), TWZ_E_DAMAGED);
		assert_int_equal(vec_check(vec(), 8, &where, &owned), TWZ_E_DAMAGED);
		if (i)
			assert_int_not_equal(vec_push(NULL, vec(), 8, &value), 0);
		assert_int_equal(obj_meta(object(0))->log.lock, 0);
	}
}

/* A count leads nobody past the list of segments: here nothing lies behind it. */
static void test_count_at_the_end(void **state)
{
	struct twz_vec *v = (struct twz_vec *)(object(2) + OBJECTS_SPAN - TWZ_PAGE);
	uint8_t *end = object(2) + TWZ_SLOT_SIZE;
	struct twz_vec_segments *last = (struct twz_vec_segments *)end - 1;
	uint64_t value;

	(void)state;
	assert_ptr_equal(mmap(end - TWZ_PAGE, TWZ_PAGE, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0),
			 end - TWZ_PAGE);
	*last = (struct twz_vec_segments){.magic = TWZ_VEC_MAGIC, .bytes = 8};
	*v = (struct twz_vec){(uint64_t)1 << 40, (uint64_t)((uint8_t *)last - object(2))};
	assert_int_equal(vec_get(NULL, v, 8, v->count - 1, &value), TWZ_E_DAMAGED);
	munmap(end - TWZ_PAGE, TWZ_PAGE);
}

static void test_check(void **state)
{
	uint64_t where, owned;

	(void)state;
	for (unsigned how = 0; how < 5; how++) {
		setup(NULL);
		fill(30);
		switch (how) {
		case 0: /* not a used block */
			((struct twz_block_head *)list() - 1)->magic = TWZ_BLOCK_FREE;
			break;
		case 1: /* too small a one */
			((struct twz_block_head *)(object(0) + list()->segment[2]) - 1)
				->size_class--;
			break;
		case 2:
			((struct twz_block_head *)(object(0) + list()->segment[2]) - 1)->magic = 0;
			break;
		case 3: /* a gap */
			list()->segment[4] = list()->segment[2];
			break;
		default: /* segments that are missing */
			list()->segment[2] = 0;
		}
		assert_int_equal(vec_check(vec(), 8, &where, &owned), TWZ_E_DAMAGED);
	}
}

static void test_other_type(void **state)
{
	uint64_t value[2] = {0}, where, owned;

	(void)state;
	fill(30);
	assert_int_equal(vec_get(NULL, vec(), 16, 3, value), TWZ_E_TYPE);
	assert_int_equal(vec_push(NULL, vec(), 16, value), TWZ_E_TYPE);
	assert_int_equal(vec_set(NULL, vec(), 4, 3, value), TWZ_E_TYPE);
	assert_int_equal(vec_clear(NULL, vec(), 4), TWZ_E_TYPE);
	assert_int_equal(vec_check(vec(), 16, &where, &owned), TWZ_E_DAMAGED);
	sound(8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_empty, setup),
		cmocka_unit_test_setup(test_places, setup),
		cmocka_unit_test_setup(test_element_sizes, setup),
		cmocka_unit_test_setup(test_fences, setup),
		cmocka_unit_test_setup(test_resize, setup),
		cmocka_unit_test_setup(test_resize_after_push, setup),
		cmocka_unit_test_setup(test_heap_full, setup),
		cmocka_unit_test_setup(test_log_full, setup),
		cmocka_unit_test_setup(test_model, setup),
		cmocka_unit_test_setup(test_lies, setup),
		cmocka_unit_test_setup(test_counts_that_lie, setup),
		cmocka_unit_test_setup(test_count_at_the_end, setup),
		cmocka_unit_test_setup(test_check, setup),
		cmocka_unit_test_setup(test_other_type, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
