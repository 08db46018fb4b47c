/*
 * store.c - what the object store costs: instructions, flushes and fences of create, open and copy.
 *
 * On shared memory, with the flush instructions of this processor. No figure depends on time.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bench/lib/count.h"
#include "bench/lib/figure.h"
#include "core/pmem.h"
#include "core/store.h"

#define MIB ((uint64_t)1 << 20)

static struct store store;
static uint8_t *image;
static uint64_t image_bytes;

static void cheap_random(void *out, uint64_t bytes)
{
	static uint64_t state = 1;

	for (uint64_t i = 0; i < bytes; i++) {
		state = state * 6364136223846793005ull + 1442695040888963407ull;
		((uint8_t *)out)[i] = (uint8_t)(state >> 33);
	}
}

static void must(int error)
{
	if (!error)
		return;
	fprintf(stderr, "bench store: error %d\n", error);
	exit(1);
}

/* A new, empty, open store. */
static void begin(uint64_t bytes)
{
	int fd = memfd_create("bench", 0);

	if (image)
		munmap(image, image_bytes);
	if (fd < 0 || ftruncate(fd, (off_t)bytes)) {
		perror("bench store: memory for the image");
		exit(1);
	}
	image_bytes = bytes;
	image = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (image == MAP_FAILED) {
		perror("bench store: memory for the image");
		exit(1);
	}
	must(store_format(image, bytes, cheap_random));
	must(store_mount(&store, image, bytes, cheap_random));
}

/* ---- create ---------------------------------------------------------------------------------- */

static uint64_t created;
static struct twz_id key; /* that objects are made under, if any */

static void create(void *arg)
{
	struct store_new new = {
		.perms = TWZ_READ, .key = key, .page = 1024, .npages = (uint64_t)arg};

	must(store_create(&store, &new, &created));
}

/* The median of 101 creations: every 18th takes a frame for records, every 168th one for the index. */
static int by_instructions(const void *a, const void *b)
{
	const struct count *x = a, *y = b;

	return (x->instructions > y->instructions) - (x->instructions < y->instructions);
}

static void count_creations(struct count *count)
{
	begin(64 * MIB);
	for (int i = 0; i < 1000; i++)
		create((void *)1);
	for (int i = 0; i < 101; i++)
		count[i] = count_run(create, (void *)1);
	qsort(count, 101, sizeof(count[0]), by_instructions);
}

static void bench_create(void)
{
	struct count count[101], keyed[101];
	struct store_usage before, after;
	const uint64_t n = 3000;

	key = (struct twz_id){0x123456789abcdef0, 0xfedcba9876543210};
	count_creations(keyed);
	key = (struct twz_id){0, 0};
	count_creations(count);
	figure("create a one-page object", (double)count[50].instructions, "instructions", 10000);
	/* What creation cost before there were accounts, 8,751, and 5 %. */
	figure("create a one-page object under a key", (double)keyed[50].instructions,
	       "instructions", 9188);
	figure("create: the slowest of 101", (double)count[100].instructions, "instructions", 0);
	figure("create: fences", (double)count[50].fences, "fences", 6);
	figure("create: flushes", (double)count[50].flushes, "flushes", 0);
	figure("create: locked operations", (double)count[50].locked, "operations", 0);
	store_usage(&store, &before);
	for (uint64_t i = 0; i < n; i++)
		create((void *)1);
	store_usage(&store, &after);
	figure("create: store used by each", (double)(after.used - before.used) * 4096 / (double)n,
	       "bytes", 8192 + 256);
}

/* ---- open ------------------------------------------------------------------------------------ */

static struct twz_id wanted;
static volatile uint8_t read_byte;

static void open_and_read(void *arg)
{
	uint64_t ref;

	(void)arg;
	must(store_mount(&store, image, image_bytes, cheap_random));
	must(store_find(&store, wanted, &ref));
	if (store_unsettled(&store, ref))
		must(store_settle(&store, ref));
	read_byte = *(uint8_t *)store_page(&store, ref, 1024);
}

static uint64_t opened_with(uint64_t objects)
{
	begin(512 * MIB);
	for (uint64_t i = 0; i < objects / 2; i++)
		create((void *)0);
	create((void *)1);
	wanted = store_record(&store, created)->id;
	for (uint64_t i = objects / 2 + 1; i < objects; i++)
		create((void *)0);
	open_and_read(NULL);
	return count_run(open_and_read, NULL).instructions;
}

static void bench_open(void)
{
	uint64_t few = opened_with(10), many = opened_with(1000000);

	figure("open a store with 10 objects, read one", (double)few, "instructions", 0);
	figure("open a store with 1,000,000 objects, read one", (double)many, "instructions", 0);
	figure("open: 1,000,000 objects to 10", (double)many / (double)few, "ratio", 1.2);
}

/* ---- copy ------------------------------------------------------------------------------------ */

static uint64_t source, target, written;

static void copy(void *arg)
{
	(void)arg;
	must(store_copy(&store, target, 1, source, 1, STORE_PAGES_MAX - 1));
}

static void write_page(void *arg)
{
	(void)arg;
	must(store_make(&store, target, written, 1));
}

static void copy_page(void *arg)
{
	(void)arg;
	pmem_copy(image + image_bytes - 4096, image + image_bytes - 8192, 4096);
	pmem_flush("bench: page", image + image_bytes - 4096, 4096);
}

static void bench_copy(void)
{
	struct count page, count;

	begin(1024 * MIB);
	create((void *)1);
	source = created;
	create((void *)0);
	target = created;
	copy(NULL);
	create((void *)0);
	target = created;
	figure("copy a one-page object", (double)count_run(copy, NULL).instructions, "instructions",
	       0);
	key = (struct twz_id){1, 2};
	create((void *)0);
	target = created;
	figure("copy a one-page object to one under a key",
	       (double)count_run(copy, NULL).instructions, "instructions", 0);
	key = (struct twz_id){0, 0};
	create((void *)0);
	source = created;
	must(store_make(&store, source, 1024, 256 * MIB / 4096));
	create((void *)0);
	target = created;
	copy(NULL); /* warm */
	create((void *)0);
	target = created;
	count = count_run(copy, NULL);
	figure("copy a 256 MiB object", (double)count.instructions, "instructions", 20000);
	figure("copy: fences", (double)count.fences, "fences", 0);
	copy_page(NULL);
	page = count_run(copy_page, NULL);
	written = 2048;
	write_page(NULL);
	written = 4096 + 17;
	count = count_run(write_page, NULL);
	figure("first write to a page of the copy, the page's copy aside",
	       (double)(count.instructions - page.instructions), "instructions", 6000);
	figure("first write to a page: fences", (double)count.fences, "fences", 0);
	written++;
	count = count_run(write_page, NULL);
	figure("write to a further page of the same 2 MiB, the page's copy aside",
	       (double)(count.instructions - page.instructions), "instructions", 0);
}

int main(void)
{
	pmem.kind = pmem_probe();
	bench_create();
	bench_open();
	bench_copy();
	return 0;
}
