/* stores.c - what the checking build (TWZ_CHECK) finds. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/home/home.h"

struct node {
	twz_ptr(struct node) next;
	uint64_t value;
};

static struct twz_obj fresh(void)
{
	struct twz_obj obj;

	MUST(twz_obj_new(&(struct twz_new){.heap = true}, &obj));
	return obj;
}

static struct node *node_at(struct twz_obj obj)
{
	return (struct node *)(obj.base + (512u << 20));
}

static void pointers_outside_of_objects(void **state)
{
	struct node *n = node_at(fresh()), copy;

	(void)state;
	MUST(twz_set(&n->next, n));
	copy = *n; /* the pointer does not come along */
	assert_true(CATCH(twz_get(&copy.next)));
	assert_int_equal(caught.kind, TWZ_FAULT_POINTER);
	assert_int_equal(caught.address, (uint64_t)&copy.next);
	assert_true(CATCH(twz_set(&copy.next, n)));
	copy.next.raw = 0;
	assert_true(CATCH(twz_get(&copy.next)));
}

static void stores_outside_of_transactions(void **state)
{
	struct twz_obj obj = fresh();
	struct node *n = node_at(obj), *staged;
	struct twz_tx tx;

	(void)state;
	n->value = 1;
	MUST(twz_check_stores(&obj, true));
	assert_int_equal(n->value, 1);
	assert_true(CATCH(put(&n->value, 2)));
	assert_int_equal(caught.kind, TWZ_FAULT_RIGHT);
	assert_int_equal(n->value, 1);

	twz_tx_begin(&tx);
	MUST(twz_tx_set(&tx, &n->value, 3));
	MUST(twz_tx_commit(&tx));
	assert_int_equal(n->value, 3);
	assert_true(CATCH(put(&n->value, 4)));

	/* Fresh blocks are filled by plain stores while the transaction is open. */
	twz_tx_begin(&tx);
	MUST(twz_alloc(&tx, &n->next, sizeof(*staged), &staged));
	staged->value = 5;
	twz_tx_fresh(&tx, staged, sizeof(*staged));
	MUST(twz_tx_commit(&tx));
	assert_int_equal(twz_get(&n->next)->value, 5);
	assert_true(CATCH(put(&staged->value, 6)));

	twz_tx_begin(&tx);
	MUST(twz_tx_set(&tx, &n->value, 7));
	twz_tx_abort(&tx);
	assert_true(CATCH(put(&n->value, 8)));
	assert_int_equal(n->value, 3);

	MUST(twz_check_stores(&obj, false));
	n->value = 9;
}

static void slots_after_recycling(void **state)
{
	struct twz_obj obj = fresh(), again;
	struct twz_id id = obj.id;
	struct node *stale = node_at(obj);

	(void)state;
	stale->value = 1;
	MUST(twz_obj_recycle(&obj));
	assert_true(CATCH(load(&stale->value)));
	assert_int_equal(caught.kind, TWZ_FAULT_POINTER);
	for (unsigned i = 0; i < 10; i++)
		fresh(); /* none gets its slot */
	assert_true(CATCH(put(&stale->value, 2)));
	assert_true(CATCH(twz_get(&stale->next)));
	MUST(twz_obj_open(id, &again));
	assert_ptr_not_equal(node_at(again), stale);
	assert_int_equal(node_at(again)->value, 1);
}

static int setup(void **state)
{
	(void)state;
	home_start(64 << 20);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		home_test(pointers_outside_of_objects),
		home_test(stores_outside_of_transactions),
		home_test(slots_after_recycling),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
