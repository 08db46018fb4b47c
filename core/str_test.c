/*
 * str_test.c - strings against a model, and strings that lie. Crashes: tests/crash/str.c.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>
/* cmocka wants the above first */
#include <cmocka.h>

#include "core/heap.h"
#include "core/str.h"
#include "core/vec.h"
#include "tests/sim/objects.h"

#define NSTRINGS 4u
#define BYTES_MAX 6000u

static struct twz_tx tx;
static uint8_t out[BYTES_MAX + 1];

static struct twz_heap *heap(void)
{
	return (struct twz_heap *)(object(0) + obj_meta(object(0))->heap);
}

/* In the last page that the test object has, out of the heap's way. */
static struct twz_str *str(unsigned n)
{
	return (struct twz_str *)(object(0) + OBJECTS_SPAN - TWZ_PAGE) + n;
}

static struct twz_block_head *block_head(unsigned n)
{
	return (struct twz_block_head *)(object(0) + str(n)->block) - 1;
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

/* The strings are sound, and all that is allocated is their own. */
static void sound(void)
{
	uint64_t where, owned, used, all = 0;

	for (unsigned n = 0; n < NSTRINGS; n++) {
		if (twz_str_check(str(n), &where, &owned))
			fail_msg("string %u is damaged at 0x%llx", n, (unsigned long long)where);
		all += owned;
	}
	assert_int_equal(heap_check(object(0), &where), 0);
	assert_int_equal(heap_used(object(0), &used), 0);
	assert_int_equal(all, used);
	assert_int_equal(obj_meta(object(0))->log.lock, 0);
}

static void is(struct twz_tx *in, unsigned n, const void *text, uint64_t bytes)
{
	int order;

	assert_int_equal(twz_str_length(in, str(n)), bytes);
	assert_int_equal(twz_str_get(in, str(n), out, sizeof(out)), bytes);
	assert_memory_equal(out, text, bytes);
	assert_int_equal(twz_str_compare(in, str(n), text, bytes, &order), 0);
	assert_int_equal(order, 0);
}

/* ---- what it does ---------------------------------------------------------------------------- */

static void test_grows_and_shrinks(void **state)
{
	static char text[3000];

	(void)state;
	for (unsigned i = 0; i < sizeof(text); i++)
		text[i] = (char)(i * 7);
	is(NULL, 0, "", 0);
	for (unsigned n = 0; n < 300; n++) {
		assert_int_equal(twz_str_append(NULL, str(0), text + n * 10, 10), 0);
		is(NULL, 0, text, n * 10 + 10);
		sound();
	}
	for (unsigned n = 3000; n >= 20; n -= 20) {
		assert_int_equal(twz_str_truncate(NULL, str(0), n), 0);
		is(NULL, 0, text, n);
		assert_int_equal(str(0)->length > TWZ_STR_SHORT, n > TWZ_STR_SHORT);
		sound();
	}
	assert_int_equal(twz_str_truncate(NULL, str(0), 21), TWZ_E_RANGE);
	assert_int_equal(twz_str_set(NULL, str(0), text, 2500), 0);
	is(NULL, 0, text, 2500);
	assert_int_equal(twz_str_set(NULL, str(0), text + 1, 2500), 0);
	is(NULL, 0, text + 1, 2500);
	assert_int_equal(twz_str_set(NULL, str(0), text, 24), 0);
	is(NULL, 0, text, 24);
	assert_int_equal(twz_str_set(NULL, str(0), text, 25), 0);
	is(NULL, 0, text, 25);
	sound();
	assert_int_equal(twz_str_clear(NULL, str(0)), 0);
	is(NULL, 0, "", 0);
	sound();
}

static void test_get(void **state)
{
	(void)state;
	assert_int_equal(twz_str_set(NULL, str(0), "hello", 5), 0);
	assert_int_equal(twz_str_get(NULL, str(0), out, 4), TWZ_E_RANGE);
	assert_int_equal(twz_str_get(NULL, str(0), out, 5), 5);
	assert_int_equal(twz_str_get(NULL, str(1), NULL, 0), 0);
}

static void test_order(void **state)
{
	static char text[1000];
	int order;

	(void)state;
	assert_int_equal(twz_str_set(NULL, str(0), "abc", 3), 0);
	assert_int_equal(twz_str_compare(NULL, str(0), "abd", 3, &order), 0);
	assert_true(order < 0);
	assert_int_equal(twz_str_compare(NULL, str(0), "abb\xff", 4, &order), 0);
	assert_true(order > 0);
	assert_int_equal(twz_str_compare(NULL, str(0), "ab", 2, &order), 0);
	assert_true(order > 0);
	assert_int_equal(twz_str_compare(NULL, str(0), "abcd", 4, &order), 0);
	assert_true(order < 0);
	assert_int_equal(twz_str_compare(NULL, str(1), NULL, 0, &order), 0);
	assert_int_equal(order, 0);
	memset(text, 'x', sizeof(text));
	assert_int_equal(twz_str_set(NULL, str(0), text, sizeof(text)), 0);
	text[900] = 'y';
	assert_int_equal(twz_str_compare(NULL, str(0), text, sizeof(text), &order), 0);
	assert_true(order < 0);
}

/* The data may be the string's own. */
static void test_own_bytes(void **state)
{
	char text[320];
	struct twz_tx *in[] = {NULL, &tx};

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		setup(NULL);
		assert_int_equal(twz_str_set(NULL, str(0), "0123456789", 10), 0);
		memcpy(text, "0123456789", 10);
		for (unsigned n = 10; n < 320; n *= 2) {
			const uint8_t *own =
				n > TWZ_STR_SHORT ? object(0) + str(0)->block : str(0)->text;

			memcpy(text + n, text, n);
			twz_tx_begin(&tx);
			assert_int_equal(twz_str_append(in[i], str(0), own, n), 0);
			assert_int_equal(twz_tx_commit(&tx), 0);
			is(NULL, 0, text, n * 2);
		}
		sound();
	}
}

static void test_fences(void **state)
{
	static char text[5000];
	uint64_t before = sim_count.fences;

	(void)state;
	for (unsigned n = 0; n < 2; n++) {
		assert_int_equal(twz_str_append(NULL, str(n), "short", 5), 0);
		assert_int_equal(twz_str_set(NULL, str(n), "another", 7), 0);
		assert_int_equal(twz_str_truncate(NULL, str(n), 2), 0);
	}
	assert_int_equal(sim_count.fences - before, 12);
	before = sim_count.fences;
	assert_int_equal(twz_str_append(NULL, str(0), text, 1000), 0);
	assert_int_equal(sim_count.fences - before, 3);
	before = sim_count.fences;
	assert_int_equal(twz_str_append(NULL, str(0), text, 100), 0);
	assert_int_equal(twz_str_set(NULL, str(0), text, 800), 0);
	assert_int_equal(twz_str_truncate(NULL, str(0), 300), 0);
	assert_int_equal(twz_str_clear(NULL, str(0)), 0);
	assert_int_equal(sim_count.fences - before, 8);
	before = sim_count.fences;
	assert_int_equal(twz_str_set(NULL, str(0), text, sizeof(text)), 0);
	assert_int_equal(sim_count.fences - before, 3);
}

/* A transaction sees its own changes; whoever gives it up has changed nothing. */
static void test_given_up(void **state)
{
	static char text[400];

	(void)state;
	memset(text, 'a', sizeof(text));
	assert_int_equal(twz_str_set(NULL, str(0), text, 200), 0);
	for (unsigned how = 0; how < 2; how++) {
		twz_tx_begin(&tx);
		assert_int_equal(twz_str_truncate(&tx, str(0), 100), 0);
		assert_int_equal(twz_str_append(&tx, str(0), "bbbb", 4), 0);
		assert_int_equal(twz_str_length(&tx, str(0)), 104);
		assert_int_equal(twz_str_clear(&tx, str(0)), 0);
		assert_int_equal(twz_str_append(&tx, str(0), text, 30), 0);
		assert_int_equal(twz_str_append(&tx, str(0), text, 30), 0);
		is(&tx, 0, text, 60);
		is(NULL, 0, text, 200);
		if (how)
			assert_int_equal(twz_tx_commit(&tx), 0);
		else
			twz_tx_abort(&tx);
		is(NULL, 0, text, how ? 60 : 200);
		sound();
	}
}

static void test_heap_full(void **state)
{
	static char text[2000];

	(void)state;
	memset(text, 'f', sizeof(text));
	heap()->end = heap()->start + 1200;
	assert_int_equal(twz_str_set(NULL, str(0), text, 300), 0);
	assert_int_equal(twz_str_append(NULL, str(0), text, 2000), TWZ_E_HEAPFULL);
	assert_int_equal(twz_str_set(NULL, str(0), text, 2000), TWZ_E_HEAPFULL);
	is(NULL, 0, text, 300);
	twz_tx_begin(&tx);
	assert_int_equal(twz_str_append(&tx, str(1), "ok", 2), 0);
	assert_int_equal(twz_str_append(&tx, str(0), text, 2000), TWZ_E_HEAPFULL);
	assert_int_equal(twz_str_append(&tx, str(1), text, 2000), TWZ_E_HEAPFULL);
	assert_int_equal(twz_tx_commit(&tx), 0);
	is(NULL, 0, text, 300);
	is(NULL, 1, "ok", 2);
	sound();
	assert_int_equal(twz_str_append(NULL, str(1), text, TWZ_STR_MAX - 1), TWZ_E_RANGE);
}

/* As a runtime does it: the page cannot be made, the probe goes on at its fix-up. */
static void on_fault(int sig, siginfo_t *info, void *context)
{
	greg_t *reg = ((ucontext_t *)context)->uc_mcontext.gregs;

	(void)info;
	reg[REG_RIP] = (greg_t)tx_fixup((uintptr_t)reg[REG_RIP]);
	if (!reg[REG_RIP])
		signal(sig, SIG_DFL);
}

/* Pages that cannot be made are an error of the call that needs them. */
static void test_pages(void **state)
{
	struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO}, old;
	static char text[4096];

	(void)state;
	sigaction(SIGSEGV, &action, &old);
	heap()->end = TWZ_SLOT_SIZE;
	heap()->top = OBJECTS_SPAN - 1024;
	twz_tx_begin(&tx);
	assert_int_equal(twz_str_append(&tx, str(0), text, 500), 0);
	assert_int_equal(twz_str_append(&tx, str(0), text, 600), TWZ_E_FULL);
	assert_int_equal(twz_str_length(&tx, str(0)), 500);
	twz_tx_abort(&tx);
	/* Larger than what was asked for: its last pages were never made. */
	assert_int_equal(twz_str_set(NULL, str(0), text, 900), 0);
	block_head(0)->size_class = 40; /* 20 KiB */
	assert_int_equal(twz_str_append(NULL, str(0), text, 2000), TWZ_E_FULL);
	is(NULL, 0, text, 900);
	sigaction(SIGSEGV, &old, NULL);
}

/* A string is a part of an element, and of what the caller stages. */
static void test_in_a_vector(void **state)
{
	struct element {
		uint64_t number;
		struct twz_str name;
	} element = {.number = 1}, *p;
	struct twz_vec *v = (struct twz_vec *)(str(NSTRINGS) + 1);
	char text[100];

	(void)state;
	memset(text, 'v', sizeof(text));
	twz_tx_begin(&tx);
	for (unsigned i = 0; i < 10; i++) {
		assert_int_equal(vec_push(&tx, v, sizeof(element), &element), 0);
		p = vec_at(&tx, v, sizeof(element), i);
		assert_int_equal(twz_str_set(&tx, &p->name, text, 10 * i), 0);
	}
	assert_int_equal(twz_tx_commit(&tx), 0);
	for (unsigned i = 0; i < 10; i++) {
		p = vec_at(NULL, v, sizeof(element), i);
		assert_int_equal(p->number, 1);
		assert_int_equal(twz_str_get(NULL, &p->name, out, sizeof(out)), 10 * i);
		assert_memory_equal(out, text, 10 * i);
		assert_int_equal(twz_str_clear(NULL, &p->name), 0);
	}
	assert_int_equal(vec_clear(NULL, v, sizeof(element)), 0);
	sound();
}

/* ---- beside a model -------------------------------------------------------------------------- */

struct model {
	uint64_t length;
	uint8_t text[BYTES_MAX];
};

static uint64_t seed;

static uint64_t random_below(uint64_t n)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return (seed >> 33) % n;
}

/* Mostly few bytes. */
static uint64_t some_bytes(void)
{
	static const unsigned most[] = {8, 30, 200, 2500};

	return random_below(most[random_below(4)]);
}

static void step(struct twz_tx *in, struct model *m, unsigned n)
{
	uint64_t what = random_below(10), bytes = some_bytes();
	uint8_t data[2500];

	for (unsigned i = 0; i < bytes; i++)
		data[i] = (uint8_t)random_below(256);
	if (what < 5) {
		if (m->length + bytes > BYTES_MAX || twz_str_append(in, str(n), data, bytes))
			return;
		memcpy(m->text + m->length, data, bytes);
		m->length += bytes;
	} else if (what < 7) {
		if (twz_str_set(in, str(n), data, bytes))
			return;
		memcpy(m->text, data, bytes);
		m->length = bytes;
	} else if (what < 9) {
		assert_int_equal(twz_str_truncate(in, str(n), bytes),
				 bytes <= m->length ? 0 : TWZ_E_RANGE);
		m->length = bytes <= m->length ? bytes : m->length;
	} else {
		assert_int_equal(twz_str_clear(in, str(n)), 0);
		m->length = 0;
	}
}

/* Operations at random, alone and many in a transaction; some are given up; a heap that gets full. */
static void test_model(void **state)
{
	static struct model m[NSTRINGS], after[NSTRINGS];
	const char *text = getenv("TWZ_SEED");
	unsigned rounds = getenv("TWZ_LONG") ? 60000 : 4000;

	(void)state;
	seed = text ? strtoull(text, NULL, 10) : 1;
	print_message("TWZ_SEED=%llu\n", (unsigned long long)seed);
	memset(m, 0, sizeof(m));
	for (unsigned round = 0; round < rounds; round++) {
		uint64_t ops = random_below(3) ? 1 + random_below(8) : 0,
			 n = random_below(NSTRINGS);
		bool commit = random_below(5) != 0;

		heap()->end = random_below(8) ? OBJECTS_SPAN - TWZ_PAGE : heap()->top;
		if (!ops) {
			step(NULL, &m[n], (unsigned)n);
		} else {
			memcpy(after, m, sizeof(m));
			twz_tx_begin(&tx);
			while (ops--) {
				step(&tx, &after[n], (unsigned)n);
				is(&tx, (unsigned)n, after[n].text, after[n].length);
				n = random_below(2) ? n : random_below(NSTRINGS);
			}
			if (commit)
				assert_int_equal(twz_tx_commit(&tx), 0);
			else
				twz_tx_abort(&tx);
			if (commit)
				memcpy(m, after, sizeof(m));
		}
		for (unsigned i = 0; i < NSTRINGS; i++)
			is(NULL, i, m[i].text, m[i].length);
		sound();
	}
}

/* ---- what is not right ----------------------------------------------------------------------- */

static void lie(unsigned how)
{
	switch (how) {
	case 0:
		str(0)->block = TWZ_SLOT_SIZE - 16;
		break;
	case 1:
		str(0)->block = 16;
		break;
	case 2:
		str(0)->block += 8;
		break;
	case 3:
		str(0)->block = 0;
		break;
	case 4:
		str(0)->length = ~0ull;
		break;
	case 5:
		str(0)->length = TWZ_STR_MAX + 1;
		str(0)->block = TWZ_OBJ_DATA + 16; /* so many bytes could be there */
		break;
	default:
		str(0)->length = TWZ_SLOT_SIZE;
	}
}

static void test_lies(void **state)
{
	static char text[3000];
	uint64_t where, owned;
	int order;

	(void)state;
	for (unsigned how = 0; how < 7; how++) {
		setup(NULL);
		assert_int_equal(twz_str_set(NULL, str(0), text, 100), 0);
		lie(how);
		assert_int_equal(twz_str_get(NULL, str(0), out, sizeof(out)), TWZ_E_DAMAGED);
		assert_int_equal(twz_str_compare(NULL, str(0), "x", 1, &order), TWZ_E_DAMAGED);
		assert_int_equal(twz_str_append(NULL, str(0), text, 10), TWZ_E_DAMAGED);
		assert_int_equal(twz_str_append(NULL, str(0), text, 3000), TWZ_E_DAMAGED);
		assert_int_equal(twz_str_set(NULL, str(0), text, 100), TWZ_E_DAMAGED);
		assert_int_equal(twz_str_clear(NULL, str(0)), TWZ_E_DAMAGED);
		assert_int_equal(twz_str_check(str(0), &where, &owned), TWZ_E_DAMAGED);
		twz_tx_begin(&tx);
		assert_int_equal(twz_str_get(&tx, str(0), out, sizeof(out)), TWZ_E_DAMAGED);
		assert_int_equal(twz_str_clear(&tx, str(0)), TWZ_E_DAMAGED);
		assert_int_equal(twz_tx_commit(&tx), TWZ_E_DAMAGED);
		assert_int_equal(obj_meta(object(0))->log.lock, 0);
	}
}

/* The head of a string's block is no more to be trusted than the string. */
static void test_blocks_that_lie(void **state)
{
	static char text[3000];
	uint64_t where, owned;

	(void)state;
	assert_int_equal(twz_str_set(NULL, str(0), text, 100), 0);
	block_head(0)->size_class = 4; /* 80 bytes */
	assert_int_equal(twz_str_check(str(0), &where, &owned), TWZ_E_DAMAGED);
	assert_int_equal(twz_str_append(NULL, str(0), text, 4), 0); /* to a block that has room */
	assert_true(heap_size(object(0) + str(0)->block) >= 104);
	is(NULL, 0, text, 104);
	block_head(0)->size_class = 100; /* reaches out of the object */
	assert_int_equal(twz_str_check(str(0), &where, &owned), 0);
	assert_int_equal(twz_str_append(NULL, str(0), text, 1), 0);
	is(NULL, 0, text, 105);
	block_head(0)->magic = TWZ_BLOCK_FREE;
	assert_int_equal(twz_str_clear(NULL, str(0)), TWZ_E_DAMAGED);
	assert_int_equal(twz_str_check(str(0), &where, &owned), TWZ_E_DAMAGED);
	assert_int_equal(obj_meta(object(0))->log.lock, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_grows_and_shrinks, setup),
		cmocka_unit_test_setup(test_get, setup),
		cmocka_unit_test_setup(test_order, setup),
		cmocka_unit_test_setup(test_own_bytes, setup),
		cmocka_unit_test_setup(test_fences, setup),
		cmocka_unit_test_setup(test_given_up, setup),
		cmocka_unit_test_setup(test_heap_full, setup),
		cmocka_unit_test_setup(test_pages, setup),
		cmocka_unit_test_setup(test_in_a_vector, setup),
		cmocka_unit_test_setup(test_model, setup),
		cmocka_unit_test_setup(test_lies, setup),
		cmocka_unit_test_setup(test_blocks_that_lie, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
