/* limit.c - crashes while pages get limits, and while views are registered (store.h). */
#include "tests/crash/store.h"

#define ALL (TWZ_READ | TWZ_WRITE | TWZ_EXEC)

static int limit_at(int i, uint64_t page)
{
	struct store_run run;

	return store_run(&found_store, made.ref[i], page, 1, &run) ? -1 : run.limit;
}

/* ---- limits ---------------------------------------------------------------------------------- */

/* Pages and holes in two nodes of a tree; runs that become a tree for it; and away again. */
static void run_limit(const void *arg)
{
	(void)arg;
	must(store_limit(&run_store, made.ref[1], 1034, 512, TWZ_WRITE));
	sim_note(1);
	must(store_limit(&run_store, made.ref[0], 1025, 2, ALL));
	sim_note(2);
	must(store_drop(&run_store, made.ref[1], 1090, 500));
	sim_note(3);
}

static const char *check_limit(const void *arg, const struct sim_crash *crash)
{
	int node[2] = {limit_at(1, 1034), limit_at(1, 1536)}, guard = limit_at(0, 1025);
	int gone = limit_at(1, 1090);

	(void)arg;
	for (uint64_t page = 1035; page < 1090; page++)
		if (limit_at(1, page) != node[0])
			return "the limits of one node are not of one update";
	if (node[0] != TWZ_WRITE && (crash->note || node[0] || node[1]))
		return "a limit is neither old nor new";
	if (guard != limit_at(0, 1026) || (guard != ALL && (crash->note >= 2 || guard)))
		return "a guard page is neither there nor not";
	if (gone != node[0] && (gone || crash->note < 2))
		return "a limit went before its page was dropped";
	if (crash->note == 3 && (gone || node[1]))
		return "a limit stayed when its page was dropped";
	return byte_at(1, 1034) == 2 ? untouched() : "a page that got a limit has changed";
}

/* Object 2 becomes a copy of 1, whose pages and holes have limits. */
static void setup_limit_copy(const void *arg)
{
	setup(arg);
	make(&run_store, 2, false, 0, 0);
	must(store_limit(&run_store, made.ref[1], 1030, 100, TWZ_WRITE));
	must(store_limit(&run_store, made.ref[1], 2100, 2, ALL));
}

static void run_limit_copy(const void *arg)
{
	uint64_t shift = arg ? 100 : 0;

	must(store_copy(&run_store, made.ref[2], 512 + shift, made.ref[1], 512, 2000));
	sim_note(1);
	must(store_limit(&run_store, made.ref[2], 1030 + shift, 1, ALL));
	sim_note(2);
	must(store_delete(&run_store, made.ref[1]));
	must(store_drain(&run_store, 1000));
}

static const char *check_limit_copy(const void *arg, const struct sim_crash *crash)
{
	uint64_t shift = arg ? 100 : 0;

	for (uint64_t page = 1024; page < 2110; page++) {
		int limit = limit_at(2, page + shift);
		bool whole = crash->note || byte_at(2, page + shift);
		int source = page >= 2100 && page < 2102   ? ALL
			     : page >= 1030 && page < 1130 ? TWZ_WRITE
							   : 0;

		if (exists(1) && limit_at(1, page) != source)
			return "a limit of the source has changed";
		if (page == 1030 && limit == ALL && crash->note)
			continue;
		if (limit != source && (limit || whole))
			return "a page of a copy is without its limit";
	}
	if (crash->note >= 2 && limit_at(2, 1030 + shift) != ALL)
		return "a limit of a copy is not there";
	return untouched();
}

/* A committed transaction, not settled yet in this epoch, stores to a page that is limited then. */
static void setup_limit_log(const void *arg)
{
	setup_log(arg);
	must(store_mount(&run_store, SIM_BASE, BYTES, case_random));
}

static void run_limit_log(const void *arg)
{
	(void)arg;
	must(store_limit(&run_store, made.ref[1], 1100, 1, TWZ_WRITE));
	sim_note(1);
}

static const char *check_limit_log(const void *arg, const struct sim_crash *crash)
{
	const uint64_t *page = store_page(&found_store, made.ref[1], 1100);

	(void)arg;
	if (!page || page[0] != 0x0707070707070707ull)
		return "what was committed is lost to a limit";
	if (crash->note && limit_at(1, 1100) != TWZ_WRITE)
		return "a limit is not there";
	return untouched();
}

/* ---- registered views ------------------------------------------------------------------------ */

static void setup_views(const void *arg)
{
	struct store_new new = {.type = TWZ_TYPE_VIEW, .perms = TWZ_READ};

	setup(arg);
	for (int i = 2; i < 5; i++) {
		must(store_create(&run_store, &new, &made.ref[i]));
		made.id[i] = store_record(&run_store, made.ref[i])->id;
	}
}

static void run_views(const void *arg)
{
	(void)arg;
	for (int i = 2; i < 5; i++) {
		must(store_view_register(&run_store, made.ref[i], true));
		sim_note((uint64_t)i - 1);
	}
	must(store_view_register(&run_store, made.ref[3], false));
	sim_note(4);
	must(store_delete(&run_store, made.ref[4]));
	sim_note(5);
	must(store_drain(&run_store, 100));
}

/* The members of the list, after each note: as then, or as after the next. */
static const char *check_views(const void *arg, const struct sim_crash *crash)
{
	static const unsigned members[] = {0, 4, 12, 28, 20, 4, 4};
	uint64_t ref = 0;
	unsigned found = 0;
	int error;

	(void)arg;
	while (!(error = store_view_next(&found_store, &ref)))
		for (unsigned i = 2; i < 5; i++)
			found |= (unsigned)(ref == made.ref[i]) << i;
	if (error != TWZ_E_NOTFOUND)
		return "the list of registered views is broken";
	if (found != members[crash->note] && found != members[crash->note + 1])
		return "the registered views are neither the old nor the new ones";
	for (int i = 2; i < 4; i++)
		if (!exists(i))
			return "a view is gone";
	return untouched();
}

static const struct sim_case cases[] = {
	{.name = "limit",
	 .bytes = BYTES,
	 .setup = setup,
	 .run = run_limit,
	 .recover = recover,
	 .check = check_limit},
	{.name = "limit-copy",
	 .bytes = BYTES,
	 .setup = setup_limit_copy,
	 .run = run_limit_copy,
	 .recover = recover_and_drain,
	 .check = check_limit_copy,
	 .states = 1000},
	{.name = "limit-copy-shifted",
	 .bytes = BYTES,
	 .arg = "",
	 .setup = setup_limit_copy,
	 .run = run_limit_copy,
	 .recover = recover_and_drain,
	 .check = check_limit_copy,
	 .states = 1000},
	{.name = "limit-after-transaction",
	 .bytes = BYTES,
	 .setup = setup_limit_log,
	 .run = run_limit_log,
	 .recover = recover_and_settle,
	 .check = check_limit_log},
	{.name = "views",
	 .bytes = BYTES,
	 .setup = setup_views,
	 .run = run_views,
	 .recover = recover_and_drain,
	 .check = check_views},
};

int main(int argc, char **argv)
{
	return store_cases(argc, argv, "crash_limit", cases, sizeof(cases) / sizeof(cases[0]));
}
