/*
 * store.h - for the crash tests of the object store: a store to work on, and the oracle's view of it.
 *
 * Each case works on a few objects whose pages hold one byte each, repeated. The oracle: after the
 * real mount the checker finds the store sound (nothing lost, nothing owned twice), what the case
 * did not touch is as it was, what it did is old or new, and new once the call had returned.
 */
#ifndef TWZ_TESTS_CRASH_STORE_H
#define TWZ_TESTS_CRASH_STORE_H

#include <stdio.h>
#include <string.h>

#include "abi/object.h"
#include "core/check.h"
#include "core/log.h"
#include "tests/sim/sim.h"

#define BYTES ((uint64_t)16 << 20)
#define OBJECTS 8

static struct store run_store, found_store; /* of the program; of who comes after the crash */

/* What the program made: written by setup and run, read by the oracle. */
static struct {
	struct twz_id id[OBJECTS];
	uint64_t ref[OBJECTS];
	uint64_t used; /* frames in use after setup */
	uint64_t nobjects;
} made;

static inline void case_random(void *out, uint64_t bytes)
{
	for (uint64_t i = 0; i < bytes; i += 8) {
		uint64_t value = sim_random();

		memcpy((uint8_t *)out + i, &value, bytes - i < 8 ? bytes - i : 8);
	}
}

static inline void must(int error)
{
	if (!error)
		return;
	printf("crash_store: a call of the case failed: %d\n", error);
	fflush(stdout);
	__builtin_trap();
}

static inline void make(struct store *s, int i, bool ending, uint64_t page, uint64_t npages)
{
	struct store_new new = {
		.perms = TWZ_READ, .ending = ending, .page = page, .npages = npages};

	must(store_create(s, &new, &made.ref[i]));
	made.id[i] = store_record(s, made.ref[i])->id;
}

static inline void fill(struct store *s, int i, uint64_t page, uint64_t n, uint8_t byte)
{
	uint8_t content[TWZ_PAGE];

	memset(content, byte, sizeof(content));
	must(store_make(s, made.ref[i], page, n));
	for (uint64_t k = 0; k < n; k++) {
		void *p = store_page(s, made.ref[i], page + k);

		pmem_copy(p, content, sizeof(content));
		pmem_flush("test: content", p, sizeof(content));
	}
	pmem_fence("test: content");
}

/* Byte of a page, 0 for a hole, -1 if the page is not one byte throughout. */
static inline int byte_at(int i, uint64_t page)
{
	const uint8_t *p = store_page(&found_store, made.ref[i], page);

	if (!p)
		return 0;
	for (unsigned at = 1; at < TWZ_PAGE; at += 61)
		if (p[at] != p[0])
			return -1;
	return p[0];
}

static inline bool exists(int i)
{
	uint64_t ref;

	return !store_find(&found_store, made.id[i], &ref);
}

/* An empty store whose free frames are full of something. */
static inline void begin(void)
{
	struct store *s = &run_store;

	memset(&made, 0, sizeof(made));
	must(store_format(SIM_BASE, BYTES, case_random));
	must(store_mount(s, SIM_BASE, BYTES, case_random));
	make(s, 7, false, 0, 0);
	fill(s, 7, 1024, 600, 0xee);
	must(store_delete(s, made.ref[7]));
	must(store_drain(s, 1000));
}

/* Object 0: one that no case touches. Object 1: some pages, a tree. */
static inline void setup(const void *arg)
{
	struct store *s = &run_store;

	(void)arg;
	begin();
	make(s, 0, false, 1024, 2);
	fill(s, 0, 1024, 2, 0xaa);
	make(s, 1, false, 0, 0);
	fill(s, 1, 2, 1, 1);
	fill(s, 1, 1024, 20, 2);
	fill(s, 1, 1100, 3, 3);
	fill(s, 1, 1536, 5, 4);
	fill(s, 1, 2100, 1, 5);
	made.used = s->super->nused;
	made.nobjects = s->super->nobjects;
}

static const char *violated;

static inline void said(void *arg, const char *invariant, uint64_t frame, const char *what)
{
	static char text[160];

	(void)arg;
	snprintf(text, sizeof(text), "%s: frame %llu: %s", invariant, (unsigned long long)frame,
		 what);
	violated = text;
}

static inline const char *recover(const void *arg)
{
	static uint8_t scratch[CHECK_SCRATCH(BYTES / TWZ_PAGE)];
	struct check check = {.report = said, .scratch = scratch};

	(void)arg;
	if (store_mount(&found_store, SIM_BASE, BYTES, case_random))
		return "the store cannot be mounted";
	memset(scratch, 0, sizeof(scratch));
	return store_check(&found_store, &check) ? violated : NULL;
}

/* The same, and what is dying gets freed. */
static inline const char *recover_and_drain(const void *arg)
{
	const char *error = recover(arg);

	if (!error && store_drain(&found_store, 1000))
		return "what is dying cannot be freed";
	return error ? error : recover(arg);
}

static inline const char *untouched(void)
{
	if (!exists(0) || byte_at(0, 1024) != 0xaa || byte_at(0, 1025) != 0xaa)
		return "an object that nobody touched has changed";
	return NULL;
}

/* Object 1 gets a whole record that stores a 7 over page 1100; retired, as far as `retired` says. */
static inline void setup_log(const void *arg)
{
	struct {
		struct twz_log_record record;
		uint64_t range[2];
	} log = {.record = {.seq = 1, .ranges = 16}};
	uint64_t sum;

	setup(arg);
	fill(&run_store, 1, 256, 1, 0);
	log.range[0] = 8 | 1100 * TWZ_PAGE << LOG_LENGTH_BITS;
	log.range[1] = 0x0707070707070707ull;
	sum = twz_sum_step(log_seed(made.id[1]), log.record.seq, log_counts(16, 0, 0));
	log.record.sum = twz_sum_more(sum, log.range, 16);
	memcpy(store_page(&run_store, made.ref[1], 256), &log, sizeof(log));
	memset(store_page(&run_store, made.ref[1], 2), 0, TWZ_PAGE);
	make(&run_store, 2, false, 0, 0);
	fill(&run_store, 2, 2, 1, 0);
}

static inline const char *recover_and_settle(const void *arg)
{
	const char *error = recover(arg);

	if (!error && store_settle(&found_store, made.ref[1]))
		return "a log cannot be settled";
	return error;
}

#define CASES_MAX 40

/*
 * Each case once as power fails, and once as its process is killed first: then what it stored is
 * there, durable or not, for who recovers, until the power fails.
 */
static inline int store_cases(int argc, char **argv, const char *name, const struct sim_case *cases,
			      size_t n)
{
	static struct sim_case all[2 * CASES_MAX];
	static char killed[CASES_MAX][40];

	must(n > CASES_MAX ? TWZ_E_LIMIT : 0);
	for (size_t i = 0; i < n; i++) {
		all[i] = all[n + i] = cases[i];
		snprintf(killed[i], sizeof(killed[i]), "%s, killed", cases[i].name);
		all[n + i].name = killed[i];
		all[n + i].killed = true;
	}
	return sim_main(argc, argv, name, all, n * 2);
}

#endif
