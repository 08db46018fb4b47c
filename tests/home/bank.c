/*
 * bank.c - transactions over several objects, and what must hold of them whenever they end.
 *
 *     bank make       makes the objects /bank0, ...
 *     bank run SEED   one transaction after the other, until it is ended; says "at N." now and then:
 *                     all up to N is durable
 *     bank check      all objects have the same count, nothing of the sum is lost, lists and heaps
 *                     are whole; says "count N"
 */
#include "core/heap.h"
#include "tests/home/both.h"

#define OBJECTS 5
#define ACCOUNTS 16
#define TOTAL 1000000
#define SAY_EVERY 32

struct node {
	twz_ptr(struct node) next;
	uint64_t value, twice;
};

/* The root block of each. */
struct bank {
	uint64_t count; /* of the transactions, the same in all */
	uint64_t balance[ACCOUNTS];
	twz_ptr(struct node) list;
	uint64_t length;
};

static struct bank *bank[OBJECTS];
static uint64_t seed;

static uint64_t choose(uint64_t below)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return (seed >> 33) % below;
}

static const char *path(unsigned i)
{
	static char text[16];

	twz_format(text, sizeof(text), "/bank%u", i);
	return text;
}

static void open_all(void)
{
	struct twz_obj obj;

	for (unsigned i = 0; i < OBJECTS; i++) {
		NEED(twz_name_open(path(i), &obj));
		bank[i] = twz_ptr_get(twz_heap_root(&obj));
	}
}

static void make(void)
{
	struct twz_obj obj;
	void *block;

	for (unsigned i = 0; i < OBJECTS; i++) {
		NEED(twz_obj_new(&(struct twz_new){.ending = true, .heap = true}, &obj));
		NEED(heap_alloc(NULL, sizeof(struct bank), twz_heap_root(&obj), &block));
		memset(block, 0, sizeof(struct bank));
		if (!i)
			((struct bank *)block)->balance[0] = TOTAL;
		twz_persist(block, sizeof(struct bank));
		NEED(twz_name_publish(path(i), obj.id, 0));
	}
}

/* ---- the work ------------------------------------------------------------------------------------- */

static void push(struct twz_tx *tx, struct bank *b)
{
	uint64_t old = b->list.raw;
	struct node *node;

	if (twz_alloc(tx, &b->list, sizeof(*node), &node))
		return;
	/* cppcheck-suppress uninitvar ; twz_alloc has set it */
	*node = (struct node){.next = {.raw = old}, .value = seed, .twice = 2 * seed};
	twz_tx_fresh(tx, node, sizeof(*node));
	twz_tx_set(tx, &b->length, b->length + 1);
}

static void pop(struct twz_tx *tx, struct bank *b)
{
	const struct node *node = twz_get(&b->list);

	if (!node)
		return;
	heap_free(tx, &b->list.raw);
	twz_tx_set(tx, &b->list.raw, node->next.raw);
	twz_tx_set(tx, &b->length, b->length - 1);
}

static void transact(void)
{
	struct bank *from = bank[choose(OBJECTS)], *to = bank[choose(OBJECTS)];
	uint64_t amount = choose(100), i = choose(ACCOUNTS), j = choose(ACCOUNTS);
	struct twz_tx tx;

	twz_tx_begin(&tx);
	for (unsigned k = 0; k < OBJECTS; k++)
		twz_tx_set(&tx, &bank[k]->count, bank[k]->count + 1);
	if (from != to) {
		twz_tx_set(&tx, &from->balance[i], from->balance[i] - amount);
		twz_tx_set(&tx, &to->balance[j], to->balance[j] + amount);
	}
	if (to->length < choose(64))
		push(&tx, to);
	else
		pop(&tx, to);
	NEED(twz_tx_commit(&tx));
}

static _Noreturn void run(void)
{
	for (;;) {
		transact();
		if (bank[0]->count % SAY_EVERY)
			continue;
		twz_print("at %llu.\n", (unsigned long long)bank[0]->count);
		twz_flush();
	}
}

/* ---- what must hold ------------------------------------------------------------------------------- */

static void check(void)
{
	uint64_t total = 0, where;

	for (unsigned i = 0; i < OBJECTS; i++) {
		const struct node *node = twz_get(&bank[i]->list);
		uint64_t length = 0;

		HOLDS(bank[i]->count == bank[0]->count);
		for (unsigned j = 0; j < ACCOUNTS; j++)
			total += bank[i]->balance[j];
		for (; node; node = twz_get(&node->next), length++)
			HOLDS(node->twice == 2 * node->value);
		HOLDS(length == bank[i]->length);
		NEED(heap_check((void *)((uintptr_t)bank[i] & ~(TWZ_SLOT_SIZE - 1)), &where));
	}
	HOLDS(total == TOTAL);
	twz_print("count %llu\n", (unsigned long long)bank[0]->count);
}

int main(int argc, char **argv)
{
	HOLDS(argc > 1);
	if (!strcmp(argv[1], "make")) {
		make();
		return 0;
	}
	open_all();
	if (!strcmp(argv[1], "run") && argc > 2) {
		seed = number(argv[2]);
		run();
	}
	check();
	return 0;
}
