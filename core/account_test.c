/*
 * account_test.c - accounts: each rule by itself, damaged ones, then random operations against a
 * model. What the checker counts again (S15 to S17) is right after each.
 */
#include "core/store_test.h"

static const struct twz_id key = {0x1111, 0x2222}, other = {0x3333, 0x4444}, none;

static int try_make(struct twz_id under, bool ending, uint64_t npages, uint64_t *ref)
{
	struct store_new new = {
		.perms = TWZ_READ, .key = under, .ending = ending, .page = 1024, .npages = npages};

	return store_create(s, &new, ref);
}

static uint64_t make(struct twz_id under, uint64_t npages)
{
	uint64_t ref = 0;

	assert_int_equal(try_make(under, false, npages, &ref), 0);
	return ref;
}

static struct twz_record *record(uint64_t ref)
{
	return (struct twz_record *)store_record(s, ref);
}

static void drain(void)
{
	assert_int_equal(store_drain(s, 100000), 0);
}

static void delete (uint64_t ref)
{
	assert_int_equal(store_delete(s, ref), 0);
	drain();
}

/* The account says so, and the checker that it is right. */
static void holds(struct twz_id of, uint64_t objects, uint64_t pages)
{
	struct twz_account a = {0};
	int error = store_account(s, of, &a);

	assert_int_equal(error, objects || a.limit ? 0 : TWZ_E_NOTFOUND);
	assert_int_equal(a.objects, objects);
	assert_int_equal(a.pages, pages);
	sound();
}

static void limit(struct twz_id of, uint64_t pages)
{
	assert_int_equal(store_limit_key(s, of, pages, 0), 0);
}

/* ---- counting -------------------------------------------------------------------------------- */

/* Made with the first object, gone with the last; its place and slot are used again. */
static void test_lifetime(void **state)
{
	uint64_t a, b, c, used;

	(void)state;
	holds(key, 0, 0);
	holds(none, 0, 0);
	c = make(none, 3);
	assert_int_equal(record(c)->account, 0);
	a = make(key, 0);
	holds(key, 1, 1);
	b = make(key, 7);
	holds(key, 2, 9);
	assert_int_equal(record(a)->account, record(b)->account);
	delete (make(other, 2));
	used = s->super->nused;
	assert_int_equal(store_delete(s, b), 0);
	holds(key, 2, 9); /* until it is freed */
	drain();
	holds(key, 1, 1);
	delete (a);
	holds(key, 0, 0);
	holds(none, 0, 0);
	assert_int_equal(s->super->key_index.count, 0);
	for (int i = 0; i < 200; i++)
		delete (make((struct twz_id){(uint64_t)i, 1}, 0));
	assert_int_equal(s->super->accounts.frames, 1);
	sound();
	assert_int_equal(s->super->nused, used - 7);
}

/* More keys than a frame has places, and than a bucket splits at. */
static void test_many(void **state)
{
	static uint64_t refs[400];

	(void)state;
	for (uint64_t i = 0; i < 400; i++)
		refs[i] = make((struct twz_id){i, 7}, i % 3);
	assert_int_equal(s->super->accounts.frames, 7);
	for (uint64_t i = 0; i < 400; i += 41)
		holds((struct twz_id){i, 7}, 1, 1 + i % 3);
	for (uint64_t i = 0; i < 400; i += 2)
		assert_int_equal(store_delete(s, refs[i]), 0);
	drain();
	for (uint64_t i = 0; i < 400; i += 41)
		holds((struct twz_id){i, 7}, i % 2, i % 2 ? 1 + i % 3 : 0);
}

/* Runs, trees and back; holes, and pages that are there already. */
static void test_pages(void **state)
{
	uint64_t a = make(key, 4);

	(void)state;
	assert_int_equal(store_make(s, a, 1024, 10), 0);
	holds(key, 1, 11);
	assert_int_equal(store_make(s, a, 5000, 100), 0);
	assert_int_not_equal(record(a)->level, 0);
	holds(key, 1, 111);
	assert_int_equal(store_make(s, a, 5050, 1000), 0);
	holds(key, 1, 1061);
	assert_int_equal(store_limit(s, a, 1030, 10, TWZ_WRITE), 0);
	holds(key, 1, 1061);
	assert_int_equal(store_drop(s, a, 1030, 4500), 0);
	holds(key, 1, 1 + 6 + 6050 - 5530);
	assert_int_equal(store_drop(s, a, 1, STORE_PAGES_MAX - 1), 0);
	holds(key, 1, 1);
	/* A hole that cuts one run too many: the record's pages move to a tree. */
	assert_int_equal(store_make(s, a, 1024, 10), 0);
	for (uint64_t page = 2000; page < 5000; page += 1000)
		assert_int_equal(store_make(s, a, page, 1), 0);
	assert_int_equal(record(a)->level, 0);
	assert_int_equal(store_drop(s, a, 1026, 3), 0);
	assert_int_not_equal(record(a)->level, 0);
	holds(key, 1, 11);
}

/* Charged in full, whatever is shared; whole nodes, page by page, and real copies. */
static void test_copies(void **state)
{
	uint64_t a = make(key, 5), b = make(other, 0), c = make(other, 0);

	(void)state;
	assert_int_equal(store_make(s, a, 2048, 600), 0);
	holds(key, 1, 606);
	assert_int_equal(store_copy(s, b, 1, a, 1, STORE_PAGES_MAX - 1), 0);
	holds(other, 2, 607);
	assert_int_equal(store_copy(s, c, 1030, b, 1024, 1100), 0);
	holds(other, 2, 607 + 5 + 76);
	holds(key, 1, 606);
	/* To write to a copy takes frames, but no page more. */
	assert_int_equal(store_make(s, b, 2048, 40), 0);
	holds(other, 2, 607 + 81);
	/* Over what was there. */
	assert_int_equal(store_copy(s, b, 2048, a, 1020, 100), 0);
	holds(other, 2, 607 + 81 - 95);
	delete (a);
	holds(key, 0, 0);
	delete (b);
	holds(other, 1, 82);
	for (unsigned i = 0; i <= TWZ_SHARE_MAX; i++)
		assert_int_equal(store_copy(s, make(key, 0), 1024, c, 1030, 1), 0);
	holds(key, TWZ_SHARE_MAX + 1, 2 * (TWZ_SHARE_MAX + 1));
}

static void test_sealed(void **state)
{
	uint64_t a = make(none, 20), one, two;
	struct twz_account before, after;

	(void)state;
	memset(store_page(s, a, 1030), 5, TWZ_PAGE);
	assert_int_equal(store_seal(s, a, 20 * TWZ_PAGE, 0, TWZ_READ, key, &one), 0);
	drain();
	assert_int_equal(store_account(s, key, &before), 0);
	holds(key, 1, 1 + record(one)->npages);
	assert_int_equal(store_seal(s, a, 20 * TWZ_PAGE, 0, TWZ_READ, key, &two), 0);
	assert_int_equal(one, two);
	drain();
	assert_int_equal(store_account(s, key, &after), 0);
	assert_memory_equal(&before, &after, sizeof(before));
	/* The copy would go over the limit, or what is added to it. */
	for (uint64_t pages = before.pages + 1; pages < 2 * before.pages; pages++) {
		limit(key, pages);
		memset(store_page(s, a, 1031), (int)pages, 8);
		assert_int_equal(store_seal(s, a, 20 * TWZ_PAGE, 0, TWZ_READ, key, &two),
				 TWZ_E_LIMIT);
		drain();
		holds(key, 1, before.pages);
	}
	limit(key, 2 * before.pages);
	assert_int_equal(store_seal(s, a, 20 * TWZ_PAGE, 0, TWZ_READ, key, &two), 0);
	holds(key, 2, 2 * before.pages);
}

static void test_ending(void **state)
{
	uint64_t a, b;

	(void)state;
	assert_int_equal(try_make(key, true, 3, &a), 0);
	assert_int_equal(try_make(key, true, 4, &b), 0);
	assert_int_equal(store_keep(s, a), 0);
	holds(key, 2, 9);
	assert_int_equal(store_mount(s, s->base, BYTES, test_random), 0);
	holds(key, 2, 9);
	drain();
	holds(key, 1, 4);
}

/* ---- limits ---------------------------------------------------------------------------------- */

static void test_limit(void **state)
{
	uint64_t a, b, c, ref;

	(void)state;
	assert_int_equal(store_limit_key(s, none, 5, 0), TWZ_E_ARG);
	limit(key, 0);
	assert_int_equal(s->super->key_index.count, 0);
	/* A limit comes before the first object, and stays after the last. */
	limit(key, 10);
	holds(key, 0, 0);
	assert_int_equal(try_make(key, false, 10, &ref), TWZ_E_LIMIT);
	holds(key, 0, 0);
	a = make(key, 9);
	holds(key, 1, 10);
	assert_int_equal(try_make(key, false, 0, &ref), TWZ_E_LIMIT);
	b = make(other, 100);
	delete (a);
	holds(key, 0, 0);
	assert_int_equal(s->super->key_index.count, 2);

	/* Making pages: all or none, holes alone count. */
	a = make(key, 4);
	assert_int_equal(store_make(s, a, 1020, 10), TWZ_E_LIMIT);
	assert_int_equal(store_make(s, a, 1534, 6), TWZ_E_LIMIT);
	holds(key, 1, 5);
	assert_int_equal(store_make(s, a, 1022, 9), 0);
	holds(key, 1, 10);
	assert_int_equal(store_make(s, a, 1022, 9), 0);
	assert_int_equal(store_make(s, a, 1021, 2), TWZ_E_LIMIT);
	assert_int_equal(store_make(s, a, 0, 2), TWZ_E_RANGE);
	assert_int_equal(store_drop(s, a, 1024, 3), 0);
	holds(key, 1, 7);

	/* Copies: what is there goes first. */
	assert_int_equal(store_copy(s, a, 2048, b, 1024, 4), TWZ_E_LIMIT);
	assert_int_equal(store_copy(s, a, 1022, b, 1030, 9), 0);
	holds(key, 1, 10);
	assert_int_equal(store_copy(s, a, 1022, b, 1030, 10), TWZ_E_LIMIT);
	assert_int_equal(store_copy(s, a, 1, b, 1, STORE_PAGES_MAX - 1), TWZ_E_LIMIT);
	assert_int_equal(store_copy(s, a, 0, b, 1, 200), TWZ_E_RANGE);
	assert_int_equal(store_copy(s, a, 5, a, 1, 200), TWZ_E_RANGE);
	holds(key, 1, 10);
	assert_non_null(store_page(s, a, 1022));
	/* The log is not copied. */
	c = make(none, 2);
	assert_int_equal(store_make(s, c, 256, 200), 0);
	assert_int_equal(store_copy(s, a, 1, c, 1, 2000), 0);
	holds(key, 1, 3);

	/* Lowered below what is used: no growth, and nothing else. */
	assert_int_equal(store_make(s, a, 1024, 8), 0);
	limit(key, 4);
	holds(key, 1, 9);
	assert_int_equal(store_make(s, a, 1024, 8), 0);
	assert_int_equal(store_make(s, a, 1032, 1), TWZ_E_LIMIT);
	assert_int_equal(store_drop(s, a, 1024, 1), 0);
	assert_int_equal(store_make(s, a, 1024, 1), TWZ_E_LIMIT);
	assert_int_equal(store_copy(s, a, 1025, b, 1025, 7), 0);
	assert_int_equal(store_copy(s, a, 1025, b, 1025, 8), TWZ_E_LIMIT);
	holds(key, 1, 8);
	limit(key, 0);
	assert_int_equal(store_make(s, a, 1032, 500), 0);
	delete (a);
	holds(key, 0, 0);
	assert_int_equal(s->super->key_index.count, 1);
	limit(other, 1);
	delete (b);
	holds(other, 0, 0);
	limit(other, 0);
	assert_int_equal(s->super->key_index.count, 0);
	sound();
}

/* The store keeps it, with what it has itself, and does no more. */
static void test_frame_limit(void **state)
{
	struct twz_account got;
	uint64_t a, cursor = 0;

	(void)state;
	assert_int_equal(store_limit_key(s, key, 0, 77), 0);
	a = make(key, 3);
	assert_int_equal(store_make(s, a, 2000, 100), 0);
	assert_int_equal(store_account(s, key, &got), 0);
	assert_int_equal(got.limit, 0);
	assert_int_equal(got.frame_limit, 77);
	delete (a);
	assert_int_equal(store_account(s, key, &got), 0);
	assert_int_equal(store_limit_key(s, key, 9, 78), 0);
	assert_int_equal(store_mount(s, s->base, BYTES, test_random), 0);
	assert_int_equal(store_account(s, key, &got), 0);
	assert_int_equal(got.limit, 9);
	assert_int_equal(got.frame_limit, 78);
	sound();
	assert_int_equal(store_account_next(s, &cursor, &got), 0);
	assert_int_equal(got.frame_limit, 78);
	assert_int_equal(store_account_next(s, &cursor, &got), TWZ_E_NOTFOUND);
	limit(key, 0);
	cursor = 0;
	assert_int_equal(store_account_next(s, &cursor, &got), TWZ_E_NOTFOUND);
	sound();
}

/* A walk meets each account once; one that is damaged does not end it. */
static void test_walk(void **state)
{
	bool met[300] = {false};
	struct twz_account got;
	uint64_t cursor = 0;
	int n = 0, damaged = 0, error;

	(void)state;
	for (uint64_t i = 0; i < 300; i++)
		assert_int_equal(store_limit_key(s, (struct twz_id){i, 7}, 1 + i, 0), 0);
	assert_int_equal(store_account(s, (struct twz_id){150, 7}, &got), 0);
	account_at(s, s->account)->limit++;
	while ((error = store_account_next(s, &cursor, &got)) != TWZ_E_NOTFOUND) {
		if (error) {
			assert_int_equal(error, TWZ_E_DAMAGED);
			damaged++;
			continue;
		}
		assert_int_equal(got.limit, got.key.lo + 1);
		assert_false(met[got.key.lo]);
		met[got.key.lo] = true;
		n++;
	}
	assert_int_equal(n, 299);
	assert_int_equal(damaged, 1);
	account_at(s, s->account)->limit--;
	sound();
}

/* What is dying is freed before a limit is reported, also where that frees no frame. */
static void test_dying(void **state)
{
	uint64_t a = make(other, 100), b = make(key, 0), ref;

	(void)state;
	limit(key, 120);
	assert_int_equal(store_copy(s, b, 1024, a, 1024, 100), 0);
	assert_int_equal(store_delete(s, b), 0);
	ref = make(key, 100);
	drain();
	holds(key, 1, 101);
	assert_int_equal(store_delete(s, ref), 0);
	b = make(key, 0);
	assert_int_equal(store_make(s, b, 1024, 119), 0);
	assert_int_equal(store_delete(s, b), 0);
	b = make(key, 0);
	assert_int_equal(store_copy(s, b, 1024, a, 1024, 100), 0);
	drain();
	holds(key, 1, 101);
	assert_int_equal(try_make(key, false, 20, &ref), TWZ_E_LIMIT);
}

/* Of a tree, in which the range begins and ends within nodes: counted as they are. */
static void test_present(void **state)
{
	uint64_t a = make(key, 0), n = 0;
	bool there[4000] = {false};

	(void)state;
	for (int i = 0; i < 300; i++) {
		uint64_t page = 1 + next_random() % 3999;

		assert_int_equal(store_make(s, a, page, 1), 0);
		there[page] = true;
		if (i == 20)
			assert_int_equal(store_make(s, a, STORE_PAGES_MAX - 1, 1), 0);
		for (int k = 0; k < 20; k++) {
			uint64_t from = next_random() % 4000, to = from + next_random() % 4000;

			n = 0;
			for (page = from; page < to && page < 4000; page++)
				n += there[page];
			assert_int_equal(account_present(s, record(a), from, to), n);
		}
	}
	assert_int_equal(account_present(s, record(a), 0, STORE_PAGES_MAX), record(a)->npages);
	assert_int_equal(account_present(s, record(a), 4000, STORE_PAGES_MAX), 1);
}

/* ---- settling, keys, old stores --------------------------------------------------------------- */

/* A committed transaction stores to a page that is a hole: it is made, limit or not. */
static void test_settle(void **state)
{
	struct {
		struct twz_log_record record;
		uint64_t range[2];
	} log = {.record = {.seq = 1, .ranges = 16}};
	uint64_t a = make(key, 0), sum;

	(void)state;
	assert_int_equal(store_make(s, a, TWZ_OBJ_META / TWZ_PAGE, 1), 0);
	assert_int_equal(store_make(s, a, TWZ_OBJ_LOG / TWZ_PAGE, 1), 0);
	log.range[0] = 8 | 1100 * TWZ_PAGE << LOG_LENGTH_BITS;
	log.range[1] = 0x0707070707070707ull;
	sum = twz_sum_step(log_seed(record(a)->id), log.record.seq, log_counts(16, 0, 0));
	log.record.sum = twz_sum_more(sum, log.range, 16);
	memcpy(store_page(s, a, TWZ_OBJ_LOG / TWZ_PAGE), &log, sizeof(log));
	limit(key, 2);
	assert_int_equal(store_mount(s, s->base, BYTES, test_random), 0);
	assert_true(store_unsettled(s, a));
	assert_int_equal(store_make(s, a, 1100, 1), TWZ_E_LIMIT);
	assert_int_equal(store_settle(s, a), 0);
	assert_non_null(store_page(s, a, 1100));
	assert_int_equal(*(uint64_t *)store_page(s, a, 1100), log.range[1]);
	holds(key, 1, 4);
	assert_int_equal(store_make(s, a, 1101, 1), TWZ_E_LIMIT);
}

/* A key lives while objects are under it; its limit outlives it. */
static void test_key(void **state)
{
	uint64_t source = make(none, 1), object, a, b;
	struct twz_id id;

	(void)state;
	memset(store_page(s, source, 1024), 9, TWZ_PAGE);
	assert_int_equal(store_seal(s, source, 32, TWZ_TYPE_KEY, TWZ_READ, none, &object), 0);
	id = record(object)->id;
	a = make(id, 1);
	assert_int_equal(store_delete(s, object), TWZ_E_BUSY);
	b = make(id, 1);
	assert_int_equal(store_delete(s, b), 0);
	assert_int_equal(store_delete(s, object), TWZ_E_BUSY);
	holds(id, 1, 2);
	limit(id, 100);
	assert_int_equal(store_delete(s, a), 0);
	assert_int_equal(store_delete(s, object), 0); /* what is dying is no reason */
	drain();
	holds(id, 0, 0);
	assert_int_equal(store_seal(s, source, 32, TWZ_TYPE_KEY, TWZ_READ, none, &object), 0);
	assert_int_equal(try_make(id, false, 100, &a), TWZ_E_LIMIT);
	/* What is no key is not held by what was made under its ID. */
	(void)make(record(source)->id, 1);
	assert_int_equal(store_delete(s, source), 0);
	sound();
}

/* A store that was made before: nothing is charged, and it stays as it was. */
static void test_old(void **state)
{
	struct twz_super_fixed *fixed = (struct twz_super_fixed *)s->base;
	struct twz_account account;
	uint64_t a, b;

	(void)state;
	fixed->ro = 0;
	fixed->sum -= twz_sum_at(offsetof(struct twz_super_fixed, ro) / 8, TWZ_STORE_RO);
	memcpy(s->base + TWZ_PAGE, fixed, sizeof(*fixed));
	assert_int_equal(store_mount(s, s->base, BYTES, test_random), 0);
	a = make(key, 5);
	assert_int_equal(record(a)->account, 0);
	assert_int_equal(store_account(s, key, &account), TWZ_E_NOTFOUND);
	assert_int_equal(store_limit_key(s, key, 1, 0), TWZ_E_VERSION);
	assert_int_equal(store_make(s, a, 2000, 50), 0);
	b = make(key, 0);
	assert_int_equal(store_copy(s, b, 1, a, 1, 3000), 0);
	sound();
	delete (a);
	delete (b);
	assert_int_equal(s->super->accounts.frames, 0);
	sound();
	/* Who does not know accounts leaves a store that has them alone. */
	fixed->ro = (TWZ_STORE_RO << 1) & ~TWZ_STORE_RO;
	memcpy(s->base + TWZ_PAGE, fixed, sizeof(*fixed));
	assert_int_equal(store_mount(s, s->base, BYTES, test_random), TWZ_E_VERSION);
}

static void test_full(void **state)
{
	uint64_t filler = make(none, 0), page = 1024, a;

	(void)state;
	while (!store_make(s, filler, page, 1))
		page++;
	/* Neither a frame for accounts nor one for the index. */
	assert_int_equal(try_make(key, false, 0, &a), TWZ_E_FULL);
	assert_int_equal(store_limit_key(s, key, 7, 0), TWZ_E_FULL);
	holds(key, 0, 0);
	assert_int_equal(store_delete(s, filler), 0);
	limit(key, 7);
	a = make(key, 6);
	holds(key, 1, 7);
	delete (a);
	holds(key, 0, 0);
}

/* ---- damage ---------------------------------------------------------------------------------- */

static struct twz_account *account(uint64_t ref)
{
	return account_at(s, record(ref)->account);
}

/* The checker names the rule, with the sum mended or not. */
#define CHECKED(word, wrong, invariant)                    \
	do {                                               \
		__typeof__(word) right_ = (word);          \
		(word) = (wrong);                          \
		assert_string_equal(checked(), invariant); \
		(word) = right_;                           \
		sound();                                   \
	} while (0)

#define MENDED(a, field, wrong, invariant)                 \
	do {                                               \
		struct twz_account right_ = *(a);          \
		(a)->field = (wrong);                      \
		(a)->sum = account_sum(a);                 \
		assert_string_equal(checked(), invariant); \
		*(a) = right_;                             \
		sound();                                   \
	} while (0)

static void test_checker(void **state)
{
	uint64_t a = make(key, 3), b = make(none, 1), c = make(other, 0);
	struct twz_account *mine = account(a), *free = account_at(s, s->super->accounts.free);
	struct twz_slab_head *head = frame_at(s, record(a)->account >> 6);
	struct twz_record right;

	(void)state;
	CHECKED(mine->reserved, 1, "S16");
	MENDED(mine, pages, 5, "S16");
	MENDED(mine, objects, 2, "S16");
	CHECKED(free->limit, 5, "S17");
	CHECKED(free->sum, 0, "S17");
	CHECKED(head->kind, TWZ_SLAB_TIE, "S15");
	MENDED(free, reserved, 0, "S17"); /* all behind it are lost */
	MENDED(free, reserved, s->super->accounts.free, "S17");
	MENDED(free, reserved, record(a)->account, "S17");

	right = *record(a);
	record(a)->account = record(c)->account;
	record(a)->sum = record_sum(record(a));
	assert_string_equal(checked(), "S15");
	record(a)->account = 0;
	record(a)->sum = record_sum(record(a));
	assert_string_equal(checked(), "S15");
	*record(a) = right;
	right = *record(b);
	record(b)->account = record(a)->account;
	record(b)->sum = record_sum(record(b));
	assert_string_equal(checked(), "S15");
	*record(b) = right;

	/* One that has nothing, and one that no key leads to. */
	limit(other, 9);
	delete (c);
	assert_int_equal(store_find(s, record(b)->id, &c), 0);
	sound();
	CHECKED(s->super->accounts.frames, 7, "S2");
}

/* A wrong account is damage for whoever needs it; nothing changes. */
static void test_damage(void **state)
{
	uint64_t a = make(key, 3), b = make(other, 1), source = make(none, 4), ref;
	struct twz_account *mine = account(a), right = *mine;
	struct twz_account out;

	(void)state;
	mine->pages = 2;
	assert_int_equal(store_account(s, key, &out), TWZ_E_DAMAGED);
	assert_int_equal(try_make(key, false, 0, &ref), TWZ_E_DAMAGED);
	assert_int_equal(store_drop(s, a, 1024, 1), TWZ_E_DAMAGED);
	assert_int_equal(store_make(s, a, 1030, 1), TWZ_E_DAMAGED);
	assert_int_equal(store_copy(s, a, 1030, source, 1024, 1), TWZ_E_DAMAGED);
	assert_int_equal(store_limit_key(s, key, 5, 0), TWZ_E_DAMAGED);
	/* With a sum that fits: fewer pages than go. */
	mine->sum = account_sum(mine);
	assert_int_equal(store_drop(s, a, 1024, 3), TWZ_E_DAMAGED);
	*mine = right;
	sound();

	/* The account of another key, of nobody, or none. */
	record(a)->account = record(b)->account;
	assert_int_equal(store_drop(s, a, 1024, 1), TWZ_E_DAMAGED);
	assert_int_equal(store_make(s, a, 1030, 1), TWZ_E_DAMAGED);
	record(a)->account = s->super->accounts.free;
	assert_int_equal(store_make(s, a, 1030, 1), TWZ_E_DAMAGED);
	record(a)->account = ~0ull;
	assert_int_equal(store_make(s, a, 1030, 1), TWZ_E_DAMAGED);
	record(a)->account = source;
	assert_int_equal(store_make(s, a, 1030, 1), TWZ_E_DAMAGED);
	record(a)->account =
		TWZ_REF((uint64_t)(uintptr_t)((uint8_t *)mine - s->base) / TWZ_PAGE, 63);
	assert_int_equal(store_make(s, a, 1030, 1), TWZ_E_DAMAGED);
	record(a)->account = TWZ_REF((uint64_t)((uint8_t *)mine - s->base) / TWZ_PAGE,
				     ((uint64_t)((uint8_t *)mine - s->base) % TWZ_PAGE - 64) / 64);
	sound();

	/* The free list leads to one in use. */
	s->super->accounts.free = record(a)->account;
	assert_int_equal(try_make((struct twz_id){9, 9}, false, 0, &ref), TWZ_E_DAMAGED);
	assert_memory_equal(mine, &right, sizeof(right));
}

/* ---- a model --------------------------------------------------------------------------------- */

#define OBJECTS 8
#define KEYS 3
#define PAGES 1700u

static struct {
	uint64_t ref;
	int key; /* -1: there is none */
	bool page[PAGES];
} model[OBJECTS];
static uint64_t model_limit[KEYS];

static uint64_t count(int i, uint64_t page, uint64_t pages)
{
	uint64_t n = 0;

	for (; pages; page++, pages--)
		n += model[i].page[page];
	return n;
}

static uint64_t charged(int of)
{
	uint64_t pages = 0;

	for (int i = 0; i < OBJECTS; i++)
		if (model[i].key == of)
			pages += 1 + count(i, 0, PAGES);
	return pages;
}

/* What the store has to say to so many pages more. */
static int verdict(int of, uint64_t come, uint64_t gone)
{
	uint64_t used = charged(of);

	return come > gone && model_limit[of] && used + come - gone > model_limit[of] ? TWZ_E_LIMIT
										      : 0;
}

static void model_copy(int to, int from, uint64_t at, uint64_t n)
{
	uint64_t src = 512 + next_random() % (PAGES - 512 - n), dst = at < 512 ? at + 512 : at;
	bool page[PAGES];

	if (to == from || dst + n > PAGES || model[from].key < 0)
		return;
	memcpy(page, model[from].page + src, n);
	if (verdict(model[to].key, count(from, src, n), count(to, dst, n))) {
		assert_int_equal(store_copy(s, model[to].ref, dst, model[from].ref, src, n),
				 TWZ_E_LIMIT);
		return;
	}
	assert_int_equal(store_copy(s, model[to].ref, dst, model[from].ref, src, n), 0);
	memcpy(model[to].page + dst, page, n);
}

static void model_step(void)
{
	int i = (int)(next_random() % OBJECTS), k = (int)(next_random() % KEYS), error;
	uint64_t n = 1 + next_random() % (next_random() % 4 ? 30 : 600);
	uint64_t page = 1 + next_random() % (PAGES - n - 1);

	if (model[i].key < 0) {
		error = verdict(k, 1, 0);
		assert_int_equal(try_make((struct twz_id){1, (uint64_t)k}, n % 2, 0, &model[i].ref),
				 error);
		model[i].key = error ? -1 : k;
		memset(model[i].page, 0, PAGES);
		return;
	}
	switch (next_random() % 8) {
	case 0:
		limit((struct twz_id){1, (uint64_t)k},
		      next_random() % 3 ? next_random() % 2500 : 0);
		break;
	case 1:
		assert_int_equal(store_delete(s, model[i].ref), 0);
		model[i].key = -1;
		break;
	case 2:
	case 3:
		assert_int_equal(store_drop(s, model[i].ref, page, n), 0);
		memset(model[i].page + page, 0, n);
		break;
	case 4:
	case 5:
		model_copy(i, (int)(next_random() % OBJECTS), page, n);
		break;
	default:
		error = verdict(model[i].key, n, count(i, page, n));
		assert_int_equal(store_make(s, model[i].ref, page, n), error);
		if (!error)
			memset(model[i].page + page, 1, n);
	}
}

static void test_model(void **state)
{
	struct twz_account a;

	(void)state;
	for (uint64_t seed = 1; seed <= 5; seed++) {
		(void)setup(NULL);
		random_state = seed;
		memset(model_limit, 0, sizeof(model_limit));
		for (int i = 0; i < OBJECTS; i++)
			model[i].key = -1;
		for (int step = 0; step < 400; step++) {
			model_step();
			for (int k = 0; k < KEYS; k++)
				model_limit[k] =
					store_account(s, (struct twz_id){1, (uint64_t)k}, &a)
						? 0
						: a.limit;
			if (step % 8)
				continue;
			sound();
			drain();
			for (int k = 0; k < KEYS; k++)
				if (!store_account(s, (struct twz_id){1, (uint64_t)k}, &a))
					assert_int_equal(a.pages, charged(k));
				else
					assert_int_equal(charged(k), 0);
			sound();
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_lifetime, setup),
		cmocka_unit_test_setup(test_many, setup),
		cmocka_unit_test_setup(test_pages, setup),
		cmocka_unit_test_setup(test_copies, setup),
		cmocka_unit_test_setup(test_sealed, setup),
		cmocka_unit_test_setup(test_ending, setup),
		cmocka_unit_test_setup(test_limit, setup),
		cmocka_unit_test_setup(test_frame_limit, setup),
		cmocka_unit_test_setup(test_walk, setup),
		cmocka_unit_test_setup(test_dying, setup),
		cmocka_unit_test_setup(test_present, setup),
		cmocka_unit_test_setup(test_settle, setup),
		cmocka_unit_test_setup(test_key, setup),
		cmocka_unit_test_setup(test_old, setup),
		cmocka_unit_test_setup(test_full, setup),
		cmocka_unit_test_setup(test_checker, setup),
		cmocka_unit_test_setup(test_damage, setup),
		cmocka_unit_test_setup(test_model, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
