/*
 * heap_test.c - allocation against a model, and heaps that lie. Crashes: tests/crash/heap.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
/* cmocka wants the above first */
#include <cmocka.h>

#include "core/heap.h"
#include "tests/sim/objects.h"

#define NOWNERS 64u

static struct twz_tx tx;

static struct twz_heap *heap(void)
{
	return (struct twz_heap *)(object(0) + obj_meta(object(0))->heap);
}

/* In the last page that the test object has, out of the heap's way. */
static uint64_t *owner(unsigned n)
{
	return (uint64_t *)(object(0) + OBJECTS_SPAN - TWZ_PAGE) + n;
}

static struct twz_block_head *block_head(unsigned n)
{
	return (struct twz_block_head *)(object(0) + *owner(n)) - 1;
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

static void sound(void)
{
	uint64_t where;

	if (heap_check(object(0), &where))
		fail_msg("damaged at 0x%llx", (unsigned long long)where);
	assert_int_equal(obj_meta(object(0))->log.lock, 0);
}

static void test_make(void **state)
{
	const struct twz_meta *meta = obj_meta(object(0));
	uint64_t places[2], off = meta->heap;

	(void)state;
	assert_in_range(off, TWZ_OBJ_DATA, TWZ_OBJ_DATA + 64 * TWZ_PAGE);
	assert_true(off % TWZ_PAGE < 16 * TWZ_LINE && off % TWZ_LINE == 0);
	assert_int_equal(meta->magic, TWZ_META_MAGIC);
	assert_int_equal(meta->version, 1);
	assert_int_equal(meta->root, off);
	assert_int_equal(heap_make(object(0), object_id(0)), TWZ_E_EXISTS);
	assert_int_equal(meta->heap, off);
	sound();

	/* The colour spreads. */
	memset(places, 0, sizeof(places));
	for (uint64_t i = 0; i < 64; i++) {
		struct twz_id id = {.lo = i, .hi = 1};

		memset(obj_meta(object(1)), 0, TWZ_PAGE);
		assert_int_equal(heap_make(object(1), id), 0);
		off = obj_meta(object(1))->heap - TWZ_OBJ_DATA;
		places[0] |= (uint64_t)1 << off / TWZ_PAGE;
		places[1] |= (uint64_t)1 << off % TWZ_PAGE / TWZ_LINE;
	}
	assert_true(__builtin_popcountll(places[0]) > 32);
	assert_int_equal(places[1], 0xffff);
}

static void test_sizes(void **state)
{
	(void)state;
	for (uint64_t bytes = 1; bytes < 70000; bytes += 1 + bytes / 7) {
		uint64_t size;
		void *p;

		assert_int_equal(heap_alloc(NULL, bytes, owner(0), &p), 0);
		assert_ptr_equal(p, object(0) + *owner(0));
		assert_int_equal((uintptr_t)p % 16, 0);
		size = heap_size(p);
		assert_true(size >= bytes);
		assert_true(size <= bytes + bytes / 4 + 16);
		memset(p, 0xff, size);
		sound();
		assert_int_equal(heap_free(NULL, owner(0)), 0);
		assert_int_equal(*owner(0), 0);
		sound();
	}
}

static void test_reuse(void **state)
{
	uint64_t first, top;
	void *p;

	(void)state;
	for (unsigned n = 0; n < 3; n++)
		assert_int_equal(heap_alloc(NULL, 100, owner(n), &p), 0);
	first = *owner(1);
	top = heap()->top;
	assert_int_equal(heap_free(NULL, owner(1)), 0);
	assert_int_equal(heap_alloc(NULL, 97, owner(1), &p), 0);
	assert_int_equal(*owner(1), first);
	assert_int_equal(heap_alloc(NULL, 80, owner(3), &p), 0); /* another class */
	assert_true(heap()->top > top);
	sound();
}

static void test_full(void **state)
{
	void *p;
	unsigned n = 0;

	(void)state;
	while (!heap_alloc(NULL, 300000, owner(n), &p))
		n++;
	assert_true(n > 8);
	assert_int_equal(heap_alloc(NULL, 300000, owner(n), &p), TWZ_E_HEAPFULL);
	assert_int_equal(*owner(n), 0);
	sound();
	/* What is left is used, then parts of a larger free block. */
	while (!heap_alloc(NULL, 2000, owner(NOWNERS - 1), &p))
		;
	assert_int_equal(heap_free(NULL, owner(0)), 0);
	for (n = 0; !heap_alloc(NULL, 2000, owner(NOWNERS - 1), &p); n++) {
		assert_true(heap_size(p) < 2600);
		sound();
	}
	assert_true(n > 80); /* what is left over is too small */
	for (n = 0; !heap_alloc(NULL, 16, owner(NOWNERS - 1), &p); n++)
		sound();
	assert_true(n);
	/* A block that is larger by less than a block is given out as it is. */
	*owner(0) = *owner(NOWNERS - 1);
	assert_int_equal(heap_free(NULL, owner(0)), 0);
	assert_int_equal(heap_alloc(NULL, 16, owner(0), &p), 0);
	sound();
}

/* Several blocks out of one in one transaction; given up, it is as it was. */
static void test_cut(void **state)
{
	uint64_t used, larger;
	void *p;

	(void)state;
	heap()->end = heap()->top + 16 + 65536;
	assert_int_equal(heap_alloc(NULL, 65536, owner(0), &p), 0);
	larger = *owner(0);
	assert_int_equal(heap_free(NULL, owner(0)), 0);
	for (int abort = 1; abort >= 0; abort--) {
		twz_tx_begin(&tx);
		for (unsigned n = 0; n < 40; n++)
			assert_int_equal(heap_alloc(&tx, 1 + n * 37, owner(n), &p), 0);
		assert_int_equal(heap_free(&tx, owner(7)), 0);
		assert_int_equal(heap_alloc(&tx, 1 + 7 * 37, owner(7), &p), 0);
		if (!abort) {
			assert_int_equal(twz_tx_commit(&tx), 0);
			break;
		}
		twz_tx_abort(&tx);
		sound();
		assert_int_equal(heap_used(object(0), &used), 0);
		assert_int_equal(used, 0);
	}
	sound();
	for (unsigned n = 0; n < 40; n++) {
		assert_in_range(*owner(n), larger, larger + 65536);
		memset(object(0) + *owner(n), 0xff, heap_size(object(0) + *owner(n)));
	}
	sound();
	for (unsigned n = 0; n < 40; n++)
		assert_int_equal(heap_free(NULL, owner(n)), 0);
	sound();

	assert_int_equal(heap_alloc(NULL, 0, owner(0), &p), TWZ_E_ARG);
	assert_int_equal(heap_alloc(NULL, TWZ_SLOT_SIZE - TWZ_OBJ_DATA + 1, owner(0), &p),
			 TWZ_E_ARG);
	assert_int_equal(heap_alloc(NULL, TWZ_SLOT_SIZE - TWZ_OBJ_DATA, owner(0), &p),
			 TWZ_E_HEAPFULL);
}

/* Random operations in transactions, some of which are given up. */
static void test_model(void **state)
{
	struct {
		uint64_t payload, bytes;
	} model[NOWNERS] = {{0}}, after[NOWNERS];
	uint64_t random = 1;

	(void)state;
	for (unsigned round = 0; round < 400; round++) {
		bool commit = round % 5 != 0, alone = round % 3 == 0;
		struct twz_tx *in = alone ? NULL : &tx;

		memcpy(after, model, sizeof(model));
		if (!alone)
			twz_tx_begin(&tx);
		for (unsigned i = 0; i < (alone ? 1 : 1 + round % 20); i++) {
			unsigned n;
			void *p;

			random = random * 6364136223846793005ull + 1442695040888963407ull;
			n = random >> 33 & (NOWNERS - 1);
			if (after[n].payload) {
				assert_int_equal(heap_free(in, owner(n)), 0);
				after[n].payload = 0;
				continue;
			}
			after[n].bytes = 1 + (random >> 40) % (random >> 60 ? 200 : 5000);
			assert_int_equal(heap_alloc(in, after[n].bytes, owner(n), &p), 0);
			after[n].payload = (uint64_t)((uint8_t *)p - object(0));
			/* Nobody's content is given out again before the commit. */
			for (unsigned m = 0; m < NOWNERS; m++)
				assert_true(!model[m].payload ||
					    model[m].payload != after[n].payload);
		}
		if (!alone && commit)
			assert_int_equal(twz_tx_commit(&tx), 0);
		else if (!alone)
			twz_tx_abort(&tx);
		if (alone || commit)
			memcpy(model, after, sizeof(model));
		for (unsigned n = 0; n < NOWNERS; n++)
			assert_int_equal(*owner(n), model[n].payload);
		sound();
	}
}

/* What is used is the sum of what was given out, and nothing while nothing is. */
static void test_used(void **state)
{
	uint64_t expected = 0, used;
	void *p;

	(void)state;
	for (unsigned n = 0; n < NOWNERS; n++) {
		assert_int_equal(heap_alloc(NULL, 1 + n * n * 7, owner(n), &p), 0);
		expected += sizeof(struct twz_block_head) + heap_size(p);
		assert_int_equal(heap_used(object(0), &used), 0);
		assert_int_equal(used, expected);
	}
	for (unsigned n = 0; n < NOWNERS; n++)
		assert_int_equal(heap_free(NULL, owner(n)), 0);
	assert_int_equal(heap_used(object(0), &used), 0);
	assert_int_equal(used, 0);
	heap()->top -= 16;
	assert_int_equal(heap_used(object(0), &used), TWZ_E_DAMAGED);
}

/* A block that was allocated, staged in and freed is not given out again before the commit. */
static void test_freed_here(void **state)
{
	uint64_t first, *staged;
	void *p;

	(void)state;
	assert_int_equal(heap_alloc(NULL, 100, owner(0), &p), 0);
	first = *owner(0);
	assert_int_equal(heap_free(NULL, owner(0)), 0);
	twz_tx_begin(&tx);
	assert_int_equal(heap_alloc(&tx, 100, owner(0), &p), 0);
	assert_ptr_equal(p, object(0) + first);
	staged = twz_tx_write(&tx, p, 100);
	*staged = 1;
	assert_int_equal(heap_free(&tx, owner(0)), 0);
	assert_int_equal(heap_alloc(&tx, 100, owner(1), &p), 0);
	assert_ptr_not_equal(p, object(0) + first);
	assert_int_equal(twz_tx_commit(&tx), 0);
	assert_int_equal(heap_alloc(NULL, 100, owner(0), &p), 0);
	assert_ptr_equal(p, object(0) + first);
	sound();
}

/* ---- what is not right ----------------------------------------------------------------------- */

static void test_owner(void **state)
{
	uint8_t *const bad[] = {object(0) + OBJECTS_SPAN - 12, object(0) + TWZ_OBJ_LOG,
				(uint8_t *)&obj_meta(object(0))->log};
	void *p;

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(heap_alloc(NULL, 8, (uint64_t *)(void *)bad[i], &p), TWZ_E_ARG);
		assert_int_equal(heap_free(NULL, (uint64_t *)(void *)bad[i]), TWZ_E_ARG);
	}
	assert_int_equal(heap_alloc(NULL, 8, (uint64_t *)(object(1) + TWZ_OBJ_DATA), &p),
			 TWZ_E_TYPE); /* no heap there */
}

static void test_free_wrong(void **state)
{
	const uint64_t wrong[] = {0,
				  8,
				  TWZ_OBJ_DATA,
				  TWZ_SLOT_SIZE,
				  TWZ_SLOT_SIZE - 8,
				  TWZ_OBJ_SIZE_MAX - 16,
				  ~0ull,
				  (uint64_t)1 << 40 | TWZ_OBJ_DATA};
	void *p;

	(void)state;
	assert_int_equal(heap_alloc(NULL, 100, owner(0), &p), 0);
	memset(p, 0, 100);
	for (unsigned i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		*owner(1) = wrong[i];
		assert_int_equal(heap_free(NULL, owner(1)), TWZ_E_ARG);
		assert_int_equal(*owner(1), wrong[i]);
	}
	*owner(1) = *owner(0) + 16; /* inside a block */
	assert_int_equal(heap_free(NULL, owner(1)), TWZ_E_ARG);
	*owner(1) = *owner(0) + 4;
	assert_int_equal(heap_free(NULL, owner(1)), TWZ_E_ARG);
	*owner(1) = *owner(0);
	assert_int_equal(heap_free(NULL, owner(0)), 0);
	assert_int_equal(heap_free(NULL, owner(1)), TWZ_E_ARG); /* twice */
	sound();
}

static void test_lies(void **state)
{
	uint64_t *list;
	void *p;

	(void)state;
	for (unsigned how = 0; how < 15; how++) {
		setup(NULL);
		assert_int_equal(heap_alloc(NULL, 100, owner(0), &p), 0);
		list = &heap()->free[block_head(0)->size_class];
		assert_int_equal(heap_free(NULL, owner(0)), 0);
		switch (how) {
		case 0:
			*list = TWZ_SLOT_SIZE;
			break;
		case 1:
			*list = 16;
			break;
		case 2:
			*list = ~(uint64_t)15;
			break;
		case 3:
			*list += 8;
			break;
		case 4: /* a used block in the list */
			((struct twz_block_head *)(object(0) + *list) - 1)->magic = TWZ_BLOCK_USED;
			break;
		case 5: /* of another class */
			((struct twz_block_head *)(object(0) + *list) - 1)->size_class++;
			break;
		case 6:
			*list = 0;
			heap()->top = TWZ_SLOT_SIZE + 16;
			break;
		case 7:
			*list = 0;
			heap()->top = TWZ_OBJ_LOG;
			break;
		case 8:
			*list = 0;
			heap()->top += 8;
			break;
		case 9:
			*list = 0;
			heap()->end = TWZ_SLOT_SIZE + 16;
			break;
		case 10:
			heap()->magic++;
			break;
		case 11:
			heap()->version = 2;
			break;
		case 12:
			obj_meta(object(0))->heap = TWZ_SLOT_SIZE - 16;
			break;
		case 13:
			obj_meta(object(0))->heap = (uint64_t)-4096;
			break;
		case 14: /* a larger one that ends behind the top, to be cut */
			((struct twz_block_head *)(object(0) + *list) - 1)->size_class = 70;
			heap()->free[70] = *list;
			*list = 0;
			heap()->end = heap()->top;
			break;
		}
		assert_int_equal(heap_alloc(NULL, 100, owner(0), &p), TWZ_E_DAMAGED);
		assert_int_equal(*owner(0), 0);
		assert_int_equal(heap_check(object(0), &(uint64_t){0}), TWZ_E_DAMAGED);
		assert_int_equal(obj_meta(object(0))->log.lock, 0);
	}
}

static void test_check(void **state)
{
	uint64_t where, *list;
	void *p;

	(void)state;
	for (unsigned how = 0; how < 7; how++) {
		setup(NULL);
		for (unsigned n = 0; n < 4; n++)
			assert_int_equal(heap_alloc(NULL, 100, owner(n), &p), 0);
		list = &heap()->free[block_head(0)->size_class];
		*owner(5) = *owner(1);
		assert_int_equal(heap_free(NULL, owner(1)), 0);
		assert_int_equal(heap_free(NULL, owner(2)), 0);
		sound();
		switch (how) {
		case 0: /* a free block in no list */
			*list = 0;
			break;
		case 1: /* a circle */
			block_head(5)->next = (uint32_t)(*list / 16);
			break;
		case 2: /* a used block in a list */
			block_head(5)->next = (uint32_t)(*owner(0) / 16);
			break;
		case 3: /* no head where one must be */
			block_head(3)->magic = 0;
			break;
		case 4: /* the last reaches behind the top */
			heap()->top -= 16;
			break;
		case 5:
			heap()->start -= 32;
			break;
		case 6:
			block_head(3)->size_class = TWZ_HEAP_CLASSES;
			break;
		}
		assert_int_equal(heap_check(object(0), &where), TWZ_E_DAMAGED);
	}
	obj_meta(object(0))->heap = 0;
	assert_int_equal(heap_check(object(0), &where), TWZ_E_DAMAGED);
}

/* What is not there cannot be given out: the error comes before anything is staged. */
static void test_pages(void **state)
{
	void *p = NULL;

	(void)state;
	heap()->end = TWZ_SLOT_SIZE;
	twz_tx_begin(&tx);
	assert_int_equal(heap_alloc(&tx, 100, owner(0), &p), 0);
	assert_int_equal(heap_alloc(&tx, OBJECTS_SPAN, owner(1), &p), TWZ_E_FULL);
	assert_int_equal(twz_tx_commit(&tx), 0);
	assert_int_not_equal(*owner(0), 0);
	assert_int_equal(*owner(1), 0);
	assert_int_equal(heap_alloc(NULL, OBJECTS_SPAN, owner(1), &p), TWZ_E_FULL);
	sound();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_make, setup),
		cmocka_unit_test_setup(test_sizes, setup),
		cmocka_unit_test_setup(test_reuse, setup),
		cmocka_unit_test_setup(test_full, setup),
		cmocka_unit_test_setup(test_cut, setup),
		cmocka_unit_test_setup(test_model, setup),
		cmocka_unit_test_setup(test_used, setup),
		cmocka_unit_test_setup(test_freed_here, setup),
		cmocka_unit_test_setup(test_owner, setup),
		cmocka_unit_test_setup(test_free_wrong, setup),
		cmocka_unit_test_setup(test_lies, setup),
		cmocka_unit_test_setup(test_check, setup),
		cmocka_unit_test_setup(test_pages, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
