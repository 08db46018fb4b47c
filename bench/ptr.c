/*
 * ptr.c - what following persistent pointers costs: instructions counted, time beside raw pointers
 * and PMDK.
 *
 * Counted: a list of 1,000 nodes in one object, and one that changes between two objects at every
 * step, each less the same walk over raw pointers.
 *
 * Timed: a list in random order over 1, 16 and 100 objects (PMDK: pools; raw: blocks of memory),
 * 1,024 nodes walked over and over, and 1,000,000 walked once. A node is a pointer and a value, 16
 * bytes, 24 with PMDK. The walks are interleaved in one run; a value is the median of the rounds. All
 * files are in memory (/dev/shm). Times of this machine differ from run to run: they bound nothing.
 */
#define _GNU_SOURCE
#include <libpmemobj.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>

#include "bench/lib/count.h"
#include "bench/lib/figure.h"
#include "tests/home/home.h"

#define HOT 1024
#define LARGE 1000000
#define OBJECTS_MAX 100
#define ROUNDS 17
#define COUNTED 1000

struct raw_node {
	struct raw_node *next;
	uint64_t value;
};

struct our_node {
	twz_ptr(struct our_node) next;
	uint64_t value;
};

struct pmdk_node {
	PMEMoid next;
	uint64_t value;
};

static volatile uint64_t sink;

static void walk_raw(void *list)
{
	uint64_t sum = 0;

	for (struct raw_node *n = list; n; n = n->next)
		sum += n->value;
	sink = sum;
}

static void walk_ours(void *list)
{
	uint64_t sum = 0;

	for (struct our_node *n = list; n; n = twz_get(&n->next))
		sum += n->value;
	sink = sum;
}

static void walk_pmdk(void *list)
{
	uint64_t sum = 0;

	for (struct pmdk_node *n = list; n; n = pmemobj_direct(n->next))
		sum += n->value;
	sink = sum;
}

/* ---- counted -------------------------------------------------------------------------------------- */

static struct twz_obj object_of(uint64_t bytes)
{
	struct twz_obj obj;

	MUST(twz_obj_new(&(struct twz_new){.ending = true, .heap = true}, &obj));
	MUST(heap_alloc(NULL, bytes, twz_heap_root(&obj), &(void *){0}));
	return obj;
}

static void *block_of(const struct twz_obj *obj)
{
	return twz_ptr_get(twz_heap_root(obj));
}

static double instructions(void (*walk)(void *), void *list)
{
	walk(list);
	return (double)count_run(walk, list).instructions / COUNTED;
}

static void counted(void)
{
	struct twz_obj a = object_of(COUNTED * sizeof(struct our_node));
	struct twz_obj b = object_of(COUNTED * sizeof(struct our_node));
	struct raw_node *raw = calloc(COUNTED, sizeof(*raw));
	struct our_node *one = block_of(&a), *two = block_of(&b);
	double base, local;

	for (unsigned i = 0; i + 1 < COUNTED; i++) {
		raw[i].next = &raw[i + 1];
		MUST(twz_set(&one[i].next, &one[i + 1]));
	}
	one[COUNTED - 1].next.raw = 0;
	base = instructions(walk_raw, raw);
	local = instructions(walk_ours, one);
	figure("ptr.local", local - base, "instructions", 8);
	for (unsigned i = 0; i + 1 < COUNTED; i++)
		MUST(twz_set(i % 2 ? &two[i].next : &one[i].next,
			     i % 2 ? &one[i + 1] : &two[i + 1]));
	two[COUNTED - 1].next.raw = 0;
	figure("ptr.foreign", instructions(walk_ours, one) - base, "instructions", 13);
	free(raw);
}

/* ---- timed ---------------------------------------------------------------------------------------- */

static unsigned order[LARGE];

static void shuffle(unsigned nodes)
{
	uint64_t seed = 88172645463325252ull;

	for (unsigned i = 0; i < nodes; i++)
		order[i] = i;
	for (unsigned i = nodes - 1; i; i--) {
		unsigned j, swap = order[i];

		seed ^= seed << 13;
		seed ^= seed >> 7;
		seed ^= seed << 17;
		j = (unsigned)(seed % (i + 1));
		order[i] = order[j];
		order[j] = swap;
	}
}

/* Node i is in object i % objects, at place i / objects. */
static void *make_raw(unsigned nodes, unsigned objects, struct raw_node **block)
{
	for (unsigned i = 0; i < objects; i++)
		block[i] = calloc((nodes + objects - 1) / objects, sizeof(**block));
	for (unsigned i = 0; i < nodes; i++) {
		unsigned from = order[i], to = i + 1 < nodes ? order[i + 1] : 0;
		struct raw_node *n = &block[from % objects][from / objects];

		n->value = i;
		n->next = i + 1 < nodes ? &block[to % objects][to / objects] : NULL;
	}
	return &block[order[0] % objects][order[0] / objects];
}

static void *make_ours(unsigned nodes, unsigned objects, struct twz_obj *obj)
{
	struct our_node *block[OBJECTS_MAX];

	for (unsigned i = 0; i < objects; i++) {
		obj[i] = object_of((nodes + objects - 1) / objects * sizeof(struct our_node));
		block[i] = block_of(&obj[i]);
	}
	for (unsigned i = 0; i < nodes; i++) {
		unsigned from = order[i], to = i + 1 < nodes ? order[i + 1] : 0;
		struct our_node *n = &block[from % objects][from / objects];

		n->value = i;
		MUST(twz_set(&n->next, i + 1 < nodes ? &block[to % objects][to / objects] : NULL));
	}
	return &block[order[0] % objects][order[0] / objects];
}

static PMEMoid node_oid(const PMEMoid *first, unsigned node, unsigned objects)
{
	PMEMoid oid = first[node % objects];

	oid.off += node / objects * sizeof(struct pmdk_node);
	return oid;
}

static const char *folder(void)
{
	return access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm";
}

static void *make_pmdk(unsigned nodes, unsigned objects, PMEMobjpool **pool)
{
	uint64_t bytes = (nodes + objects - 1) / objects * sizeof(struct pmdk_node);
	PMEMoid first[OBJECTS_MAX];
	char path[128];

	for (unsigned i = 0; i < objects; i++) {
		snprintf(path, sizeof(path), "%s/twz-bench-%d.pool", folder(), (int)getpid());
		pool[i] = pmemobj_create(path, "bench", PMEMOBJ_MIN_POOL + bytes * 5 / 4, 0600);
		unlink(path); /* gone with this process */
		if (!pool[i] || pmemobj_zalloc(pool[i], &first[i], bytes, 1)) {
			fprintf(stderr, "bench ptr: PMDK: %s\n", pmemobj_errormsg());
			exit(1);
		}
	}
	for (unsigned i = 0; i < nodes; i++) {
		struct pmdk_node *n = pmemobj_direct(node_oid(first, order[i], objects));

		n->value = i;
		n->next = i + 1 < nodes ? node_oid(first, order[i + 1], objects) : OID_NULL;
	}
	return pmemobj_direct(node_oid(first, order[0], objects));
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double median(double *value)
{
	qsort(value, ROUNDS, sizeof(*value), compare);
	return value[ROUNDS / 2];
}

/* Nanoseconds a node. */
static double time_of(void (*walk)(void *), void *list, unsigned nodes)
{
	unsigned times = nodes < LARGE ? 500 : 1;
	double start = seconds();

	for (unsigned i = 0; i < times; i++)
		walk(list);
	return (seconds() - start) * 1e9 / times / nodes;
}

static void report(const char *size, unsigned objects, const char *what, double value)
{
	char name[64];

	snprintf(name, sizeof(name), "ptr.list.%s.%u.%s", size, objects, what);
	figure(name, value, strstr(what, "ratio") ? "x" : "ns/node", 0);
}

static void timed(const char *size, unsigned nodes, unsigned objects)
{
	static double raw[ROUNDS], ours[ROUNDS], pmdk[ROUNDS];
	struct raw_node *block[OBJECTS_MAX];
	struct twz_obj obj[OBJECTS_MAX];
	PMEMobjpool *pool[OBJECTS_MAX];
	void *raw_list, *our_list, *pmdk_list;

	shuffle(nodes);
	raw_list = make_raw(nodes, objects, block);
	our_list = make_ours(nodes, objects, obj);
	pmdk_list = make_pmdk(nodes, objects, pool);
	for (int i = -1; i < ROUNDS; i++) { /* one more, to warm up */
		raw[i < 0 ? 0 : i] = time_of(walk_raw, raw_list, nodes);
		ours[i < 0 ? 0 : i] = time_of(walk_ours, our_list, nodes);
		pmdk[i < 0 ? 0 : i] = time_of(walk_pmdk, pmdk_list, nodes);
	}
	for (unsigned i = 0; i < objects; i++) {
		free(block[i]);
		MUST(twz_obj_delete(obj[i].id));
		MUST(twz_obj_recycle(&obj[i]));
		pmemobj_close(pool[i]);
	}
	report(size, objects, "raw", median(raw));
	report(size, objects, "ours", median(ours));
	report(size, objects, "pmdk", median(pmdk));
	report(size, objects, "ours-ratio", median(ours) / median(raw));
	report(size, objects, "pmdk-ratio", median(pmdk) / median(raw));
}

int main(void)
{
	setenv("TWZ_TMP", folder(), 1);
	home_start(1ull << 30);
	unlink(home_path());
	counted();
	for (unsigned i = 0; i < 3; i++)
		timed("hot", HOT, (unsigned[]){1, 16, 100}[i]);
	for (unsigned i = 0; i < 3; i++)
		timed("large", LARGE, (unsigned[]){1, 16, 100}[i]);
	return 0;
}
