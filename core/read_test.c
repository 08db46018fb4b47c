/*
 * read_test.c - read sections in one thread: what a version is, who waits and for how long. Beside
 * transactions: tests/tsan/read.c; beside the dead: rt/linux/read_test.c, tests/crash/tx.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
/* cmocka wants the above first */
#include <cmocka.h>

#include "core/read.h"
#include "core/tx.h"
#include "tests/sim/sim.h"

#define SPAN ((uint64_t)8 << 20)

static struct twz_tx tx;

/* What the runtime does about a reader who waits. */
static struct {
	unsigned calls;
	int error;
	unsigned retires; /* at which call the commit is through; 0: never */
	unsigned next;    /* commits that follow, each being stored when it is looked at again */
} waiting;

static uint64_t *word(unsigned i)
{
	return (uint64_t *)(SIM_SLOT(1) + TWZ_OBJ_DATA) + i;
}

static struct twz_log_head *head(void)
{
	return &obj_meta(word(0))->log;
}

static int stored(const void *base, const struct twz_log_head *h, uint64_t seq)
{
	assert_ptr_equal(base, SIM_SLOT(1));
	assert_ptr_equal(h, head());
	assert_int_equal(seq, h->storing);
	if (++waiting.calls == waiting.retires)
		head()->retired = seq;
	if (waiting.next) {
		waiting.next--;
		head()->retired = seq;
		head()->storing = seq + 1;
	}
	return waiting.error;
}

static int touch(void *addr, uint64_t bytes)
{
	(void)addr;
	(void)bytes;
	return 0;
}

static struct twz_id id(const void *base)
{
	return (struct twz_id){.lo = (uintptr_t)base, .hi = 7};
}

static int setup(void **state)
{
	(void)state;
	assert_ptr_equal(mmap(SIM_SLOT(1), SPAN, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0),
			 SIM_SLOT(1));
	tx_env = (struct tx_env){
		.owner = (uint64_t)5 << 32 | 9, .stored = stored, .touch = touch, .id = id};
	memset(&waiting, 0, sizeof(waiting));
	return 0;
}

static void test_version(void **state)
{
	uint64_t version = twz_read_begin(word(0));

	(void)state;
	assert_int_equal(version, 0);
	assert_false(twz_read_again(word(0), version));

	/* What is staged is not there yet; what is given up never was. */
	twz_tx_begin(&tx);
	twz_tx_set(&tx, word(0), 1);
	assert_int_equal(twz_read_begin(word(0)), version);
	twz_tx_abort(&tx);
	assert_false(twz_read_again(word(0), version));

	twz_tx_begin(&tx);
	twz_tx_set(&tx, word(0), 1);
	assert_int_equal(twz_tx_commit(&tx), 0);
	assert_true(twz_read_again(word(0), version));
	version = twz_read_begin(word(0));
	assert_false(twz_read_again(word(0), version));

	/* Ranges that are no words, which take the other way through the commit. */
	twz_tx_begin(&tx);
	memset(twz_tx_write(&tx, word(1), 20), 7, 20);
	assert_int_equal(twz_tx_commit(&tx), 0);
	assert_true(twz_read_again(word(0), version));
	version = twz_read_begin(word(0));
	assert_false(twz_read_again(word(0), version));
	assert_int_equal(twz_read_error(version), 0);
	assert_int_equal(waiting.calls, 0);
}

/* A head as a crash leaves it, when the mark of the store in place was lost with its line. */
static void test_behind(void **state)
{
	(void)state;
	head()->retired = 9;
	head()->storing = 6;
	assert_int_equal(twz_read_begin(word(0)), 6);
	assert_int_equal(waiting.calls, 0);
}

static void test_waits(void **state)
{
	uint64_t version;

	(void)state;
	head()->retired = 4;
	head()->storing = 5;
	waiting.retires = 1;
	assert_int_equal(twz_read_begin(word(0)), 5);
	assert_int_equal(waiting.calls, 1);

	/* When he looks again the next one stores, and the one after that. */
	waiting.calls = 0;
	waiting.retires = 8;
	waiting.next = 7;
	head()->storing = 6;
	version = twz_read_begin(word(0));
	assert_int_equal(version, 13);
	assert_int_equal(waiting.calls, 8);
	assert_false(twz_read_again(word(0), version));
}

/* A head that nobody will ever put right, and an owner who does not go on: an end, and an error. */
static void test_for_ever(void **state)
{
	uint64_t version;

	(void)state;
	head()->storing = ~(uint64_t)0 - 1;
	version = twz_read_begin(word(0));
	assert_int_equal(version, TWZ_READ_TIMEOUT);
	assert_true(waiting.calls > 1);
	assert_false(twz_read_again(word(0), version));
	assert_int_equal(twz_read_error(version), TWZ_E_TIMEOUT);

	waiting.calls = 0;
	waiting.error = TWZ_E_TIMEOUT;
	assert_int_equal(twz_read_begin(word(0)), TWZ_READ_TIMEOUT);
	assert_int_equal(waiting.calls, 1);

	/* The number that stands for it, made up in both places. */
	head()->storing = head()->retired = TWZ_READ_TIMEOUT;
	version = twz_read_begin(word(0));
	assert_false(twz_read_again(word(0), version));
	assert_int_equal(twz_read_error(version), TWZ_E_TIMEOUT);
}

static void test_copy(void **state)
{
	uint8_t to[40];

	(void)state;
	for (unsigned i = 0; i < 64; i++)
		((uint8_t *)word(0))[i] = (uint8_t)i;
	for (unsigned from = 0; from < 9; from++)
		for (unsigned n = 0; n < 33; n++) {
			memset(to, 0xee, sizeof(to));
			twz_read_copy(to, (uint8_t *)word(0) + from, n);
			for (unsigned i = 0; i < sizeof(to); i++)
				assert_int_equal(to[i], i < n ? from + i : 0xee);
		}
	assert_int_equal(twz_read_word(word(1)), 0x0f0e0d0c0b0a0908);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_version, setup),
		cmocka_unit_test_setup(test_behind, setup),
		cmocka_unit_test_setup(test_waits, setup),
		cmocka_unit_test_setup(test_for_ever, setup),
		cmocka_unit_test_setup(test_copy, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
