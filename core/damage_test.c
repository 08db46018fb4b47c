/*
 * damage_test.c - damaged and hostile images: each check of the store by itself.
 *
 * A sound store gets one wrong word at a time; what must notice it says so, and nothing crashes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* cmocka wants the above first */
#include <cmocka.h>

#include "abi/object.h"
#include "core/check.h"
#include "core/store_int.h"
#include "tests/sim/sim.h"

#define BYTES ((uint64_t)16 << 20)

static struct store store;
static struct store *const s = &store;
static uint64_t small, big; /* an object of runs, one with a tree */
static char found[8];       /* the first invariant that the checker named */

static void test_random(void *out, uint64_t bytes)
{
	static uint64_t state = 1;

	for (uint64_t i = 0; i < bytes; i++)
		((uint8_t *)out)[i] = (uint8_t)((state = state * 6364136223846793005ull + 1) >> 33);
}

static void said(void *arg, const char *invariant, uint64_t frame, const char *what)
{
	(void)arg;
	(void)frame;
	(void)what;
	if (!found[0])
		snprintf(found, sizeof(found), "%s", invariant);
}

/* What the checker names first; "" for a sound store. */
static const char *checked(void)
{
	static uint8_t scratch[CHECK_SCRATCH(BYTES / TWZ_PAGE)];
	struct check check = {.report = said, .scratch = scratch};

	found[0] = 0;
	memset(scratch, 0, sizeof(scratch));
	(void)store_check(s, &check);
	return found;
}

static int setup(void **state)
{
	struct store_new new = {.page = 1024, .npages = 2};
	void *base = sim_memory(BYTES);

	(void)state;
	assert_int_equal(store_format(base, BYTES, test_random), 0);
	assert_int_equal(store_mount(s, base, BYTES, test_random), 0);
	assert_int_equal(store_create(s, &new, &small), 0);
	assert_int_equal(store_create(s, &new, &big), 0);
	assert_int_equal(store_make(s, big, 1100, 100), 0);
	assert_string_equal(checked(), "");
	return 0;
}

static struct twz_record *record(uint64_t ref)
{
	return (struct twz_record *)store_record(s, ref);
}

static struct twz_node *root(void)
{
	return frame_at(s, record(big)->map.tree.root);
}

static struct twz_node *leaf(void)
{
	return frame_at(s, root()->frame[2]);
}

/* The checker names `invariant` while the word is wrong. */
#define CHECKED(word, wrong, invariant)                    \
	do {                                               \
		__typeof__(word) right_ = (word);          \
		(word) = (wrong);                          \
		assert_string_equal(checked(), invariant); \
		(word) = right_;                           \
		assert_string_equal(checked(), "");        \
	} while (0)

/* A call fails with an error while the word is wrong. */
#define FAILS(word, wrong, call, error)           \
	do {                                      \
		__typeof__(word) right_ = (word); \
		(word) = (wrong);                 \
		assert_int_equal(call, error);    \
		(word) = right_;                  \
	} while (0)

static void test_sums(void **state)
{
	struct twz_bucket *b = (struct twz_bucket *)index_bucket(s, &s->super->objects, 0);

	(void)state;
	CHECKED(leaf()->limit[3], 1, "S7");
	CHECKED(block_of(s, 0)->reserved[0], 1, "S3");
	CHECKED(b->reserved[0], 1, "S11");
	CHECKED(record(small)->nties, 1, "S9");
	CHECKED(s->super->reserved[0], 1, "S2");
	FAILS(s->super->reserved[0], 1, store_recover(s), TWZ_E_DAMAGED);
}

static void test_counts(void **state)
{
	uint32_t frame = (uint32_t)run_frame(record(small)->map.run[0]);

	(void)state;
	CHECKED(leaf()->refs, 2, "S8");
	CHECKED(*share_of(s, frame), 1, "S5");
	CHECKED(*share_of(s, 4000), 1, "S5");
	CHECKED(*share_of(s, frame), -1, "S5");
	CHECKED(block_of(s, 0)->shared, 1, "S3");
	CHECKED(s->super->nused, s->super->nused + 1, "S2");
	CHECKED(block_of(s, 0)->nused, 1, "S3");
	CHECKED(s->super->records.free, small, "S2");
	CHECKED(s->fixed->uuid[0], (uint8_t)(s->fixed->uuid[0] + 1), "S1");
}

static void test_references(void **state)
{
	(void)state;
	CHECKED(leaf()->frame[80], 0xffffffff, "S7");
	CHECKED(root()->magic, 0, "S7");
	CHECKED(record(big)->level, 77, "S9");
	CHECKED(record(small)->list_next, small, "S9");
	CHECKED(record(small)->state, 9, "S10");
	CHECKED(s->super->ending.head, small, "S2");
	/* An ending object that is on no list would never end. */
	record(small)->state = TWZ_STATE_ENDING;
	record(small)->sum = record_sum(record(small));
	assert_string_equal(checked(), "S12");
}

static void test_nodes(void **state)
{
	struct store_run run;
	uint32_t free_frame = 4000;

	(void)state;
	/* A data page that looks like a node is none where the tree says so. */
	FAILS(root()->magic, 0, store_run(s, big, 1100, 1, &run), TWZ_E_DAMAGED);
	FAILS(root()->level, 1, store_run(s, big, 1100, 1, &run), TWZ_E_DAMAGED);
	FAILS(record(big)->map.tree.root, 0xfffffff0, store_run(s, big, 1100, 1, &run),
	      TWZ_E_DAMAGED);
	FAILS(record(big)->level, 9, store_run(s, big, 1100, 1, &run), TWZ_E_DAMAGED);
	/* What is mapped for a user is a data frame in use: not free, and no structure. */
	FAILS(leaf()->frame[1100 - 1024], free_frame, store_run(s, big, 1100, 1, &run),
	      TWZ_E_DAMAGED);
	FAILS(leaf()->frame[1100 - 1024], 0, store_run(s, big, 1100, 1, &run), 0);
	FAILS(leaf()->frame[1100 - 1024], 1, store_run(s, big, 1100, 1, &run), TWZ_E_DAMAGED);
	FAILS(record(small)->map.run[0], run_make(1024, 0, 2), store_run(s, small, 1024, 2, &run),
	      TWZ_E_DAMAGED);
	FAILS(record(small)->map.run[0], run_make(1024, free_frame, 2),
	      store_run(s, small, 1024, 2, &run), TWZ_E_DAMAGED);
	FAILS(record(small)->map.run[0], run_make(1024, 0xfffffff0, 2),
	      store_run(s, small, 1024, 2, &run), TWZ_E_DAMAGED);
}

/* What leads out of the image is not freed. */
static void test_give(void **state)
{
	(void)state;
	FAILS(leaf()->frame[1100 - 1024], 0xfffffff0, store_drop(s, big, 1100, 1), TWZ_E_DAMAGED);
	FAILS(leaf()->frame[1100 - 1024], 4000, store_drop(s, big, 1100, 1), TWZ_E_DAMAGED);
	assert_string_equal(checked(), "");
}

/* A leaf that leads out of the image is not shared with a copy. */
static void test_share(void **state)
{
	struct store_new new = {0};
	uint32_t *entry = &leaf()->frame[200];
	uint64_t copy;

	(void)state;
	assert_int_equal(store_create(s, &new, &copy), 0);
	assert_int_equal(store_make(s, big, 2048, 1), 0);
	assert_int_equal(store_copy(s, copy, 512, big, 512, 3000), 0);
	FAILS(*entry, 0xfffffff0, store_make(s, copy, 1100, 1), TWZ_E_DAMAGED);
}

static void test_find(void **state)
{
	struct twz_bucket *b = (struct twz_bucket *)index_bucket(s, &s->super->objects, 0);
	struct twz_id id = record(small)->id;
	struct twz_slab_head *slab = frame_at(s, small >> 6);
	uint64_t ref, *slot = NULL, ref_mask = (1ull << TWZ_REF_BITS) - 1;
	struct store_new new = {0};

	(void)state;
	assert_int_equal(store_find(s, id, &ref), 0);
	FAILS(record(small)->nties, 1, store_find(s, id, &ref), TWZ_E_DAMAGED);
	FAILS(b->magic, 0, store_find(s, id, &ref), TWZ_E_DAMAGED);
	FAILS(s->super->objects.tree.map.run[0], run_make(1, 0xfffffff0, 1),
	      store_find(s, id, &ref), TWZ_E_DAMAGED);
	FAILS(s->super->objects.tree.map.run[0], 0, store_find(s, id, &ref), TWZ_E_DAMAGED);
	FAILS(s->super->objects.tree.level, 9, store_find(s, id, &ref), TWZ_E_DAMAGED);
	FAILS(slab->magic, 0, store_find(s, id, &ref), TWZ_E_DAMAGED);
	FAILS(slab->kind, TWZ_SLAB_TIE, store_find(s, id, &ref), TWZ_E_DAMAGED);
	for (unsigned i = 0; i < TWZ_BUCKET_SLOTS; i++)
		if ((b->slot[i] & ref_mask) == small)
			slot = &b->slot[i];
	assert_non_null(slot);
	FAILS(*slot, (*slot & ~ref_mask) | TWZ_REF(0xfffffff0ull, 0), store_find(s, id, &ref),
	      TWZ_E_DAMAGED);
	FAILS(*slot, *slot | 63, store_find(s, id, &ref), TWZ_E_DAMAGED);
	/* An index that goes round in circles ends. */
	for (unsigned i = 0; i < TWZ_BUCKET_SLOTS; i++)
		b->slot[i] = ~0ull;
	assert_int_not_equal(store_find(s, id, &ref), 0);
	assert_int_equal(store_create(s, &new, &ref), TWZ_E_DAMAGED);
}

/* An index that claims more buckets than there are frames: a walk over it ends. */
static void test_walk(void **state)
{
	const uint64_t wrong[] = {2, s->nframes + 1, 1ull << 62, ~0ull};
	uint64_t *nbuckets = &s->super->objects.nbuckets, ref;

	(void)state;
	for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		uint64_t cursor = 0, n = 0;
		int error;

		*nbuckets = wrong[i];
		while ((error = store_next(s, &cursor, &ref)) != TWZ_E_NOTFOUND && n <= s->nframes)
			n += error == TWZ_E_DAMAGED;
		assert_int_equal(error, TWZ_E_NOTFOUND);
		assert_int_not_equal(n, 0);
		assert_string_not_equal(checked(), "");
	}
}

/* An identity that was changed, with a sum that fits: found at the first load in an epoch. */
static void test_identity(void **state)
{
	struct twz_id id = record(small)->id;
	uint64_t ref;

	(void)state;
	record(small)->identity.perms ^= TWZ_WRITE;
	record(small)->sum = record_sum(record(small));
	/* That it was loaded in this epoch already is nothing that an image can say. */
	record(small)->settled_epoch = s->super->epoch + 1;
	assert_int_equal(store_mount(s, s->base, BYTES, test_random), 0);
	assert_int_equal(store_find(s, id, &ref), TWZ_E_DAMAGED);
	assert_string_equal(checked(), "S9");
}

/* The free list leads to a record in use. */
static void test_free_list(void **state)
{
	struct store_new new = {0};
	uint64_t ref;

	(void)state;
	s->super->records.free = small;
	assert_int_equal(store_create(s, &new, &ref), TWZ_E_DAMAGED);
	s->super->records.free =
		TWZ_REF(record(big)->map.tree.root, 0); /* a frame of the store's, no slab */
	assert_int_equal(store_create(s, &new, &ref), TWZ_E_DAMAGED);
	s->super->records.free = TWZ_REF(0xfffffff0ull, 0);
	assert_int_equal(store_create(s, &new, &ref), TWZ_E_DAMAGED);
}

/* A log that is whole but means harm; one that only looks like a log. */
static void test_update_log(void **state)
{
	struct twz_update_log *log = frame_at(s, s->fixed->log.frame);
	struct twz_update_log head = *log;
	uint64_t *word = (uint64_t *)(s->base + 8 * TWZ_PAGE), before = *word;

	(void)state;
	log->word[0] = (struct twz_update_word){BYTES, 1};
	log->count = 1;
	log->sum = 0;
	log->sum = twz_sum(twz_sum(0, log, sizeof(*log)), log->word, 16);
	assert_int_equal(store_recover(s), TWZ_E_DAMAGED);
	log->word[0].off = 12;
	log->sum = 0;
	log->sum = twz_sum(twz_sum(0, log, sizeof(*log)), log->word, 16);
	assert_int_equal(store_recover(s), TWZ_E_DAMAGED);
	/* A count past the area is no log, whatever its sum says. */
	*log = head;
	log->count = TWZ_UPDATE_WORDS + 1;
	log->word[0].off = 8 * TWZ_PAGE;
	log->sum = 0;
	log->sum = twz_sum(twz_sum(0, log, sizeof(*log)), log->word, log->count * 16);
	assert_int_equal(store_recover(s), 0);
	/* Nor is one of another kind; with the right magic it is one, once. */
	log->magic = 1;
	log->count = 1;
	log->word[0] = (struct twz_update_word){8 * TWZ_PAGE, before + 1};
	log->sum = 0;
	log->sum = twz_sum(twz_sum(0, log, sizeof(*log)), log->word, 16);
	assert_int_equal(store_recover(s), 0);
	assert_int_equal(*word, before);
	log->magic = TWZ_UPDATE_MAGIC;
	log->sum = 0;
	log->sum = twz_sum(twz_sum(0, log, sizeof(*log)), log->word, 16);
	assert_int_equal(store_recover(s), 0);
	assert_int_equal(*word, before + 1);
	*word = before;
	assert_int_equal(store_recover(s), 0);
	assert_int_equal(*word, before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_sums, setup),
		cmocka_unit_test_setup(test_counts, setup),
		cmocka_unit_test_setup(test_references, setup),
		cmocka_unit_test_setup(test_nodes, setup),
		cmocka_unit_test_setup(test_give, setup),
		cmocka_unit_test_setup(test_share, setup),
		cmocka_unit_test_setup(test_find, setup),
		cmocka_unit_test_setup(test_walk, setup),
		cmocka_unit_test_setup(test_identity, setup),
		cmocka_unit_test_setup(test_free_list, setup),
		cmocka_unit_test_setup(test_update_log, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
