/*
 * lifetime.c - what ties and deletes cost in the object store, and whether creating and deleting stay
 * as cheap in a store with 1,000,000 objects.
 *
 * Instructions, flushes and fences, by single stepping, on shared memory. No figure depends on time.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bench/lib/count.h"
#include "bench/lib/figure.h"
#include "core/pmem.h"
#include "core/store_int.h"

#define MIB ((uint64_t)1 << 20)
#define NMEDIAN 41
#define MILLION 1000000u

static struct store store;
static uint8_t *image;
static uint64_t image_bytes, random_state;

static void cheap_random(void *out, uint64_t bytes)
{
	for (uint64_t i = 0; i < bytes; i++) {
		random_state = random_state * 6364136223846793005ull + 1442695040888963407ull;
		((uint8_t *)out)[i] = (uint8_t)(random_state >> 33);
	}
}

static void must(int error)
{
	if (!error)
		return;
	fprintf(stderr, "bench lifetime: error %d\n", error);
	exit(1);
}

/* A new, empty, open store; the same each time. */
static void begin(uint64_t bytes)
{
	int fd = memfd_create("bench", 0);

	if (image)
		munmap(image, image_bytes);
	if (fd < 0 || ftruncate(fd, (off_t)bytes)) {
		perror("bench lifetime: memory for the image");
		exit(1);
	}
	image_bytes = bytes;
	image = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (image == MAP_FAILED) {
		perror("bench lifetime: memory for the image");
		exit(1);
	}
	random_state = 1;
	must(store_format(image, bytes, cheap_random));
	must(store_mount(&store, image, bytes, cheap_random));
}

static uint64_t created;

static void create(void *arg)
{
	struct store_new new = {.perms = TWZ_READ, .page = 1024, .npages = (uint64_t)arg};

	must(store_create(&store, &new, &created));
}

static int by_instructions(const void *a, const void *b)
{
	const struct count *x = a, *y = b;

	return (x->instructions > y->instructions) - (x->instructions < y->instructions);
}

static void sort(struct count *count, size_t n)
{
	qsort(count, n, sizeof(count[0]), by_instructions);
}

/* ---- ties -------------------------------------------------------------------------------------- */

#define OBJECTS 1000u

static uint64_t object[OBJECTS];

/* Number n: of pairs that share their objects with others, so that all lists have members. */
static uint64_t tied(uint64_t n)
{
	return object[n % OBJECTS];
}

static uint64_t holder(uint64_t n)
{
	return object[(n + 1 + n / OBJECTS * 7) % OBJECTS];
}

static void tie(void *arg)
{
	must(store_tie(&store, tied((uint64_t)arg), holder((uint64_t)arg), TWZ_TIE_PLAIN));
}

static void untie(void *arg)
{
	must(store_untie(&store, tied((uint64_t)arg), holder((uint64_t)arg), TWZ_TIE_PLAIN));
}

static void create_tied(void *arg)
{
	struct store_new new = {.perms = TWZ_READ, .tie = tied((uint64_t)arg)};

	must(store_create(&store, &new, &created));
}

static void mark(void *arg)
{
	must(store_delete(&store, tied((uint64_t)arg)));
}

/* The median of 41 calls with numbers from `first` on, and the slowest. */
static void show(const char *name, void (*fn)(void *), uint64_t first, double instructions,
		 double fences)
{
	struct count count[NMEDIAN];
	char text[96];

	for (uint64_t i = 0; i < NMEDIAN; i++)
		count[i] = count_run(fn, (void *)(first + i));
	sort(count, NMEDIAN);
	figure(name, (double)count[NMEDIAN / 2].instructions, "instructions", instructions);
	snprintf(text, sizeof(text), "%s: the slowest of 41", name);
	figure(text, (double)count[NMEDIAN - 1].instructions, "instructions", 0);
	snprintf(text, sizeof(text), "%s: fences", name);
	figure(text, (double)count[NMEDIAN / 2].fences, "fences", fences);
	snprintf(text, sizeof(text), "%s: flushes", name);
	figure(text, (double)count[NMEDIAN / 2].flushes, "lines", 0);
}

static void bench_ties(void)
{
	begin(64 * MIB);
	for (unsigned i = 0; i < OBJECTS; i++) {
		create((void *)0);
		object[i] = created;
	}
	for (uint64_t n = 0; n < 10 * OBJECTS; n++)
		tie((void *)n);
	show("tie, persistent", tie, 10 * OBJECTS, 3000, 4);
	show("untie, persistent", untie, 5 * OBJECTS, 3000, 4);
	show("create an object without pages, tied", create_tied, 0, 0, 0);
	show("delete what is tied: mark it", mark, 0, 0, 0);
}

/* ---- deleting ---------------------------------------------------------------------------------- */

/* One of one page, with another one tied to it, and all that is freed for it. */
static void delete_and_drain(void *arg)
{
	must(store_delete(&store, (uint64_t)arg));
	must(store_drain(&store, 1000));
}

static void delete_only(void *arg)
{
	must(store_delete(&store, (uint64_t)arg));
}

static uint64_t deleted_among(uint64_t others, void (*fn)(void *))
{
	struct count count[NMEDIAN];
	uint64_t victim[NMEDIAN];

	begin(512 * MIB);
	for (uint64_t i = 0; i < others; i++)
		create((void *)0);
	for (unsigned i = 0; i < NMEDIAN; i++) {
		struct store_new new = {.perms = TWZ_READ};

		create((void *)1);
		victim[i] = new.tie = created;
		must(store_create(&store, &new, &created));
	}
	for (unsigned i = 0; i < NMEDIAN; i++)
		count[i] = count_run(fn, (void *)victim[i]);
	sort(count, NMEDIAN);
	return count[NMEDIAN / 2].instructions;
}

static void bench_delete(void)
{
	double few = (double)deleted_among(10, delete_only);
	double many = (double)deleted_among(MILLION, delete_only);

	figure("delete, 10 other objects", few, "instructions", 0);
	figure("delete, 1,000,000 other objects", many, "instructions", 0);
	figure("delete: 1,000,000 other objects to 10", many / few, "ratio", 1.2);
	few = (double)deleted_among(10, delete_and_drain);
	many = (double)deleted_among(MILLION, delete_and_drain);
	figure("delete and free, with one that is tied to it, 10 others", few, "instructions", 0);
	figure("delete and free: 1,000,000 others to 10", many / few, "ratio", 1.2);
}

/* ---- creating many ----------------------------------------------------------------------------- */

/*
 * All creations are made twice, the same ones. The first time none is counted, but each is looked at:
 * whether it was a growth step (it took more frames than its pages), and how far from where it
 * belongs its slot in the index lies, which is what can make one slower than another. The second
 * time these are counted: each tenth of the first 1,000, each 4,999th, and the 100 of which the slots
 * lie farthest, so the slowest. To step through all of them would take hours.
 */
#define FIRST 1000u
#define OF_FIRST 10u
#define EACH 4999u
#define FAR 100u

static uint16_t *distance; /* of each creation's slot; GREW: a growth step */
#define GREW 0xffff

static uint16_t slot_distance(uint64_t ref)
{
	const struct twz_index *index = &store.super->objects;
	uint64_t tag = index_tag(&store, store_record(&store, ref)->id);
	const struct twz_bucket *b = index_bucket(&store, index, index_bucket_of(index, tag));
	uint64_t home = index_home(tag);
	uint16_t n = 0;

	while (b->slot[(home + n) % TWZ_BUCKET_SLOTS] != (tag << TWZ_REF_BITS | ref))
		n++;
	return n;
}

/* Of n creations; the distance that the farthest have at least. */
static uint16_t look_at_creations(uint64_t n, uint64_t npages, uint64_t *growths)
{
	uint64_t have[TWZ_BUCKET_SLOTS] = {0}, far = 0;
	uint16_t least = TWZ_BUCKET_SLOTS;

	for (uint64_t i = 0; i < n; i++) {
		uint64_t used = store.super->nused;

		create((void *)npages);
		distance[i] = slot_distance(created);
		have[distance[i]]++;
		if (store.super->nused != used + npages)
			distance[i] = GREW;
		*growths += distance[i] == GREW;
	}
	while (far < FAR)
		far += have[--least];
	return least;
}

static void bench_creations(const char *what, uint64_t n, uint64_t npages, uint64_t mib)
{
	struct count *plain = calloc(n, sizeof(plain[0])), grown = {0};
	uint64_t nplain = 0, growths = 0, median = 0;
	uint16_t far;
	char text[96];

	distance = calloc(n, sizeof(distance[0]));
	must(plain && distance ? 0 : TWZ_E_NOMEM);
	begin(mib * MIB);
	far = look_at_creations(n, npages, &growths);
	begin(mib * MIB);
	for (uint64_t i = 0; i < n; i++) {
		struct count count;

		if (i % (i < FIRST ? OF_FIRST : EACH) &&
		    (distance[i] < far || distance[i] == GREW)) {
			create((void *)npages);
			continue;
		}
		count = count_run(create, (void *)npages);
		if (distance[i] != GREW)
			plain[nplain++] = count;
		else if (count.instructions > grown.instructions)
			grown = count;
		if (i == FIRST - OF_FIRST) {
			sort(plain, nplain);
			median = plain[nplain / 2].instructions;
		}
	}
	sort(plain, nplain);
	snprintf(text, sizeof(text), "create %s: the median of the first 1,000", what);
	figure(text, (double)median, "instructions", 0);
	snprintf(text, sizeof(text), "create %s: the slowest to that", what);
	figure(text, (double)plain[nplain - 1].instructions / (double)median, "ratio", 2);
	snprintf(text, sizeof(text), "create %s: counted for that", what);
	figure(text, (double)nplain, "creations", 0);
	snprintf(text, sizeof(text), "create %s: growth steps, aside", what);
	figure(text, (double)growths, "creations", 0);
	snprintf(text, sizeof(text), "create %s: the slowest growth step counted", what);
	figure(text, (double)grown.instructions, "instructions", 0);
	free(plain);
	free(distance);
}

int main(void)
{
	pmem.kind = pmem_probe();
	bench_ties();
	bench_delete();
	bench_creations("1,000,000 objects", MILLION, 0, 512);
	bench_creations("100,000 one-page objects", MILLION / 10, 1, 1024);
	return 0;
}
