/*
 * isolation_test.c - what transactions see of each other, between threads and between processes: each
 * anomaly is tried, and is impossible, or is what docs/transactions.md says of who does not ask.
 *
 * The second session is a thread, which is known to wait when the lock says so. What happens within a
 * commit is seen from the medium's flushes and fences, which a test may have called.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/wait.h>
#include <time.h>

#include <cmocka.h>

#include "core/pmem.h"
#include "rt/linux/home.h"
#include "tests/home/sound.h"

#define PROCESSES 4
#define TRANSFERS 300

/* Of each object: x, and in the same transaction y = 3 x + 1. */
struct pair {
	uint64_t x, y;
	twz_map(uint64_t, uint64_t) map;
	uint64_t ready;
};

static struct twz_obj object[3];
static struct pair *pair[3];

static struct pair read_pair(const struct pair *p)
{
	struct pair copy = {0};
	uint64_t version;

	do {
		version = twz_read_begin(p);
		copy.x = twz_read_word(&p->x);
		copy.y = twz_read_word(&p->y);
	} while (twz_read_again(p, version));
	MUST(twz_read_error(version));
	return copy;
}

static void stage(struct twz_tx *tx, struct pair *p, uint64_t x)
{
	twz_tx_set(tx, &p->x, x);
	twz_tx_set(tx, &p->y, 3 * x + 1);
}

static void store(struct pair *p, uint64_t x)
{
	struct twz_tx tx;

	twz_tx_begin(&tx);
	stage(&tx, p, x);
	MUST(twz_tx_commit(&tx));
}

/* ---- the other session ----------------------------------------------------------------------------- */

static pthread_t other;
static int result;

static void *run(void *body)
{
	result = ((int (*)(void))(uintptr_t)body)();
	return NULL;
}

static void start(int (*body)(void))
{
	assert_int_equal(pthread_create(&other, NULL, run, (void *)(uintptr_t)body), 0);
}

static int ended(void)
{
	pthread_join(other, NULL);
	return result;
}

/* Until it waits for the object. */
static void waits_for(const struct pair *p)
{
	while (!(__atomic_load_n(&obj_meta(p)->log.lock, __ATOMIC_RELAXED) & LOCK_WAITERS))
		usleep(100);
}

/* ---- dirty reads, lost updates, reads that do not repeat ------------------------------------------- */

static int add_and_look(void)
{
	struct twz_tx tx;
	int seen;

	twz_tx_begin(&tx);
	MUST(twz_tx_add(&tx, pair[0]));
	seen = (int)pair[0]->x;
	twz_tx_abort(&tx);
	return seen;
}

static void nothing_is_read_before_its_commit(void **state)
{
	struct twz_tx tx;

	(void)state;
	store(pair[0], 1);
	for (int given_up = 0; given_up < 2; given_up++) {
		twz_tx_begin(&tx);
		stage(&tx, pair[0], 2);
		assert_int_equal(*(const uint64_t *)twz_tx_read(&tx, &pair[0]->x, 8), 2);
		assert_int_equal(pair[0]->x, 1);
		assert_int_equal(read_pair(pair[0]).x, 1);
		start(add_and_look);
		waits_for(pair[0]);
		if (given_up)
			twz_tx_abort(&tx);
		else
			MUST(twz_tx_commit(&tx));
		assert_int_equal(ended(), given_up ? 1 : 2);
		store(pair[0], 1);
	}
}

static int increment(void)
{
	struct twz_tx tx;

	twz_tx_begin(&tx);
	MUST(twz_tx_add(&tx, pair[0]));
	stage(&tx, pair[0], pair[0]->x + 1);
	return twz_tx_commit(&tx);
}

static void no_update_of_what_was_added_first_is_lost(void **state)
{
	struct twz_tx tx;
	uint64_t x;

	(void)state;
	store(pair[0], 10);
	twz_tx_begin(&tx);
	MUST(twz_tx_add(&tx, pair[0]));
	x = pair[0]->x;
	start(increment);
	waits_for(pair[0]);
	stage(&tx, pair[0], x + 1);
	MUST(twz_tx_commit(&tx));
	MUST(ended());
	assert_int_equal(pair[0]->x, 12);
}

/* As said: what was read before the object was added is of another time. */
static void an_update_of_what_was_read_before_is_lost(void **state)
{
	struct twz_tx tx;
	uint64_t x;

	(void)state;
	store(pair[0], 10);
	twz_tx_begin(&tx);
	x = pair[0]->x;
	start(increment);
	MUST(ended());
	stage(&tx, pair[0], x + 1);
	MUST(twz_tx_commit(&tx));
	assert_int_equal(pair[0]->x, 11);
}

static void what_was_added_is_read_the_same_again(void **state)
{
	struct twz_tx tx;
	uint64_t version;

	(void)state;
	store(pair[0], 5);
	twz_tx_begin(&tx);
	MUST(twz_tx_add(&tx, pair[0]));
	assert_int_equal(pair[0]->x, 5);
	start(increment);
	waits_for(pair[0]);
	assert_int_equal(pair[0]->x, 5);
	assert_int_equal(pair[0]->y, 16);
	version = twz_read_begin(pair[0]);
	twz_tx_abort(&tx);
	MUST(ended());
	/* Without a transaction: the section says that it was another time. */
	assert_true(twz_read_again(pair[0], version));
	assert_int_equal(read_pair(pair[0]).x, 6);
}

/* ---- write skew: each looks at both, and changes one ----------------------------------------------- */

/* Takes 1 from pair n if both have 3 together. */
static int take(unsigned n, bool ask)
{
	struct twz_tx tx;

	twz_tx_begin(&tx);
	for (unsigned i = 1; i < 3 && ask; i++)
		MUST(twz_tx_add(&tx, pair[i]));
	if (pair[1]->x + pair[2]->x == 3)
		stage(&tx, pair[n], pair[n]->x - 1);
	return twz_tx_commit(&tx);
}

static int take_from_2(void)
{
	return take(2, true);
}

static void who_adds_what_he_reads_has_no_write_skew(void **state)
{
	struct twz_tx tx;

	(void)state;
	store(pair[1], 1);
	store(pair[2], 2);
	twz_tx_begin(&tx);
	MUST(twz_tx_add(&tx, pair[1]));
	MUST(twz_tx_add(&tx, pair[2]));
	assert_int_equal(pair[1]->x + pair[2]->x, 3);
	start(take_from_2);
	waits_for(pair[1]);
	stage(&tx, pair[1], 0);
	MUST(twz_tx_commit(&tx));
	MUST(ended());
	assert_int_equal(pair[1]->x + pair[2]->x, 2);
}

static int take_from_2_unasked(void)
{
	return take(2, false);
}

/* As said: one that was only read is not in the transaction. */
static void who_does_not_has_it(void **state)
{
	struct twz_tx tx;

	(void)state;
	store(pair[1], 1);
	store(pair[2], 2);
	twz_tx_begin(&tx);
	assert_int_equal(pair[1]->x + pair[2]->x, 3);
	stage(&tx, pair[1], 0);
	start(take_from_2_unasked);
	MUST(ended());
	MUST(twz_tx_commit(&tx));
	assert_int_equal(pair[1]->x + pair[2]->x, 1);
}

/* ---- phantoms --------------------------------------------------------------------------------------- */

static int put_15(void)
{
	return twz_map_put(0, &pair[0]->map, 15, 1);
}

static unsigned count_range(struct twz_tx *tx)
{
	struct twz_map_cursor c;
	uint64_t key = 0, value = 0;
	unsigned n = 0;
	int error = twz_map_seek_tx(tx, &pair[0]->map, &c, 10, &key, &value);

	for (; !error && key < 20; error = twz_map_next(&pair[0]->map, &c, &key, &value))
		n++;
	return n;
}

static void no_phantom_comes_into_what_was_added(void **state)
{
	struct twz_tx tx;

	(void)state;
	for (uint64_t key = 10; key < 14; key++)
		MUST(twz_map_put(0, &pair[0]->map, key, key));
	twz_tx_begin(&tx);
	MUST(twz_tx_add(&tx, pair[0]));
	assert_int_equal(count_range(&tx), 4);
	start(put_15);
	waits_for(pair[0]);
	assert_int_equal(count_range(&tx), 4);
	twz_tx_abort(&tx);
	MUST(ended());
	assert_int_equal(count_range(NULL), 5);
}

/* ---- within a commit -------------------------------------------------------------------------------- */

static struct {
	unsigned fences;
	bool half, versions, early; /* seen */
	uint64_t version;
} within;

static void flushed(const void *p, uint64_t bytes)
{
	(void)p;
	(void)bytes;
	if (pair[1]->x == 1)
		return;
	/* The first word is there: the commit point was before. */
	within.early |= !within.fences;
	if (pair[1]->y == 4)
		within.half = true;
	if (twz_read_again(pair[1], within.version) && twz_read_again(pair[2], within.version))
		within.versions = true;
}

static void fenced(void)
{
	within.fences++;
}

static void half_a_commit_is_seen_by_plain_loads_only(void **state)
{
	struct pmem before = pmem;
	struct twz_tx tx;

	(void)state;
	store(pair[1], 1);
	store(pair[2], 1);
	memset(&within, 0, sizeof(within));
	/* The same in both, for the test: the versions are the objects' own. */
	while (twz_read_begin(pair[1]) < twz_read_begin(pair[2]))
		store(pair[1], 1);
	while (twz_read_begin(pair[2]) < twz_read_begin(pair[1]))
		store(pair[2], 1);
	within.version = twz_read_begin(pair[1]);
	pmem.kind = PMEM_FILE;
	pmem.file_flush = flushed;
	pmem.file_fence = fenced;
	twz_tx_begin(&tx);
	stage(&tx, pair[1], 2);
	stage(&tx, pair[2], 2);
	MUST(twz_tx_commit(&tx));
	pmem = before;
	assert_true(within.half);     /* x is there, y is not: a plain load sees it */
	assert_true(within.versions); /* a section does not, nor of the other object */
	assert_false(within.early);   /* what is seen is durable */
	assert_int_equal(within.fences, 2);
}

/* ---- several objects -------------------------------------------------------------------------------- */

static void sections_of_two_objects_are_two_moments(void **state)
{
	struct pair first, second;
	struct twz_tx tx;

	(void)state;
	store(pair[1], 1);
	store(pair[2], 1);
	first = read_pair(pair[1]);
	twz_tx_begin(&tx);
	stage(&tx, pair[1], 2);
	stage(&tx, pair[2], 2);
	MUST(twz_tx_commit(&tx));
	second = read_pair(pair[2]);
	assert_int_equal(first.x, 1);
	assert_int_equal(second.x, 2);
}

static uint32_t stop;

static int both_grow(void)
{
	for (uint64_t i = 1; !__atomic_load_n(&stop, __ATOMIC_RELAXED); i++) {
		struct twz_tx tx;

		twz_tx_begin(&tx);
		stage(&tx, pair[1], i);
		stage(&tx, pair[2], i);
		MUST(twz_tx_commit(&tx));
	}
	return 0;
}

/* A commit that was seen in one object is seen in the others from then on. */
static void what_was_seen_in_one_is_there_in_all(void **state)
{
	uint64_t last = 0;

	(void)state;
	store(pair[1], 0);
	store(pair[2], 0);
	stop = 0;
	start(both_grow);
	for (unsigned i = 0; last < 2000; i++) {
		struct pair seen = read_pair(pair[1 + i % 2]);

		assert_true(seen.x >= last);
		assert_int_equal(seen.y, 3 * seen.x + 1);
		last = seen.x;
	}
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	MUST(ended());
}

/* ---- waiting for each other ------------------------------------------------------------------------- */

static int two_then_one(void)
{
	struct twz_tx tx;

	twz_tx_begin(&tx);
	MUST(twz_tx_add(&tx, pair[2]));
	twz_tx_set(&tx, &pair[2]->x, 7);
	twz_tx_set(&tx, &pair[1]->x, 7);
	return twz_tx_commit(&tx);
}

static void who_waits_for_each_other_gives_up(void **state)
{
	struct timespec before, after;
	struct twz_tx tx;
	int first, second;

	(void)state;
	store(pair[1], 1);
	store(pair[2], 1);
	clock_gettime(CLOCK_MONOTONIC, &before);
	twz_tx_begin(&tx);
	MUST(twz_tx_add(&tx, pair[1]));
	start(two_then_one);
	waits_for(pair[1]);
	stage(&tx, pair[2], 8);
	first = twz_tx_commit(&tx);
	second = ended();
	clock_gettime(CLOCK_MONOTONIC, &after);
	assert_true(first == TWZ_E_TIMEOUT || second == TWZ_E_TIMEOUT);
	assert_true(after.tv_sec - before.tv_sec >= 9);
	assert_int_equal(pair[1]->x, second ? 1 : 7);
	assert_int_equal(pair[2]->x, !first ? 8 : second ? 1 : 7);
	assert_int_equal(obj_meta(pair[1])->log.lock | obj_meta(pair[2])->log.lock, 0);
}

/* ---- processes -------------------------------------------------------------------------------------- */

static void open_all(void)
{
	char name[16];

	for (unsigned i = 0; i < 3; i++) {
		snprintf(name, sizeof(name), "pair%u", i);
		MUST(twz_name_open(name, &object[i]));
		pair[i] = twz_ptr_get(twz_heap_root(&object[i]));
	}
}

/* Moves amounts from one to the next, and looks at all three in a transaction now and then. */
static int role_transfer(const char *arg)
{
	unsigned seed = (unsigned)strtoul(arg, NULL, 10);
	bool for_ever = seed >= 100;

	open_all();
	for (unsigned i = 0; for_ever || i < TRANSFERS; i++) {
		struct twz_tx tx;
		unsigned from, to;

		seed = seed * 1103515245 + 12345;
		from = (seed >> 8) % 3;
		to = (from + 1) % 3;
		twz_tx_begin(&tx);
		MUST(twz_tx_add(&tx, pair[from < to ? from : to]));
		MUST(twz_tx_add(&tx, pair[from < to ? to : from]));
		stage(&tx, pair[from], pair[from]->x - 1);
		stage(&tx, pair[to], pair[to]->x + 1);
		MUST(twz_tx_commit(&tx));
		__atomic_fetch_add(&pair[0]->ready, 1, __ATOMIC_RELAXED);
	}
	return 0;
}

static pid_t start_process(unsigned seed)
{
	char arg[16];
	pid_t pid;

	snprintf(arg, sizeof(arg), "%u", seed);
	pid = fork();
	if (!pid) {
		unsetenv("TWZ_STORE_FD");
		setenv("TWZ_STORE", home_path(), 1);
		execl("/proc/self/exe", program_invocation_short_name, "transfer", arg, NULL);
		_exit(127);
	}
	return pid;
}

static void is_whole(void)
{
	uint64_t total = 0;
	struct twz_tx tx;

	twz_tx_begin(&tx);
	for (unsigned i = 0; i < 3; i++)
		MUST(twz_tx_add(&tx, pair[i]));
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(pair[i]->y, 3 * pair[i]->x + 1);
		total += pair[i]->x;
	}
	assert_int_equal(total, 3000000);
	twz_tx_abort(&tx);
}

/* Unrelated processes, one of them killed over and over: each sees what threads see. */
static void processes_are_isolated_as_threads_are(void **state)
{
	pid_t pid[PROCESSES], killed;
	unsigned alive = PROCESSES, kills = 0;
	int status;

	(void)state;
	for (unsigned i = 0; i < 3; i++)
		store(pair[i], 1000000);
	for (unsigned i = 0; i < PROCESSES; i++)
		pid[i] = start_process(i);
	while (alive || kills < 5) {
		uint64_t before = __atomic_load_n(&pair[0]->ready, __ATOMIC_RELAXED);

		killed = start_process(100 + kills);
		while (__atomic_load_n(&pair[0]->ready, __ATOMIC_RELAXED) - before < 60) {
			for (unsigned i = 0; i < 3; i++) {
				struct pair seen = read_pair(pair[i]);

				assert_int_equal(seen.y, 3 * seen.x + 1);
			}
			is_whole();
		}
		kill(killed, SIGKILL);
		assert_int_equal(waitpid(killed, &status, 0), killed);
		kills++;
		for (unsigned i = 0; i < PROCESSES; i++)
			if (pid[i] && waitpid(pid[i], &status, WNOHANG) == pid[i]) {
				assert_int_equal(status, 0);
				pid[i] = 0;
				alive--;
			}
	}
	is_whole();
	store_is_sound();
}

/* Whatever the child does with a copy of its parent's transaction, of one kind for each. */
static int use_the_parents(struct twz_tx *tx, unsigned how)
{
	switch (how) {
	case 0:
		twz_tx_abort(tx);
		return TWZ_E_FORKED;
	case 1:
		return twz_tx_commit(tx);
	case 2:
		return twz_tx_add(tx, pair[1]) == TWZ_E_FORKED ? twz_tx_commit(tx) : 0;
	case 3:
		return twz_tx_set(tx, (uint64_t *)&pair[0]->y, 5) == TWZ_E_FORKED
			       ? twz_tx_commit(tx)
			       : 0;
	default:
		return twz_tx_write(tx, &pair[0]->x, 8) ? 0 : twz_tx_commit(tx);
	}
}

/* The parent's goes on, and commits what it staged itself. */
static void a_child_cannot_use_its_parents_transaction(void **state)
{
	struct twz_tx tx;
	uint64_t lock;
	int status;
	pid_t pid;

	(void)state;
	for (unsigned i = 0; i < 10; i++) {
		store(pair[0], 1);
		twz_tx_begin(&tx);
		if (i >= 5) /* one that commit looks closer at */
			MUST(twz_tx_add(&tx, pair[2]));
		stage(&tx, pair[0], 2);
		lock = obj_meta(pair[0])->log.lock;
		pid = fork();
		if (!pid)
			_exit(use_the_parents(&tx, i % 5) == TWZ_E_FORKED ? 0 : 1);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(status, 0);
		assert_int_equal(obj_meta(pair[0])->log.lock, lock);
		assert_int_equal(pair[0]->x, 1);
		MUST(twz_tx_commit(&tx));
		assert_int_equal(pair[0]->x, 2);
		assert_int_equal(pair[0]->y, 7);
	}
}

/* It would wait for itself: with one thread, as in a child, that is certain and found out. */
static int nest(void)
{
	struct twz_tx outer, inner;

	twz_tx_begin(&outer);
	MUST(twz_tx_add(&outer, pair[0]));
	if (twz_map_put(0, &pair[0]->map, 1, 1) != TWZ_E_NESTED)
		return 1;
	twz_tx_begin(&inner);
	if (twz_tx_add(&inner, pair[0]) != TWZ_E_NESTED || twz_tx_commit(&inner) != TWZ_E_NESTED)
		return 2;
	stage(&outer, pair[0], 9);
	return twz_tx_commit(&outer) ? 3 : 0;
}

static void who_would_wait_for_itself_is_told(void **state)
{
	pid_t pid = fork();
	int status;

	(void)state;
	if (!pid)
		_exit(nest());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(pair[0]->x, 9);
}

static void a_child_is_in_none_of_its_parents_transactions(void **state)
{
	struct twz_tx tx;
	int status;
	pid_t pid;

	(void)state;
	store(pair[0], 1);
	twz_tx_begin(&tx);
	MUST(twz_tx_add(&tx, pair[0]));
	stage(&tx, pair[0], 2);
	pid = fork();
	if (!pid) {
		struct twz_tx own;

		twz_tx_begin(&own);
		if (twz_tx_add(&own, pair[0]) || pair[0]->x != 2)
			_exit(1);
		stage(&own, pair[0], pair[0]->x + 1);
		_exit(twz_tx_commit(&own) ? 2 : 0);
	}
	waits_for(pair[0]);
	assert_int_equal(pair[0]->x, 1);
	MUST(twz_tx_commit(&tx));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(pair[0]->x, 3);
}

static int setup(void **state)
{
	char name[16];

	(void)state;
	home_start(64 << 20);
	for (unsigned i = 0; i < 3; i++) {
		void *block;

		MUST(twz_obj_new(&(struct twz_new){.heap = true}, &object[i]));
		MUST(heap_alloc(NULL, sizeof(struct pair), twz_heap_root(&object[i]), &block));
		memset(block, 0, sizeof(struct pair));
		twz_persist(block, sizeof(struct pair));
		snprintf(name, sizeof(name), "pair%u", i);
		MUST(twz_name_bind(name, object[i].id, 0));
	}
	open_all();
	return 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		home_test(nothing_is_read_before_its_commit),
		home_test(no_update_of_what_was_added_first_is_lost),
		home_test(an_update_of_what_was_read_before_is_lost),
		home_test(what_was_added_is_read_the_same_again),
		home_test(who_adds_what_he_reads_has_no_write_skew),
		home_test(who_does_not_has_it),
		home_test(no_phantom_comes_into_what_was_added),
		home_test(half_a_commit_is_seen_by_plain_loads_only),
		home_test(sections_of_two_objects_are_two_moments),
		home_test(what_was_seen_in_one_is_there_in_all),
		home_test(processes_are_isolated_as_threads_are),
		home_test(a_child_is_in_none_of_its_parents_transactions),
		home_test(a_child_cannot_use_its_parents_transaction),
		home_test(who_would_wait_for_itself_is_told),
		home_test(who_waits_for_each_other_gives_up),
	};

	if (argc > 2 && !strcmp(argv[1], "transfer"))
		return role_transfer(argv[2]);
	return cmocka_run_group_tests(tests, setup, NULL);
}
