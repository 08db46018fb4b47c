/* memory.c - mapping objects and touching them first, creating them, page tables of many views. */
#include "bench/guest/lib/measure.h"

#define FIRST 1024u /* slots from here on are not libtwz's; they share one table of a root */
#define MANY (WARM + REPEATS)
TWZ_PIN(MANY < 512 && FIRST % 512 == 0);
#define ELSEWHERE (FIRST + 511)

static struct twz_id shown[MANY]; /* what slot FIRST + i shows */
static uint64_t page_step;        /* where in it each next one is touched */

static void map_and_load(unsigned i)
{
	(void)*(volatile uint8_t *)map(FIRST + i, shown[i]);
}

static void map_and_store(unsigned i)
{
	((volatile uint8_t *)map(FIRST + i, shown[i]))[page_step * i] = 1;
}

static void unmap_all(void)
{
	for (uint32_t i = 0; i < MANY; i++)
		view_enter(view_own(), FIRST + i, (struct twz_id){0, 0}, 0, 0);
	must(SYS(view_invalidate, FIRST, MANY), "view_invalidate");
}

/*
 * A figure, and how many tables each took. Before, `anchor` is mapped and touched, so that the root's
 * table is there, and the anchor's own.
 */
static void measure_map(const char *name, void (*touch)(unsigned i), struct twz_id anchor)
{
	uint64_t before, tables;

	(void)*(volatile uint8_t *)map(ELSEWHERE, anchor);
	before = usage_now().tables;
	figure(name, measure(touch, REPEATS).median);
	tables = usage_now().tables - before;
	if (tables % MANY)
		must(TWZ_E_IO, "not all took the same number of tables");
	twz_print("figure %s_tables %llu\n", name, (unsigned long long)(tables / MANY));
	unmap_all();
	must(SYS(view_invalidate, ELSEWHERE, 1), "view_invalidate");
}

static void show_one(struct twz_id id)
{
	for (unsigned i = 0; i < MANY; i++)
		shown[i] = id;
}

static void map_unmap(unsigned i)
{
	(void)i;
	(void)*(volatile uint8_t *)map(FIRST, shown[0]);
	SYS(view_invalidate, FIRST, 1);
}

static void measure_maps(void)
{
	struct twz_id anchor;

	must(twz_rt_touch(&view_own()->slot[FIRST], 512 * sizeof(struct twz_view_slot)),
	     "the view's own pages");
	show_one(object_new(TWZ_TYPE_DATA, TWZ_OBJECT_ENDING, 1));
	measure_map("map_nvm", map_and_load, shown[0]);
	show_one(object_new(TWZ_TYPE_DATA, TWZ_OBJECT_VOLATILE, 1));
	measure_map("map_dram", map_and_load, shown[0]);
	figure("map_unmap", measure(map_unmap, REPEATS).median);
	page_step = TWZ_PAGE;
	measure_map("map_zeroed", map_and_store, shown[0]);
	page_step = 0;
	anchor = shown[0];
	for (unsigned i = 0; i < MANY; i++)
		shown[i] = object_new(TWZ_TYPE_DATA, TWZ_OBJECT_VOLATILE, 0);
	measure_map("map_new", map_and_store, anchor);
}

/* ---- creating ------------------------------------------------------------------------------------ */

static void create_nvm(unsigned i)
{
	(void)i;
	object_new(TWZ_TYPE_DATA, 0, 1);
}

static void create_dram(unsigned i)
{
	(void)i;
	object_new(TWZ_TYPE_DATA, TWZ_OBJECT_VOLATILE, 1);
}

static void measure_create(void)
{
	struct spread nvm = measure(create_nvm, 101);

	figure("create", nvm.median);
	figure("create_most", nvm.most); /* the store's records or indices grew */
	figure("create_dram", measure(create_dram, 101).median);
}

/* ---- page tables --------------------------------------------------------------------------------- */

#define VIEWS 16u
#define SHARED_BYTES ((uint64_t)256 << 20)
#define SHARED_SLOT 16u
#define LEAVES (SHARED_BYTES / ((uint64_t)512 * TWZ_PAGE))

static uint32_t done; /* threads that have touched all, and sleep */

static _Noreturn void touch_shared(uint64_t arg)
{
	volatile uint8_t *p = (volatile uint8_t *)TWZ_SLOT_DATA_AT(SHARED_SLOT);
	const uint32_t never = 0;

	(void)arg;
	for (uint64_t at = 0; at < SHARED_BYTES; at += TWZ_PAGE)
		p[at] = 1;
	__atomic_add_fetch(&done, 1, __ATOMIC_RELEASE);
	twz_rt_wake(&done, 1);
	for (;;)
		twz_rt_wait(&never, 0, ~0ull);
}

static _Noreturn void sleep_on(uint64_t arg)
{
	const uint32_t never = 0;

	(void)arg;
	for (;;)
		twz_rt_wait(&never, 0, ~0ull);
}

/*
 * What a view takes is its root and what hangs under it down to the objects' own tables. A thread
 * and a view are objects too, which have tables of their own: those are told apart.
 */
static void measure_views(void)
{
	struct twz_id shared = object_new(TWZ_TYPE_DATA, TWZ_OBJECT_VOLATILE, 0), view[VIEWS];
	uint64_t start = usage_now().tables, made, threads, all;

	for (unsigned i = 0; i < VIEWS; i++)
		view[i] = view_new(SHARED_SLOT, shared);
	made = usage_now().tables;
	for (unsigned i = 0; i < VIEWS; i++)
		thread_start(sleep_on, 0, (struct twz_id){0}, (struct twz_id){0});
	threads = usage_now().tables;
	for (unsigned i = 0; i < VIEWS; i++)
		thread_start(touch_shared, 0, view[i], (struct twz_id){0});
	for (uint32_t n; (n = __atomic_load_n(&done, __ATOMIC_ACQUIRE)) < VIEWS;)
		twz_rt_wait(&done, n, ~0ull);
	all = usage_now().tables - threads;
	figure("tables_view_object", (made - start) / VIEWS);
	figure("tables_thread", (threads - made) / VIEWS);
	all -= threads - made;
	figure("tables_leaves", LEAVES);
	figure("tables", all);
}

int main(void)
{
	measure_maps();
	measure_create();
	measure_views();
	return 0;
}
