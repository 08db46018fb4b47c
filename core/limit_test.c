/*
 * limit_test.c - page limits and registered views: each rule by itself, then random limits, drops and
 * copies against a model.
 */
#include "core/store_test.h"

#define ALL (TWZ_READ | TWZ_WRITE | TWZ_EXEC)

static uint64_t make_type(uint32_t type, bool ending)
{
	struct store_new new = {.type = type, .perms = TWZ_READ, .ending = ending};
	uint64_t ref = 0;

	assert_int_equal(store_create(s, &new, &ref), 0);
	return ref;
}

static uint64_t make(void)
{
	return make_type(TWZ_TYPE_DATA, false);
}

static struct twz_record *record(uint64_t ref)
{
	return (struct twz_record *)store_record(s, ref);
}

static void delete (uint64_t ref)
{
	assert_int_equal(store_delete(s, ref), 0);
	assert_int_equal(store_drain(s, 100000), 0);
}

static void fill(uint64_t ref, uint64_t page, uint8_t byte)
{
	assert_int_equal(store_make(s, ref, page, 1), 0);
	memset(store_page(s, ref, page), byte, TWZ_PAGE);
}

static int byte_at(uint64_t ref, uint64_t page)
{
	const uint8_t *p = store_page(s, ref, page);

	return p ? p[100] : 0;
}

static int limit_at(uint64_t ref, uint64_t page)
{
	struct store_run run;

	assert_int_equal(store_run(s, ref, page, 1, &run), 0);
	return run.limit;
}

/* ---- limits ---------------------------------------------------------------------------------- */

static void test_set(void **state)
{
	struct store_run run;
	uint64_t a = make();

	(void)state;
	assert_int_equal(store_make(s, a, 1024, 4), 0);
	fill(a, 1025, 7);
	assert_int_equal(store_limit(s, a, 1024, 2, TWZ_USE), TWZ_E_ARG);
	assert_int_equal(store_limit(s, a, 0, 1, TWZ_READ), TWZ_E_RANGE);
	assert_int_equal(store_limit(s, a, STORE_PAGES_MAX - 1, 2, TWZ_READ), TWZ_E_RANGE);
	assert_int_equal(store_limit(s, a, 1024, 4, 0), 0);
	assert_int_equal(store_limit(s, a, 1024, 0, ALL), 0);
	assert_int_equal(record(a)->level, 0);

	/* Present pages and the holes behind them; runs become a tree. */
	assert_int_equal(store_limit(s, a, 1025, 6, TWZ_WRITE), 0);
	assert_int_not_equal(record(a)->level, 0);
	assert_int_equal(record(a)->npages, 4);
	assert_int_equal(byte_at(a, 1025), 7);
	sound();
	assert_int_equal(store_run(s, a, 1024, 100, &run), 0);
	assert_int_equal(run.pages, 1);
	assert_int_equal(run.limit, 0);
	assert_int_equal(store_run(s, a, 1025, 100, &run), 0);
	assert_int_equal(run.pages, 3);
	assert_int_equal(run.limit, TWZ_WRITE);
	assert_int_equal(store_run(s, a, 1028, 100, &run), 0);
	assert_int_equal(run.frame, 0);
	assert_int_equal(run.pages, 3);
	assert_int_equal(run.limit, TWZ_WRITE);
	assert_int_equal(store_run(s, a, 1031, 100, &run), 0);
	assert_int_equal(run.pages, 100);
	assert_int_equal(run.limit, 0);

	/* Bits are added, never removed. */
	assert_int_equal(store_limit(s, a, 1026, 1, TWZ_EXEC), 0);
	assert_int_equal(limit_at(a, 1026), TWZ_WRITE | TWZ_EXEC);
	assert_int_equal(store_limit(s, a, 1026, 1, 0), 0);
	assert_int_equal(limit_at(a, 1026), TWZ_WRITE | TWZ_EXEC);
	sound();

	/* Until the pages are dropped. */
	assert_int_equal(store_drop(s, a, 1026, 3), 0);
	for (uint64_t page = 1024; page < 1034; page++)
		assert_int_equal(limit_at(a, page),
				 page == 1025 || page == 1029 || page == 1030 ? TWZ_WRITE : 0);
	sound();
	assert_int_equal(store_make(s, a, 1026, 3), 0);
	sound();
}

/* Far ones, and many: an update for each node. Freed with the object. */
static void test_many(void **state)
{
	uint64_t a = make(), used = s->super->nused;

	(void)state;
	fill(a, 1030, 1);
	assert_int_equal(store_limit(s, a, STORE_PAGES_MAX - 2, 2, ALL), 0);
	assert_int_equal(store_limit(s, a, 1000, 5000, TWZ_EXEC), 0);
	sound();
	for (uint64_t page = 990; page < 6010; page++)
		assert_int_equal(limit_at(a, page), page >= 1000 && page < 6000 ? TWZ_EXEC : 0);
	assert_int_equal(limit_at(a, STORE_PAGES_MAX - 1), ALL);
	assert_int_equal(store_drop(s, a, 1, STORE_PAGES_MAX - 2), 0);
	assert_int_equal(limit_at(a, STORE_PAGES_MAX - 1), ALL);
	assert_int_equal(record(a)->npages, 0);
	sound();
	assert_int_equal(store_limit(s, a, 5000, 2000, TWZ_READ), 0);
	delete (a);
	assert_int_equal(s->super->nused, used);
	sound();
}

/* A hole with all three, in an object without pages. */
static void test_guard(void **state)
{
	uint64_t a = make(), used = s->super->nused;

	(void)state;
	assert_int_equal(store_limit(s, a, 1023, 2, ALL), 0); /* in two nodes */
	assert_int_equal(record(a)->npages, 0);
	assert_null(store_page(s, a, 1023));
	assert_int_equal(limit_at(a, 1022), 0);
	assert_int_equal(limit_at(a, 1023), ALL);
	assert_int_equal(limit_at(a, 1024), ALL);
	assert_int_equal(store_make(s, a, 1023, 1), TWZ_E_RIGHT);
	sound();
	/* Pages beside it come and go. */
	fill(a, 1022, 3);
	sound();
	assert_int_equal(store_drop(s, a, 1022, 1), 0);
	assert_int_equal(limit_at(a, 1023), ALL);
	sound();
	assert_int_equal(store_drop(s, a, 1024, 1), 0);
	sound();
	assert_int_equal(store_drop(s, a, 1, 5000), 0);
	assert_int_equal(record(a)->level, 0);
	assert_int_equal(s->super->nused, used);
	sound();
}

/* Pages are made to be written. */
static void test_make(void **state)
{
	uint64_t a = make(), b = make();

	(void)state;
	fill(a, 1024, 1);
	fill(a, 1026, 2);
	assert_int_equal(store_limit(s, a, 1025, 2, TWZ_WRITE), 0);
	assert_int_equal(store_limit(s, a, 1028, 1, TWZ_READ | TWZ_EXEC), 0);
	assert_int_equal(store_make(s, a, 1026, 1), 0); /* it is there, and its own */
	assert_int_equal(store_make(s, a, 1024, 4), TWZ_E_RIGHT);
	assert_null(store_page(s, a, 1025));
	assert_null(store_page(s, a, 1027));
	assert_int_equal(store_make(s, a, 1028, 1), 0);
	assert_int_equal(limit_at(a, 1028), TWZ_READ | TWZ_EXEC);
	sound();
	assert_int_equal(store_copy(s, b, 1024, a, 1024, 3), 0);
	assert_int_equal(store_make(s, a, 1026, 1), TWZ_E_RIGHT); /* shared */
	assert_int_equal(store_make(s, b, 1026, 1), TWZ_E_RIGHT);
	assert_int_equal(byte_at(b, 1026), 2);
	sound();
}

static void test_sealed(void **state)
{
	uint64_t a = make(), sealed;
	struct twz_id none = {0, 0};

	(void)state;
	fill(a, 1024, 5);
	assert_int_equal(store_seal(s, a, TWZ_PAGE, 0, TWZ_READ, none, &sealed), 0);
	assert_int_equal(store_limit(s, sealed, 1024, 1, TWZ_WRITE), TWZ_E_SEALED);
	/* Behind the content it does not count. */
	assert_int_equal(store_limit(s, a, 1025, 1, TWZ_EXEC), 0);
	assert_int_equal(store_seal(s, a, TWZ_PAGE, 0, TWZ_READ, none, &sealed), 0);
	assert_int_equal(store_seal(s, a, TWZ_PAGE + 1, 0, TWZ_READ, none, &sealed), TWZ_E_RIGHT);
	assert_int_equal(store_limit(s, a, TWZ_OBJ_META / TWZ_PAGE, 1, TWZ_READ), 0);
	assert_int_equal(store_seal(s, a, TWZ_PAGE, 0, TWZ_READ, none, &sealed), TWZ_E_RIGHT);
	assert_int_equal(s->super->nobjects, 2);
	sound();
}

/* Source pages 1024 to 3071: limited and plain pages and holes, a node of limits alone. */
static void copy_source(uint64_t a)
{
	for (uint64_t page = 1026; page < 1032; page++)
		fill(a, page, (uint8_t)page);
	assert_int_equal(store_limit(s, a, 1024, 4, TWZ_WRITE), 0);
	assert_int_equal(store_limit(s, a, 1029, 6, TWZ_EXEC), 0);
	assert_int_equal(store_limit(s, a, 1600, 10, ALL), 0);
	fill(a, 2048 + 511, 9);
	assert_int_equal(store_limit(s, a, 2048 + 511, 2, TWZ_READ), 0);
	sound();
}

static void same(uint64_t a, uint64_t b, uint64_t shift)
{
	for (uint64_t page = 1024; page < 3072; page++)
		if (limit_at(a, page) != limit_at(b, page + shift) ||
		    byte_at(a, page) != byte_at(b, page + shift) ||
		    !store_page(s, a, page) != !store_page(s, b, page + shift))
			fail_msg("page %llu differs", (unsigned long long)page);
}

/* A copy has the limits of its source, whole nodes or page by page, and none of its own. */
static void test_copy(void **state)
{
	const uint64_t shifts[] = {0, 512, 1, 300, 511};

	(void)state;
	for (unsigned i = 0; i < sizeof(shifts) / sizeof(shifts[0]); i++) {
		uint64_t used = s->super->nused, a = make(), b = make(), shift = shifts[i];

		copy_source(a);
		/* What b holds elsewhere is no page: its map is not empty all the same. */
		assert_int_equal(store_limit(s, b, 5000, 1, ALL), 0);
		fill(b, 1500, 1);
		assert_int_equal(store_limit(s, b, 1500, 40, TWZ_READ), 0);
		assert_int_equal(store_copy(s, b, 1024 + shift, a, 1024, 2048), 0);
		sound();
		same(a, b, shift);
		assert_int_equal(limit_at(b, 5000), ALL);
		/* What one gets later the other does not. */
		assert_int_equal(store_limit(s, b, 1031 + shift, 1, TWZ_READ), 0);
		assert_int_equal(limit_at(a, 1031), TWZ_EXEC);
		assert_int_equal(store_drop(s, a, 1605, 1), 0);
		assert_int_equal(limit_at(b, 1605 + shift), ALL);
		sound();
		delete (a);
		sound();
		assert_int_equal(limit_at(b, 1600 + shift), ALL);
		delete (b);
		sound();
		assert_true(s->super->nused <= used + 2); /* a slab's and the index's first */
	}
}

static void test_full(void **state)
{
	uint64_t a = make(), b = make(), page = 1024;

	(void)state;
	while (!store_make(s, a, page, 1))
		page++;
	assert_int_equal(store_limit(s, b, 1024, 1, ALL), TWZ_E_FULL);
	assert_int_equal(limit_at(b, 1024), 0);
	sound();
	/* Where there is a node it takes nothing. */
	assert_int_equal(store_limit(s, a, 1024, 3, TWZ_WRITE), 0);
	sound();
	/* What is dying makes room. */
	assert_int_equal(store_delete(s, a), 0);
	assert_int_equal(store_limit(s, b, 1024, 1, ALL), 0);
	assert_int_equal(limit_at(b, 1024), ALL);
	sound();
}

/* ---- limits and logs ------------------------------------------------------------------------- */

/* The object's log gets a whole record that stores sevens over the first words of two pages. */
static void leave_record(uint64_t ref, uint64_t seq)
{
	struct {
		struct twz_log_record record;
		uint64_t range[4];
	} log = {.record = {.seq = seq, .ranges = 32}};
	uint64_t sum;

	log.range[0] = 8 | 1024 * TWZ_PAGE << LOG_LENGTH_BITS;
	log.range[2] = 8 | 1025 * TWZ_PAGE << LOG_LENGTH_BITS;
	log.range[1] = log.range[3] = 0x0707070707070707ull;
	sum = twz_sum_step(log_seed(record(ref)->id), seq, log_counts(32, 0, 0));
	log.record.sum = twz_sum_more(sum, log.range, 32);
	memcpy(store_page(s, ref, TWZ_OBJ_LOG / TWZ_PAGE), &log, sizeof(log));
}

static uint64_t word_at(uint64_t ref, uint64_t page)
{
	return *(uint64_t *)store_page(s, ref, page);
}

static void test_settle(void **state)
{
	struct twz_meta *meta;
	uint64_t a = make();

	(void)state;
	fill(a, TWZ_OBJ_META / TWZ_PAGE, 0);
	fill(a, TWZ_OBJ_LOG / TWZ_PAGE, 0);
	fill(a, 1024, 1);
	fill(a, 1025, 1);
	leave_record(a, 1);
	assert_int_equal(store_mount(s, s->base, BYTES, test_random), 0);

	/* A right that settling does not need leaves the log alone; taking write away does not. */
	assert_int_equal(store_limit(s, a, 1024, 1, TWZ_EXEC), 0);
	assert_true(store_unsettled(s, a));
	assert_int_equal(store_limit(s, a, 1024, 1, TWZ_WRITE), 0);
	assert_false(store_unsettled(s, a));
	assert_int_equal(word_at(a, 1024), 0x0707070707070707ull);
	meta = store_page(s, a, TWZ_OBJ_META / TWZ_PAGE);
	assert_int_equal(meta->log.retired, 2);

	/* A record that appears later stores where it may, and is retired. */
	memset(store_page(s, a, 1024), 1, 8);
	memset(store_page(s, a, 1025), 1, 8);
	leave_record(a, 3);
	assert_int_equal(store_mount(s, s->base, BYTES, test_random), 0);
	assert_int_equal(store_settle(s, a), 0);
	assert_int_equal(word_at(a, 1024), 0x0101010101010101ull);
	assert_int_equal(word_at(a, 1025), 0x0707070707070707ull);
	assert_int_equal(meta->log.retired, 4);
	sound();
}

/* ---- a model --------------------------------------------------------------------------------- */

#define OBJECTS 4
#define PAGES 2600u

static struct {
	uint64_t ref;
	uint8_t page[PAGES], limit[PAGES];
} model[OBJECTS];

static void model_compare(void)
{
	for (unsigned i = 0; i < OBJECTS; i++)
		for (uint64_t page = 1; page < PAGES; page++)
			if (byte_at(model[i].ref, page) != model[i].page[page] ||
			    limit_at(model[i].ref, page) != model[i].limit[page])
				fail_msg("object %u, page %llu: %d limit %d, expected %d limit %d",
					 i, (unsigned long long)page, byte_at(model[i].ref, page),
					 limit_at(model[i].ref, page), model[i].page[page],
					 model[i].limit[page]);
}

static void model_copy(unsigned to, unsigned from)
{
	uint64_t src = 512 + next_random() % (PAGES - 512);
	uint64_t dst = next_random() % 2 ? src : 512 + next_random() % (PAGES - 512);
	uint64_t n;

	if (from == to)
		return;
	if (next_random() % 2)
		src = dst = 512;
	n = next_random() % (PAGES - (src > dst ? src : dst) + 1);
	assert_int_equal(store_copy(s, model[to].ref, dst, model[from].ref, src, n), 0);
	memcpy(model[to].page + dst, model[from].page + src, n);
	memcpy(model[to].limit + dst, model[from].limit + src, n);
}

static void model_step(void)
{
	unsigned i = (unsigned)(next_random() % OBJECTS);
	uint64_t page = 1 + next_random() % (PAGES - 1);
	uint64_t n = next_random() % (next_random() % 4 ? 30 : 700);
	uint8_t limit = (uint8_t)(next_random() % 8);

	if (n > PAGES - page)
		n = PAGES - page;
	switch (next_random() % 8) {
	case 0:
		assert_int_equal(store_drop(s, model[i].ref, page, n), 0);
		memset(model[i].page + page, 0, n);
		memset(model[i].limit + page, 0, n);
		break;
	case 1:
		model_copy(i, (unsigned)(next_random() % OBJECTS));
		break;
	case 2:
	case 3:
	case 4:
		assert_int_equal(store_limit(s, model[i].ref, page, n, limit), 0);
		for (uint64_t at = page; at < page + n; at++)
			model[i].limit[at] |= limit;
		break;
	case 5:
		if (next_random() % 4)
			break;
		assert_int_equal(store_delete(s, model[i].ref), 0);
		memset(&model[i], 0, sizeof(model[i]));
		model[i].ref = make();
		break;
	default:
		for (uint64_t at = page; at < page + n && at < page + 40; at++) {
			if (model[i].limit[at] & TWZ_WRITE)
				continue;
			model[i].page[at] = (uint8_t)(1 + next_random() % 255);
			fill(model[i].ref, at, model[i].page[at]);
		}
	}
}

static void test_model(void **state)
{
	for (unsigned seed = 1; seed <= 4; seed++) {
		setup(state);
		random_state = seed;
		memset(model, 0, sizeof(model));
		for (unsigned i = 0; i < OBJECTS; i++)
			model[i].ref = make();
		for (unsigned step = 0; step < 300; step++) {
			model_step();
			if (step % 3 == 0)
				sound();
			if (step % 30 == 0)
				model_compare();
		}
		model_compare();
		for (unsigned i = 0; i < OBJECTS; i++)
			delete (model[i].ref);
		assert_int_equal(s->super->nobjects, 0);
		sound();
	}
}

/* ---- registered views ------------------------------------------------------------------------ */

/* How many the walk finds before it ends with `end`. */
static unsigned walk(int end)
{
	uint64_t ref = 0;
	unsigned n = 0;
	int error;

	while (!(error = store_view_next(s, &ref)) && n < 100)
		n++;
	assert_int_equal(error, end);
	return n;
}

static void test_views(void **state)
{
	uint64_t view[4], ref = 0, other = make(), ending = make_type(TWZ_TYPE_VIEW, true), at;
	struct twz_id id;

	(void)state;
	assert_int_equal(walk(TWZ_E_NOTFOUND), 0);
	assert_int_equal(store_view_register(s, other, true), TWZ_E_TYPE);
	assert_int_equal(store_view_register(s, ending, true), TWZ_E_ARG);
	assert_int_equal(store_view_register(s, ending, false), TWZ_E_ARG);
	for (unsigned i = 0; i < 4; i++) {
		view[i] = make_type(TWZ_TYPE_VIEW, false);
		assert_int_equal(store_view_register(s, view[i], false), 0);
		assert_int_equal(store_view_register(s, view[i], true), 0);
		assert_int_equal(store_view_register(s, view[i], true), 0);
		sound();
	}
	assert_int_equal(walk(TWZ_E_NOTFOUND), 4);
	/* It is an object like others. */
	id = record(view[1])->id;
	assert_int_equal(store_find(s, id, &ref), 0);
	assert_int_equal(store_keep(s, view[1]), 0);
	assert_int_equal(record(view[1])->state, TWZ_STATE_VIEW);
	fill(view[1], 1024, 4);
	assert_int_equal(store_copy(s, other, 1024, view[1], 1024, 1), 0);
	assert_int_equal(store_copy(s, view[2], 1024, view[1], 1024, 1), 0);
	assert_int_equal(byte_at(view[2], 1024), 4);
	sound();
	/* One in the middle goes, one is deleted: they are no longer on the list. */
	assert_int_equal(store_view_register(s, view[2], false), 0);
	assert_int_equal(record(view[2])->state, TWZ_STATE_LIVE);
	assert_int_equal(walk(TWZ_E_NOTFOUND), 3);
	assert_int_equal(store_delete(s, view[1]), 0);
	assert_int_equal(store_find(s, id, &ref), TWZ_E_NOTFOUND);
	assert_int_equal(store_view_register(s, view[1], true), TWZ_E_NOTFOUND);
	assert_int_equal(walk(TWZ_E_NOTFOUND), 2);
	sound();
	assert_int_equal(store_drain(s, 100), 0);
	sound();
	/* They survive a mount, and the last ones go too. */
	assert_int_equal(store_mount(s, s->base, BYTES, test_random), 0);
	assert_int_equal(walk(TWZ_E_NOTFOUND), 2);
	at = 0;
	assert_int_equal(store_view_next(s, &at), 0);
	assert_int_equal(at, view[3]);
	assert_int_equal(store_view_next(s, &at), 0);
	assert_int_equal(at, view[0]);
	assert_int_equal(store_view_register(s, view[0], false), 0);
	assert_int_equal(store_delete(s, view[3]), 0);
	assert_int_equal(walk(TWZ_E_NOTFOUND), 0);
	sound();
}

/* ---- damage ---------------------------------------------------------------------------------- */

static void mend(uint64_t ref)
{
	record(ref)->sum = record_sum(record(ref));
}

/* The walk finds n and then damage while the record's word is wrong, with a sum that fits. */
#define WALKS(ref, word, wrong, n)                         \
	do {                                               \
		__typeof__(record(ref)->word) right_;      \
		right_ = record(ref)->word;                \
		record(ref)->word = (wrong);               \
		mend(ref);                                 \
		assert_int_equal(walk(TWZ_E_DAMAGED), n);  \
		assert_string_not_equal(checked(), "");    \
		record(ref)->word = right_;                \
		mend(ref);                                 \
		assert_int_equal(walk(TWZ_E_NOTFOUND), 3); \
		sound();                                   \
	} while (0)

static void test_damaged_views(void **state)
{
	uint64_t view[3], other, ref;

	(void)state;
	for (int i = 2; i >= 0; i--) { /* the list is 0, 1, 2 */
		view[i] = make_type(TWZ_TYPE_VIEW, false);
		assert_int_equal(store_view_register(s, view[i], true), 0);
	}
	other = make();
	WALKS(view[2], list_next, view[0], 3); /* circles */
	WALKS(view[2], list_next, view[1], 3);
	WALKS(view[1], list_next, view[1], 2);
	WALKS(view[1], list_next, 0, 2);
	WALKS(view[1], list_next, view[2] | 63, 2);
	WALKS(view[1], list_next, TWZ_REF(0xfffffff0ull, 0), 2);
	WALKS(view[1], list_next, other, 2);
	WALKS(view[1], list_prev, 0, 1);
	WALKS(view[1], state, TWZ_STATE_LIVE, 1);
	WALKS(view[1], identity.type, TWZ_TYPE_DATA, 1);
	record(view[1])->nties = 1; /* a wrong sum */
	assert_int_equal(walk(TWZ_E_DAMAGED), 1);
	record(view[1])->nties = 0;
	/* From what is not on the list it does not go on. */
	ref = other;
	assert_int_equal(store_view_next(s, &ref), TWZ_E_DAMAGED);
	/* A registered view that ends, or is something else, is none. */
	record(view[0])->end_epoch = s->super->epoch;
	mend(view[0]);
	assert_string_equal(checked(), "S12");
}

static void node_mend(struct twz_node *node)
{
	node->sum = node_sum(node);
}

static void test_damaged_nodes(void **state)
{
	uint64_t a = make();
	struct twz_node *root, *leaf;

	(void)state;
	assert_int_equal(store_limit(s, a, 1024, 2, ALL), 0);
	root = frame_at(s, record(a)->map.tree.root);
	leaf = frame_at(s, root->frame[2]);
	sound();
	leaf->limit[0] |= TWZ_USE; /* no right of a page */
	node_mend(leaf);
	assert_string_equal(checked(), "S7");
	leaf->limit[0] = 0; /* one entry less than it says */
	node_mend(leaf);
	assert_string_equal(checked(), "S7");
	leaf->limit[0] = ALL;
	node_mend(leaf);
	sound();
	root->limit[3] = TWZ_READ; /* not above the leaves */
	root->npresent++;
	node_mend(root);
	assert_string_equal(checked(), "S7");
	assert_int_equal(store_drop(s, a, 1, 5000), TWZ_E_DAMAGED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_set, setup),
		cmocka_unit_test_setup(test_many, setup),
		cmocka_unit_test_setup(test_guard, setup),
		cmocka_unit_test_setup(test_make, setup),
		cmocka_unit_test_setup(test_sealed, setup),
		cmocka_unit_test_setup(test_copy, setup),
		cmocka_unit_test_setup(test_full, setup),
		cmocka_unit_test_setup(test_settle, setup),
		cmocka_unit_test_setup(test_views, setup),
		cmocka_unit_test_setup(test_damaged_views, setup),
		cmocka_unit_test_setup(test_damaged_nodes, setup),
		cmocka_unit_test(test_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
