/* ptr_test.c - persistent pointers, the shadow, late binding. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "core/fot.h"
#include "tests/home/home.h"

struct node {
	twz_ptr(struct node) next;
	uint64_t value;
};

static struct twz_obj fresh(void)
{
	struct twz_obj obj;

	MUST(twz_obj_new(&(struct twz_new){.heap = true, .bytes = 8192}, &obj));
	return obj;
}

/* In the object's data, far behind what the heap has cut. */
static struct node *node_at(struct twz_obj obj, unsigned n)
{
	return (struct node *)(obj.base + (512u << 20)) + n;
}

static void null_stays_null(void **state)
{
	struct node *n = node_at(fresh(), 0);

	(void)state;
	assert_null(twz_get(&n->next));
	assert_true(twz_is_null(&n->next));
	MUST(twz_set(&n->next, n));
	MUST(twz_set(&n->next, NULL));
	assert_null(twz_get(&n->next));
	assert_int_equal(n->next.raw, 0);
}

static void local_pointers_are_offsets(void **state)
{
	struct node *a = node_at(fresh(), 0), *b = a + 100;

	(void)state;
	MUST(twz_set(&a->next, b));
	assert_int_equal(a->next.raw, obj_offset(b));
	assert_ptr_equal(twz_get(&a->next), b);
}

static void foreign_pointers_go_through_the_fot(void **state)
{
	struct twz_obj from = fresh(), to = fresh();
	struct node *a = node_at(from, 0), *b = node_at(to, 3);

	(void)state;
	MUST(twz_set(&a->next, b));
	assert_int_equal(a->next.raw >> 40, 1);
	assert_ptr_equal(twz_get(&a->next), b);
	assert_ptr_equal(twz_get(&a->next), b); /* by the shadow now */
	MUST(twz_set(&a[1].next, b + 1));
	assert_int_equal(a[1].next.raw >> 40, 1);
	assert_ptr_equal(twz_get(&a[1].next), b + 1);
	MUST(twz_ptr_copy(&b->next, &a->next));
	assert_ptr_equal(twz_get(&b->next), b);
	assert_int_equal(b->next.raw, obj_offset(b));
}

static void survive_a_new_place(void **state)
{
	struct twz_obj from = fresh(), to = fresh();
	struct node *a = node_at(from, 0), *b = node_at(to, 0);
	struct twz_id id = to.id;

	(void)state;
	b->value = 77;
	MUST(twz_set(&a->next, b));
	assert_int_equal(twz_get(&a->next)->value, 77);
	MUST(twz_obj_recycle(&to));
	for (unsigned i = 0; i < 3; i++)
		fresh(); /* take its slot */
	assert_ptr_not_equal(twz_get(&a->next), b);
	assert_int_equal(twz_get(&a->next)->value, 77);
	MUST(twz_obj_open(id, &to));
	assert_ptr_equal(twz_get(&a->next), node_at(to, 0));
}

/* Rows grow, many of them, and lie behind each other: every entry stays its own. */
static void many_targets(void **state)
{
	enum { FROM = 5, TO = 120 };
	struct twz_obj from[FROM], to[TO];

	(void)state;
	for (unsigned i = 0; i < FROM; i++)
		from[i] = fresh();
	for (unsigned i = 0; i < TO; i++)
		MUST(twz_obj_new(&(struct twz_new){0}, &to[i]));
	for (unsigned i = 0; i < TO; i++)
		for (unsigned j = 0; j < FROM; j++) {
			struct node *n = node_at(from[j], i);

			MUST(twz_set(&n->next, node_at(to[(i * 7 + j) % TO], i)));
			assert_ptr_equal(twz_get(&n->next), node_at(to[(i * 7 + j) % TO], i));
		}
	for (unsigned i = 0; i < TO; i++)
		for (unsigned j = 0; j < FROM; j++)
			assert_ptr_equal(twz_get(&node_at(from[j], i)->next),
					 node_at(to[(i * 7 + j) % TO], i));
}

static void hostile_values_fault(void **state)
{
	struct twz_obj obj = fresh(), other = fresh();
	struct node *n = node_at(obj, 0);
	static const uint64_t bad[] = {
		TWZ_SLOT_SIZE - 1 + (2ull << 40), /* an entry that is empty */
		0xffffull << 40 | 0x400000,
		0x10000ull << 40,
		0xff00000000400000,
		~0ull,
		~0ull - 1,
		1ull << 63,
	};

	(void)state;
	MUST(twz_set(&n[1].next, node_at(other, 0)));
	assert_non_null(twz_get(&n[1].next));
	for (unsigned i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		n->next.raw = bad[i];
		assert_true(CATCH(twz_get(&n->next)));
		assert_int_equal(caught.kind, TWZ_FAULT_UNRESOLVED);
		assert_true(twz_id_equal(caught.object, obj.id));
	}
	/* Past the slot: reached through a large place. */
	n->next.raw = 5ull << 30;
	*(uint64_t *)twz_get(&n->next) = 5;
	assert_int_equal(obj_offset(twz_get(&n->next)), 5ull << 30);
	n[1].next.raw = 1ull << 40 | 6ull << 30;
	*(uint64_t *)twz_get(&n[1].next) = 6;
	assert_int_equal(obj_offset(twz_get(&n[1].next)), 6ull << 30);
	assert_int_equal(*(uint64_t *)twz_get(&n[1].next), 6);
	/* Offset 0: nothing can be there, but the address is the object's. */
	n[1].next.raw = 1ull << 40;
	assert_ptr_equal(twz_get(&n[1].next), other.base);
}

static void pointers_in_large_places(void **state)
{
	struct twz_obj obj, other = fresh();
	struct node *near, *far;

	(void)state;
	MUST(twz_obj_new(&(struct twz_new){.heap = true, .large = true}, &obj));
	near = (struct node *)(obj.base + (100ull << 30));
	far = (struct node *)(obj.base + (900ull << 30));
	MUST(twz_set(&near->next, far));
	assert_ptr_equal(twz_get(&near->next), far);
	MUST(twz_set(&far->next, near));
	assert_ptr_equal(twz_get(&far->next), near);
	MUST(twz_set(&far->next, node_at(other, 0)));
	assert_ptr_equal(twz_get(&far->next), node_at(other, 0));
	assert_ptr_equal(twz_get(&far->next), node_at(other, 0));
	MUST(twz_set(&far->next, NULL));
	assert_null(twz_get(&far->next));
	/* From elsewhere into its far part. */
	MUST(twz_set(&node_at(other, 0)->next, far));
	assert_ptr_equal(twz_get(&node_at(other, 0)->next), far);
	assert_ptr_equal(twz_get(&node_at(other, 0)->next), far);
	MUST(twz_obj_delete(obj.id));
	MUST(twz_obj_recycle(&obj));
}

static void outside_of_objects_is_refused(void **state)
{
	struct node n = {.value = 1}, *in = node_at(fresh(), 0);

	(void)state;
	assert_int_equal(twz_set(&in->next, &n), TWZ_E_OUTSIDE);
	assert_int_equal(twz_set(&n.next, in), TWZ_E_OUTSIDE);
	n.next.raw = 1ull << 40 | 0x400000;
	assert_true(CATCH(twz_get(&n.next)));
	assert_int_equal(caught.kind, TWZ_FAULT_POINTER);
}

static void a_lasting_object_does_not_point_to_an_ending_one(void **state)
{
	struct twz_obj lasting = fresh(), ending;
	struct node *n = node_at(lasting, 0);

	(void)state;
	MUST(twz_obj_new(&(struct twz_new){.ending = true, .heap = true}, &ending));
	assert_int_equal(twz_set(&n->next, node_at(ending, 0)), TWZ_E_ARG);
	MUST(twz_set(&node_at(ending, 0)->next, n));
	MUST(twz_set_ending(NULL, &n->next, node_at(ending, 0)));
	assert_ptr_equal(twz_get(&n->next), node_at(ending, 0));
	n->next.raw = 0;
	MUST(twz_obj_keep(ending.id));
	MUST(twz_set(&n->next, node_at(ending, 0)));
}

static void in_transactions(void **state)
{
	struct twz_obj obj = fresh(), other = fresh();
	struct node *n = node_at(obj, 0), *fresh_node;
	struct twz_tx tx;

	(void)state;
	twz_tx_begin(&tx);
	MUST(twz_set_tx(&tx, &n->next, node_at(other, 0)));
	assert_null(twz_get(&n->next));
	twz_tx_abort(&tx);
	assert_null(twz_get(&n->next));
	assert_int_equal(fot_find(NULL, obj.base, other.id), 0);
	twz_tx_begin(&tx);
	MUST(twz_set_tx(&tx, &n->next, node_at(other, 0)));
	MUST(twz_alloc(&tx, &n[1].next, sizeof(*n), &fresh_node));
	fresh_node->value = 5;
	fresh_node->next.raw = 0;
	twz_tx_fresh(&tx, fresh_node, sizeof(*fresh_node));
	MUST(twz_tx_commit(&tx));
	assert_ptr_equal(twz_get(&n->next), node_at(other, 0));
	assert_ptr_equal(twz_get(&n[1].next), fresh_node);
	MUST(twz_free(NULL, &n[1].next));
	assert_null(twz_get(&n[1].next));
	/* An error stays in the transaction. */
	twz_tx_begin(&tx);
	assert_int_equal(twz_set_tx(&tx, &n->next, (struct node *)&tx), TWZ_E_OUTSIDE);
	assert_int_equal(twz_tx_commit(&tx), TWZ_E_OUTSIDE);
}

static void a_deleted_target_faults(void **state)
{
	struct twz_obj obj = fresh(), other = fresh();
	struct node *n = node_at(obj, 0);

	(void)state;
	MUST(twz_set(&n->next, node_at(other, 0)));
	MUST(twz_obj_delete(other.id));
	assert_true(CATCH(load(twz_get(&n->next))));
	MUST(fot_delete(NULL, obj.base, 1));
	n[1].next.raw = 1ull << 40 | 0x400000;
	MUST(twz_obj_recycle(&other));
	assert_true(CATCH(twz_get(&n[1].next)));
	assert_int_equal(caught.kind, TWZ_FAULT_UNRESOLVED);
}

static void late_binding_follows_the_name(void **state)
{
	struct twz_obj obj = fresh(), one = fresh(), two = fresh();
	struct node *n = node_at(obj, 0);
	struct twz_id space;

	(void)state;
	MUST(twz_ns_make("late", &space));
	MUST(twz_set_name(NULL, &n->next, "/late/target"));
	assert_true(CATCH(twz_get(&n->next)));
	assert_int_equal(caught.kind, TWZ_FAULT_UNRESOLVED);
	MUST(twz_name_bind("late/target", one.id, 0));
	assert_ptr_equal(twz_get(&n->next), twz_obj_root(&one));
	assert_ptr_equal(twz_get(&n->next), twz_obj_root(&one));
	MUST(twz_name_bind("late/target", two.id, TWZ_NAME_REPLACE));
	assert_ptr_equal(twz_get(&n->next), twz_obj_root(&two));
	MUST(twz_name_rename("late", "later", 0));
	assert_true(CATCH(twz_get(&n->next)));
	MUST(twz_name_rename("later", "late", 0));
	assert_ptr_equal(twz_get(&n->next), twz_obj_root(&two));
	MUST(twz_name_unbind("late/target", 0));
	assert_true(CATCH(twz_get(&n->next)));
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
		home_test(null_stays_null),
		home_test(local_pointers_are_offsets),
		home_test(foreign_pointers_go_through_the_fot),
		home_test(survive_a_new_place),
		home_test(many_targets),
		home_test(hostile_values_fault),
		home_test(pointers_in_large_places),
		home_test(outside_of_objects_is_refused),
		home_test(a_lasting_object_does_not_point_to_an_ending_one),
		home_test(in_transactions),
		home_test(a_deleted_target_faults),
		home_test(late_binding_follows_the_name),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
