/*
 * tx_test.c - transactions without crashes: what is staged, refused, locked and counted. What
 * crashes do to them: tests/crash/tx.c, settle_test.c.
 */
#define _GNU_SOURCE /* REG_RIP */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
/* cmocka wants the above first */
#include <cmocka.h>

#include "core/edit.h"
#include "core/log.h"
#include "core/ptr.h"
#include "core/tx.h"
#include "tests/sim/sim.h"

#define SPAN ((uint64_t)8 << 20) /* of an object that is mapped */
#define NOBJECTS (TWZ_LOG_PARTS_MAX + 1)

static struct twz_tx tx;
static int waits, wakes;
static int contended_result;
static int touch_result;
static uint8_t *touched;

static uint8_t *object(unsigned n)
{
	return SIM_SLOT(n + 1);
}

static uint64_t *word(unsigned n, unsigned i)
{
	return (uint64_t *)(object(n) + TWZ_OBJ_DATA) + i;
}

static struct twz_log_head *head(unsigned n)
{
	return &obj_meta(object(n))->log;
}

static struct twz_log_record *record(unsigned n)
{
	return (struct twz_log_record *)(object(n) + TWZ_OBJ_LOG);
}

/* ---- the runtime ----------------------------------------------------------------------------- */

static int contended(void *base, uint64_t *lock, uint64_t seen)
{
	assert_ptr_equal(lock, &obj_meta(base)->log.lock);
	assert_int_equal(seen, *lock);
	waits++;
	if (!contended_result)
		*lock = 0;
	return contended_result;
}

static void wake(uint64_t *lock)
{
	assert_int_equal(*lock, 0);
	wakes++;
}

static int touch(void *addr, uint64_t bytes)
{
	uint8_t *page = (uint8_t *)((uintptr_t)addr & -TWZ_PAGE);

	touched = addr;
	if (!touch_result)
		mprotect(page, (size_t)((uint8_t *)addr + bytes - page), PROT_READ | PROT_WRITE);
	return touch_result;
}

static struct twz_id id(const void *base)
{
	return (struct twz_id){.lo = (uintptr_t)base, .hi = 7};
}

/* As a runtime does it: nothing can be done about the fault, is there a way on? */
static void on_fault(int sig, siginfo_t *info, void *context)
{
	greg_t *reg = ((ucontext_t *)context)->uc_mcontext.gregs;

	(void)info;
	reg[REG_RIP] = (greg_t)tx_fixup((uintptr_t)reg[REG_RIP]);
	if (!reg[REG_RIP])
		signal(sig, SIG_DFL);
}

static int setup(void **state)
{
	(void)state;
	for (unsigned n = 0; n < NOBJECTS; n++)
		assert_ptr_equal(mmap(object(n), SPAN, PROT_READ | PROT_WRITE,
				      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1,
				      0),
				 object(n));
	tx_env = (struct tx_env){.owner = (uint64_t)5 << 32 | 9,
				 .contended = contended,
				 .wake = wake,
				 .touch = touch,
				 .id = id};
	waits = wakes = contended_result = touch_result = 0;
	touched = NULL;
	twz_tx_begin(&tx);
	return 0;
}

static void not_locked(void)
{
	for (unsigned n = 0; n < NOBJECTS; n++)
		assert_int_equal(head(n)->lock, 0);
}

/* ---- staging --------------------------------------------------------------------------------- */

static void test_word(void **state)
{
	struct sim_count before = sim_count;

	(void)state;
	assert_int_equal(twz_tx_set(&tx, word(0, 3), 42), 0);
	assert_int_equal(head(0)->lock, tx_env.owner);
	assert_int_equal(*word(0, 3), 0);
	assert_int_equal(*(const uint64_t *)twz_tx_read(&tx, word(0, 3), 8), 42);
	assert_ptr_equal(twz_tx_read(&tx, word(0, 4), 8), word(0, 4));
	assert_int_equal(twz_tx_set(&tx, word(0, 3), 43), 0);
	assert_int_equal(twz_tx_commit(&tx), 0);

	assert_int_equal(*word(0, 3), 43);
	assert_int_equal(head(0)->retired, 1);
	assert_int_equal(record(0)->seq, 1);
	assert_int_equal(record(0)->ranges, 16);
	assert_int_equal(sim_count.fences - before.fences, 2);
	assert_int_equal(sim_count.flushes - before.flushes, 2);
	not_locked();
}

static void test_write(void **state)
{
	uint8_t *data = (uint8_t *)word(0, 0), *copy;

	(void)state;
	for (int i = 0; i < 200; i++)
		data[i] = (uint8_t)i;
	copy = twz_tx_write(&tx, data + 13, 99); /* no word, no line */
	assert_non_null(copy);
	assert_memory_equal(copy, data + 13, 99);
	assert_ptr_equal(twz_tx_write(&tx, data + 13, 99), copy);
	assert_ptr_equal(twz_tx_write(&tx, data + 20, 92), copy + 7);
	assert_ptr_equal(twz_tx_read(&tx, data + 111, 1), copy + 98);
	memset(copy, 0xee, 99);
	assert_int_equal(data[13], 13);
	assert_int_equal(twz_tx_commit(&tx), 0);
	for (int i = 0; i < 200; i++)
		assert_int_equal(data[i], i >= 13 && i < 112 ? 0xee : i);
	not_locked();
}

static void test_lengths(void **state)
{
	uint8_t *data = (uint8_t *)word(0, 0) + TWZ_PAGE - 40, *copy;

	(void)state;
	for (uint64_t bytes = 1; bytes < 150; bytes++) {
		for (uint64_t at = 0; at < 9; at++) {
			memset(data - 8, 0x11, 200);
			twz_tx_begin(&tx);
			copy = twz_tx_write(&tx, data + at, bytes);
			assert_non_null(copy);
			memset(copy, 0x22, bytes);
			assert_int_equal(twz_tx_commit(&tx), 0);
			for (uint64_t i = 0; i < 180; i++)
				assert_int_equal(data[i], i >= at && i < at + bytes ? 0x22 : 0x11);
		}
	}
}

static void test_overlap(void **state)
{
	uint8_t *data = (uint8_t *)word(0, 0);

	(void)state;
	for (int side = 0; side < 3; side++) {
		twz_tx_begin(&tx);
		assert_non_null(twz_tx_write(&tx, data + 64, 64));
		assert_int_equal(twz_tx_set(&tx, word(1, 0), 5), 0);
		assert_null(side == 0   ? twz_tx_write(&tx, data + 60, 8)
			    : side == 1 ? twz_tx_write(&tx, data + 120, 16)
					: twz_tx_write(&tx, data, 256));
		/* sticky, and nothing of it happens */
		assert_null(twz_tx_write(&tx, data + 512, 8));
		assert_int_equal(twz_tx_set(&tx, word(1, 0), 6), TWZ_E_ARG);
		assert_int_equal(twz_tx_add(&tx, object(2)), TWZ_E_ARG);
		assert_int_equal(twz_tx_commit(&tx), TWZ_E_ARG);
		assert_int_equal(*word(1, 0), 0);
		not_locked();
	}
	/* What touches is no overlap. */
	twz_tx_begin(&tx);
	assert_non_null(twz_tx_write(&tx, data + 64, 60));
	assert_non_null(twz_tx_write(&tx, data + 124, 8));
	assert_non_null(twz_tx_write(&tx, data + 60, 4));
	assert_int_equal(twz_tx_commit(&tx), 0);
}

static void test_range(void **state)
{
	static const struct {
		uint64_t off, bytes;
		int error;
	} t[] = {
		{0, 8, TWZ_E_RANGE},
		{TWZ_PAGE, 8, TWZ_E_RANGE},
		{TWZ_OBJ_META, 64, 0},
		{TWZ_OBJ_META, 65, TWZ_E_RANGE},
		{TWZ_OBJ_META + 64, 8, TWZ_E_RANGE},
		{TWZ_OBJ_META + 120, 8, TWZ_E_RANGE},
		{TWZ_OBJ_META + 120, 16, TWZ_E_RANGE},
		{TWZ_OBJ_META + 128, TWZ_PAGE - 128, 0},
		{TWZ_OBJ_META + 128, TWZ_PAGE - 127, TWZ_E_RANGE},
		{TWZ_OBJ_META + TWZ_PAGE, 8, TWZ_E_RANGE},
		{TWZ_OBJ_LOG, 8, TWZ_E_RANGE},
		{TWZ_OBJ_FOT - 8, 8, TWZ_E_RANGE},
		{TWZ_OBJ_FOT - 8, 16, TWZ_E_RANGE},
		{TWZ_OBJ_FOT, 8, 0},
		{TWZ_OBJ_DATA, 0, TWZ_E_RANGE},
		{TWZ_OBJ_DATA, TWZ_SLOT_SIZE, TWZ_E_RANGE},
		{TWZ_OBJ_DATA, ~(uint64_t)0, TWZ_E_RANGE},
		{TWZ_SLOT_SIZE - 8, 16, TWZ_E_RANGE},
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(t) / sizeof(*t); i++) {
		for (int first = 0; first < 2; first++) { /* of the transaction, or not */
			twz_tx_begin(&tx);
			if (!first)
				twz_tx_set(&tx, word(0, 99), 1);
			assert_int_equal(!twz_tx_write(&tx, object(0) + t[i].off, t[i].bytes),
					 t[i].error != 0);
			assert_int_equal(twz_tx_commit(&tx), t[i].error);
			not_locked();
		}
	}
	twz_tx_begin(&tx);
	assert_int_equal(twz_tx_set(&tx, (uint64_t *)(object(0) + TWZ_OBJ_META + 64), 1),
			 TWZ_E_RANGE);
	twz_tx_abort(&tx);
	not_locked();
}

static void test_full(void **state)
{
	uint8_t *data = (uint8_t *)word(0, 0);
	uint64_t most = (TWZ_LOG_BODY_MAX - 8) & ~(uint64_t)7;
	uint8_t *copy = twz_tx_write(&tx, data, most);

	(void)state;
	assert_non_null(copy);
	memset(copy, 0x5a, most);
	assert_int_equal(twz_tx_commit(&tx), 0);
	assert_int_equal(data[0], 0x5a);
	assert_int_equal(data[most - 1], 0x5a);
	assert_int_equal(data[most], 0);

	twz_tx_begin(&tx);
	assert_null(twz_tx_write(&tx, data, most + 1));
	assert_int_equal(twz_tx_commit(&tx), TWZ_E_TXFULL);

	/* The list of participants needs room too: in the coordinator's log and in the others'. */
	for (unsigned full = 0; full < 2; full++) {
		twz_tx_begin(&tx);
		assert_non_null(twz_tx_write(&tx, word(full, 0), most));
		twz_tx_set(&tx, word(!full, 0), 77);
		assert_int_equal(twz_tx_commit(&tx), TWZ_E_TXFULL);
		assert_int_not_equal(*word(!full, 0), 77);
		not_locked();
	}
}

static void test_many(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 5000; i++)
		assert_int_equal(twz_tx_set(&tx, word(0, i * 7), i), 0);
	for (unsigned i = 0; i < 5000; i += 101) {
		assert_int_equal(*(const uint64_t *)twz_tx_read(&tx, word(0, i * 7), 8), i);
		assert_int_equal(twz_tx_set(&tx, word(0, i * 7), i + 1), 0);
		assert_ptr_equal(twz_tx_read(&tx, word(0, i * 7 + 1), 8), word(0, i * 7 + 1));
	}
	assert_int_equal(twz_tx_commit(&tx), 0);
	for (unsigned i = 0; i < 5000; i++)
		assert_int_equal(*word(0, i * 7), i % 101 ? i : i + 1);
}

/*
 * Ranges of all lengths in three objects, so many that they are found through the index, and then
 * more than it holds: each byte is staged by at most one range, and is found in it.
 */
static void test_index(void **state)
{
	enum { BYTES = 1 << 20, STEP_MAX = 6000 };
	static uint8_t *place[3][BYTES];
	uint64_t random = 1, nranges = 0;

	(void)state;
	memset(place, 0, sizeof(place));
	for (unsigned i = 0; i < 9000; i++) {
		unsigned n, step;
		uint64_t off, bytes;
		uint8_t *addr, *copy;
		bool whole, some = false;

		random = random * 6364136223846793005ull + 1442695040888963407ull;
		n = (random >> 60) % 3;
		off = random >> 33 & (BYTES - 1) & ~(uint64_t)7;
		step = (random >> 53) % 100;
		bytes = step == 99 ? STEP_MAX : step > 90 ? 700 : step > 70 ? 64 : 8;
		if (off + bytes > BYTES)
			continue;
		addr = (uint8_t *)word(n, 0) + off;
		whole = place[n][off];
		for (uint64_t at = 0; at < bytes; at++) {
			whole = whole && place[n][off + at] == place[n][off] + at;
			some |= place[n][off + at] != NULL;
		}
		assert_ptr_equal(twz_tx_read(&tx, addr, bytes), whole ? place[n][off] : addr);
		if (some && !whole)
			continue; /* an error, which would end it */
		copy = twz_tx_write(&tx, addr, bytes);
		if (!copy) {
			assert_int_equal(tx.error, TWZ_E_TXFULL);
			break;
		}
		if (whole) {
			assert_ptr_equal(copy, place[n][off]);
			continue;
		}
		nranges++;
		for (uint64_t at = 0; at < bytes; at++)
			place[n][off + at] = copy + at;
	}
	assert_true(nranges > TX_SLOTS);
	twz_tx_abort(&tx);
	not_locked();
}

/* With an index too, what overlaps partly is refused. */
static void test_index_overlap(void **state)
{
	static const struct {
		uint64_t off, bytes;
	} t[] = {{4, 8},     {63 * 800 - 4, 8}, {100000 + 5996, 8},
		 {99996, 8}, {0, 100},          {101000, 9000}};

	(void)state;
	for (unsigned how = 0; how < 6; how++) {
		uint8_t *data = (uint8_t *)word(0, 0);

		twz_tx_begin(&tx);
		for (unsigned i = 0; i < 64; i++)
			assert_int_equal(twz_tx_set(&tx, word(0, i * 100), i), 0);
		assert_non_null(twz_tx_write(&tx, data + 100000, 6000));
		assert_non_null(twz_tx_write(&tx, data + 100008, 5992));
		assert_null(twz_tx_write(&tx, data + t[how].off, t[how].bytes));
		assert_int_equal(twz_tx_commit(&tx), TWZ_E_ARG);
		not_locked();
	}
}

static void test_misaligned(void **state)
{
	uint8_t *data = (uint8_t *)word(0, 0) + 61; /* a packed structure's */
	uint64_t value = 0x1122334455667788;

	(void)state;
	assert_int_equal(twz_tx_set(&tx, (uint64_t *)(void *)data, value), 0);
	assert_int_equal(twz_tx_commit(&tx), 0);
	assert_memory_equal(data, &value, 8);
}

/* ---- several objects ------------------------------------------------------------------------- */

static void test_objects(void **state)
{
	struct sim_count before = sim_count;
	const struct twz_log_part *list;

	(void)state;
	head(1)->retired = 10;
	twz_tx_set(&tx, word(0, 0), 1);
	twz_tx_set(&tx, word(1, 0), 2);
	twz_tx_set(&tx, word(0, 1), 3);
	twz_tx_add(&tx, object(2));
	assert_int_equal(head(2)->lock, tx_env.owner);
	assert_int_equal(*(const uint64_t *)twz_tx_read(&tx, word(0, 0), 8), 1);
	assert_ptr_equal(twz_tx_read(&tx, word(2, 0), 8), word(2, 0));
	assert_ptr_equal(twz_tx_read(&tx, word(3, 0), 8), word(3, 0));
	assert_int_equal(twz_tx_commit(&tx), 0);
	assert_int_equal(*word(0, 0), 1);
	assert_int_equal(*word(1, 0), 2);
	assert_int_equal(*word(0, 1), 3);
	assert_int_equal(sim_count.fences - before.fences, 2);
	not_locked();

	assert_int_equal(record(0)->nparts, 2);
	assert_int_equal(record(0)->flags, 0);
	assert_int_equal(record(0)->ranges, 32);
	list = (const struct twz_log_part *)((uint8_t *)(record(0) + 1) + 32);
	for (unsigned n = 1; n < 3; n++) {
		assert_int_equal(list[n - 1].id.lo, (uintptr_t)object(n));
		assert_int_equal(list[n - 1].seq, record(n)->seq);
		assert_int_equal(list[n - 1].sum, record(n)->sum);
		assert_int_equal(record(n)->flags, TWZ_LOG_PART);
		assert_int_equal(record(n)->nparts, 1);
	}
	assert_int_equal(head(0)->retired, 1);
	assert_int_equal(head(1)->retired, 11);
	assert_int_equal(head(2)->retired, 1);
}

static void test_limit(void **state)
{
	(void)state;
	for (unsigned n = 0; n < TWZ_LOG_PARTS_MAX; n++)
		assert_int_equal(twz_tx_set(&tx, word(n, 0), 1 + n), 0);
	assert_int_equal(twz_tx_commit(&tx), 0);
	for (unsigned n = 0; n < TWZ_LOG_PARTS_MAX; n++)
		assert_int_equal(*word(n, 0), 1 + n);
	not_locked();

	twz_tx_begin(&tx);
	for (unsigned n = 0; n < TWZ_LOG_PARTS_MAX; n++)
		assert_int_equal(twz_tx_add(&tx, object(n)), 0);
	assert_int_equal(twz_tx_set(&tx, word(TWZ_LOG_PARTS_MAX, 0), 1), TWZ_E_LIMIT);
	assert_int_equal(twz_tx_commit(&tx), TWZ_E_LIMIT);
	not_locked();
}

static void test_place(void **state)
{
	uint8_t *place =
		(uint8_t *)((uintptr_t)1 << TWZ_PLACE_BIT | (uintptr_t)3 << TWZ_PLACE_SHIFT);
	uint64_t *far = (uint64_t *)(place + ((uint64_t)700 << 30));

	(void)state;
	mmap(place, SPAN, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	mmap(far, TWZ_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	assert_int_equal(twz_tx_set(&tx, far, 6), 0);
	assert_int_equal(twz_tx_set(&tx, far + 1, 7), 0);
	assert_int_equal(twz_tx_commit(&tx), 0);
	assert_int_equal(far[0], 6);
	assert_int_equal(far[1], 7);
	assert_int_equal(obj_meta(place)->log.retired, 1);
	munmap(place, SPAN);
	munmap(far, TWZ_PAGE);
}

/* ---- nothing, and what goes wrong ------------------------------------------------------------ */

static void test_nothing(void **state)
{
	struct sim_count before = sim_count;

	(void)state;
	assert_int_equal(twz_tx_commit(&tx), 0);
	twz_tx_begin(&tx);
	twz_tx_add(&tx, object(0));
	twz_tx_add(&tx, object(0));
	twz_tx_add(&tx, object(1));
	assert_int_equal(tx.nparts, 2);
	assert_int_equal(twz_tx_commit(&tx), 0);
	assert_int_equal(sim_count.fences, before.fences);
	assert_int_equal(head(0)->retired, 0);
	not_locked();
}

static void test_abort(void **state)
{
	(void)state;
	twz_tx_set(&tx, word(0, 0), 1);
	twz_tx_set(&tx, word(1, 0), 1);
	twz_tx_abort(&tx);
	not_locked();
	assert_int_equal(*word(0, 0), 0);
	assert_int_equal(head(0)->retired, 0);
	assert_int_equal(record(0)->seq, 0);
}

static void test_fresh(void **state)
{
	struct sim_count before = sim_count;

	(void)state;
	twz_tx_add(&tx, object(0));
	*word(0, 8) = 5;
	twz_tx_fresh(&tx, word(0, 8), 8);
	assert_int_equal(twz_tx_commit(&tx), 0);
	assert_int_equal(sim_count.fences - before.fences, 1);
	assert_int_equal(sim_count.flushes - before.flushes, 2);
	not_locked();

	twz_tx_begin(&tx);
	*word(0, 9) = 6;
	twz_tx_fresh(&tx, word(0, 9), 8);
	twz_tx_set(&tx, word(0, 0), 1);
	assert_int_equal(twz_tx_commit(&tx), 0);
	assert_int_equal(sim_count.fences - before.fences, 4); /* one before the record */
	not_locked();
}

static void test_persist(void **state)
{
	struct sim_count before = sim_count;

	(void)state;
	*word(0, 8) = 5;
	twz_persist(word(0, 8), 100);
	assert_int_equal(sim_count.fences - before.fences, 1);
	assert_int_equal(sim_count.flushes - before.flushes, 3);
}

static void test_lock(void **state)
{
	const uint64_t other = (uint64_t)5 << 32 | 10;

	(void)state;
	for (int kind = 0; kind < 3; kind++) {
		/* Freed while we wait: taken. */
		head(0)->lock = other;
		contended_result = 0;
		waits = 0;
		twz_tx_begin(&tx);
		assert_int_equal(kind ? twz_tx_set(&tx, word(0, 0), 1) : twz_tx_add(&tx, object(0)),
				 0);
		assert_int_equal(waits, 1);
		assert_int_equal(head(0)->lock, tx_env.owner);
		assert_int_equal(twz_tx_commit(&tx), 0);

		/* Not freed: an error, the other's lock stays. */
		head(0)->lock = other;
		contended_result = TWZ_E_TIMEOUT;
		twz_tx_begin(&tx);
		if (kind == 2)
			twz_tx_set(&tx, word(1, 0), 1);
		assert_int_equal(twz_tx_set(&tx, word(0, 0), 1), TWZ_E_TIMEOUT);
		assert_int_equal(twz_tx_commit(&tx), TWZ_E_TIMEOUT);
		assert_int_equal(head(0)->lock, other);
		assert_int_equal(head(1)->lock, 0);
		head(0)->lock = 0;
	}
}

/* In a child of fork the lock's owner is another: whatever it does, the parent goes on as if it were not there. */
static void test_forked(void **state)
{
	static struct twz_tx child;
	const uint64_t parents = tx_env.owner, childs = parents + 1;
	uint8_t log[256];

	(void)state;
	for (unsigned i = 0; i < 14; i++) {
		twz_tx_begin(&tx);
		if (i >= 7) /* of two objects */
			assert_int_equal(twz_tx_add(&tx, object(1)), 0);
		assert_int_equal(twz_tx_set(&tx, word(0, 0), i + 1), 0);
		memcpy(log, record(0), sizeof(log));
		child = tx;
		child.last = child.part + (tx.last - tx.part); /* it has the same addresses */
		tx_env.owner = childs;
		switch (i % 7) {
		case 0:
			assert_int_equal(twz_tx_set(&child, word(0, 9), 5), TWZ_E_FORKED);
			break;
		case 1:
			assert_int_equal(twz_tx_set(&child, word(0, 0), 5), TWZ_E_FORKED);
			break;
		case 2:
			assert_null(twz_tx_write(&child, word(0, 9), 64));
			break;
		case 3:
			assert_null(twz_tx_write(&child, word(2, 9), 6000));
			break;
		case 4:
			assert_int_equal(twz_tx_add(&child, object(3)), TWZ_E_FORKED);
			break;
		case 5:
			assert_int_equal(tx_room(&child, word(0, 0), 9000), TWZ_E_FORKED);
			break;
		}
		if (i % 7 == 6)
			twz_tx_abort(&child);
		else
			assert_int_equal(twz_tx_commit(&child), TWZ_E_FORKED);
		assert_int_equal(child.nparts, 0);
		assert_memory_equal(log, record(0), sizeof(log));
		assert_int_equal(head(0)->lock, parents);
		assert_int_equal(head(2)->lock | head(3)->lock, 0);
		tx_env.owner = parents;
		assert_int_equal(*word(0, 0), i);
		assert_int_equal(twz_tx_commit(&tx), 0);
		assert_int_equal(*word(0, 0), i + 1);
		assert_int_equal(*word(0, 9), 0);
		not_locked();
	}
}

static void test_waiters(void **state)
{
	(void)state;
	for (int end = 0; end < 2; end++) {
		twz_tx_begin(&tx);
		twz_tx_set(&tx, word(0, 0), 1);
		head(0)->lock |= (uint64_t)1 << 31;
		if (end)
			assert_int_equal(twz_tx_commit(&tx), 0);
		else
			twz_tx_abort(&tx);
		assert_int_equal(wakes, 1 + end);
		not_locked();
	}
}

/* Pages that are not there: made on request, or the reason comes back and nothing has happened. */
static void test_pages(void **state)
{
	const uint64_t pages[] = {TWZ_OBJ_META, TWZ_OBJ_LOG, TWZ_OBJ_LOG + TWZ_PAGE, TWZ_OBJ_DATA,
				  TWZ_OBJ_DATA + TWZ_PAGE};
	struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO}, old;

	(void)state;
	sigaction(SIGSEGV, &action, &old);
	for (unsigned i = 0; i < 5; i++) {
		for (int full = 0; full < 2; full++) {
			uint8_t *copy;

			touched = NULL;
			touch_result = full ? TWZ_E_FULL : 0;
			mprotect(object(0) + pages[i], TWZ_PAGE,
				 pages[i] == TWZ_OBJ_DATA + TWZ_PAGE ? PROT_READ : PROT_NONE);
			twz_tx_begin(&tx);
			if (pages[i] < TWZ_OBJ_DATA + TWZ_PAGE) {
				twz_tx_set(&tx, word(0, 0), 1);
				copy = twz_tx_write(&tx, word(0, 600), 6000);
			} else {
				copy = twz_tx_write(&tx, word(0, 511), 16); /* into the page */
			}
			assert_int_equal(!copy, full);
			assert_int_equal(twz_tx_commit(&tx), touch_result);
			assert_non_null(touched);
			assert_ptr_equal((void *)((uintptr_t)touched & -TWZ_PAGE),
					 object(0) + pages[i]);
			mprotect(object(0) + pages[i], TWZ_PAGE, PROT_READ | PROT_WRITE);
			not_locked();
		}
	}
	sigaction(SIGSEGV, &old, NULL);
	assert_int_equal(tx_fixup((uintptr_t)test_pages), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_word, setup),
		cmocka_unit_test_setup(test_write, setup),
		cmocka_unit_test_setup(test_lengths, setup),
		cmocka_unit_test_setup(test_overlap, setup),
		cmocka_unit_test_setup(test_range, setup),
		cmocka_unit_test_setup(test_full, setup),
		cmocka_unit_test_setup(test_many, setup),
		cmocka_unit_test_setup(test_index, setup),
		cmocka_unit_test_setup(test_index_overlap, setup),
		cmocka_unit_test_setup(test_misaligned, setup),
		cmocka_unit_test_setup(test_objects, setup),
		cmocka_unit_test_setup(test_limit, setup),
		cmocka_unit_test_setup(test_place, setup),
		cmocka_unit_test_setup(test_nothing, setup),
		cmocka_unit_test_setup(test_abort, setup),
		cmocka_unit_test_setup(test_fresh, setup),
		cmocka_unit_test_setup(test_persist, setup),
		cmocka_unit_test_setup(test_lock, setup),
		cmocka_unit_test_setup(test_forked, setup),
		cmocka_unit_test_setup(test_waiters, setup),
		cmocka_unit_test_setup(test_pages, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
