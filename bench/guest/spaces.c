/*
 * spaces.c - page tables of many views in many contexts over one large object: its leaf tables are there
 * once, and each pair of a view and a context in which a thread has run has a root of its own.
 */
#include "bench/guest/lib/rights.h"

#define VIEWS 16u
#define CONTEXTS 16u
#define PAIRS (VIEWS * CONTEXTS)
#define SHARED_BYTES ((uint64_t)256 << 20)
#define SHARED_SLOT 16u
#define LEAF_BYTES ((uint64_t)512 * TWZ_PAGE)

static _Alignas(16) uint8_t stack[2 * PAIRS][TWZ_PAGE];
static uint32_t done; /* threads that have touched all, and sleep */

static _Noreturn void sleep_on(uint64_t arg)
{
	const uint32_t never = 0;

	(void)arg;
	for (;;)
		twz_rt_wait(&never, 0, ~0ull);
}

/* A page under each leaf table. */
static _Noreturn void touch_shared(uint64_t arg)
{
	volatile uint8_t *p = (volatile uint8_t *)TWZ_SLOT_DATA_AT(SHARED_SLOT);

	for (uint64_t at = 0; at < SHARED_BYTES; at += LEAF_BYTES)
		p[at] = 1;
	__atomic_add_fetch(&done, 1, __ATOMIC_RELEASE);
	twz_rt_wake(&done, 1);
	sleep_on(arg);
}

static struct twz_id make_context(const struct twz_secret *key, struct twz_id shared)
{
	struct twz_id context = context_new(key->id).id;

	share_program(context);
	must(SYS(right_grant, ID(shared), ID(context), TWZ_READ | TWZ_WRITE), "a grant");
	return context;
}

int main(void)
{
	struct twz_id shared = object_new(TWZ_TYPE_DATA, TWZ_OBJECT_VOLATILE, 0);
	struct twz_id view[VIEWS], context[CONTEXTS];
	uint64_t before, threads;
	struct twz_secret key;

	key_new(&key, TWZ_PERM_ALL);
	for (unsigned i = 0; i < VIEWS; i++)
		view[i] = view_new(SHARED_SLOT, shared);
	for (unsigned i = 0; i < CONTEXTS; i++)
		context[i] = make_context(&key, shared);
	must(twz_rt_touch(stack, sizeof(stack)), "stacks"); /* now: they take tables too */
	before = usage_now().tables;
	for (unsigned i = 0; i < PAIRS; i++)
		thread_start_on(stack[i], TWZ_PAGE, sleep_on, 0, (struct twz_id){0},
				(struct twz_id){0});
	threads = usage_now().tables;
	for (unsigned i = 0; i < PAIRS; i++)
		thread_start_on(stack[PAIRS + i], TWZ_PAGE, touch_shared, 0, view[i / CONTEXTS],
				context[i % CONTEXTS]);
	for (uint32_t n; (n = __atomic_load_n(&done, __ATOMIC_ACQUIRE)) < PAIRS;)
		twz_rt_wait(&done, n, ~0ull);
	figure("pairs", PAIRS);
	figure("pair_leaves", SHARED_BYTES / LEAF_BYTES + 1); /* and their directory */
	figure("pair_tables", usage_now().tables - threads - (threads - before));
	return 0;
}
