/*
 * store_test.c - the store: each operation by itself, then random ones against a model.
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
#include "tests/sim/sim.h"

#define MIB ((uint64_t)1 << 20)

static struct store store;
static struct store *const s = &store;
static uint64_t random_state = 1;

static uint64_t next_random(void)
{
	random_state = random_state * 6364136223846793005ull + 1442695040888963407ull;
	return random_state >> 33;
}

static void test_random(void *out, uint64_t bytes)
{
	for (uint64_t i = 0; i < bytes; i++)
		((uint8_t *)out)[i] = (uint8_t)next_random();
}

static void said(void *arg, const char *invariant, uint64_t frame, const char *what)
{
	(void)arg;
	print_error("%s: frame %llu: %s\n", invariant, (unsigned long long)frame, what);
}

static void sound(void)
{
	static uint8_t scratch[CHECK_SCRATCH(128 * MIB / TWZ_PAGE)];
	struct check check = {.report = said, .scratch = scratch};

	memset(scratch, 0, CHECK_SCRATCH(s->nframes));
	assert_int_equal(store_check(s, &check), 0);
}

static void fresh(uint64_t bytes)
{
	void *base = sim_memory(bytes);

	assert_int_equal(store_format(base, bytes, test_random), 0);
	assert_int_equal(store_mount(s, base, bytes, test_random), 0);
	sound();
}

static uint64_t make(bool ending, uint64_t page, uint64_t npages)
{
	struct store_new new = {
		.perms = TWZ_READ, .ending = ending, .page = page, .npages = npages};
	uint64_t ref = 0;

	assert_int_equal(store_create(s, &new, &ref), 0);
	return ref;
}

static struct twz_id id_of(uint64_t ref)
{
	return store_record(s, ref)->id;
}

static void test_format(void **state)
{
	uint8_t *base = sim_memory(16 * MIB);

	(void)state;
	assert_int_equal(store_format(base, 16 * MIB - 1, test_random), TWZ_E_ARG);
	assert_int_equal(store_mount(s, base, 16 * MIB, test_random), TWZ_E_NOTSTORE);
	assert_int_equal(store_format(base, 17 * MIB, test_random), 0);
	assert_int_equal(store_mount(s, base, 15 * MIB, test_random), TWZ_E_NOTSTORE);
	assert_int_equal(store_mount(s, base, 16 * MIB, test_random), 0);
	assert_int_equal(s->nframes, 4096);
	assert_int_equal(s->super->epoch, 2);
	sound();
	/* The second copy of the superblock steps in for a damaged first one. */
	base[64] ^= 1;
	assert_int_equal(store_mount(s, base, 16 * MIB, test_random), 0);
	assert_int_equal(s->super->epoch, 3);
	base[64] ^= 1;
	base[4096 + 64] ^= 1;
	assert_int_equal(store_mount(s, base, 16 * MIB, test_random), TWZ_E_DAMAGED);
}

static void test_versions(void **state)
{
	uint8_t *base = sim_memory(16 * MIB);
	struct twz_super_fixed *one, *two;

	(void)state;
	assert_int_equal(store_format(base, 16 * MIB, test_random), 0);
	one = (void *)base;
	two = (void *)(base + TWZ_PAGE);
	one->must = two->must = 1;
	assert_int_equal(store_mount(s, base, 16 * MIB, test_random), TWZ_E_VERSION);
	one->must = two->must = 0;
	one->version = two->version = 2;
	assert_int_equal(store_mount(s, base, 16 * MIB, test_random), TWZ_E_VERSION);
}

static void test_create(void **state)
{
	uint64_t a, b, found;
	struct store_usage before, after;

	(void)state;
	fresh(16 * MIB);
	store_usage(s, &before);
	a = make(false, 1024, 1);
	b = make(true, 0, 0);
	assert_int_equal(store_find(s, id_of(a), &found), 0);
	assert_int_equal(found, a);
	assert_int_equal(store_find(s, id_of(b), &found), 0);
	assert_int_equal(found, b);
	assert_int_equal(store_find(s, (struct twz_id){1, 2}, &found), TWZ_E_NOTFOUND);
	assert_non_null(store_page(s, a, 1024));
	assert_null(store_page(s, a, 1025));
	assert_null(store_page(s, a, 0));
	sound();
	assert_int_equal(store_delete(s, a), 0);
	assert_int_equal(store_find(s, id_of(a), &found), TWZ_E_NOTFOUND);
	assert_int_equal(store_delete(s, b), 0);
	sound();
	assert_int_equal(store_drain(s, 1), 1);
	sound();
	assert_int_equal(store_drain(s, 100), 0);
	sound();
	store_usage(s, &after);
	assert_int_equal(after.objects, before.objects);
	assert_int_equal(after.used,
			 before.used + 2); /* the slab's and the index's first frame stay */
}

/* A sparse image: what was reserved, in pages; and which page the medium has no room for. */
static bool reserved[16 * MIB / TWZ_PAGE];
static uint64_t no_room;

static int reserve(uint64_t offset, uint64_t bytes)
{
	for (uint64_t page = offset / TWZ_PAGE; page * TWZ_PAGE < offset + bytes; page++) {
		if (page == no_room)
			return TWZ_E_FULL;
		reserved[page] = true;
	}
	return 0;
}

/* A frame is reserved before it is taken, and before that the entry of its block. */
static void test_reserve(void **state)
{
	const struct store_new new = {.perms = TWZ_READ, .page = 1024, .npages = 3};
	uint64_t ref;

	(void)state;
	fresh(16 * MIB);
	s->reserve = reserve;
	no_room = s->fixed->block.frame;
	assert_int_equal(store_create(s, &new, &ref), TWZ_E_FULL);
	assert_int_equal(s->super->nobjects, 0);
	no_room = 0;
	assert_int_equal(store_create(s, &new, &ref), 0);
	assert_true(reserved[s->fixed->block.frame]);
	for (uint64_t page = 1024; page < 1027; page++)
		assert_true(reserved[((uint8_t *)store_page(s, ref, page) - s->base) / TWZ_PAGE]);
	sound();
}

static void test_ending(void **state)
{
	uint64_t kept, gone, found;
	struct twz_id kept_id, gone_id;

	(void)state;
	fresh(16 * MIB);
	kept = make(true, 1024, 3);
	gone = make(true, 1024, 3);
	kept_id = id_of(kept);
	gone_id = id_of(gone);
	(void)make(true, 1024, 1);
	assert_int_equal(store_keep(s, kept), 0);
	assert_int_equal(store_keep(s, kept), 0);
	sound();
	/* Joining the same epoch loses nothing, the next epoch does. */
	assert_int_equal(store_attach(s, s->base, 16 * MIB, test_random), 0);
	assert_int_equal(store_find(s, gone_id, &found), 0);
	assert_int_equal(store_mount(s, s->base, 16 * MIB, test_random), 0);
	assert_int_equal(store_find(s, gone_id, &found), TWZ_E_NOTFOUND);
	assert_int_equal(store_find(s, kept_id, &found), 0);
	assert_int_equal(store_keep(s, gone), TWZ_E_NOTFOUND);
	sound();
	(void)make(true, 1024, 1);
	assert_int_equal(store_mount(s, s->base, 16 * MIB, test_random), 0);
	sound();
	assert_int_equal(store_drain(s, 1000), 0);
	assert_int_equal(s->super->nobjects, 1);
	sound();
}

static void test_pages(void **state)
{
	uint64_t a, frames[4] = {2, 300, 1024, 1040};
	struct store_run run;

	(void)state;
	fresh(64 * MIB);
	a = make(false, 0, 0);
	assert_int_equal(store_make(s, a, 0, 1), TWZ_E_RANGE);
	assert_int_equal(store_make(s, a, STORE_PAGES_MAX - 1, 2), TWZ_E_RANGE);
	for (int i = 0; i < 4; i++)
		assert_int_equal(store_make(s, a, frames[i], i + 1), 0);
	assert_int_equal(store_record(s, a)->level, 0);
	assert_int_equal(store_record(s, a)->npages, 10);
	sound();
	assert_int_equal(store_make(s, a, 5000, 1), 0); /* a fifth run: becomes a tree */
	assert_int_equal(store_record(s, a)->level, 2);
	assert_int_equal(store_record(s, a)->npages, 11);
	sound();
	assert_int_equal(store_run(s, a, 1040, 100, &run), 0);
	assert_int_equal(run.pages, 4);
	assert_int_equal(store_run(s, a, 1044, 10000, &run), 0);
	assert_int_equal(run.frame, 0);
	assert_int_equal(run.pages, 1536 - 1044 > run.pages ? run.pages : 1536 - 1044);
	assert_int_equal(store_make(s, a, STORE_PAGES_MAX - 1, 1), 0);
	assert_int_equal(store_record(s, a)->level, 4);
	assert_int_equal(store_make(s, a, 1024, 2000), 0);
	sound();
	assert_int_equal(store_drop(s, a, 1000, 1000), 0);
	assert_null(store_page(s, a, 1024));
	assert_non_null(store_page(s, a, 2000));
	sound();
	assert_int_equal(store_drop(s, a, 1, STORE_PAGES_MAX - 1), 0);
	assert_int_equal(store_record(s, a)->npages, 0);
	sound();
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

static void test_copy(void **state)
{
	uint64_t a, b, c, used;

	(void)state;
	fresh(64 * MIB);
	a = make(false, 0, 0);
	for (uint64_t i = 0; i < 3000; i++)
		fill(a, 1024 + i, (uint8_t)(i % 250 + 1));
	fill(a, 2, 7);
	fill(a, 300, 9);
	b = make(false, 0, 0);
	used = s->super->nused;
	assert_int_equal(store_copy(s, b, 1, a, 1, STORE_PAGES_MAX - 1), 0);
	assert_true(s->super->nused - used < 8);
	sound();
	assert_int_equal(byte_at(b, 2), 7);
	assert_int_equal(byte_at(b, 300), 0); /* no log */
	assert_int_equal(byte_at(b, 2500), byte_at(a, 2500));
	fill(b, 2500, 255);
	assert_int_equal(byte_at(b, 2500), 255);
	assert_int_not_equal(byte_at(a, 2500), 255);
	sound();
	/* A copy of the copy, shifted: page by page. */
	c = make(false, 0, 0);
	assert_int_equal(store_copy(s, c, 5001, b, 1024, 2000), 0);
	assert_int_equal(byte_at(c, 5001 + 2500 - 1024), 255);
	sound();
	assert_int_equal(store_copy(s, c, 5001, a, 1024, 2000), 0);
	assert_int_not_equal(byte_at(c, 5001 + 2500 - 1024), 255);
	sound();
	assert_int_equal(store_delete(s, a), 0);
	assert_int_equal(store_drain(s, 1000), 0);
	sound();
	assert_int_equal(byte_at(b, 1024 + 2999), 2999 % 250 + 1);
	assert_int_equal(store_delete(s, c), 0);
	assert_int_equal(store_delete(s, b), 0);
	assert_int_equal(store_drain(s, 1000), 0);
	assert_int_equal(s->super->nobjects, 0);
	sound();
}

/* More copies of one page than a share byte counts. */
static void test_many_copies(void **state)
{
	uint64_t a, copies[300];

	(void)state;
	fresh(64 * MIB);
	a = make(false, 0, 0);
	fill(a, 1024, 42);
	for (int i = 0; i < 300; i++) {
		copies[i] = make(false, 0, 0);
		assert_int_equal(store_copy(s, copies[i], 1024, a, 1024, 1), 0);
	}
	sound();
	for (int i = 0; i < 300; i++)
		assert_int_equal(byte_at(copies[i], 1024), 42);
	for (int i = 0; i < 300; i++)
		assert_int_equal(store_delete(s, copies[i]), 0);
	assert_int_equal(store_drain(s, 10000), 0);
	sound();
	fill(a, 1024, 43);
	sound();
}

/*
 * A leaf that is a whole block in order: shared by one word of the block, more often than the word
 * counts, with pages of the copies written and copies deleted in between.
 */
static void test_block(void **state)
{
	uint64_t a, copies[200];

	(void)state;
	fresh(64 * MIB);
	a = make(false, 0, 0);
	assert_int_equal(store_make(s, a, 1024, 512), 0);
	for (uint64_t i = 0; i < 512; i += 100)
		fill(a, 1024 + i, (uint8_t)(i / 100 + 1));
	for (int i = 0; i < 200; i++) {
		uint64_t page = 1024 + next_random() % 512;

		copies[i] = make(false, 0, 0);
		assert_int_equal(store_copy(s, copies[i], 1024, a, 1024, 512), 0);
		fill(copies[i], page, 200); /* un-shares the leaf */
		assert_int_equal(byte_at(copies[i], page), 200);
		if (i % 3 == 2) {
			assert_int_equal(store_delete(s, copies[i - 1]), 0);
			assert_int_equal(store_drain(s, 1000), 0);
			copies[i - 1] = 0;
		}
		if (i % 10 == 0)
			sound();
	}
	sound();
	for (uint64_t i = 0; i < 512; i += 100)
		assert_int_equal(byte_at(a, 1024 + i), i / 100 + 1);
	/* The source goes first: its frames have other holders. */
	assert_int_equal(store_delete(s, a), 0);
	assert_int_equal(store_drain(s, 1000), 0);
	sound();
	for (int i = 0; i < 200; i++)
		if (copies[i])
			assert_int_equal(store_delete(s, copies[i]), 0);
	assert_int_equal(store_drain(s, 10000), 0);
	assert_int_equal(s->super->nobjects, 0);
	sound();
	/* The frames can be used again, whatever their bytes say. */
	a = make(false, 0, 0);
	assert_int_equal(store_make(s, a, 1024, 5000), 0);
	fill(a, 1024 + 2000, 9);
	sound();
}

static void test_full(void **state)
{
	uint64_t a, b, last = 0, before;
	struct store_new new = {.page = 1024, .npages = 1};

	(void)state;
	fresh(16 * MIB);
	a = make(false, 0, 0);
	b = make(false, 1024, 100);
	fill(b, 1024, 5);
	while (!store_make(s, a, 1024 + last, 64))
		last += 64;
	while (!store_make(s, a, 1024 + last, 1))
		last++;
	assert_int_equal(store_make(s, a, 1024 + last, 1), TWZ_E_FULL);
	sound();
	for (before = s->super->nobjects; !store_create(s, &new, &last); before++)
		;
	assert_int_equal(s->super->nobjects, before);
	assert_int_equal(byte_at(b, 1024), 5);
	sound();
	/* Deleting needs no room; what is dying is used before "full" is said. */
	assert_int_equal(store_delete(s, a), 0);
	sound();
	assert_int_equal(store_create(s, &new, &last), 0);
	assert_int_equal(store_drain(s, 1000), 0);
	sound();
}

/* The root of its pages, given one by one, is what the identity says; a bit of one that is another, not. */
static void check_root_of(uint64_t object, uint64_t pages)
{
	const uint8_t *root = store_record(s, object)->identity.root;
	struct store_given given[8] = {
		{TWZ_OBJ_META / TWZ_PAGE, store_page(s, object, TWZ_OBJ_META / TWZ_PAGE)}};
	uint8_t have[32], copy[TWZ_PAGE] __attribute__((aligned(8)));

	for (uint64_t i = 0; i < pages; i++)
		given[i + 1] = (struct store_given){1024 + i, store_page(s, object, 1024 + i)};
	store_root_of(given, (unsigned)pages + 1, have);
	assert_memory_equal(have, root, sizeof(have));
	memcpy(copy, given[pages].data, sizeof(copy));
	copy[77] ^= 1;
	given[pages].data = copy;
	store_root_of(given, (unsigned)pages + 1, have);
	assert_memory_not_equal(have, root, sizeof(have));
	store_root_of(given, 0, have);
	for (unsigned i = 0; i < sizeof(have); i++)
		assert_int_equal(have[i], 0);
}

static void test_seal(void **state)
{
	uint64_t a, b, one, two, found;
	uint64_t size = 3 * TWZ_PAGE + 100;

	(void)state;
	fresh(64 * MIB);
	a = make(false, 0, 0);
	b = make(false, 0, 0);
	for (int i = 0; i < 5; i++) {
		fill(a, 1024 + (uint64_t)i, (uint8_t)(i + 1));
		fill(b, 1024 + (uint64_t)i, (uint8_t)(i + 1));
	}
	((uint8_t *)store_page(s, b, 1027))[101] = 99; /* behind the end */
	assert_int_equal(store_seal(s, a, size, 0, TWZ_READ, (struct twz_id){0}, &one), 0);
	sound();
	assert_int_equal(store_seal(s, b, size, 0, TWZ_READ, (struct twz_id){0}, &two), 0);
	assert_int_equal(one, two);
	check_root_of(one, 4);
	assert_int_equal(store_find(s, id_of(one), &found), 0);
	assert_int_equal(store_make(s, one, 1024, 1), TWZ_E_SEALED);
	for (uint64_t page = 1024; page < 1028; page++)
		assert_int_equal(store_verify(s, one, page), 0);
	assert_int_equal(store_verify(s, one, 1028), TWZ_E_RANGE);
	assert_int_equal(store_verify(s, a, 1024), TWZ_E_TYPE);
	((uint8_t *)store_page(s, one, 1025))[5] ^= 1;
	assert_int_equal(store_verify(s, one, 1024), 0);
	assert_int_equal(store_verify(s, one, 1025), TWZ_E_DAMAGED);
	((uint8_t *)store_page(s, one, 1025))[5] ^= 1;
	/* A forged digest is found by the root. */
	((uint8_t *)store_page(s, one, 256 + 1024 * 32 / TWZ_PAGE))[0] ^= 1;
	assert_int_equal(store_verify(s, one, 1025), TWZ_E_DAMAGED);
	((uint8_t *)store_page(s, one, 256 + 1024 * 32 / TWZ_PAGE))[0] ^= 1;
	fill(b, 1026, 77);
	assert_int_equal(store_seal(s, b, size, 0, TWZ_READ, (struct twz_id){0}, &two), 0);
	assert_int_not_equal(one, two);
	/* So large that digests of 2 MiB parts are kept. */
	fill(a, 1024 + 40000, 1);
	assert_int_equal(store_seal(s, a, 40001 * TWZ_PAGE, 0, TWZ_READ, (struct twz_id){0}, &two),
			 0);
	assert_int_equal(store_verify(s, two, 1024 + 40000), 0);
	((uint8_t *)store_page(s, two, 1024 + 40000))[5] ^= 1;
	assert_int_equal(store_verify(s, two, 1024 + 40000 - 50), TWZ_E_DAMAGED);
	((uint8_t *)store_page(s, two, 1024 + 40000))[5] ^= 1;
	assert_int_equal(store_drain(s, 10000), 0);
	sound();
}

/* What an object went through does not count, only what it holds: the same ID. */
static void test_seal_history(void **state)
{
	struct twz_fot_entry plain[3] = {{0}, {.kind = TWZ_FOT_ID, .target = {5, 6}}};
	struct twz_fot_entry lived[3] = {
		{.head = 1},
		{.kind = TWZ_FOT_ID, .flags = TWZ_FOT_HOLD, .target = {5, 6}},
		{.kind = TWZ_FOT_TOMB}};
	struct twz_meta meta[2] = {
		{.magic = TWZ_META_MAGIC, .version = 1, .fot_next = 1, .fot_live = 1},
		{.magic = TWZ_META_MAGIC,
		 .version = 1,
		 .fot_next = 2,
		 .fot_live = 1,
		 .log.retired = 9}};
	uint64_t a, b, one, two;

	(void)state;
	fresh(16 * MIB);
	a = make(false, 0, 0);
	b = make(false, 0, 0);
	fill(a, 2, 0);
	fill(b, 2, 0);
	fill(a, 512, 0);
	fill(b, 512, 0);
	memcpy(store_page(s, a, 2), &meta[0], sizeof(meta[0]));
	memcpy(store_page(s, b, 2), &meta[1], sizeof(meta[1]));
	memcpy(store_page(s, a, 512), plain, sizeof(plain));
	memcpy(store_page(s, b, 512), lived, sizeof(lived));
	assert_int_equal(store_seal(s, a, 0, 0, TWZ_READ, (struct twz_id){0}, &one), 0);
	assert_int_equal(store_seal(s, b, 0, 0, TWZ_READ, (struct twz_id){0}, &two), 0);
	assert_int_equal(one, two);
}

static void test_many(void **state)
{
	static uint64_t refs[20000];
	static struct twz_id ids[20000];
	uint64_t found, cursor = 0, n = 0;

	(void)state;
	fresh(64 * MIB);
	for (int i = 0; i < 20000; i++) {
		refs[i] = make(false, 0, 0);
		ids[i] = id_of(refs[i]);
	}
	sound();
	while (!store_next(s, &cursor, &found))
		n++;
	assert_int_equal(n, 20000);
	for (int i = 0; i < 20000; i += 2)
		assert_int_equal(store_delete(s, refs[i]), 0);
	for (int i = 0; i < 20000; i++)
		assert_int_equal(store_find(s, ids[i], &found), i % 2 ? 0 : TWZ_E_NOTFOUND);
	assert_int_equal(store_drain(s, 100000), 0);
	sound();
}

/* Random operations against a model: contents by page, a byte each. */

#define OBJECTS 6
#define PAGES 3000u

static struct {
	uint64_t ref;
	bool live;
	uint8_t page[PAGES];
} model[OBJECTS];

static void model_compare(int i)
{
	if (!model[i].live)
		return;
	for (uint64_t page = 1; page < PAGES; page++)
		if (byte_at(model[i].ref, page) != model[i].page[page])
			fail_msg("object %d, page %llu: %d, expected %d", i,
				 (unsigned long long)page, byte_at(model[i].ref, page),
				 model[i].page[page]);
}

static void model_copy(int from, int to)
{
	uint64_t src, dst, n;

	if (from == to || !model[from].live || !model[to].live)
		return;
	src = 1 + next_random() % (PAGES - 1);
	dst = next_random() % 2 ? src : 1 + next_random() % (PAGES - 1);
	if (next_random() % 4 == 0)
		src = dst = 1;
	n = next_random() % (PAGES - (src > dst ? src : dst) + 1);
	assert_int_equal(store_copy(s, model[to].ref, dst, model[from].ref, src, n), 0);
	if (dst <= 2 && n > 2 - dst)
		memset(model[to].page + 256, 0, 256); /* with a meta page goes the log */
	for (uint64_t i = 0; i < n; i++) {
		bool log = (src + i >= 256 && src + i < 512) || (dst + i >= 256 && dst + i < 512);

		model[to].page[dst + i] = log ? 0 : model[from].page[src + i];
	}
}

static void model_step(void)
{
	int i = (int)(next_random() % OBJECTS);
	uint64_t page = 1 + next_random() % (PAGES - 1), n = 1 + next_random() % 40;

	switch (next_random() % 12) {
	case 0:
		if (!model[i].live) {
			model[i].live = true;
			model[i].ref = make(false, 0, 0);
			memset(model[i].page, 0, PAGES);
		}
		break;
	case 1:
		if (model[i].live && next_random() % 4 == 0) {
			assert_int_equal(store_delete(s, model[i].ref), 0);
			model[i].live = false;
		}
		break;
	case 2:
		(void)store_drain(s, 3);
		break;
	case 3:
	case 4:
		if (model[i].live) {
			n = next_random() % (PAGES - page + 1);
			assert_int_equal(store_drop(s, model[i].ref, page, n), 0);
			memset(model[i].page + page, 0, n);
		}
		break;
	case 5:
	case 6:
	case 7:
		model_copy(i, (int)(next_random() % OBJECTS));
		break;
	default:
		for (; model[i].live && n && page < PAGES; n--, page++) {
			fill(model[i].ref, page, (uint8_t)(1 + next_random() % 255));
			model[i].page[page] = (uint8_t)byte_at(model[i].ref, page);
		}
	}
}

static void test_model(void **state)
{
	(void)state;
	for (int seed = 1; seed <= 5; seed++) {
		random_state = (uint64_t)seed;
		memset(model, 0, sizeof(model));
		fresh(128 * MIB);
		for (int step = 0; step < 400; step++) {
			model_step();
			if (step % 4 == 0)
				sound();
			if (step % 20 == 0)
				for (int i = 0; i < OBJECTS; i++)
					model_compare(i);
		}
		for (int i = 0; i < OBJECTS; i++)
			model_compare(i);
		for (int i = 0; i < OBJECTS; i++)
			if (model[i].live)
				assert_int_equal(store_delete(s, model[i].ref), 0);
		assert_int_equal(store_drain(s, 100000), 0);
		sound();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_format),  cmocka_unit_test(test_versions),
		cmocka_unit_test(test_create),  cmocka_unit_test(test_ending),
		cmocka_unit_test(test_reserve), cmocka_unit_test(test_pages),
		cmocka_unit_test(test_copy),    cmocka_unit_test(test_many_copies),
		cmocka_unit_test(test_block),   cmocka_unit_test(test_full),
		cmocka_unit_test(test_seal),    cmocka_unit_test(test_many),
		cmocka_unit_test(test_model),   cmocka_unit_test(test_seal_history),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
