/*
 * core.c - what works inside an object costs: transactions, FOT, heap, containers. PMDK beside it.
 *
 * Counted, not timed, on shared memory with this processor's flush instructions. The counts include
 * the calls. Means are over operations on different places, which take different paths.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/mman.h>

#include "bench/lib/count.h"
#include "bench/lib/figure.h"
#include "bench/lib/peer_pmdk.h"
#include "core/dict.h"
#include "core/fot.h"
#include "core/heap.h"
#include "core/map.h"
#include "core/pmem.h"
#include "core/str.h"
#include "core/vec.h"
#include "core/read.h"

#define OBJECT ((uint8_t *)0x200040000000)
#define NMEAN 64

static const struct twz_id object_id = {.lo = 0x0123456789abcdef, .hi = 0xfedcba9876543210};
static uint64_t *const data = (uint64_t *)(OBJECT + TWZ_OBJ_DATA + (TWZ_SLOT_SIZE >> 1));
static struct twz_tx tx;

static void must(int error)
{
	if (!error)
		return;
	fprintf(stderr, "bench core: error %d\n", error);
	exit(1);
}

static struct twz_id id(const void *base)
{
	(void)base;
	return object_id;
}

static int touch(void *addr, uint64_t bytes)
{
	(void)addr;
	(void)bytes;
	return 0;
}

static void new_object(void)
{
	void *p = mmap(OBJECT, TWZ_SLOT_SIZE, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);

	if (p == MAP_FAILED) {
		perror("bench core: memory for an object");
		exit(1);
	}
	tx_env = (struct tx_env){.owner = (uint64_t)1 << 32 | 1, .touch = touch, .id = id};
	tx_env.clwb = pmem.kind == PMEM_CLWB ? tx_env.owner : 0;
}

/* ---- transactions ---------------------------------------------------------------------------- */

static void tx_1x8(void *arg)
{
	(void)arg;
	twz_tx_begin(&tx);
	twz_tx_set(&tx, &data[0], 1);
	must(twz_tx_commit(&tx));
}

static void tx_4x8(void *arg)
{
	(void)arg;
	twz_tx_begin(&tx);
	twz_tx_set(&tx, &data[0], 1);
	twz_tx_set(&tx, &data[32], 2);
	twz_tx_set(&tx, &data[64], 3);
	twz_tx_set(&tx, &data[96], 4);
	must(twz_tx_commit(&tx));
}

/* Each changes one word of its staged copy: what the program stores is its own. */
static void tx_4x64(void *arg)
{
	(void)arg;
	twz_tx_begin(&tx);
	*(uint64_t *)twz_tx_write(&tx, &data[0], 64) = 1;
	*(uint64_t *)twz_tx_write(&tx, &data[32], 64) = 2;
	*(uint64_t *)twz_tx_write(&tx, &data[64], 64) = 3;
	*(uint64_t *)twz_tx_write(&tx, &data[96], 64) = 4;
	must(twz_tx_commit(&tx));
}

static uint64_t read_out;

/* One word, in a read section of its own. */
static void read_section(void *arg)
{
	uint64_t version;

	(void)arg;
	do {
		version = twz_read_begin(data);
		read_out = twz_read_word(data);
	} while (twz_read_again(data, version));
}

static void show(const char *name, struct count c, double instructions, double fences)
{
	char text[96];

	snprintf(text, sizeof(text), "%s: instructions", name);
	figure(text, (double)c.instructions, "instructions", instructions);
	snprintf(text, sizeof(text), "%s: fences", name);
	figure(text, (double)c.fences, "fences", fences);
	snprintf(text, sizeof(text), "%s: flushes", name);
	figure(text, (double)c.flushes, "lines", 0);
	snprintf(text, sizeof(text), "%s: locked", name);
	figure(text, (double)c.locked, "instructions", 0);
}

static void measure(const char *name, void (*fn)(void *), double instructions, double fences)
{
	fn(NULL); /* warm */
	show(name, count_run(fn, NULL), instructions, fences);
}

static void transactions(void)
{
	new_object();
	measure("transaction, 1 range of 8 bytes", tx_1x8, 150, 2);
	measure("transaction, 1 range of 8 bytes, PMDK", pmdk_tx_1x8, 0, 0);
	measure("transaction, 4 ranges of 8 bytes", tx_4x8, 350, 2);
	measure("transaction, 4 ranges of 8 bytes, PMDK", pmdk_tx_4x8, 0, 0);
	measure("transaction, 4 ranges of 64 bytes", tx_4x64, 750, 2);
	measure("transaction, 4 ranges of 64 bytes, PMDK", pmdk_tx_4x64, 0, 0);
	measure("read section of a word", read_section, 20, 0);
}

/* ---- means ----------------------------------------------------------------------------------- */

struct mean {
	double instructions, fences, flushes, locked;
};

static struct mean mean_of(void (*fn)(void *), const uint64_t *arg)
{
	struct mean m = {0};

	for (unsigned i = 0; i < NMEAN; i++) {
		struct count c = count_run(fn, (void *)(uintptr_t)arg[i]);

		m.instructions += (double)c.instructions / NMEAN;
		m.fences += (double)c.fences / NMEAN;
		m.flushes += (double)c.flushes / NMEAN;
		m.locked += (double)c.locked / NMEAN;
	}
	return m;
}

static void show_mean(const char *name, struct mean m, double instructions, double fences)
{
	char text[96];

	snprintf(text, sizeof(text), "%s: instructions, mean", name);
	figure(text, m.instructions, "instructions", instructions);
	snprintf(text, sizeof(text), "%s: fences, mean", name);
	figure(text, m.fences, "fences", fences);
	snprintf(text, sizeof(text), "%s: flushes, mean", name);
	figure(text, m.flushes, "lines", 0);
	snprintf(text, sizeof(text), "%s: locked, mean", name);
	figure(text, m.locked, "instructions", 0);
}

/* ---- FOT ------------------------------------------------------------------------------------- */

static struct twz_id target(uint64_t i)
{
	return (struct twz_id){.lo = i * 0x9e3779b97f4a7c15, .hi = ~i * 0xd6e8feb86659fd93};
}

static void insert(void *arg)
{
	uint32_t index;

	must(fot_insert(NULL, OBJECT, target((uintptr_t)arg), &index));
}

static void find(void *arg)
{
	if (!fot_find(NULL, OBJECT, target((uintptr_t)arg)))
		must(TWZ_E_NOTFOUND);
}

/* Inserts into a table of n entries and finds in it; the cost of an insert. */
static double fot_at(uint64_t n)
{
	uint64_t arg[NMEAN];
	struct mean m;
	char text[64];

	new_object();
	for (uint64_t i = 1; i <= n; i++)
		insert((void *)(uintptr_t)i);
	for (uint64_t i = 0; i < NMEAN; i++)
		arg[i] = i * (n - 1) / NMEAN + 1;
	snprintf(text, sizeof(text), "FOT, find among %lu entries", n);
	find((void *)(uintptr_t)1);
	show_mean(text, mean_of(find, arg), 80, 0);
	for (uint64_t i = 0; i < NMEAN; i++)
		arg[i] = n + i + 1;
	snprintf(text, sizeof(text), "FOT, insert into %lu entries", n);
	m = mean_of(insert, arg);
	show_mean(text, m, 700, 2);
	return m.instructions;
}

/* ---- heap ------------------------------------------------------------------------------------ */

static void alloc(void *arg)
{
	void *block;

	must(heap_alloc(NULL, 64, &data[(uintptr_t)arg], &block));
}

static void give(void *arg)
{
	must(heap_free(NULL, &data[(uintptr_t)arg]));
}

/* Inside a transaction that is open already, and stays so. */
static void alloc_inside(void *arg)
{
	void *block;

	must(heap_alloc(&tx, 64, &data[(uintptr_t)arg], &block));
}

static void heap(void)
{
	uint64_t arg[NMEAN];

	new_object();
	must(heap_make(OBJECT, object_id));
	for (uint64_t i = 0; i < NMEAN; i++)
		arg[i] = i * 64;
	alloc((void *)(uintptr_t)NMEAN);
	give((void *)(uintptr_t)NMEAN);
	alloc((void *)(uintptr_t)NMEAN);
	show_mean("heap, allocate a new block", mean_of(alloc, arg), 300, 2);
	show_mean("heap, free", mean_of(give, arg), 250, 2);
	show_mean("heap, allocate a freed block", mean_of(alloc, arg), 300, 2);
	for (uint64_t i = 0; i < NMEAN; i++)
		arg[i] = (NMEAN + 1 + i) * 64;
	twz_tx_begin(&tx);
	show_mean("heap, allocate inside a transaction", mean_of(alloc_inside, arg), 0, 0);
	must(twz_tx_commit(&tx));
	measure("heap, allocate, PMDK", pmdk_alloc, 0, 0);
	show("heap, free, PMDK", count_run(pmdk_free, NULL), 0, 0);
}

/* ---- vectors, strings ------------------------------------------------------------------------ */

/* In a vector of words, element by element. */
static struct twz_vec *const vec = (struct twz_vec *)(OBJECT + (TWZ_SLOT_SIZE >> 1));

static void push(void *arg)
{
	uint64_t value = (uintptr_t)arg;

	must(vec_push(NULL, vec, sizeof(value), &value));
}

static void push_inside(void *arg)
{
	uint64_t value = (uintptr_t)arg;

	must(vec_push(&tx, vec, sizeof(value), &value));
}

static void get(void *arg)
{
	uint64_t value;

	must(vec_get(NULL, vec, sizeof(value), (uintptr_t)arg, &value));
	if (value != (uintptr_t)arg)
		must(TWZ_E_DAMAGED);
}

static void vectors(void)
{
	uint64_t arg[NMEAN];

	new_object();
	must(heap_make(OBJECT, object_id));
	for (uint64_t i = 0; i < 100000; i++)
		push((void *)(uintptr_t)i);
	for (uint64_t i = 0; i < NMEAN; i++)
		arg[i] = i * 100000 / NMEAN;
	get((void *)(uintptr_t)99999);
	show_mean("vector, get among 100,000", mean_of(get, arg), 130, 0);
	for (uint64_t i = 0; i < NMEAN; i++)
		arg[i] = 100000 + i;
	show_mean("vector, push of a word", mean_of(push, arg), 350, 2);
	twz_tx_begin(&tx);
	push_inside(NULL);
	show_mean("vector, push inside a transaction", mean_of(push_inside, arg), 0, 0);
	must(twz_tx_commit(&tx));
}

/* Strings that stand beside each other; 16 bytes at a time, so that a quarter of the appends grow. */
static struct twz_str *const str = (struct twz_str *)(OBJECT + (TWZ_SLOT_SIZE >> 1));

static void append(void *arg)
{
	must(twz_str_append(NULL, &str[(uintptr_t)arg / 8], "sixteen bytes...", 16));
}

static void text(void *arg)
{
	char out[128];

	if (twz_str_get(NULL, &str[(uintptr_t)arg / 8], out, sizeof(out)) != 128)
		must(TWZ_E_DAMAGED);
}

static void strings(void)
{
	uint64_t arg[NMEAN];

	new_object();
	must(heap_make(OBJECT, object_id));
	for (uint64_t i = 0; i < NMEAN; i++)
		arg[i] = i;
	for (uint64_t i = NMEAN; i < NMEAN + 8; i++)
		append((void *)(uintptr_t)i);
	show_mean("string, append 16 bytes", mean_of(append, arg), 0, 0);
	show_mean("string, get 128 bytes", mean_of(text, arg), 0, 0);
}

/* ---- ordered map ----------------------------------------------------------------------------- */

#define NKEYS 100000u
#define NRUN 300u /* operations one after the other; one in ten inserts splits a leaf */

static struct twz_map *map;
static struct twz_map_cursor cursor;

/* Every number has another key, as if at random: neighbours are no more alike than others. */
static uint64_t map_key(uint64_t number)
{
	uint64_t x = (number + 1) * 0x9e3779b97f4a7c15;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return x ^ x >> 31;
}

static void map_put(uint64_t number)
{
	must(twz_map_put_word(NULL, map, 8, map_key(number), number));
}

static void map_put_tx(uint64_t number)
{
	must(twz_map_put_word(&tx, map, 8, map_key(number), number));
}

static void map_one_in_tx(void *number)
{
	map_put_tx((uintptr_t)number);
}

static void map_get(uint64_t number)
{
	uint64_t word;

	must(twz_map_get_word(map, 8, map_key(number), &word));
}

static void map_remove(uint64_t number)
{
	must(twz_map_remove_key(NULL, map, map_key(number)));
}

static void map_next(uint64_t number)
{
	(void)number;
	must(twz_map_move(&cursor, TWZ_MAP_NEXT, 0, NULL));
}

static void map_prev(uint64_t number)
{
	(void)number;
	must(twz_map_move(&cursor, TWZ_MAP_PREV, 0, NULL));
}

static struct {
	void (*operation)(uint64_t number);
	uint64_t first, step;
} several;

static void run_several(void *arg)
{
	(void)arg;
	for (uint64_t i = 0; i < NRUN; i++)
		several.operation(several.first + i * several.step);
}

/* Of one among NRUN, the loop around them included. */
static void map_figure(const char *name, void (*operation)(uint64_t), uint64_t first, uint64_t step,
		       double instructions, double fences)
{
	struct count c;

	several.operation = operation;
	several.first = first;
	several.step = step;
	c = count_run(run_several, NULL);
	show_mean(name,
		  (struct mean){.instructions = (double)c.instructions / NRUN,
				.fences = (double)c.fences / NRUN,
				.flushes = (double)c.flushes / NRUN,
				.locked = (double)c.locked / NRUN},
		  instructions, fences);
}

static void map_commit(void *arg)
{
	(void)arg;
	must(twz_tx_commit(&tx));
}

/* 1,000 inserts in a transaction: each tenth is counted, and the commit. */
static void map_transaction(void)
{
	struct mean m = {0};
	struct count c;

	twz_tx_begin(&tx);
	for (uint64_t i = 0; i < 1000; i++) {
		if (i % 10) {
			map_put_tx(NKEYS + i);
			continue;
		}
		c = count_run(map_one_in_tx, (void *)(uintptr_t)(NKEYS + i));
		m.instructions += (double)c.instructions / 100;
	}
	c = count_run(map_commit, NULL);
	m.instructions += (double)c.instructions / 1000;
	m.fences = (double)c.fences / 1000;
	m.flushes = (double)c.flushes / 1000;
	m.locked = (double)c.locked / 1000;
	show_mean("map of 100,000, insert, 1,000 in a transaction", m, 0, 0);
}

static void maps(void)
{
	const uint64_t spread = NKEYS / NRUN;
	uint64_t where, bytes;

	new_object();
	must(heap_make(OBJECT, object_id));
	map = (struct twz_map *)data;
	for (uint64_t i = 0; i < NKEYS; i++)
		map_put(i);
	must(twz_map_check_all(map, &where, &bytes));
	figure("map of 100,000 random keys: bytes of an entry", (double)bytes / NKEYS, "bytes", 0);

	map_get(0);
	map_figure("map of 100,000, look-up", map_get, 0, spread, 260, 0);
	map_figure("map of 100,000, insert", map_put, NKEYS, 1, 1100, 2);
	map_figure("map of 100,000, new value", map_put, 0, spread, 0, 2);
	map_figure("map of 100,000, remove", map_remove, NKEYS, 1, 0, 2);

	twz_map_cursor_set(&cursor, NULL, map, 8);
	must(twz_map_move(&cursor, TWZ_MAP_FIRST, 0, NULL));
	map_figure("map of 100,000, cursor on by one", map_next, 0, 0, 0, 0);
	map_figure("map of 100,000, cursor back by one", map_prev, 0, 0, 0, 0);

	map_transaction();
}

/* ---- dictionaries ---------------------------------------------------------------------------- */

static struct twz_dict *const dict = (struct twz_dict *)(OBJECT + (TWZ_SLOT_SIZE >> 1));

static uint32_t key_of(uint64_t i, char key[32])
{
	return (uint32_t)snprintf(key, 32, "%010lu", i * 7919 % 1000003);
}

struct word {
	uint64_t value;
	uint32_t length;
	char key[32];
};

static void put_word(void *arg)
{
	const struct word *w = arg;

	must(dict_put(NULL, dict, sizeof(w->value), w->key, w->length, &w->value));
}

static void get_word(void *arg)
{
	const struct word *w = arg;
	uint64_t value;

	must(dict_get(NULL, dict, sizeof(value), w->key, w->length, &value));
	if (value != w->value)
		must(TWZ_E_DAMAGED);
}

/* Keys of 10 digits: two layers, of 7 bytes and of 3. */
static void dictionaries(void)
{
	static struct word word[10000 + NMEAN];
	uint64_t arg[NMEAN];

	new_object();
	must(heap_make(OBJECT, object_id));
	for (uint64_t i = 0; i < 10000 + NMEAN; i++) {
		word[i].value = i;
		word[i].length = key_of(i, word[i].key);
		if (i < 10000)
			put_word(&word[i]);
	}
	for (uint64_t i = 0; i < NMEAN; i++)
		arg[i] = (uintptr_t)&word[i * 10000 / NMEAN];
	get_word(&word[1]);
	show_mean("dictionary, get among 10,000 keys of 10 bytes", mean_of(get_word, arg), 0, 0);
	for (uint64_t i = 0; i < NMEAN; i++)
		arg[i] = (uintptr_t)&word[10000 + i];
	show_mean("dictionary, put into 10,000 keys of 10 bytes", mean_of(put_word, arg), 0, 2);
}

int main(int argc, char **argv)
{
	double few, many;

	(void)argc;
	pmdk_environment(argv);
	pmem_use(pmem_probe());
	pmdk_open();
	transactions();
	few = fot_at(10);
	many = fot_at(60000);
	figure("FOT, insert into 60,000 entries against 10", many / few, "times", 1.5);
	heap();
	vectors();
	strings();
	maps();
	dictionaries();
	measure("pointer, PMDK", pmdk_direct, 0, 0);
	return 0;
}
