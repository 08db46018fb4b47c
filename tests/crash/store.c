/* store.c - crashes in every operation of the object store (store.h). */
#include "tests/crash/store.h"

/* ---- format ---------------------------------------------------------------------------------- */

static void run_format(const void *arg)
{
	(void)arg;
	must(store_format(SIM_BASE, BYTES, case_random));
	sim_note(1);
}

static const char *check_format(const void *arg, const struct sim_crash *crash)
{
	int error = store_mount(&found_store, SIM_BASE, BYTES, case_random);

	if (!error)
		return recover(arg);
	return crash->note ? "the store that was made cannot be mounted" : NULL;
}

/* ---- create ---------------------------------------------------------------------------------- */

static void run_create(const void *arg)
{
	(void)arg;
	for (int i = 2; i < 6; i++) {
		make(&run_store, i, false, 1024, (uint64_t)i - 1);
		sim_note((uint64_t)i - 1);
	}
}

static const char *check_create(const void *arg, const struct sim_crash *crash)
{
	uint64_t n = found_store.super->nobjects - made.nobjects;

	(void)arg;
	if (n != crash->note && n != crash->note + 1)
		return "the number of objects is neither old nor new";
	for (int i = 2; i < (int)crash->note + 2; i++) {
		if (!exists(i) ||
		    store_record(&found_store, made.ref[i])->npages != (unsigned)i - 1)
			return "an object that was created is not there";
		for (int page = 0; page < i - 1; page++)
			if (byte_at(i, 1024 + (uint64_t)page) != 0 ||
			    !store_page(&found_store, made.ref[i], 1024 + (uint64_t)page))
				return "a new page is not zero";
	}
	return untouched();
}

/* So many objects that creating more grows the index, or the slab of records. */
static const int before_index = 166, before_slab = 175;

static void setup_many(const void *arg)
{
	setup(arg);
	for (int i = 0; i < *(const int *)arg; i++)
		make(&run_store, 7, false, 0, 0);
	made.nobjects = run_store.super->nobjects;
}

/* ---- delete ---------------------------------------------------------------------------------- */

static void run_delete(const void *arg)
{
	(void)arg;
	must(store_delete(&run_store, made.ref[1]));
	sim_note(1);
	must(store_drain(&run_store, 1000));
	sim_note(2);
}

static const char *check_delete(const void *arg, const struct sim_crash *crash)
{
	(void)arg;
	if (crash->note && exists(1))
		return "an object that was deleted is there";
	if (exists(1) && (byte_at(1, 1024) != 2 || byte_at(1, 2100) != 5))
		return "an object was freed before it was deleted";
	if (!exists(1) && found_store.super->nused >= made.used)
		return "frames of a deleted object are not free";
	return untouched();
}

/* ---- pages ----------------------------------------------------------------------------------- */

static const struct span {
	uint64_t page, n;
	uint8_t before, after;
} made_spans[] = {{1024, 20, 2, 2}, {1100, 3, 3, 3}, {3000, 4, 0, 0}, {9000, 1, 0, 0}},
  dropped_spans[] = {{2, 1, 1, 1},    {1024, 10, 2, 2}, {1034, 10, 2, 0},
		     {1100, 3, 3, 0}, {1536, 2, 4, 0},  {1538, 3, 4, 4}};

static const char *spans_hold(const struct span *span, size_t n, const struct sim_crash *crash)
{
	for (size_t i = 0; i < n; i++)
		for (uint64_t page = span[i].page; page < span[i].page + span[i].n; page++) {
			int byte = byte_at(1, page);

			if (byte != span[i].after && (byte != span[i].before || crash->note))
				return "a page is neither old nor new";
		}
	return untouched();
}

static void run_make(const void *arg)
{
	(void)arg;
	must(store_make(&run_store, made.ref[1], 3000, 4));
	must(store_make(&run_store, made.ref[1], 9000, 1));
	must(store_make(&run_store, made.ref[0], 1026, 1)); /* runs, extended */
	must(store_make(&run_store, made.ref[0], 2000, 1));
	must(store_make(&run_store, made.ref[0], 3000, 1));
	must(store_make(&run_store, made.ref[0], 4000, 1));
	must(store_make(&run_store, made.ref[0], 5000, 1)); /* one too many: a tree */
	sim_note(1);
}

static const char *check_make(const void *arg, const struct sim_crash *crash)
{
	(void)arg;
	if (crash->note && (!store_page(&found_store, made.ref[1], 3003) ||
			    !store_page(&found_store, made.ref[0], 5000)))
		return "a page that was made is not there";
	return spans_hold(made_spans, 4, crash);
}

static void run_drop(const void *arg)
{
	(void)arg;
	must(store_drop(&run_store, made.ref[1], 1034, 1538 - 1034));
	sim_note(1);
}

static const char *check_drop(const void *arg, const struct sim_crash *crash)
{
	(void)arg;
	return spans_hold(dropped_spans, 6, crash);
}

/* Object 2: as many runs as a record holds; a hole in one of them makes it a tree. */
static void setup_runs(const void *arg)
{
	setup(arg);
	make(&run_store, 2, false, 1024, 10);
	fill(&run_store, 2, 1024, 10, 6);
	fill(&run_store, 2, 2, 1, 6);
	fill(&run_store, 2, 2000, 1, 6);
	fill(&run_store, 2, 3000, 1, 6);
}

static void run_cut(const void *arg)
{
	(void)arg;
	must(store_drop(&run_store, made.ref[2], 1026, 3));
	sim_note(1);
}

static const char *check_cut(const void *arg, const struct sim_crash *crash)
{
	(void)arg;
	for (uint64_t page = 1024; page < 1034; page++) {
		bool cut = page >= 1026 && page < 1029;

		if (byte_at(2, page) != 6 && (!cut || byte_at(2, page) != 0))
			return "a page beside the hole has changed";
	}
	/* All of the hole or nothing: it is one update. */
	if (byte_at(2, 1026) != byte_at(2, 1028) || (crash->note && byte_at(2, 1026)))
		return "the hole is neither there nor not";
	return untouched();
}

/* ---- copy ------------------------------------------------------------------------------------ */

/* Object 2 becomes a copy of 1; then both are written to. */
static void setup_copy(const void *arg)
{
	setup(arg);
	make(&run_store, 2, false, 0, 0);
}

static void run_copy(const void *arg)
{
	uint64_t shift = arg ? 100 : 0; /* does not agree modulo 512: page by page */

	must(store_copy(&run_store, made.ref[2], 512 + shift, made.ref[1], 512, 2000));
	sim_note(1);
	must(store_make(&run_store, made.ref[2], 1030 + shift, 1));
	must(store_make(&run_store, made.ref[1], 1031, 2));
	sim_note(2);
	must(store_drop(&run_store, made.ref[2], 1536 + shift, 5));
	must(store_delete(&run_store, made.ref[1]));
	sim_note(3);
	must(store_drain(&run_store, 1000));
}

static const char *check_copy(const void *arg, const struct sim_crash *crash)
{
	uint64_t shift = arg ? 100 : 0;

	if (exists(1) != (crash->note < 3) && (exists(1) || crash->note != 2))
		return "the source of a copy is gone, or not";
	for (uint64_t page = 1024; page < 1044; page++) {
		int copy = byte_at(2, page + shift);

		if (exists(1) && byte_at(1, page) != 2)
			return "the source of a copy has changed";
		if (copy != 2 && (copy != 0 || crash->note))
			return "a page of a copy is wrong";
	}
	if (crash->note && byte_at(2, 2100 + shift) != 5)
		return "the last page of a copy is wrong";
	return untouched();
}

/*
 * Object 2 is a copy of 1, 3 one of 2, and 4 one of 3, page by page. The first three are freed, in the order that is
 * given, and 4 gets a page of its own in between.
 */
#define CHAIN 3
static const int first_to_last[CHAIN] = {1, 2, 3}, last_to_first[CHAIN] = {3, 2, 1},
		 from_within[CHAIN] = {2, 3, 1};

static uint64_t chain_shift(int i)
{
	return i == 4 ? 100 : 0;
}

static void setup_chain(const void *arg)
{
	setup(arg);
	for (int i = 2; i <= 4; i++) {
		make(&run_store, i, false, 0, 0);
		must(store_copy(&run_store, made.ref[i], 512 + chain_shift(i), made.ref[i - 1], 512,
				2000));
	}
}

static void run_chain(const void *arg)
{
	const int *order = arg;

	for (int i = 0; i < CHAIN; i++) {
		must(store_delete(&run_store, made.ref[order[i]]));
		must(store_drain(&run_store, 1000));
		sim_note((uint64_t)i + 1);
		if (!i)
			must(store_make(&run_store, made.ref[4], 1030 + chain_shift(4), 1));
	}
}

static const char *check_chain(const void *arg, const struct sim_crash *crash)
{
	const int *order = arg;

	for (uint64_t i = 0; i < CHAIN; i++)
		if (crash->note != i && exists(order[i]) != (crash->note < i))
			return "a copy is gone, or not";
	for (int i = 1; i <= 4; i++) {
		const uint64_t shift = chain_shift(i);

		if (i < 4 && !exists(i))
			continue;
		for (uint64_t page = 1024; page < 1044; page++)
			if (byte_at(i, page + shift) != 2)
				return "a page of a copy is wrong";
		if (byte_at(i, 1102 + shift) != 3 || byte_at(i, 2100 + shift) != 5)
			return "the last pages of a copy are wrong";
	}
	return untouched();
}

/* Object 3: a block in order, whose word is full; object 2 is a copy of it. */
static void setup_block(const void *arg)
{
	setup(arg);
	make(&run_store, 3, false, 0, 0);
	must(store_make(&run_store, made.ref[3], 1024, 512));
	fill(&run_store, 3, 1100, 1, 6);
	for (int i = 0; i < TWZ_SHARE_MAX; i++) {
		make(&run_store, 7, false, 0, 0);
		must(store_copy(&run_store, made.ref[7], 1024, made.ref[3], 1024, 512));
		must(store_make(&run_store, made.ref[7], 1024, 1));
		if (i % 2)
			must(store_delete(&run_store, made.ref[7]));
	}
	must(store_drain(&run_store, 10000));
	make(&run_store, 2, false, 0, 0);
	must(store_copy(&run_store, made.ref[2], 1024, made.ref[3], 1024, 512));
}

static void run_block(const void *arg)
{
	(void)arg;
	must(store_make(&run_store, made.ref[2], 1100, 1));
	sim_note(1);
	must(store_delete(&run_store, made.ref[3]));
	must(store_drain(&run_store, 1000));
}

static const char *check_block(const void *arg, const struct sim_crash *crash)
{
	(void)arg;
	(void)crash;
	if (byte_at(2, 1100) != 6 || byte_at(2, 1101) != 0)
		return "a copy of a block has changed";
	if (exists(3) && byte_at(3, 1100) != 6)
		return "the source of a copy has changed";
	return untouched();
}

/* A page with as many holders as a count can say: one more makes a real copy. */
static void setup_saturated(const void *arg)
{
	setup(arg);
	for (int i = 0; i < TWZ_SHARE_MAX; i++) {
		make(&run_store, 7, false, 0, 0);
		must(store_copy(&run_store, made.ref[7], 1024, made.ref[1], 1024, 1));
	}
	make(&run_store, 2, false, 0, 0);
}

static void run_saturated(const void *arg)
{
	(void)arg;
	must(store_copy(&run_store, made.ref[2], 1024, made.ref[1], 1024, 1));
	sim_note(1);
}

static const char *check_saturated(const void *arg, const struct sim_crash *crash)
{
	(void)arg;
	if (byte_at(2, 1024) != 2 && (crash->note || byte_at(2, 1024) != 0))
		return "the copy of a page with many holders is wrong";
	return byte_at(1, 1024) == 2 ? untouched() : "the source of a copy has changed";
}

/* ---- logs ------------------------------------------------------------------------------------ */

/* As a transaction leaves it: done, and that it is retired not durable. */
static void retire(void)
{
	struct twz_meta *meta = store_page(&run_store, made.ref[1], 2);

	pmem_store64(&meta->log.retired, 1);
}

static void run_log_drop(const void *arg)
{
	(void)arg;
	retire();
	must(store_drop(&run_store, made.ref[1], 1100, 1));
	sim_note(1);
}

/* The meta page of another object, which had no transaction, comes over object 1's. */
static void run_log_copy(const void *arg)
{
	(void)arg;
	retire();
	must(store_copy(&run_store, made.ref[1], 2, made.ref[2], 2, 1));
	sim_note(1);
	must(store_drop(&run_store, made.ref[1], 1100, 1));
	sim_note(2);
}

static const char *check_log_drop(const void *arg, const struct sim_crash *crash)
{
	uint64_t dropped = arg ? 2 : 1;

	if (crash->note >= dropped && store_page(&found_store, made.ref[1], 1100))
		return "a replay brought back a page that was dropped";
	return untouched();
}

/* ---- epochs ---------------------------------------------------------------------------------- */

static void setup_ending(const void *arg)
{
	setup(arg);
	make(&run_store, 2, true, 1024, 1);
	must(store_delete(&run_store, made.ref[2])); /* something is dying when others end */
	make(&run_store, 3, true, 1024, 1);
}

static void run_ending(const void *arg)
{
	(void)arg;
	make(&run_store, 4, true, 1024, 1);
	make(&run_store, 5, true, 1024, 2);
	sim_note(1);
	must(store_keep(&run_store, made.ref[4]));
	sim_note(2);
	must(store_mount(&run_store, SIM_BASE, BYTES, case_random));
	sim_note(3);
	must(store_drain(&run_store, 100));
}

static const char *check_ending(const void *arg, const struct sim_crash *crash)
{
	(void)arg;
	if (exists(2) || exists(3) || (crash->note && exists(5)))
		return "an object outlived its epoch";
	if (crash->note >= 2 && !exists(4))
		return "an object that was kept is gone";
	if (crash->note >= 1 && exists(4) && !store_page(&found_store, made.ref[4], 1024))
		return "an object that was kept lost its page";
	return untouched();
}

/* ---- names, sealing, full -------------------------------------------------------------------- */

static void run_name(const void *arg)
{
	(void)arg;
	must(store_set_name(&run_store, STORE_ROOT, made.id[0]));
	sim_note(1);
}

static const char *check_name(const void *arg, const struct sim_crash *crash)
{
	struct twz_id root = found_store.super->root, none = {0};

	(void)arg;
	if (memcmp(&root, &made.id[0], sizeof(root)) &&
	    (crash->note || memcmp(&root, &none, sizeof(root))))
		return "the root is neither old nor new";
	return untouched();
}

/* With a meta page, a FOT, and content that nobody has flushed yet. */
static void setup_seal(const void *arg)
{
	struct twz_meta meta = {.magic = TWZ_META_MAGIC, .version = 1, .log.retired = 5};
	struct twz_fot_entry fot[2] = {{.head = 1}, {.kind = TWZ_FOT_ID, .target = {1, 2}}};

	setup(arg);
	fill(&run_store, 1, 512, 1, 0);
	memcpy(store_page(&run_store, made.ref[1], 2), &meta, sizeof(meta));
	memcpy(store_page(&run_store, made.ref[1], 512), fot, sizeof(fot));
}

static void run_seal(const void *arg)
{
	uint64_t size = 1100 * TWZ_PAGE - 10;
	uint8_t content[TWZ_PAGE];

	(void)arg;
	memset(content, 9, sizeof(content));
	pmem_copy(store_page(&run_store, made.ref[1], 1536), content, sizeof(content));
	must(store_seal(&run_store, made.ref[1], size, 0, TWZ_READ, (struct twz_id){0, 0},
			&made.ref[2]));
	made.id[2] = store_record(&run_store, made.ref[2])->id;
	sim_note(1);
}

static const char *check_seal(const void *arg, const struct sim_crash *crash)
{
	uint64_t cursor = 0, ref, sealed = 0;

	(void)arg;
	while (!store_next(&found_store, &cursor, &ref)) {
		if (!(store_record(&found_store, ref)->identity.flags & TWZ_ID_SEALED))
			continue;
		sealed++;
		for (uint64_t page = 0; page < 2124; page++)
			if ((page % 512 < 3 || page % 16 == 0) &&
			    store_verify(&found_store, ref, page))
				return "a sealed object is not genuine";
	}
	if (sealed > 1 || (crash->note && !sealed))
		return "the sealed object is not there";
	return byte_at(1, 1024) == 2 ? untouched() : "the source has changed";
}

/* A store with room for nothing but what is dying. */
static void setup_full(const void *arg)
{
	uint64_t page = 4096;

	setup(arg);
	make(&run_store, 2, false, 1024, 6);
	while (!store_make(&run_store, made.ref[1], page, 1))
		page++;
	must(store_delete(&run_store, made.ref[2]));
	made.nobjects = run_store.super->nobjects;
}

static void run_full(const void *arg)
{
	(void)arg;
	make(&run_store, 2, false, 1024, 1);
	sim_note(1);
}

static const char *check_full(const void *arg, const struct sim_crash *crash)
{
	(void)arg;
	if (crash->note && (!exists(2) || byte_at(2, 1024) != 0))
		return "an object that was created is not there";
	return untouched();
}

static const struct sim_case cases[] = {
	{.name = "format", .bytes = BYTES, .run = run_format, .check = check_format},
	{.name = "create",
	 .bytes = BYTES,
	 .setup = setup,
	 .run = run_create,
	 .recover = recover,
	 .check = check_create},
	{.name = "create-index",
	 .bytes = BYTES,
	 .arg = &before_index,
	 .setup = setup_many,
	 .run = run_create,
	 .recover = recover,
	 .check = check_create},
	{.name = "create-slab",
	 .bytes = BYTES,
	 .arg = &before_slab,
	 .setup = setup_many,
	 .run = run_create,
	 .recover = recover,
	 .check = check_create},
	{.name = "delete",
	 .bytes = BYTES,
	 .setup = setup,
	 .run = run_delete,
	 .recover = recover_and_drain,
	 .check = check_delete},
	{.name = "make",
	 .bytes = BYTES,
	 .setup = setup,
	 .run = run_make,
	 .recover = recover,
	 .check = check_make},
	{.name = "drop",
	 .bytes = BYTES,
	 .setup = setup,
	 .run = run_drop,
	 .recover = recover,
	 .check = check_drop},
	{.name = "cut",
	 .bytes = BYTES,
	 .setup = setup_runs,
	 .run = run_cut,
	 .recover = recover,
	 .check = check_cut},
	{.name = "copy",
	 .bytes = BYTES,
	 .setup = setup_copy,
	 .run = run_copy,
	 .recover = recover_and_drain,
	 .check = check_copy},
	{.name = "copy-shifted",
	 .bytes = BYTES,
	 .arg = "",
	 .setup = setup_copy,
	 .run = run_copy,
	 .recover = recover_and_drain,
	 .check = check_copy},
	{.name = "copies-freed",
	 .bytes = BYTES,
	 .arg = first_to_last,
	 .setup = setup_chain,
	 .run = run_chain,
	 .recover = recover_and_drain,
	 .check = check_chain},
	{.name = "copies-freed-from-the-last",
	 .bytes = BYTES,
	 .arg = last_to_first,
	 .setup = setup_chain,
	 .run = run_chain,
	 .recover = recover_and_drain,
	 .check = check_chain},
	{.name = "copies-freed-from-within",
	 .bytes = BYTES,
	 .arg = from_within,
	 .setup = setup_chain,
	 .run = run_chain,
	 .recover = recover_and_drain,
	 .check = check_chain},
	{.name = "copy-block",
	 .bytes = BYTES,
	 .setup = setup_block,
	 .run = run_block,
	 .recover = recover,
	 .check = check_block},
	{.name = "copy-saturated",
	 .bytes = BYTES,
	 .setup = setup_saturated,
	 .run = run_saturated,
	 .recover = recover,
	 .check = check_saturated,
	 .states = 300},
	{.name = "drop-after-transaction",
	 .bytes = BYTES,
	 .setup = setup_log,
	 .run = run_log_drop,
	 .recover = recover_and_settle,
	 .check = check_log_drop},
	{.name = "copy-over-log",
	 .bytes = BYTES,
	 .arg = "",
	 .setup = setup_log,
	 .run = run_log_copy,
	 .recover = recover_and_settle,
	 .check = check_log_drop},
	{.name = "ending",
	 .bytes = BYTES,
	 .setup = setup_ending,
	 .run = run_ending,
	 .recover = recover_and_drain,
	 .check = check_ending},
	{.name = "name",
	 .bytes = BYTES,
	 .setup = setup,
	 .run = run_name,
	 .recover = recover,
	 .check = check_name},
	{.name = "seal",
	 .bytes = BYTES,
	 .setup = setup_seal,
	 .run = run_seal,
	 .recover = recover_and_drain,
	 .check = check_seal},
	{.name = "full",
	 .bytes = BYTES,
	 .setup = setup_full,
	 .run = run_full,
	 .recover = recover,
	 .check = check_full},
};

int main(int argc, char **argv)
{
	return store_cases(argc, argv, "crash_store", cases, sizeof(cases) / sizeof(cases[0]));
}
