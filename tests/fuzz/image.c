/*
 * image.c - fuzzer: a store whose words were changed. Whatever is in the image, the store gives an
 * answer or an error; it never crashes, leaves the image or goes in circles.
 *
 * A small store with one of everything is made once. An input is a list of patches of 12 bytes: a
 * frame (of those in use), a word in it and how, the new value. A patch may also mend the checksum
 * of the structure that the word lies in, so that the damage gets past it.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/check.h"
#include "core/pmem.h"
#include "core/ptr.h"
#include "core/sum.h"
#include "core/tx.h"

#define BYTES (16ull << 20)
#define FRAMES (BYTES / TWZ_PAGE)

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int image;              /* memfd: the sound store */
static uint8_t *base;          /* a private copy of it, fresh for each input */
static uint32_t frame[FRAMES]; /* in use */
static uint32_t nframes;
static struct store store;
static uint8_t scratch[CHECK_SCRATCH(FRAMES)];

static uint64_t random_state;

static void random_bytes(void *out, uint64_t bytes)
{
	for (uint8_t *p = out; bytes--; p++) {
		random_state = random_state * 6364136223846793005u + 1442695040888963407u;
		*p = (uint8_t)(random_state >> 56);
	}
}

static void must(int error, const char *what)
{
	if (error) {
		fprintf(stderr, "image: the sound store: %s: %d\n", what, error);
		abort();
	}
}

/* ---- the sound store ------------------------------------------------------------------------------ */

static struct twz_id key; /* that objects are made under */

static uint64_t make(uint32_t type, bool ending, uint64_t page, uint64_t pages)
{
	struct store_new new = {.type = type,
				.perms = TWZ_PERM_ALL,
				.key = key,
				.ending = ending,
				.page = page,
				.npages = pages};
	uint64_t ref;

	must(store_create(&store, &new, &ref), "create");
	return ref;
}

/* ---- a transaction that a crash left between its commit point and its end -------------------------- */

#define PARTS 3
#define SLOT(n) ((uint8_t *)(0x200000000000 + (uint64_t)(n)*TWZ_SLOT_SIZE))

static struct twz_id part_id[PARTS];

static struct twz_id id_of(const void *p)
{
	return part_id[((uintptr_t)p - (uintptr_t)SLOT(0)) / TWZ_SLOT_SIZE];
}

static int touch(void *addr, uint64_t bytes)
{
	(void)addr;
	(void)bytes;
	return 0; /* what is needed was made before */
}

static void map_page(uint64_t ref, uint8_t *slot, uint64_t off)
{
	struct store_run run;

	must(store_make(&store, ref, off / TWZ_PAGE, 1), "make");
	must(store_run(&store, ref, off / TWZ_PAGE, 1, &run), "run");
	if (mmap(slot + off, TWZ_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, image,
		 (off_t)(run.frame * TWZ_PAGE)) != slot + off)
		abort();
}

static void leave_transaction(void)
{
	struct twz_tx tx;

	tx_env.owner = store.super->epoch << 32 | 1;
	tx_env.touch = touch;
	tx_env.id = id_of;
	twz_tx_begin(&tx);
	for (unsigned i = 0; i < PARTS; i++) {
		uint64_t ref = make(TWZ_TYPE_DATA, false, TWZ_OBJ_DATA / TWZ_PAGE, 1);

		part_id[i] = store_record(&store, ref)->id;
		map_page(ref, SLOT(i), TWZ_OBJ_META);
		map_page(ref, SLOT(i), TWZ_OBJ_LOG);
		map_page(ref, SLOT(i), TWZ_OBJ_DATA);
		must(twz_tx_set(&tx, (uint64_t *)(SLOT(i) + TWZ_OBJ_DATA + 64), 1234 + i), "set");
	}
	must(twz_tx_commit(&tx), "commit");
	for (unsigned i = 0; i < PARTS; i++) {
		struct twz_log_head *head = &obj_meta(SLOT(i))->log;

		head->retired--;
		*(uint64_t *)(SLOT(i) + TWZ_OBJ_DATA + 64) = 0;
		munmap(SLOT(i), TWZ_SLOT_SIZE);
	}
}

static void tie(uint64_t ref, uint64_t to, uint32_t flags)
{
	must(store_tie(&store, ref, to, flags), "tie");
}

/* Each to some before it; a circle; marked and gone ones; several to two that are dying. */
static void make_ties(void)
{
	const uint64_t data = TWZ_OBJ_DATA / TWZ_PAGE;
	uint64_t ref[12];

	for (unsigned i = 0; i < 12; i++) {
		key.lo = i % 3;
		ref[i] = make(TWZ_TYPE_DATA, i % 4 == 3, data, 1);
		for (unsigned k = i % 2; k < i; k += 3)
			tie(ref[i], ref[k], TWZ_TIE_ENDING | (1 + i % 3));
	}
	key.lo = 0;
	tie(ref[1], ref[10], TWZ_TIE_HOLD);
	must(store_delete(&store, ref[9]), "mark");
	must(store_delete(&store, ref[0]), "delete what others are tied to");
	must(store_leave(&store, make(TWZ_TYPE_DATA, false, data, 1)), "leave");
}

static void make_store(void)
{
	const uint64_t data = TWZ_OBJ_DATA / TWZ_PAGE, far = STORE_PAGES_MAX - 1;
	uint64_t root, big, copy, sealed, dead;

	must(store_format(base, BYTES, random_bytes), "format");
	must(store_mount(&store, base, BYTES, random_bytes), "mount");
	root = make(TWZ_TYPE_NAMESPACE, false, data, 1);
	must(store_set_name(&store, STORE_ROOT, store_record(&store, root)->id), "root");
	big = make(TWZ_TYPE_DATA, false, data, 40);
	must(store_make(&store, big, data + 700, 3), "make");
	must(store_make(&store, big, far, 1), "make far");
	memset(store_page(&store, big, data), 0x5a, TWZ_PAGE);
	copy = make(TWZ_TYPE_DATA, false, 0, 0);
	must(store_copy(&store, copy, 1, big, 1, far), "copy");
	must(store_make(&store, copy, data + 1, 1), "write to a copy");
	must(store_seal(&store, big, 20 * TWZ_PAGE, TWZ_TYPE_DATA, TWZ_READ, (struct twz_id){0, 0},
			&sealed),
	     "seal");
	leave_transaction();
	make(TWZ_TYPE_VIEW, true, TWZ_OBJ_META / TWZ_PAGE, 1);
	make_ties();
	for (unsigned i = 0; i < 20; i++)
		make(TWZ_TYPE_DATA, i % 2, data + i, i % 3);
	for (unsigned i = 0; i < 6; i++) {
		key.lo = 1 + i / 2;
		copy = make(TWZ_TYPE_DATA, i % 2, data, i);
		must(store_copy(&store, copy, data + 100, big, data, 20), "copy under a key");
		must(store_limit_key(&store, key, i == 2 ? 1000 : 0, 0), "limit");
	}
	must(store_delete(&store, copy), "delete under a key");
	dead = make(TWZ_TYPE_DATA, false, data, 200);
	must(store_make(&store, dead, data + 200, 400), "make");
	must(store_delete(&store, dead), "delete");
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	image = memfd_create("image", MFD_CLOEXEC);
	if (image < 0 || ftruncate(image, BYTES))
		abort();
	base = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, image, 0);
	if (base == MAP_FAILED)
		abort();
	pmem.kind = pmem_probe();
	make_store();
	for (uint32_t f = 0; f < FRAMES; f++) {
		const struct twz_block *b =
			(const void *)(base + store.fixed->block.frame * TWZ_PAGE);

		if (b[f / 512].used[f % 512 / 64] >> f % 64 & 1)
			frame[nframes++] = f;
	}
	return 0;
}

/* ---- patches ---------------------------------------------------------------------------------------- */

/* The summed structure (by twz_sum_at) that the word lies in: its first byte and its sum. */
static bool summed(uint64_t off, uint64_t *start, uint64_t *sum)
{
	const struct twz_super_fixed *fixed = (const void *)base;
	uint64_t f = off / TWZ_PAGE, in = off % TWZ_PAGE, block;
	uint32_t magic;

	memcpy(&magic, base + f * TWZ_PAGE, sizeof(magic));
	block = (uint64_t)fixed->block.frame * TWZ_PAGE;
	if (off >= TWZ_SUPER_AT && off < TWZ_SUPER_AT + sizeof(struct twz_super)) {
		*start = TWZ_SUPER_AT;
		*sum = *start + offsetof(struct twz_super, sum);
	} else if (off >= block && off < block + fixed->block.frames * TWZ_PAGE) {
		*start = off / sizeof(struct twz_block) * sizeof(struct twz_block);
		*sum = *start + offsetof(struct twz_block, sum);
	} else if (magic == TWZ_NODE_MAGIC) {
		*start = f * TWZ_PAGE;
		*sum = *start + offsetof(struct twz_node, sum);
	} else if (magic == TWZ_BUCKET_MAGIC) {
		*start = f * TWZ_PAGE;
		*sum = *start + offsetof(struct twz_bucket, sum);
	} else if (magic == TWZ_SLAB_MAGIC && in >= sizeof(struct twz_slab_head)) {
		const struct twz_slab_head *head = (const void *)(base + f * TWZ_PAGE);
		uint64_t bytes = head->kind == TWZ_SLAB_RECORD ? sizeof(struct twz_record)
							       : sizeof(struct twz_account);

		*start = off - (in - sizeof(*head)) % bytes;
		*sum = *start + bytes - 8; /* the last word of each */
		if (*sum >= (f + 1) * TWZ_PAGE)
			return false;
	} else {
		return false;
	}
	return off != *sum;
}

static void patch(uint64_t off, uint64_t value, bool mend)
{
	uint64_t *word = (uint64_t *)(base + off), start, sum;

	if (mend && summed(off, &start, &sum)) {
		uint64_t at = (off - start) / 8;

		*(uint64_t *)(base + sum) += twz_sum_at(at, value) - twz_sum_at(at, *word);
	}
	*word = value;
	if (mend && off < offsetof(struct twz_super_fixed, sum))
		*(uint64_t *)(base + offsetof(struct twz_super_fixed, sum)) =
			twz_sum(0, base, offsetof(struct twz_super_fixed, sum));
}

enum { MEND = 1, XOR = 2 };

static void patch_all(const uint8_t *data, size_t size)
{
	for (; size >= 12; data += 12, size -= 12) {
		uint16_t which, how;
		uint64_t off, value;

		memcpy(&which, data, 2);
		memcpy(&how, data + 2, 2);
		memcpy(&value, data + 4, 8);
		off = frame[which % nframes] * TWZ_PAGE + (how >> 2) % 512 * 8;
		if (how & XOR)
			value ^= *(uint64_t *)(base + off);
		patch(off, value, how & MEND);
	}
}

/* ---- what is done with it --------------------------------------------------------------------------- */

static void ignore(void *arg, const char *invariant, uint64_t at, const char *what)
{
	(void)arg;
	(void)at;
	if (!invariant[0] || !what[0])
		abort();
}

static void check(void)
{
	struct check c = {.report = ignore, .scratch = scratch};

	memset(scratch, 0, sizeof(scratch));
	if ((store_check(&store, &c) == 0) != (c.nviolations == 0))
		abort(); /* the verdict and the reports disagree */
}

/* Reads every page that the object says it has, of the first nodes and at the far end. */
static void read_pages(uint64_t ref)
{
	struct store_run run;
	uint64_t total = 0;

	for (uint64_t page = 0, n = 0; page < STORE_PAGES_MAX && n < 64; page += run.pages, n++) {
		if (store_run(&store, ref, page, STORE_PAGES_MAX - page, &run))
			return;
		if (!run.pages || (run.frame && run.frame + run.pages > FRAMES))
			abort();
		for (uint64_t i = 0; run.frame && i < run.pages; i++) {
			const uint8_t *p = store_page(&store, ref, page + i);

			total += p ? p[0] + p[TWZ_PAGE - 1] : 0;
		}
		if (run.frame)
			total += (uint64_t)store_verify(&store, ref, page);
	}
	store_page(&store, ref, STORE_PAGES_MAX - 1);
	__asm__ volatile("" ::"r"(total));
}

/* The list of registered views has an end, whatever it says. */
static void walk_views(void)
{
	uint64_t ref = 0, n = 0;

	while (!store_view_next(&store, &ref))
		if (n++ > FRAMES * TWZ_SLAB_RECORDS)
			abort();
}

/* Under its key and under others: what an account says of itself. */
static void use_accounts(uint64_t ref, uint64_t n)
{
	const struct twz_record *record = store_record(&store, ref);
	struct twz_id under = record ? record->identity.key : (struct twz_id){0};
	struct store_new new = {.key = under, .page = 1024, .npages = n % 5};
	struct twz_account account;
	uint64_t made;

	if (!record) /* damage has cost it */
		return;
	store_account(&store, under, &account);
	store_limit_key(&store, under, n * 100, 0);
	if (!store_create(&store, &new, &made))
		store_make(&store, made, 1000 + n, 40);
	new.key.lo = n % 8;
	store_create(&store, &new, &made);
	store_limit_key(&store, new.key, n % 3, 0);
}

/* Walks have an end, whatever the lists say. */
static void walk_ties(uint64_t ref, bool in)
{
	uint64_t other = 0, n = 0;
	uint32_t kinds;

	while (!store_tie_next(&store, ref, in, &other, &kinds))
		if (n++ > FRAMES * TWZ_SLAB_SMALL)
			abort();
}

static void use_ties(uint64_t ref, uint64_t to, uint64_t n)
{
	struct store_new new = {.perms = TWZ_READ, .tie = ref, .tie_flags = n % 8};
	uint64_t made, other = 0;
	uint32_t kinds;

	if (!store_create(&store, &new, &made))
		store_tie(&store, to, made, TWZ_TIE_ENDING);
	store_tie(&store, ref, to, n % 8);
	if (!store_tie_next(&store, ref, n % 2, &other, &kinds))
		store_untie(&store, n % 2 ? other : ref, n % 2 ? ref : other, kinds);
	if (n % 5 == 1)
		store_end(&store, ref);
	if (n % 5 == 2 && !store_leave(&store, to))
		store_delete_gone(&store, to);
}

static void use(bool fresh)
{
	struct store_new new = {
		.type = TWZ_TYPE_VIEW, .perms = TWZ_PERM_ALL, .page = 1024, .npages = 5};
	const struct twz_record *record;
	struct store_usage usage;
	uint64_t cursor = 0, ref, copy, sealed, n = 0;
	int error;

	memset(&store, 0, sizeof(store));
	if (fresh ? store_mount(&store, base, BYTES, random_bytes)
		  : store_attach(&store, base, BYTES, random_bytes))
		return;
	check();
	walk_views();
	store_usage(&store, &usage);
	/* A walk may not be endless: there is no room for so many records. */
	while ((error = store_next(&store, &cursor, &ref)) != TWZ_E_NOTFOUND) {
		uint64_t found;

		if (n++ > FRAMES * TWZ_BUCKET_SLOTS)
			abort();
		if (error)
			continue;
		store_find(&store, store_record(&store, ref)->id, &found);
		read_pages(ref);
		walk_ties(ref, false);
		walk_ties(ref, true);
		if (store_unsettled(&store, ref))
			store_settle(&store, ref);
		if (n % 4 == 0)
			store_keep(&store, ref);
	}
	cursor = 0;
	for (n = 0; n < 40 && (error = store_next(&store, &cursor, &ref)) != TWZ_E_NOTFOUND; n++) {
		if (error || store_create(&store, &new, &copy))
			continue;
		store_copy(&store, copy, 1, ref, 1, STORE_PAGES_MAX - 1);
		store_make(&store, copy, TWZ_OBJ_DATA / TWZ_PAGE, 2);
		store_drop(&store, ref, TWZ_OBJ_DATA / TWZ_PAGE + 1, 600);
		record = store_record(&store, ref); /* damage may have cost it by now */
		if (!n && record)                   /* hashes megabytes */
			store_seal(&store, ref, 3 * TWZ_PAGE, TWZ_TYPE_DATA, TWZ_READ,
				   record->identity.key, &sealed);
		use_accounts(ref, n);
		use_ties(ref, copy, n);
		store_view_register(&store, copy, true);
		store_limit(&store, n % 3 ? ref : copy, 1500, 600, 1 + n % 7);
		store_copy(&store, copy, 1024 + n, ref, 1024, 1500);
		store_delete(&store, n % 2 ? ref : copy);
	}
	walk_views();
	for (n = 0; n < 4096 && store_drain(&store, 8) > 0; n++)
		;
	check();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size)
		return 0;
	if (mmap(base, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, image, 0) != base)
		abort();
	random_state = 1; /* an input does the same every time */
	patch_all(data + 1, size - 1);
	use(data[0] & 1);
	return 0;
}
