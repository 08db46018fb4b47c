/*
 * fot_test.c - the Foreign Object Table against a model, and tables that lie. Crashes:
 * tests/crash/heap.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
/* cmocka wants the above first */
#include <cmocka.h>

#include "core/fot.h"
#include "core/heap.h"
#include "core/sum.h"
#include "tests/sim/objects.h"

#define NMANY 3000u

static struct twz_tx tx;

static struct twz_id target(uint64_t n)
{
	return (struct twz_id){.lo = n * 0x9e3779b97f4a7c15ull, .hi = ~n};
}

static struct twz_meta *meta(void)
{
	return obj_meta(object(0));
}

static struct twz_fot_entry *entry(uint32_t index)
{
	return fot_entry(object(0), index);
}

static int setup(void **state)
{
	(void)state;
	sim_memory(OBJECTS_BYTES);
	objects_setup();
	return 0;
}

static uint32_t insert(struct twz_tx *in, struct twz_id id)
{
	uint32_t index = 0;

	assert_int_equal(fot_insert(in, object(0), id, &index), 0);
	assert_int_equal(entry(0)->kind, TWZ_FOT_EMPTY);
	return index;
}

/* Every entry is in exactly one chain, that of its bucket, and can be found. */
static void sound(void)
{
	static uint8_t seen[TWZ_FOT_ENTRIES];
	uint32_t n = meta()->fot_next, live = 0, chained = 0;

	memset(seen, 0, sizeof(seen));
	for (uint32_t bucket = 0; bucket <= n; bucket++) {
		for (uint32_t i = entry(bucket)->head; i; i = entry(i)->next) {
			assert_in_range(i, 1, n);
			assert_int_equal(seen[i]++, 0);
			chained++;
		}
	}
	for (uint32_t i = 1; i <= n; i++) {
		live += entry(i)->kind != TWZ_FOT_TOMB;
		assert_int_equal(seen[i], entry(i)->kind != TWZ_FOT_TOMB);
		if (entry(i)->kind == TWZ_FOT_ID)
			assert_int_equal(fot_find(NULL, object(0), entry(i)->target), i);
	}
	assert_int_equal(live, chained);
	assert_int_equal(live, meta()->fot_live);
}

static void test_insert(void **state)
{
	(void)state;
	assert_int_equal(fot_find(NULL, object(0), target(1)), 0);
	for (uint32_t i = 1; i <= NMANY; i++) {
		assert_int_equal(insert(NULL, target(i)), i);
		assert_int_equal(insert(NULL, target(i - i / 3)), i - i / 3); /* it is there */
		if (i < 70 || i % 500 == 0)
			sound();
	}
	assert_int_equal(fot_find(NULL, object(0), target(NMANY + 1)), 0);
	assert_int_equal(meta()->magic, TWZ_META_MAGIC);
	assert_int_equal(meta()->version, 1);
	assert_int_equal(meta()->log.lock, 0);
}

static void test_in_transaction(void **state)
{
	(void)state;
	for (uint32_t round = 0; round < 8; round++) {
		twz_tx_begin(&tx);
		for (uint32_t i = 1; i <= 40; i++) {
			uint32_t n = round * 40 + i;

			assert_int_equal(insert(&tx, target(n)), n);
			assert_int_equal(insert(&tx, target(n)), n);
			assert_int_equal(fot_find(&tx, object(0), target(n)), n);
			assert_int_equal(fot_find(NULL, object(0), target(n)), 0);
		}
		assert_int_equal(meta()->fot_next, round * 40);
		if (round % 2) {
			twz_tx_abort(&tx);
			twz_tx_begin(&tx);
			for (uint32_t i = 1; i <= 40; i++)
				insert(&tx, target(round * 40 + i));
		}
		assert_int_equal(twz_tx_commit(&tx), 0);
		sound();
	}
}

static void test_full(void **state)
{
	uint32_t index;

	(void)state;
	for (uint32_t i = 1; i < TWZ_FOT_ENTRIES; i++)
		insert(NULL, target(i));
	assert_int_equal(fot_insert(NULL, object(0), target(1u << 20), &index), TWZ_E_FOTFULL);
	assert_int_equal(insert(NULL, target(12345)), 12345);
	twz_tx_begin(&tx);
	assert_int_equal(fot_insert(&tx, object(0), target(1u << 20), &index), TWZ_E_FOTFULL);
	assert_int_equal(twz_tx_commit(&tx), 0); /* the transaction goes on without it */
	sound();
}

static void test_delete(void **state)
{
	(void)state;
	for (uint32_t i = 1; i <= 200; i++)
		insert(NULL, target(i));
	for (uint32_t i = 3; i <= 200; i += 3) {
		assert_int_equal(fot_delete(NULL, object(0), i), 0);
		assert_int_equal(fot_find(NULL, object(0), target(i)), 0);
		assert_int_equal(entry(i)->kind, TWZ_FOT_TOMB);
		assert_int_equal(fot_delete(NULL, object(0), i), TWZ_E_NOTFOUND);
		sound();
	}
	assert_int_equal(fot_delete(NULL, object(0), 0), TWZ_E_ARG);
	assert_int_equal(fot_delete(NULL, object(0), 201), TWZ_E_ARG);
	/* An index is never given out again. */
	assert_int_equal(insert(NULL, target(3)), 201);
	assert_int_equal(insert(NULL, target(4)), 4);
	sound();
}

static int insert_name(struct twz_tx *in, const char *name, uint64_t resolver, uint32_t *index)
{
	return fot_insert_name(in, object(0), name, (uint32_t)strlen(name), target(resolver),
			       index);
}

/* The flag, whatever else becomes of the entry; one that holds is not deleted. */
static void test_hold(void **state)
{
	uint32_t name;

	(void)state;
	for (uint32_t i = 1; i <= 3; i++)
		insert(NULL, target(i));
	assert_int_equal(fot_hold(NULL, object(0), 2, true), 0);
	assert_int_equal(entry(2)->flags, TWZ_FOT_HOLD);
	assert_int_equal(fot_hold(NULL, object(0), 2, true), 0);
	for (uint32_t i = 4; i <= 100; i++) /* chains through it change */
		insert(NULL, target(i));
	for (uint32_t i = 1; i <= 100; i++)
		assert_int_equal(entry(i)->flags, i == 2 ? TWZ_FOT_HOLD : 0);
	assert_int_equal(insert(NULL, target(2)), 2);
	assert_int_equal(fot_delete(NULL, object(0), 2), TWZ_E_BUSY);
	assert_int_equal(entry(2)->kind, TWZ_FOT_ID);
	/* In a transaction it can be undone. */
	twz_tx_begin(&tx);
	assert_int_equal(fot_hold(&tx, object(0), 2, false), 0);
	assert_int_equal(fot_hold(&tx, object(0), 3, true), 0);
	assert_int_equal(entry(2)->flags, TWZ_FOT_HOLD);
	twz_tx_abort(&tx);
	assert_int_equal(entry(2)->flags, TWZ_FOT_HOLD);
	assert_int_equal(entry(3)->flags, 0);
	twz_tx_begin(&tx);
	assert_int_equal(fot_hold(&tx, object(0), 2, false), 0);
	assert_int_equal(fot_delete(&tx, object(0), 2), 0);
	assert_int_equal(twz_tx_commit(&tx), 0);
	assert_int_equal(entry(2)->kind, TWZ_FOT_TOMB);
	assert_int_equal(entry(2)->flags, 0);
	sound();
	assert_int_equal(fot_hold(NULL, object(0), 2, true), TWZ_E_NOTFOUND);
	assert_int_equal(fot_hold(NULL, object(0), 0, true), TWZ_E_ARG);
	assert_int_equal(fot_hold(NULL, object(0), 101, true), TWZ_E_ARG);
	assert_int_equal(heap_make(object(0), object_id(0)), 0);
	assert_int_equal(insert_name(NULL, "lib/parse", 1, &name), 0);
	assert_int_equal(fot_hold(NULL, object(0), name, true), TWZ_E_TYPE);
}

static void test_names(void **state)
{
	uint32_t a, b, c, again;

	(void)state;
	assert_int_equal(insert_name(NULL, "x", 1, &a), TWZ_E_TYPE); /* no heap */
	assert_int_equal(meta()->fot_next, 0);
	assert_int_equal(heap_make(object(0), object_id(0)), 0);
	assert_int_equal(insert_name(NULL, "lib/parse", 1, &a), 0);
	assert_int_equal(insert_name(NULL, "lib/parse", 2, &b), 0);
	assert_int_equal(insert_name(NULL, "lib/print", 1, &c), 0);
	assert_int_not_equal(a, b);
	assert_int_not_equal(a, c);
	assert_int_equal(insert_name(NULL, "lib/parse", 2, &again), 0);
	assert_int_equal(again, b);
	assert_int_equal(ptr_index(entry(c)->name), 9);
	assert_memory_equal(object(0) + ptr_offset(entry(c)->name), "lib/print", 9);
	assert_int_equal(fot_find(NULL, object(0), target(1)), 0); /* a resolver is no target */
	for (uint32_t i = 10; i < 60; i++)
		insert(NULL, target(i)); /* moves the names between chains */
	assert_int_equal(insert_name(NULL, "lib/print", 1, &again), 0);
	assert_int_equal(again, c);

	assert_int_equal(fot_delete(NULL, object(0), b), 0);
	assert_int_equal(insert_name(NULL, "lib/parse", 2, &again), 0);
	assert_int_not_equal(again, b);
	assert_int_equal(heap_check(object(0), &(uint64_t){0}), 0);

	twz_tx_begin(&tx);
	assert_int_equal(insert_name(&tx, "staged", 1, &a), 0);
	assert_int_equal(insert_name(&tx, "staged", 1, &b), 0);
	assert_int_equal(a, b);
	assert_int_equal(fot_delete(&tx, object(0), a), 0);
	assert_int_equal(insert_name(&tx, "staged", 1, &b), 0);
	assert_int_not_equal(a, b);
	assert_int_equal(twz_tx_commit(&tx), 0);
	assert_int_equal(heap_check(object(0), &(uint64_t){0}), 0);

	assert_int_equal(insert_name(NULL, "", 1, &a), TWZ_E_NAME);
}

/* ---- tables that lie ------------------------------------------------------------------------- */

/* Whatever the words are: an error or a wrong answer, but it ends and stays inside. */
static void test_garbage(void **state)
{
	uint64_t random = 1;

	(void)state;
	heap_make(object(0), object_id(0));
	for (unsigned round = 0; round < 300; round++) {
		uint32_t index;

		for (uint32_t i = 0; i < 64 * 4; i++) {
			random = random * 6364136223846793005ull + 1442695040888963407ull;
			((uint64_t *)entry(0))[i] = round % 2 ? random >> 13
							      : (random >> 60 & 3) |
									(random >> 40 & 63) << 32 |
									(random >> 50 & 63) << 48;
		}
		meta()->fot_next = round % 3 ? 60 : (uint32_t)(random >> 32);
		fot_find(NULL, object(0), target(round));
		fot_insert(NULL, object(0), target(round), &index);
		insert_name(NULL, "name", round, &index);
		fot_delete(NULL, object(0), (uint32_t)(random >> 20 & 63));
		twz_tx_begin(&tx);
		fot_find(&tx, object(0), target(round));
		fot_insert(&tx, object(0), target(round), &index);
		fot_delete(&tx, object(0), (uint32_t)(random >> 20 & 63));
		twz_tx_abort(&tx);
		assert_int_equal(meta()->log.lock, 0);
	}
}

/* A chain that runs in a circle, in the bucket that the next entry splits. */
static void test_circle(void **state)
{
	uint32_t index;

	(void)state;
	for (uint32_t i = 1; i <= 4; i++)
		insert(NULL, target(i));
	for (uint32_t i = 0; i <= 4; i++) {
		entry(i)->head = 1;
		entry(i)->next = i;
	}
	assert_int_equal(fot_find(NULL, object(0), target(99)), 0);
	assert_int_equal(fot_insert(NULL, object(0), target(99), &index), TWZ_E_DAMAGED);
	assert_int_equal(meta()->fot_next, 4);
}

static void test_count(void **state)
{
	uint32_t index;

	(void)state;
	meta()->fot_next = TWZ_FOT_ENTRIES;
	assert_int_equal(fot_insert(NULL, object(0), target(1), &index), TWZ_E_DAMAGED);
	meta()->fot_next = ~0u;
	assert_int_equal(fot_insert(NULL, object(0), target(1), &index), TWZ_E_DAMAGED);
	fot_find(NULL, object(0), target(1));
	assert_int_equal(fot_delete(NULL, object(0), 1), TWZ_E_ARG);
}

/* A name outside the object is not read. */
static void test_name_outside(void **state)
{
	const uint64_t offset[] = {0, TWZ_OBJ_DATA - 8, TWZ_SLOT_SIZE - 4, TWZ_OBJ_SIZE_MAX - 8};
	uint32_t index;

	(void)state;
	heap_make(object(0), object_id(0));
	for (unsigned i = 0; i < 4; i++) {
		setup(NULL);
		heap_make(object(0), object_id(0));
		assert_int_equal(insert_name(NULL, "12345678", 1, &index), 0);
		entry(1)->name = ptr_make(8, offset[i]);
		assert_int_equal(fot_insert(NULL, object(0), target(7), &index), TWZ_E_DAMAGED);
		assert_int_equal(fot_delete(NULL, object(0), 1), TWZ_E_DAMAGED);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_insert, setup),
		cmocka_unit_test_setup(test_in_transaction, setup),
		cmocka_unit_test_setup(test_full, setup),
		cmocka_unit_test_setup(test_delete, setup),
		cmocka_unit_test_setup(test_hold, setup),
		cmocka_unit_test_setup(test_names, setup),
		cmocka_unit_test_setup(test_garbage, setup),
		cmocka_unit_test_setup(test_circle, setup),
		cmocka_unit_test_setup(test_count, setup),
		cmocka_unit_test_setup(test_name_outside, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
