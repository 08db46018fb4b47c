/*
 * large.c - an object of 1 TiB: its first, middle and last pages, and persistent pointers all over it.
 *
 *     large make      makes it, /large, and /small, which points to its end
 *     large check     follows all pointers, from mappings of the first GiB and of all
 *     large end       copies, compares, drops and deletes it
 *
 * `check` holds after a remount, and in the other home.
 */
#include "tests/home/both.h"

#define GIB ((uint64_t)1 << 30)
#define LAST (TWZ_OBJ_SIZE_MAX - sizeof(struct node))
#define PLACES_MAX 64

struct node {
	twz_ptr(struct node) next;
	uint64_t value;
};

/* A ring of nodes, in this order: before a mark of 1 GiB, behind it, across it. */
static const uint64_t at[] = {TWZ_OBJ_DATA,  GIB - 16,      GIB,        2 * GIB - 8,
			      512 * GIB - 8, 512 * GIB + 8, 1023 * GIB, LAST};
#define NODES (sizeof(at) / sizeof(at[0]))
#define TOUCHED 9u /* pages: two nodes lie in two, and one of them shares one with the next */

static struct node *node(const struct twz_obj *obj, unsigned i)
{
	return (struct node *)(obj->base + at[i]);
}

/* Published by it: small's node, and behind it one that points back. */
static struct node *small_node(const struct twz_obj *small)
{
	return twz_obj_data(small);
}

static struct twz_id named(const char *path)
{
	struct twz_id id;

	NEED(twz_name_resolve(path, &id));
	return id;
}

static void make(void)
{
	struct twz_obj large, small;
	struct twz_rt_stat stat;

	NEED(twz_obj_new(&(struct twz_new){.ending = true, .large = true}, &large));
	for (unsigned i = 0; i < NODES; i++) {
		node(&large, i)->value = i + 1;
		if (i + 1 < NODES)
			NEED(twz_set(&node(&large, i)->next, node(&large, i + 1)));
	}
	NEED(twz_obj_stat(large.id, &stat));
	HOLDS(stat.npages >= TOUCHED && stat.npages <= 3 * TOUCHED); /* and some behind pages */
	NEED(twz_obj_new(&(struct twz_new){.ending = true, .bytes = sizeof(struct node)}, &small));
	small_node(&small)->value = 77;
	NEED(twz_set(&small_node(&small)->next, node(&large, NODES - 1)));
	NEED(twz_set(&node(&large, NODES - 1)->next, small_node(&small))); /* from the last page */
	NEED(twz_obj_sync(&large));
	NEED(twz_obj_sync(&small));
	NEED(twz_name_publish("/large", large.id, 0));
	NEED(twz_name_publish("/small", small.id, 0));
}

/* ---- checked -------------------------------------------------------------------------------------- */

/* All places are taken, so that a pointer past the first GiB cannot be followed; then one is free. */
static void grow(const struct twz_obj *obj)
{
	struct node *first = node(obj, 0), *next = NULL;
	struct twz_obj other[PLACES_MAX];
	void *addr;
	unsigned n = 0;

	while (n < PLACES_MAX) {
		struct twz_id id;

		NEED(twz_rt_create(&(struct twz_rt_new){.perms = TWZ_READ | TWZ_DELETE,
							.flags = TWZ_NEW_ENDING},
				   &id));
		if (twz_obj_open_large(id, &other[n])) {
			NEED(twz_obj_delete(id));
			break;
		}
		n++;
	}
	HOLDS(n == twz_rt_info()->nplaces);
	next = twz_get(&first->next);
	HOLDS((uint8_t *)next == obj->base + at[1]);
	HOLDS(twz_ptr_try(&next->next.raw, next->next.raw, &addr) == TWZ_E_RANGE);
	for (unsigned i = 0; i < n; i++) {
		NEED(twz_obj_delete(other[i].id));
		NEED(twz_obj_recycle(&other[i]));
	}
	NEED(twz_ptr_try(&next->next.raw, next->next.raw, &addr));
	HOLDS(((struct node *)addr)->value == 3);
	HOLDS(first->value == 1 && twz_get(&first->next) == next); /* as it was */
}

static void check(void)
{
	struct twz_obj slot, place, small;
	const struct node *n;
	unsigned steps = 0;
	struct twz_tx tx;

	NEED(twz_obj_open(named("/large"), &slot));
	NEED(twz_obj_open(named("/small"), &small));
	grow(&slot);
	NEED(twz_obj_open_large(slot.id, &place));
	/* From the first node, in the slot, all around: behind the first GiB in the place. */
	for (n = node(&slot, 0); n != small_node(&small); n = twz_get(&n->next)) {
		HOLDS(steps < NODES);
		HOLDS((const uint8_t *)n == (steps < 2 ? slot.base : place.base) + at[steps]);
		steps++;
		HOLDS(n->value == steps && node(&place, steps - 1)->value == steps);
	}
	HOLDS(steps == NODES && n->value == 77);
	HOLDS(twz_get(&n->next) == node(&place, NODES - 1));
	/* Both mappings show the same memory. */
	node(&slot, 0)->value = 1000;
	HOLDS(node(&place, 0)->value == 1000);
	node(&place, 0)->value = 1;
	HOLDS(node(&slot, 0)->value == 1);
	/* A transaction has an object by one mapping: else it would wait for itself. */
	twz_tx_begin(&tx);
	NEED(twz_tx_set(&tx, &node(&slot, 0)->value, 5));
	HOLDS(twz_tx_set(&tx, &node(&place, NODES - 1)->value, 6) == TWZ_E_BUSY);
	twz_tx_abort(&tx);
	/* A pointer made in one is good in the other. */
	NEED(twz_set(&node(&slot, 0)->next, node(&place, 1)));
	HOLDS(node(&slot, 0)->next.raw == at[1]);
}

/* ---- ended ---------------------------------------------------------------------------------------- */

static void change(const struct twz_obj *obj)
{
	struct twz_tx tx;

	twz_tx_begin(&tx);
	NEED(twz_tx_set(&tx, &node(obj, 0)->value, 11));
	NEED(twz_tx_set(&tx, &node(obj, NODES - 1)->value, 88));
	NEED(twz_tx_commit(&tx));
}

static void end(void)
{
	struct twz_rt_usage before, after;
	struct twz_obj large, version;
	struct twz_rt_stat stat;
	struct twz_diff diff;
	struct twz_id copy;

	NEED(twz_obj_open_large(named("/large"), &large));
	NEED(twz_rt_usage(&before));
	NEED(twz_obj_copy(large.id, true, &copy));
	NEED(twz_obj_open_large(copy, &version));
	NEED(twz_obj_diff(&large, &version, NULL, NULL, &diff));
	HOLDS(!diff.ranges && diff.shared >= TOUCHED);
	change(&version);
	NEED(twz_obj_diff(&large, &version, NULL, NULL, &diff));
	HOLDS(diff.ranges == 2 && diff.bytes == 2);
	HOLDS(node(&large, NODES - 1)->value == NODES && node(&version, NODES - 1)->value == 88);
	/* Near the end: the last page cannot be written any more, and behind it there is none. */
	NEED(twz_rt_limit(copy, TWZ_OBJ_SIZE_MAX / TWZ_PAGE - 1, 1, TWZ_WRITE));
	HOLDS(twz_rt_touch(version.base + LAST, 1) == TWZ_E_RIGHT);
	HOLDS(twz_rt_limit(copy, TWZ_OBJ_SIZE_MAX / TWZ_PAGE - 1, 2, TWZ_WRITE) < 0);
	HOLDS(twz_rt_drop(copy, TWZ_OBJ_SIZE_MAX / TWZ_PAGE, 1) < 0);
	NEED(twz_rt_drop(copy, 1, TWZ_OBJ_SIZE_MAX / TWZ_PAGE - 1));
	NEED(twz_obj_stat(copy, &stat));
	HOLDS(stat.npages == 0 && node(&version, NODES - 1)->value == 0);
	NEED(twz_obj_delete(copy));
	NEED(twz_obj_recycle(&version));
	NEED(twz_rt_usage(&after));
	HOLDS(after.used < before.used + 32); /* the rest is freed in the background */
	NEED(twz_name_unbind("/large", TWZ_NAME_DELETE));
	NEED(twz_name_unbind("/small", TWZ_NAME_DELETE));
}

int main(int argc, char **argv)
{
	HOLDS(argc > 1);
	if (!strcmp(argv[1], "make"))
		make();
	else if (!strcmp(argv[1], "check"))
		check();
	else
		end();
	return 0;
}
