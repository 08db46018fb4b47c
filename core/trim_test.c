/*
 * trim_test.c - heaps that shrink: against a model, at the limits of a piece, and heaps that lie.
 * Crashes: tests/crash/heap.c; beside others: tests/tsan/heap.c, rt/linux/heap_test.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
/* cmocka wants the above first */
#include <cmocka.h>

#include "core/heap.h"
#include "tests/sim/objects.h"

#define NOWNERS 200u
#define MANY 60000u

static struct twz_tx tx;

/* What is given back: instead of the objects' own. */
static struct {
	unsigned calls; /* for what lies before the top */
	uint64_t bytes;
	int error;
	int (*drop)(void *addr, uint64_t bytes);
} dropped;

static struct twz_heap *heap(void)
{
	return (struct twz_heap *)(object(0) + obj_meta(object(0))->heap);
}

static int drop(void *addr, uint64_t bytes)
{
	assert_int_equal((uintptr_t)addr % TWZ_PAGE, 0);
	assert_int_equal(bytes % TWZ_PAGE, 0);
	assert_int_equal(obj_meta(addr)->log.lock, tx_env.owner);
	if (obj_offset(addr) < heap()->top) {
		dropped.calls++;
		dropped.bytes += bytes;
	} else {
		assert_int_equal(obj_offset(addr) + bytes, heap()->end / TWZ_PAGE * TWZ_PAGE);
	}
	return dropped.error ? dropped.error : dropped.drop(addr, bytes);
}

/* In the last pages that the test object has, out of the heap's way. */
static uint64_t *owner(unsigned n)
{
	return (uint64_t *)(object(0) + OBJECTS_SPAN - 128 * TWZ_PAGE) + n;
}

static struct twz_block_head *block_head(uint64_t payload)
{
	return (struct twz_block_head *)(object(0) + payload) - 1;
}

static int setup(void **state)
{
	(void)state;
	sim_memory(OBJECTS_BYTES);
	objects_setup();
	memset(&dropped, 0, sizeof(dropped));
	dropped.drop = tx_env.drop;
	tx_env.drop = drop;
	assert_int_equal(heap_make(object(0), object_id(0)), 0);
	heap()->end = OBJECTS_SPAN - 128 * TWZ_PAGE;
	return 0;
}

static void alloc(unsigned n, uint64_t bytes)
{
	void *p;

	assert_int_equal(heap_alloc(NULL, bytes, owner(n), &p), 0);
	memset(p, (int)n, heap_size(p));
}

static void give(unsigned n)
{
	assert_int_equal(heap_free(NULL, owner(n)), 0);
}

/* Sound, trimmed as far as it goes, and what it is said to hold is used. */
static void trimmed(unsigned owners)
{
	uint64_t where, used, reachable = 0, retired;

	assert_int_equal(heap_trim(object(0)), 0);
	assert_int_equal(heap_check(object(0), &where), 0);
	assert_int_equal(heap_used(object(0), &used), 0);
	for (unsigned n = 0; n < owners; n++)
		if (*owner(n)) {
			const uint8_t *p = object(0) + *owner(n);

			reachable += sizeof(struct twz_block_head) + heap_size(p);
			assert_int_equal(p[0], n & 0xff);
			assert_int_equal(p[heap_size(p) - 1], n & 0xff);
		}
	assert_int_equal(used, reachable);
	assert_int_equal(obj_meta(object(0))->log.lock, 0);

	retired = obj_meta(object(0))->log.retired;
	dropped.calls = 0;
	assert_int_equal(heap_trim(object(0)), 0);
	assert_int_equal(obj_meta(object(0))->log.retired, retired);
	assert_int_equal(dropped.calls, 0);
}

static void test_empty(void **state)
{
	(void)state;
	trimmed(0);
	assert_int_equal(heap()->top, heap()->start);
	for (unsigned n = 0; n < NOWNERS; n++)
		alloc(n, 1 + n * 13);
	for (unsigned n = 0; n < NOWNERS; n++)
		give(n * 77 % NOWNERS);
	trimmed(NOWNERS);
	assert_int_equal(heap()->top, heap()->start);
	for (uint64_t at = heap()->top + TWZ_PAGE; at < heap()->end; at++)
		assert_int_equal(object(0)[at], 0);
	for (unsigned i = 0; i < TWZ_HEAP_CLASSES; i++)
		assert_int_equal(heap()->free[i], 0);
}

/* Blocks of all kinds side by side serve one allocation of all their bytes. */
static void test_merged(void **state)
{
	uint64_t start;

	(void)state;
	alloc(0, 10);
	start = heap()->top;
	for (unsigned n = 1; n < 100; n++)
		alloc(n, 16 + n * 5 % 90);
	alloc(100, 10);
	heap()->end = heap()->top;
	for (unsigned n = 1; n < 100; n++)
		give(n);
	assert_int_equal(heap_alloc(NULL, 4000, owner(101), &(void *){0}), TWZ_E_HEAPFULL);
	trimmed(NOWNERS);
	alloc(101, 4000);
	assert_int_equal(*owner(101), start + sizeof(struct twz_block_head));
	trimmed(NOWNERS);
	give(0);
	give(100);
	give(101);
	trimmed(NOWNERS);
	assert_int_equal(heap()->top, heap()->start);
}

/* All lengths of free memory between two blocks: it is cut without a rest. */
static void test_lengths(void **state)
{
	(void)state;
	for (unsigned bytes = 32; bytes < 3000; bytes += 16) {
		uint64_t where;

		setup(NULL);
		alloc(0, 1);
		for (unsigned rest = bytes, n = 1; rest; n++) {
			unsigned block = rest == 48 || rest == 32 ? rest : 32;

			alloc(n, block - 16);
			rest -= block;
		}
		alloc(150, 1);
		for (unsigned n = 1; n < 150; n++)
			if (*owner(n))
				give(n);
		trimmed(NOWNERS);
		assert_int_equal(heap_check(object(0), &where), 0);
	}
}

static void test_pages(void **state)
{
	const uint64_t large = 100 * TWZ_PAGE;
	uint64_t payload;

	(void)state;
	alloc(0, large);
	alloc(1, 10);
	alloc(2, 10 * TWZ_PAGE); /* not worth it */
	alloc(3, 10);
	payload = *owner(0);
	give(0);
	give(2);
	assert_int_equal(heap_trim(object(0)), 0);
	assert_int_equal(dropped.calls, 1);
	assert_true(dropped.bytes >= large - TWZ_PAGE && dropped.bytes <= large * 5 / 4);
	assert_int_equal(block_head(payload)->magic, TWZ_BLOCK_BARE);
	for (uint64_t at = payload + TWZ_PAGE; at < payload + large - TWZ_PAGE; at++)
		assert_int_equal(object(0)[at], 0);
	trimmed(NOWNERS); /* and they are not given back a second time */

	/* Used again, freed again, given back again. */
	alloc(0, large);
	assert_int_equal(*owner(0), payload);
	give(0);
	assert_int_equal(block_head(payload)->magic, TWZ_BLOCK_FREE);
	dropped.error = TWZ_E_IO;
	assert_int_equal(heap_trim(object(0)), TWZ_E_IO);
	assert_int_equal(heap_check(object(0), &(uint64_t){0}), 0);
	assert_int_equal(obj_meta(object(0))->log.lock, 0);
	assert_int_equal(block_head(payload)->magic, TWZ_BLOCK_FREE);
	dropped.error = 0;
	trimmed(NOWNERS);
	assert_int_equal(block_head(payload)->magic, TWZ_BLOCK_BARE);

	/* What is cut off of it is free in another way, and what is not worth it stays. */
	heap()->end = heap()->top;
	alloc(4, 50 * TWZ_PAGE);
	alloc(5, 8 * TWZ_PAGE);
	trimmed(NOWNERS);
}

/* More of everything than one piece takes. */
static void test_many(void **state)
{
	(void)state;
	for (unsigned n = 0; n < MANY; n++)
		alloc(n, 1 + n % 3 * 16);
	for (unsigned n = 0; n < MANY; n++) /* short runs, then a long one */
		if (n > 20000 || n % 5 > 1)
			give(n);
	alloc(MANY - 1, 10);
	trimmed(MANY);
	for (unsigned n = 0; n < MANY; n++)
		if (*owner(n))
			give(n);
	trimmed(MANY);
	assert_int_equal(heap()->top, heap()->start);
}

static void test_model(void **state)
{
	(void)state;
	srand(1);
	for (unsigned i = 0; i < 6000; i++) {
		unsigned n = (unsigned)rand() % NOWNERS;

		if (!*owner(n))
			alloc(n, 1 + (unsigned)rand() % (rand() % 10 ? 300 : 30000));
		else if (rand() % (i / 1000 % 2 ? 3 : 1) == 0)
			give(n);
		if (i % 100 == 0)
			trimmed(NOWNERS);
	}
	trimmed(NOWNERS);
}

/* ---- what is not right ------------------------------------------------------------------------ */

static void test_lies(void **state)
{
	uint64_t *list;

	(void)state;
	for (unsigned how = 0; how < 12; how++) {
		struct twz_block_head *first, *second;
		uint64_t retired;

		setup(NULL);
		for (unsigned n = 0; n < 6; n++)
			alloc(n, 100);
		list = &heap()->free[block_head(*owner(0))->size_class];
		give(1);
		give(2);
		give(3);
		first = block_head(*list);
		second = block_head((uint64_t)first->next * 16);
		switch (how) {
		case 0: /* a head that is none */
			block_head(*owner(4))->magic = 0;
			break;
		case 1:
			block_head(*owner(4))->size_class = 0xffff;
			break;
		case 2: /* behind the top */
			block_head(*owner(5))->size_class += 2;
			break;
		case 3: /* a circle */
			second->next = (uint32_t)(*list / 16);
			break;
		case 4: /* a used block in a list */
			second->next = (uint32_t)(*owner(0) / 16);
			break;
		case 5: /* out of the heap */
			second->next = TWZ_OBJ_LOG / 16;
			break;
		case 6:
			second->next = ~0u;
			break;
		case 7:
			*list += 8;
			break;
		case 8: /* of another class */
			heap()->free[3] = *list;
			*list = 0;
			break;
		case 9:
			heap()->top += 8;
			break;
		case 10:
			heap()->start = TWZ_OBJ_LOG;
			break;
		case 11:
			obj_meta(object(0))->heap = 0;
			break;
		}
		retired = obj_meta(object(0))->log.retired;
		assert_int_equal(heap_trim(object(0)), TWZ_E_DAMAGED);
		assert_int_equal(obj_meta(object(0))->log.retired, retired);
		assert_int_equal(obj_meta(object(0))->log.lock, 0);
	}
}

static void test_locked(void **state)
{
	(void)state;
	twz_tx_begin(&tx);
	assert_int_equal(twz_tx_add(&tx, object(0)), 0);
	assert_int_equal(heap_trim(object(0)), TWZ_E_TIMEOUT);
	twz_tx_abort(&tx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_empty, setup),
		cmocka_unit_test_setup(test_merged, setup),
		cmocka_unit_test_setup(test_lengths, setup),
		cmocka_unit_test_setup(test_pages, setup),
		cmocka_unit_test_setup(test_many, setup),
		cmocka_unit_test_setup(test_model, setup),
		cmocka_unit_test_setup(test_lies, setup),
		cmocka_unit_test_setup(test_locked, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
