/*
 * recall_test.c - before pages of an object change, mappings of them are recalled (struct store): of the kinds
 * that would be wrong, before anything has changed, and if that cannot be, nothing does.
 */
#include "core/store_test.h"
#include "core/tx.h"

#define DATA (TWZ_OBJ_DATA / TWZ_PAGE)
#define META (TWZ_OBJ_META / TWZ_PAGE)

/* What was recalled: kinds by record; and what the image was like then. */
static struct {
	uint64_t ref[8];
	uint32_t kinds[8];
	unsigned n;
	int error;
	bool changed; /* since `before` was taken */
} recalled;
static uint8_t *before;

static int on_recall(uint64_t ref, uint32_t kinds)
{
	unsigned i = 0;

	while (i < recalled.n && recalled.ref[i] != ref)
		i++;
	assert_true(i < 8);
	if (i == recalled.n)
		recalled.n++;
	recalled.ref[i] = ref;
	recalled.changed |= !(recalled.kinds[i] & kinds) && memcmp(before, s->base, BYTES);
	recalled.kinds[i] |= kinds;
	return recalled.error;
}

static void expect(int error)
{
	memset(&recalled, 0, sizeof(recalled));
	recalled.error = error;
	memcpy(before, s->base, BYTES);
}

static uint32_t kinds_of(uint64_t ref)
{
	for (unsigned i = 0; i < recalled.n; i++)
		if (recalled.ref[i] == ref)
			return recalled.kinds[i];
	return 0;
}

static uint64_t make(void)
{
	const struct store_new new = {.perms = TWZ_READ, .page = DATA, .npages = 2};
	uint64_t ref = 0;

	assert_int_equal(store_create(s, &new, &ref), 0);
	return ref;
}

/* Each of these is tried with a home that cannot, then with one that can. */
static uint64_t a, b;

static int pages_in_a_hole(void)
{
	return store_make(s, a, DATA + 4, 2);
}

static int drop(void)
{
	return store_drop(s, a, DATA, 1);
}

static int limit(void)
{
	return store_limit(s, a, DATA, 1, TWZ_WRITE);
}

static int copy(void)
{
	return store_copy(s, b, DATA, a, DATA, 2);
}

static int delete (void)
{
	return store_delete(s, a);
}

static int settle(void)
{
	return store_settle(s, a);
}

static int unshare(void)
{
	return store_make(s, a, DATA, 1);
}

static void test_kinds(void **state)
{
	static const struct {
		int (*run)(void);
		uint32_t of_a, of_b;
	} ops[] = {
		{pages_in_a_hole, TWZ_LEASE_HOLES | TWZ_LEASE_READ, 0},
		{copy, TWZ_LEASE_WRITE, TWZ_LEASE_ALL},
		{unshare, TWZ_LEASE_HOLES | TWZ_LEASE_READ, 0},
		{limit, TWZ_LEASE_ALL, 0},
		{drop, TWZ_LEASE_ALL, 0},
		{delete, TWZ_LEASE_ALL, 0},
	};

	(void)state;
	a = make();
	b = make();
	s->recall = on_recall;
	for (unsigned i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
		expect(TWZ_E_BUSY);
		assert_int_equal(ops[i].run(), TWZ_E_BUSY);
		assert_memory_equal(before, s->base, BYTES);
		expect(0);
		assert_int_equal(ops[i].run(), 0);
		assert_int_equal(kinds_of(a), ops[i].of_a);
		assert_int_equal(kinds_of(b), ops[i].of_b);
		assert_false(recalled.changed);
		sound();
	}
}

/* The copy that it makes of the source: what is sealed is of one moment. */
static void test_seal(void **state)
{
	uint64_t sealed;

	(void)state;
	a = make();
	s->recall = on_recall;
	expect(TWZ_E_BUSY);
	assert_int_equal(store_seal(s, a, 8, TWZ_TYPE_DATA, TWZ_READ, (struct twz_id){0}, &sealed),
			 TWZ_E_BUSY);
	expect(0);
	assert_int_equal(store_seal(s, a, 8, TWZ_TYPE_DATA, TWZ_READ, (struct twz_id){0}, &sealed),
			 0);
	assert_true(kinds_of(a) & TWZ_LEASE_WRITE);
	sound();
}

/* What goes with its last tie is not mapped any more when it does; until then it stays. */
static void test_tied(void **state)
{
	(void)state;
	a = make();
	b = make();
	assert_int_equal(store_tie(s, a, b, 0), 0);
	assert_int_equal(store_delete(s, a), 0);
	s->recall = on_recall;
	expect(0);
	assert_int_equal(store_delete(s, b), 0);
	assert_int_equal(kinds_of(a), 0);
	expect(TWZ_E_BUSY);
	assert_int_equal(store_drain(s, 100), TWZ_E_BUSY);
	assert_int_equal(kinds_of(a), TWZ_LEASE_ALL);
	assert_true(record_alive(s, store_record(s, a)));
	sound();
	expect(0);
	assert_int_equal(store_drain(s, 100), 0);
	sound();
}

/* A record that was committed, for a page that is present, and one that is a hole: only that is made. */
static void test_settle(void **state)
{
	static const uint64_t to[] = {DATA, DATA + 7};

	(void)state;
	a = make();
	assert_int_equal(store_make(s, a, META, 1), 0);
	assert_int_equal(store_make(s, a, TWZ_OBJ_LOG / TWZ_PAGE, 1), 0);
	s->recall = on_recall;
	for (unsigned i = 0; i < 2; i++) {
		uint64_t *at = store_page(s, a, TWZ_OBJ_LOG / TWZ_PAGE), *page;
		struct twz_log_record *record = (struct twz_log_record *)at;
		uint64_t body[2] = {to[i] * TWZ_PAGE << LOG_LENGTH_BITS | 8, 5 + i};
		const struct twz_meta *meta = store_page(s, a, META);

		memset(record, 0, sizeof(*record));
		memcpy(record + 1, body, sizeof(body));
		record->seq = meta->log.retired + 1;
		record->ranges = sizeof(body);
		record->sum =
			twz_sum_more(twz_sum_step(log_seed(store_record(s, a)->id), record->seq,
						  log_counts(sizeof(body), 0, 0)),
				     body, sizeof(body));
		expect(i ? TWZ_E_BUSY : 0);
		assert_int_equal(settle(), recalled.error);
		assert_int_equal(kinds_of(a), i ? TWZ_LEASE_HOLES | TWZ_LEASE_READ : 0);
		if (i) {
			expect(0);
			assert_int_equal(settle(), 0); /* nothing was lost */
		}
		page = store_page(s, a, to[i]);
		assert_non_null(page);
		assert_int_equal(*page, 5 + i);
	}
	sound();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_kinds, setup),
		cmocka_unit_test_setup(test_seal, setup),
		cmocka_unit_test_setup(test_tied, setup),
		cmocka_unit_test_setup(test_settle, setup),
	};
	int failed;

	before = malloc(BYTES);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	free(before);
	return failed;
}
