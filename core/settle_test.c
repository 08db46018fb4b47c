/*
 * settle_test.c - settling: what must not be followed, what is not there, and crashes that the
 * random ones of tests/crash/tx.c do not come to: a process that died, fresh memory.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
/* cmocka wants the above first */
#include <cmocka.h>

#include "core/log.h"
#include "core/pmem.h"
#include "tests/sim/objects.h"

#define NLIST 100u

/* Objects as settle_io shows them; a test changes that. */
static struct view {
	bool absent, sealed, log_absent;
	bool head_refused;          /* there is no page to write the log head to */
	int find_error, page_error; /* page_error: of page_at */
	uint64_t page_at;
	uint64_t refused; /* this page must not be written */
	unsigned writes;  /* pages asked for writing */
	unsigned bodies;  /* pages of the record asked for, behind the first */
} view[NOBJECTS];

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

static int io_find(void *arg, struct twz_id id, uint64_t *handle)
{
	(void)arg;
	for (unsigned n = 0; n < NOBJECTS; n++) {
		struct twz_id one = object_id(n);

		if (one.lo != id.lo || one.hi != id.hi)
			continue;
		*handle = n;
		return view[n].find_error;
	}
	return TWZ_E_NOTFOUND;
}

static void *io_page(void *arg, uint64_t handle, uint64_t page, bool write, int *error)
{
	struct view *v = &view[handle];

	(void)arg;
	v->writes += write;
	v->bodies += page > TWZ_OBJ_LOG / TWZ_PAGE && page < TWZ_OBJ_LOG_END / TWZ_PAGE;
	/* Readers know before anything is stored: readers of what has a record that is not retired. */
	if (write && page >= TWZ_OBJ_DATA / TWZ_PAGE && !v->absent)
		assert_int_equal(head((unsigned)handle)->storing, record((unsigned)handle)->seq);
	*error = page == v->page_at ? v->page_error : 0;
	if (page >= OBJECTS_SPAN / TWZ_PAGE)
		*error = TWZ_E_RANGE; /* nobody may ask for it */
	if (write && page == TWZ_OBJ_META / TWZ_PAGE && v->head_refused)
		*error = TWZ_E_FULL;
	if (*error || v->absent || (write && page == v->refused) ||
	    (v->log_absent && page == TWZ_OBJ_LOG / TWZ_PAGE))
		return NULL;
	return object((unsigned)handle) + page * TWZ_PAGE;
}

static bool io_writable(void *arg, uint64_t handle)
{
	(void)arg;
	return !view[handle].sealed;
}

static const struct settle_io io = {.find = io_find, .page = io_page, .writable = io_writable};

static int setup(void **state)
{
	(void)state;
	sim_memory(OBJECTS_BYTES);
	objects_setup();
	memset(view, 0, sizeof(view));
	return 0;
}

/* ---- records as a transaction writes them, or nearly ----------------------------------------- */

struct forged {
	uint64_t seq;
	struct {
		uint64_t off, bytes; /* bytes 0 ends */
		uint64_t claim;      /* the length that the range says it has, if not 0 */
	} range[4];
	struct twz_log_part list[NLIST];
	uint32_t nparts;
	uint16_t flags;
	uint32_t ranges; /* instead of the right number, if not 0 */
};

/* Writes it to the log of object n, each range's bytes all 0xab. Returns its place in a list. */
static struct twz_log_part forge(unsigned n, const struct forged *f)
{
	struct twz_log_record *r = record(n);
	uint8_t *p = (uint8_t *)(r + 1);
	uint64_t counts, sum;

	for (unsigned i = 0; i < 4 && f->range[i].bytes; i++) {
		uint64_t claim = f->range[i].claim ? f->range[i].claim : f->range[i].bytes;

		pmem_store64((uint64_t *)p, f->range[i].off << LOG_LENGTH_BITS | claim);
		for (uint64_t at = 0; at < f->range[i].bytes; at += 8)
			pmem_store64((uint64_t *)(p + 8 + at), 0xababababababababull);
		p += log_range_bytes(f->range[i].bytes);
	}
	counts = log_counts(f->ranges ? f->ranges : (uint64_t)(p - (uint8_t *)(r + 1)), f->nparts,
			    f->flags);
	for (unsigned i = 0; i < f->nparts; i++, p += sizeof(f->list[i]))
		pmem_copy(p, &f->list[i], sizeof(f->list[i]));
	sum = twz_sum_more(twz_sum_step(log_seed(object_id(n)), f->seq, counts), r + 1,
			   (uint64_t)(p - (uint8_t *)(r + 1)));
	pmem_store64(&r->seq, f->seq);
	pmem_store64(&r->sum, sum);
	pmem_store64((uint64_t *)&r->ranges, counts);
	return (struct twz_log_part){object_id(n), f->seq, sum};
}

static bool stored(unsigned n, unsigned i)
{
	return *word(n, i) == 0xababababababababull;
}

/* A record of words `i` of object n. */
static struct forged words(uint64_t seq, unsigned i)
{
	return (struct forged){.seq = seq, .range = {{TWZ_OBJ_DATA + 8 * i, 8, 0}}};
}

/* ---- one object ------------------------------------------------------------------------------ */

static void test_nothing(void **state)
{
	(void)state;
	view[0].absent = true;
	assert_int_equal(tx_settle(&io, object_id(0)), 0);
	view[0].absent = false;
	view[0].log_absent = true;
	assert_int_equal(tx_settle(&io, object_id(0)), 0);
	view[0].log_absent = false;
	assert_int_equal(tx_settle(&io, object_id(0)), 0);
	assert_int_equal(view[0].writes, 0);
	assert_int_equal(tx_settle(&io, (struct twz_id){9, 9}), TWZ_E_NOTFOUND);
	assert_int_equal(head(0)->retired, 0);

	/* Only locked: it is freed. */
	head(0)->lock = 77;
	assert_int_equal(tx_settle(&io, object_id(0)), 0);
	assert_int_equal(head(0)->lock, 0);
}

static void test_one(void **state)
{
	struct forged f = {.seq = 5,
			   .range = {{TWZ_OBJ_DATA + 16, 8, 0},
				     {TWZ_OBJ_DATA + TWZ_PAGE - 3, 2 * TWZ_PAGE + 5, 0},
				     {TWZ_OBJ_META + 128, 1, 0},
				     {TWZ_OBJ_FOT, 32, 0}}};
	const uint8_t *data = object(0) + TWZ_OBJ_DATA;

	(void)state;
	head(0)->retired = 4;
	head(0)->lock = 77;
	forge(0, &f);
	assert_int_equal(tx_settle(&io, object_id(0)), 0);
	assert_true(stored(0, 2));
	assert_int_equal(*word(0, 1) | *word(0, 3), 0);
	assert_int_equal(data[TWZ_PAGE - 4], 0);
	for (uint64_t i = TWZ_PAGE - 3; i < 3 * TWZ_PAGE + 2; i++)
		assert_int_equal(data[i], 0xab);
	assert_int_equal(data[3 * TWZ_PAGE + 2], 0);
	assert_int_equal(((uint8_t *)obj_meta(object(0)))[128], 0xab);
	assert_int_equal(((uint8_t *)obj_meta(object(0)))[129], 0);
	assert_int_equal(head(0)->lock, 0);
	assert_true(head(0)->retired >= 5);

	assert_int_equal(head(0)->storing, 5);

	/* Done is done. */
	*word(0, 2) = 1;
	assert_int_equal(tx_settle(&io, object_id(0)), 0);
	assert_int_equal(*word(0, 2), 1);
}

static void test_torn(void **state)
{
	struct forged f = words(5, 0);

	(void)state;
	for (unsigned i = 0; i < 6; i++) {
		if (i == 3)
			continue; /* `reserved` may be anything */
		head(0)->retired = 4;
		*word(0, 0) = 0;
		forge(0, &f);
		((uint64_t *)record(0))[i] ^= (uint64_t)1 << (i * 11 % 64);
		assert_int_equal(tx_settle(&io, object_id(0)), 0);
		assert_false(stored(0, 0));
		/* L6: beyond the number that it can have had, old or new */
		assert_true(head(0)->retired >= 5);
		assert_true(head(0)->retired > record(0)->seq || i == 0);
	}
}

/* One that does not end in its first page and is retired: it is retired again, whole or torn, and not read. */
static void test_long_retired(void **state)
{
	struct forged shorter = {.seq = 5, .range = {{TWZ_OBJ_DATA, TWZ_PAGE - 48, 0}}};
	struct forged f = {.seq = 5, .range = {{TWZ_OBJ_DATA, TWZ_PAGE, 0}}};

	(void)state;
	forge(0, &shorter);
	head(0)->retired = 5;
	head(0)->lock = 77;
	assert_int_equal(tx_settle(&io, object_id(0)), 0);
	assert_int_equal(head(0)->retired, 5); /* it is whole: no word of another one is there */
	assert_int_equal(head(0)->lock, 0);

	for (unsigned torn = 0; torn < 2; torn++) {
		forge(0, &f);
		((uint64_t *)record(0))[300] ^= torn;
		head(0)->retired = 6;
		head(0)->lock = 77;
		assert_int_equal(tx_settle(&io, object_id(0)), 0);
		assert_int_equal(head(0)->retired, 7);
		assert_int_equal(head(0)->lock, 0);
	}
	assert_int_equal(view[0].bodies, 0);
	assert_false(stored(0, 0));

	/* Without a page for the head it is read: whole, so nothing is to be done; or torn. */
	forge(0, &f);
	head(0)->retired = 6;
	view[0].head_refused = true;
	assert_int_equal(tx_settle(&io, object_id(0)), 0);
	assert_int_equal(head(0)->retired, 6);
	assert_true(view[0].bodies);
	((uint64_t *)record(0))[300] ^= 1;
	assert_int_equal(tx_settle(&io, object_id(0)), TWZ_E_FULL);

	/* Not retired, it is as good as a short one. */
	setup(NULL);
	forge(0, &f);
	assert_int_equal(tx_settle(&io, object_id(0)), 0);
	assert_true(stored(0, 0) && stored(0, 511));
}

/* A record that lies in another object than it was written for. */
static void test_copied(void **state)
{
	struct forged f = words(5, 0);

	(void)state;
	forge(0, &f);
	memcpy(record(1), record(0), TWZ_PAGE);
	assert_int_equal(tx_settle(&io, object_id(1)), 0);
	assert_false(stored(1, 0));
}

/* The log's area of a sealed object holds digests. */
static void test_sealed(void **state)
{
	struct forged f = words(5, 0);

	(void)state;
	forge(0, &f);
	view[0].sealed = true;
	assert_int_equal(tx_settle(&io, object_id(0)), 0);
	assert_int_equal(view[0].writes, 0);
	assert_false(stored(0, 0));
}

static void test_hostile(void **state)
{
	static const struct forged t[] = {
		/* where no transaction may store */
		{.seq = 5, .range = {{0, 8, 0}}},
		{.seq = 5, .range = {{TWZ_OBJ_META - 4, 8, 0}}},
		{.seq = 5, .range = {{TWZ_OBJ_META + 64, 8, 0}}},
		{.seq = 5, .range = {{TWZ_OBJ_META + 56, 16, 0}}},
		{.seq = 5, .range = {{TWZ_OBJ_META + 72, 8, 0}}},
		{.seq = 5, .range = {{TWZ_OBJ_META + TWZ_PAGE - 4, 8, 0}}},
		{.seq = 5, .range = {{TWZ_OBJ_LOG, 8, 0}}},
		{.seq = 5, .range = {{TWZ_OBJ_FOT - 8, 16, 0}}},
		{.seq = 5, .range = {{TWZ_OBJ_SIZE_MAX - 8, 16, 0}}},
		/* the second is bad: the first is not done either */
		{.seq = 5, .range = {{TWZ_OBJ_DATA, 8, 0}, {TWZ_OBJ_LOG, 8, 0}}},
		/* longer than the record */
		{.seq = 5, .range = {{TWZ_OBJ_DATA, 8, 4000}}},
		{.seq = 5, .range = {{TWZ_OBJ_DATA, 8, LOG_LENGTH_MASK}}},
		/* bodies that are longer than the log, or no multiple of 16 */
		{.seq = 5, .range = {{TWZ_OBJ_DATA, 8, 0}}, .ranges = 0xfffffff0},
		{.seq = 5, .range = {{TWZ_OBJ_DATA, 8, 0}}, .ranges = TWZ_LOG_BODY_MAX + 16},
		{.seq = 5, .range = {{TWZ_OBJ_DATA, 8, 0}}, .ranges = 8},
		{.seq = 5, .range = {{TWZ_OBJ_DATA, 8, 0}}, .ranges = 24},
	};
	static uint8_t before[TWZ_PAGE];

	(void)state;
	for (unsigned i = 0; i < sizeof(t) / sizeof(*t); i++) {
		setup(NULL);
		forge(0, &t[i]);
		memcpy(before, record(0), TWZ_PAGE);
		assert_int_equal(tx_settle(&io, object_id(0)), 0);
		assert_false(stored(0, 0));
		assert_int_equal(view[0].writes, 1); /* the log head */
		assert_memory_equal(record(0), before, TWZ_PAGE);
	}
}

/* Bytes for a page that must not be written are dropped; what a page says ends it. */
static void test_pages(void **state)
{
	struct forged f = {.seq = 5,
			   .range = {{TWZ_OBJ_DATA + TWZ_PAGE - 8, 16, 0},
				     {TWZ_OBJ_DATA + 3 * TWZ_PAGE, 8, 0}}};
	const uint64_t fail[] = {TWZ_OBJ_META, TWZ_OBJ_LOG, TWZ_OBJ_DATA + TWZ_PAGE};

	(void)state;
	view[0].refused = TWZ_OBJ_DATA / TWZ_PAGE;
	forge(0, &f);
	assert_int_equal(tx_settle(&io, object_id(0)), 0);
	assert_false(stored(0, 511));
	assert_true(stored(0, 512));
	assert_true(stored(0, 3 * 512));

	for (unsigned i = 0; i < 3; i++) {
		setup(NULL);
		forge(0, &f);
		view[0].page_at = fail[i] / TWZ_PAGE;
		view[0].page_error = TWZ_E_FULL;
		assert_int_equal(tx_settle(&io, object_id(0)), TWZ_E_FULL);
		assert_int_equal(head(0)->retired, 0);
		view[0].page_error = 0;
		assert_int_equal(tx_settle(&io, object_id(0)), 0);
		assert_true(stored(0, 511) && stored(0, 512) && stored(0, 3 * 512));
	}
}

/* ---- groups ---------------------------------------------------------------------------------- */

/* Object 0 coordinates 0, 1 and 2; each stores its word 0. The lists of 1 and 2 are `back`. */
static struct forged group(struct twz_log_part back)
{
	struct forged f = words(7, 0), part = words(3, 0);

	part.flags = TWZ_LOG_PART;
	part.nparts = 1;
	part.list[0] = back;
	f.nparts = 2;
	for (unsigned n = 1; n < 3; n++)
		f.list[n - 1] = forge(n, &part);
	return f;
}

static const struct twz_log_part to_0 = {.id = {.lo = 0x1d0, .hi = 0x0bec7}};

static unsigned count_stored(void)
{
	return stored(0, 0) + stored(1, 0) + stored(2, 0);
}

static void test_group(void **state)
{
	(void)state;
	for (unsigned first = 0; first < 3; first++) {
		struct forged f;

		setup(NULL);
		f = group(to_0);
		forge(0, &f);
		for (unsigned n = 0; n < 3; n++)
			head(n)->lock = 5;
		assert_int_equal(tx_settle(&io, object_id(first)), 0);
		assert_int_equal(count_stored(), 3);
		for (unsigned n = 0; n < 3; n++) {
			assert_true(head(n)->retired >= record(n)->seq);
			assert_int_equal(head(n)->lock, n == first ? 0 : 5);
		}
	}
}

/* What is wrong with one of them makes the others void, wherever one begins. */
static void test_incomplete(void **state)
{
	(void)state;
	for (unsigned how = 0; how < 7; how++) {
		for (unsigned bad = 0; bad < 3; bad++) {
			for (unsigned first = 0; first < 3; first++) {
				struct forged f;

				setup(NULL);
				f = group(to_0);
				forge(0, &f);
				switch (how) {
				case 0: /* torn */
					((uint64_t *)record(bad))[5] ^= 1;
					break;
				case 1: /* retired */
					head(bad)->retired = record(bad)->seq;
					break;
				case 2: /* the next record is in its place */
					f = words(record(bad)->seq + 1, 1);
					forge(bad, &f);
					break;
				case 3:
					view[bad].find_error = TWZ_E_NOTFOUND;
					break;
				case 4:
					view[bad].find_error = TWZ_E_RIGHT;
					break;
				case 5:
					view[bad].sealed = true;
					break;
				case 6: /* cannot be read now: nothing is decided */
					view[bad].find_error = TWZ_E_IO;
					break;
				}
				if (how == 6) {
					assert_int_equal(tx_settle(&io, object_id(first)),
							 TWZ_E_IO);
					assert_int_equal(head(first)->retired, 0);
					assert_int_equal(count_stored(), 0);
					continue;
				}
				if (!view[first].find_error)
					assert_int_equal(tx_settle(&io, object_id(first)), 0);
				for (unsigned n = 0; n < 3; n++)
					if (!view[n].find_error)
						assert_int_equal(tx_settle(&io, object_id(n)), 0);
				assert_int_equal(count_stored(), 0);
				if (how == 2)
					assert_true(stored(bad, 1));
			}
		}
	}
}

/* A coordinator whose list does not name the record that names it. */
static void test_not_member(void **state)
{
	struct forged f = group(to_0);

	(void)state;
	f.nparts = 1; /* not 2 */
	forge(0, &f);
	assert_int_equal(tx_settle(&io, object_id(2)), 0);
	assert_int_equal(count_stored(), 0);
	assert_int_equal(head(0)->retired, 0); /* theirs is another decision */
	assert_int_equal(tx_settle(&io, object_id(0)), 0);
	assert_true(stored(0, 0) && stored(1, 0) && !stored(2, 0));
}

/* Objects that list themselves, each other, or one many times. */
static void test_cycles(void **state)
{
	struct forged f, part = words(3, 0);

	(void)state;
	f = group((struct twz_log_part){.id = object_id(1)}); /* 1 names itself, 2 names 1 */
	forge(0, &f);
	assert_int_equal(tx_settle(&io, object_id(1)), 0);
	assert_int_equal(tx_settle(&io, object_id(2)), 0);
	assert_int_equal(tx_settle(&io, object_id(0)), 0);
	assert_int_equal(count_stored(), 0);

	setup(NULL);
	part.flags = TWZ_LOG_PART;
	part.nparts = 1;
	part.list[0] = to_0;
	f = words(7, 0);
	f.nparts = NLIST;
	f.list[0] = forge(1, &part);
	for (unsigned i = 1; i < NLIST; i++)
		f.list[i] = f.list[0];
	forge(0, &f);
	assert_int_equal(tx_settle(&io, object_id(0)), 0);
	assert_int_equal(count_stored(), 0);
}

/* ---- crashes --------------------------------------------------------------------------------- */

static void crash_setup(const void *arg)
{
	(void)arg;
	objects_setup();
}

static const char *crash_recover(const void *arg)
{
	(void)arg;
	return objects_settle(0);
}

static void passes(const struct sim_case *one)
{
	assert_true(sim_explore(one));
}

/*
 * A process stored the records of two objects, flushed nothing and died. Another settles, in the
 * same epoch: the memory that it sees is whole, the medium need not be.
 */
static void dead_run(const void *arg)
{
	struct forged f = words(7, 0),
		      part = {.seq = 3,
			      .range = {{TWZ_OBJ_DATA, 16, 0}, {TWZ_OBJ_DATA + 64, 16, 0}},
			      .flags = TWZ_LOG_PART,
			      .list = {to_0},
			      .nparts = 1};

	(void)arg;
	memset(view, 0, sizeof(view));
	f.list[0] = forge(1, &part);
	f.nparts = 1;
	forge(0, &f);
	tx_settle(&io, object_id(0));
	sim_note(1);
}

static const char *dead_check(const void *arg, const struct sim_crash *crash)
{
	unsigned n = stored(0, 0) + stored(1, 0) + stored(1, 1) + stored(1, 8) + stored(1, 9);

	(void)arg;
	if (n != 5 && (n || crash->note))
		return n ? "half of it is there" : "what was settled is lost";
	return objects_check();
}

static void test_dead(void **state)
{
	(void)state;
	passes(&(struct sim_case){.name = "dead",
				  .bytes = OBJECTS_BYTES,
				  .setup = crash_setup,
				  .run = dead_run,
				  .recover = crash_recover,
				  .check = dead_check});
}

/* Stores a word that is not staged, as a program fills a fresh block, and publishes it. */
static void fresh(struct twz_tx *tx, unsigned i, uint64_t value)
{
	pmem_store64(word(0, i), value);
	twz_tx_fresh(tx, word(0, i), 8);
}

/* Word 8 is fresh, word 0 says that it is there. */
static void fresh_run(const void *arg)
{
	struct twz_tx tx;

	twz_tx_begin(&tx);
	twz_tx_set(&tx, word(0, 1), 1);
	fresh(&tx, 8, 5);
	twz_tx_set(&tx, word(0, 0), 1);
	if (arg)
		twz_tx_set(&tx, word(1, 0), 1);
	twz_tx_commit(&tx);
	sim_note(1);
}

static const char *fresh_check(const void *arg, const struct sim_crash *crash)
{
	if (*word(0, 0) != *word(0, 1) || (arg && *word(0, 0) != *word(1, 0)))
		return "half of it is there";
	if (*word(0, 0) && *word(0, 8) != 5)
		return "what is published is not there";
	return crash->note && !*word(0, 0) ? "what was committed is lost" : NULL;
}

/* A transaction stores word 8; then it is free, filled and used without a record. */
static void again_run(const void *arg)
{
	struct twz_tx tx;

	(void)arg;
	twz_tx_begin(&tx);
	twz_tx_set(&tx, word(0, 8), 5);
	twz_tx_commit(&tx);
	twz_tx_begin(&tx);
	twz_tx_add(&tx, object(0));
	fresh(&tx, 8, 6);
	twz_tx_commit(&tx);
	sim_note(1);
}

static const char *again_check(const void *arg, const struct sim_crash *crash)
{
	(void)arg;
	return crash->note && *word(0, 8) != 6 ? "fresh memory is lost, or undone" : NULL;
}

static void test_fresh(void **state)
{
	struct sim_case one = {.name = "fresh",
			       .bytes = OBJECTS_BYTES,
			       .setup = crash_setup,
			       .run = fresh_run,
			       .recover = crash_recover,
			       .check = fresh_check};

	(void)state;
	passes(&one);
	one.name = "fresh, two objects";
	one.arg = "";
	passes(&one);
	one.name = "fresh, without a record";
	one.run = again_run;
	one.check = again_check;
	passes(&one);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_nothing, setup),
		cmocka_unit_test_setup(test_one, setup),
		cmocka_unit_test_setup(test_torn, setup),
		cmocka_unit_test_setup(test_long_retired, setup),
		cmocka_unit_test_setup(test_copied, setup),
		cmocka_unit_test_setup(test_sealed, setup),
		cmocka_unit_test_setup(test_hostile, setup),
		cmocka_unit_test_setup(test_pages, setup),
		cmocka_unit_test_setup(test_group, setup),
		cmocka_unit_test_setup(test_incomplete, setup),
		cmocka_unit_test_setup(test_not_member, setup),
		cmocka_unit_test_setup(test_cycles, setup),
		cmocka_unit_test(test_dead),
		cmocka_unit_test(test_fresh),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
