/*
 * read_test.c - read sections in a real store, beside processes that die, stop, or never were.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/wait.h>
#include <time.h>

#include <cmocka.h>

#include "core/pmem.h"
#include "rt/linux/sync.h"
#include "tests/home/home.h"

#define WORDS 64

static struct twz_obj object;
static uint64_t *words;

/* All words, or 0 if they differ. */
static uint64_t read_all(void)
{
	uint64_t copy[WORDS], version;

	do {
		version = twz_read_begin(words);
		twz_read_copy(copy, words, sizeof(copy));
	} while (twz_read_again(words, version));
	MUST(twz_read_error(version));
	for (unsigned i = 1; i < WORDS; i++)
		if (copy[i] != copy[0])
			return 0;
	return copy[0];
}

static int write_all(uint64_t value)
{
	struct twz_tx tx;

	twz_tx_begin(&tx);
	for (unsigned i = 0; i < WORDS; i++)
		twz_tx_set(&tx, &words[i], value);
	return twz_tx_commit(&tx);
}

/* ---- a process that dies in its commit ------------------------------------------------------- */

static unsigned left; /* flushes and fences until it dies */

static void dies(void)
{
	if (!left--)
		kill(getpid(), SIGKILL);
}

static void flush(const void *p, uint64_t bytes)
{
	(void)p;
	(void)bytes;
	dies();
}

static int role_die(const char *arg)
{
	MUST(twz_name_open("words", &object));
	words = twz_obj_data(&object);
	left = (unsigned)strtoul(arg, NULL, 10);
	pmem.file_flush = flush;
	pmem.file_fence = dies;
	pmem.kind = PMEM_FILE;
	sync_init();
	MUST(write_all(words[0] + 1));
	pmem.kind = PMEM_CLFLUSH;
	return 0;
}

/* Wherever it dies, the reader finds all of its commit or nothing, and is not kept waiting. */
static void readers_go_on_after_a_death(void **state)
{
	unsigned held = 0, stored = 0, n = 0;
	char arg[16];
	int status;

	(void)state;
	do {
		uint64_t before = read_all(), version = twz_read_begin(words), after;
		bool touched;

		snprintf(arg, sizeof(arg), "%u", n++);
		status = program_run("die", arg);
		held += obj_meta(words)->log.lock != 0;
		stored += obj_meta(words)->log.storing > obj_meta(words)->log.retired;
		touched = words[0] != before;
		after = read_all();
		assert_true(after == before || after == before + 1);
		if (touched) {
			assert_int_equal(after, before + 1);
			assert_true(twz_read_again(words, version));
		}
	} while (status == 128 + SIGKILL);
	assert_int_equal(status, 0);
	assert_true(held > WORDS && stored > WORDS / 2);
	MUST(write_all(1));
}

/* ---- a head that says that somebody stores, for ever ------------------------------------------ */

static void nobody_stores(void **state)
{
	struct twz_log_head *head = &obj_meta(words)->log;
	uint64_t storing = head->storing, version;

	(void)state;
	head->storing = ~(uint64_t)0 >> 1;
	version = twz_read_begin(words);
	assert_int_equal(twz_read_error(version), TWZ_E_TIMEOUT);
	assert_false(twz_read_again(words, version));

	/* With the lock of one who is dead, too: he is settled, which changes nothing. */
	head->lock = 77;
	version = twz_read_begin(words);
	assert_int_equal(twz_read_error(version), TWZ_E_TIMEOUT);
	assert_int_equal(head->lock, 0);

	head->storing = storing;
	assert_int_equal(read_all(), 1);
}

/* ---- who may only read ------------------------------------------------------------------------ */

static void a_copy_is_read_as_its_source(void **state)
{
	struct twz_obj copy, sealed;
	struct twz_id id;
	uint64_t version;

	(void)state;
	MUST(write_all(5));
	MUST(twz_obj_copy(object.id, true, &id));
	MUST(twz_obj_open(id, &copy));
	version = twz_read_begin(copy.base);
	assert_int_equal(load(twz_obj_data(&copy)), 5);
	MUST(write_all(1));
	assert_false(twz_read_again(copy.base, version));

	MUST(twz_obj_seal(id, sizeof(uint64_t) * WORDS, TWZ_READ, &id));
	MUST(twz_obj_open(id, &sealed));
	version = twz_read_begin(sealed.base);
	assert_int_equal(load(twz_obj_data(&sealed)), 5);
	assert_false(twz_read_again(sealed.base, version));
}

static int setup(void **state)
{
	(void)state;
	home_start(64 << 20);
	MUST(twz_obj_new(&(struct twz_new){.bytes = WORDS * sizeof(uint64_t)}, &object));
	MUST(twz_name_bind("words", object.id, 0));
	words = twz_obj_data(&object);
	return write_all(1);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		home_test(readers_go_on_after_a_death),
		home_test(nobody_stores),
		home_test(a_copy_is_read_as_its_source),
	};

	if (argc > 2 && !strcmp(argv[1], "die"))
		return role_die(argv[2]);
	return cmocka_run_group_tests(tests, setup, NULL);
}
