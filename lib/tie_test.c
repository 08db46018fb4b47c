/* tie_test.c - lifetimes: ties, pointers that hold, what is temporary. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "core/fot.h"
#include "tests/home/sound.h"

static struct twz_obj make(bool ending)
{
	struct twz_obj obj;

	MUST(twz_obj_new(&(struct twz_new){.bytes = 4096, .ending = ending}, &obj));
	return obj;
}

/* Does what goes on in the background, all of it. */
static void settle_down(void)
{
	home_lock();
	assert_int_equal(store_drain(&home.store, 1 << 20), 0);
	home_unlock();
}

static bool there(struct twz_id id)
{
	struct twz_rt_stat stat;
	int error = twz_obj_stat(id, &stat);

	assert_true(!error || error == TWZ_E_NOTFOUND);
	return !error;
}

static void gone(struct twz_obj obj)
{
	settle_down();
	assert_false(there(obj.id));
}

static void delete_all(const struct twz_obj *obj, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (there(obj[i].id))
			MUST(twz_obj_delete(obj[i].id));
	for (unsigned i = 0; i < n; i++)
		gone(obj[i]);
}

/* The kinds of the tie, 0: there is none. What both ends say of it is the same. */
static uint32_t tie_of(struct twz_id object, struct twz_id to)
{
	struct twz_rt_tie tie = {{0, 0}, 0, 0}, back = {{0, 0}, 0, 0};
	int error;

	while (!(error = twz_ties(object, &tie)) && (tie.in || !twz_id_equal(tie.other, to)))
		;
	while (!error && !(error = twz_ties(to, &back)) &&
	       !(back.in && twz_id_equal(back.other, object)))
		;
	if (error)
		assert_int_equal(error, TWZ_E_NOTFOUND);
	else
		assert_int_equal(tie.kinds & ~TWZ_TIE_MARKED, back.kinds);
	return error ? 0 : tie.kinds;
}

static void an_object_goes_with_what_it_is_tied_to(void **state)
{
	struct twz_obj a = make(false), b = make(false);

	(void)state;
	MUST(twz_tie(a.id, b.id, 0));
	assert_int_equal(tie_of(a.id, b.id), TWZ_TIE_PLAIN);
	assert_int_equal(tie_of(b.id, a.id), 0);
	MUST(twz_obj_delete(b.id));
	assert_false(there(b.id));
	gone(a);
}

static void it_goes_with_the_last_of_several(void **state)
{
	struct twz_obj a[3] = {make(false), make(false), make(false)};
	struct twz_obj to[3] = {make(false), make(false), make(false)};

	(void)state;
	for (unsigned i = 0; i < 9; i++)
		MUST(twz_tie(a[i / 3].id, to[i % 3].id, 0));
	for (unsigned i = 0; i < 3; i++) {
		settle_down();
		for (unsigned j = 0; j < 3; j++)
			assert_true(there(a[j].id));
		MUST(twz_obj_delete(to[i].id));
	}
	for (unsigned i = 0; i < 3; i++)
		gone(a[i]);
}

static void deleting_what_is_tied_only_marks_it(void **state)
{
	struct twz_obj a = make(false), b = make(false), again;

	(void)state;
	MUST(twz_tie(a.id, b.id, 0));
	put(twz_obj_data(&a), 7);
	MUST(twz_obj_delete(a.id));
	MUST(twz_obj_delete(a.id));
	settle_down();
	assert_int_equal(tie_of(a.id, b.id), TWZ_TIE_PLAIN | TWZ_TIE_MARKED);
	/* It can be used as before, where it was. */
	assert_int_equal(load(twz_obj_data(&a)), 7);
	put(twz_obj_data(&a), 8);
	MUST(twz_obj_open(a.id, &again));
	assert_ptr_equal(again.base, a.base);
	MUST(twz_obj_delete(b.id));
	gone(a);
}

static void untying_deletes_only_what_is_marked(void **state)
{
	struct twz_obj a = make(false), b = make(false);

	(void)state;
	MUST(twz_tie(a.id, b.id, 0));
	MUST(twz_untie(a.id, b.id, 0));
	assert_int_equal(tie_of(a.id, b.id), 0);
	settle_down();
	assert_true(there(a.id));
	MUST(twz_tie(a.id, b.id, 0));
	MUST(twz_obj_delete(a.id));
	MUST(twz_untie(a.id, b.id, TWZ_TIE_PLAIN));
	assert_false(there(a.id)); /* in the same step */
	assert_true(there(b.id));
	delete_all(&b, 1);
}

static void a_chain_goes_from_its_end(void **state)
{
	struct twz_obj chain[20];

	(void)state;
	for (unsigned i = 0; i < 20; i++) {
		chain[i] = make(i % 3 == 0);
		if (i)
			MUST(twz_tie(chain[i].id, chain[i - 1].id, TWZ_TIE_ENDING));
	}
	MUST(twz_obj_delete(chain[0].id));
	for (unsigned i = 0; i < 20; i++)
		gone(chain[i]);
}

static void a_circle_holds_itself(void **state)
{
	struct twz_obj circle[4];

	(void)state;
	for (unsigned i = 0; i < 4; i++)
		circle[i] = make(false);
	for (unsigned i = 0; i < 4; i++)
		MUST(twz_tie(circle[i].id, circle[(i + 1) % 4].id, 0));
	for (unsigned i = 0; i < 4; i++)
		MUST(twz_obj_delete(circle[i].id));
	settle_down();
	for (unsigned i = 0; i < 4; i++)
		assert_true(there(circle[i].id));
	MUST(twz_untie(circle[2].id, circle[3].id, 0));
	for (unsigned i = 0; i < 4; i++)
		gone(circle[i]);
}

static void twice_is_as_once(void **state)
{
	struct twz_obj a = make(false), b = make(false);

	(void)state;
	MUST(twz_tie(a.id, b.id, 0));
	MUST(twz_tie(a.id, b.id, TWZ_TIE_PLAIN));
	MUST(twz_tie(a.id, b.id, TWZ_TIE_HOLD)); /* but for another kind */
	assert_int_equal(tie_of(a.id, b.id), TWZ_TIE_PLAIN | TWZ_TIE_HOLD);
	MUST(twz_untie(a.id, b.id, TWZ_TIE_PLAIN));
	assert_int_equal(tie_of(a.id, b.id), TWZ_TIE_HOLD);
	assert_int_equal(twz_untie(a.id, b.id, 0), TWZ_E_NOTFOUND);
	MUST(twz_untie(a.id, b.id, TWZ_TIE_HOLD));
	assert_int_equal(twz_untie(a.id, b.id, TWZ_TIE_HOLD), TWZ_E_NOTFOUND);
	assert_int_equal(tie_of(a.id, b.id), 0);
	delete_all((struct twz_obj[]){a, b}, 2);
}

static void what_cannot_be_tied(void **state)
{
	const struct twz_id none = {1, 2};
	struct twz_obj a = make(false), b = make(false), ending = make(true);
	struct twz_id root;

	(void)state;
	MUST(twz_name_resolve("/", &root));
	assert_int_equal(twz_tie(a.id, a.id, 0), TWZ_E_ARG);
	assert_int_equal(twz_tie(a.id, none, 0), TWZ_E_NOTFOUND);
	assert_int_equal(twz_tie(none, a.id, 0), TWZ_E_NOTFOUND);
	assert_int_equal(twz_tie(a.id, b.id, 64), TWZ_E_ARG);
	assert_int_equal(twz_tie(root, a.id, 0), TWZ_E_BUSY);
	assert_int_equal(twz_tie(a.id, ending.id, 0), TWZ_E_ARG);
	assert_int_equal(twz_untie(a.id, b.id, 0), TWZ_E_NOTFOUND);
	assert_int_equal(twz_untie(none, b.id, 0), TWZ_E_NOTFOUND);
	assert_int_equal(twz_untie(a.id, none, 0), TWZ_E_NOTFOUND);
	assert_int_equal(twz_untie(a.id, b.id, TWZ_TIE_ENDING), TWZ_E_ARG);
	assert_int_equal(tie_of(a.id, b.id), 0);
	/* All others can. */
	MUST(twz_tie(a.id, root, 0));
	MUST(twz_untie(a.id, root, 0));
	MUST(twz_tie(ending.id, a.id, 0));
	MUST(twz_untie(ending.id, a.id, 0));
	MUST(twz_tie(a.id, ending.id, TWZ_TIE_ENDING));
	MUST(twz_obj_delete(ending.id));
	gone(a);
	delete_all(&b, 1);
}

static void ties_can_be_walked(void **state)
{
	struct twz_obj a = make(false), out[5], in[7];
	struct twz_rt_tie tie = {{0, 0}, 0, 0}, first;
	unsigned nout = 0, nin = 0;
	int error;

	(void)state;
	assert_int_equal(twz_ties(a.id, &tie), TWZ_E_NOTFOUND);
	for (unsigned i = 0; i < 5; i++) {
		out[i] = make(false);
		MUST(twz_tie(a.id, out[i].id, 0));
	}
	for (unsigned i = 0; i < 7; i++) {
		in[i] = make(false);
		MUST(twz_tie(in[i].id, a.id, 0));
	}
	tie = (struct twz_rt_tie){{0, 0}, 0, 0};
	while (!(error = twz_ties(a.id, &tie))) {
		assert_true(!tie.in || nout == 5); /* those out of it first */
		nout += !tie.in;
		nin += tie.in;
	}
	assert_int_equal(error, TWZ_E_NOTFOUND);
	assert_int_equal(nout, 5);
	assert_int_equal(nin, 7);
	assert_int_equal(twz_ties(a.id, &(struct twz_rt_tie){.in = 2}), TWZ_E_ARG);
	assert_int_equal(twz_ties((struct twz_id){1, 2}, &(struct twz_rt_tie){.in = 0}),
			 TWZ_E_NOTFOUND);
	/* The one at which a walk stands is taken away, or deleted. */
	first = (struct twz_rt_tie){{0, 0}, 0, 0};
	MUST(twz_ties(a.id, &first));
	tie = first;
	MUST(twz_untie(a.id, first.other, 0));
	assert_int_equal(twz_ties(a.id, &tie), TWZ_E_BUSY);
	MUST(twz_obj_delete(first.other));
	tie = first;
	assert_int_equal(twz_ties(a.id, &tie), TWZ_E_BUSY);
	for (unsigned i = 0; i < 5; i++)
		if (there(out[i].id))
			MUST(twz_obj_delete(out[i].id));
	gone(a);
	for (unsigned i = 0; i < 7; i++)
		gone(in[i]);
}

static void many_go_with_one(void **state)
{
	struct twz_rt_usage before, after;
	struct twz_obj holder = make(false), obj;

	(void)state;
	MUST(twz_rt_usage(&before));
	for (unsigned i = 0; i < 1000; i++) {
		MUST(twz_obj_new(&(struct twz_new){.bytes = 1, .tie = holder.id}, &obj));
		MUST(twz_obj_recycle(&obj));
	}
	MUST(twz_rt_usage(&after));
	assert_int_equal(after.objects, before.objects + 1000);
	MUST(twz_obj_delete(holder.id));
	gone(holder);
	MUST(twz_rt_usage(&after));
	assert_int_equal(after.objects, before.objects - 1);
	store_is_sound();
}

/* Before the store is said to be full, all goes that is to go. */
static void what_is_to_go_makes_room(void **state)
{
	struct twz_obj holder = make(false), obj;
	unsigned n = 0;
	int error;

	(void)state;
	while (!(error = twz_obj_new(&(struct twz_new){.bytes = 1 << 20, .tie = holder.id}, &obj)))
		n++;
	assert_int_equal(error, TWZ_E_FULL);
	assert_in_range(n, 20, 100);
	MUST(twz_obj_delete(holder.id));
	holder = make(false);
	for (; n; n--)
		MUST(twz_obj_new(&(struct twz_new){.bytes = 1 << 20, .tie = holder.id}, &obj));
	delete_all(&holder, 1);
}

static void ties_are_made_with_the_object(void **state)
{
	struct twz_obj a = make(false), ending = make(true), obj;
	struct twz_rt_usage before, after;
	struct twz_id id;

	(void)state;
	MUST(twz_rt_usage(&before));
	assert_int_equal(twz_obj_new(&(struct twz_new){.tie = {1, 2}}, &obj), TWZ_E_NOTFOUND);
	assert_int_equal(twz_obj_new(&(struct twz_new){.tie = ending.id}, &obj), TWZ_E_ARG);
	assert_int_equal(
		twz_obj_new(&(struct twz_new){.tie = a.id, .tie_flags = TWZ_TIE_HOLD}, &obj),
		TWZ_E_ARG);
	assert_int_equal(twz_obj_new(&(struct twz_new){.tie_flags = TWZ_TIE_ENDING}, &obj),
			 TWZ_E_ARG);
	assert_int_equal(twz_rt_create(&(struct twz_rt_new){.flags = 64}, &id), TWZ_E_ARG);
	assert_int_equal(twz_rt_create(&(struct twz_rt_new){.flags = TWZ_NEW_TIED}, &id),
			 TWZ_E_ARG);
	MUST(twz_rt_usage(&after));
	assert_int_equal(before.objects, after.objects);
	MUST(twz_obj_new(&(struct twz_new){.tie = a.id, .bytes = 1}, &obj));
	assert_int_equal(tie_of(obj.id, a.id), TWZ_TIE_PLAIN);
	MUST(twz_obj_delete(a.id));
	gone(obj);
	MUST(twz_obj_new(&(struct twz_new){.tie = ending.id, .tie_flags = TWZ_TIE_ENDING}, &obj));
	MUST(twz_obj_delete(ending.id));
	gone(obj);
}

/* What this program has mapped faults when it went with its last tie, though nobody here deleted it. */
static void a_mapping_ends_with_its_object(void **state)
{
	struct twz_obj a = make(false), b = make(false);

	(void)state;
	MUST(twz_tie(a.id, b.id, 0));
	put(twz_obj_data(&a), 5);
	MUST(twz_obj_delete(b.id));
	gone(a);
	assert_true(CATCH(put(twz_obj_data(&a), 6)));
	assert_int_equal(caught.kind, TWZ_FAULT_OBJECT);
}

static void copies_and_sealed_ones_have_no_ties(void **state)
{
	struct twz_obj a = make(false), b = make(false);
	struct twz_rt_tie tie = {{0, 0}, 0, 0};
	struct twz_id copy, sealed;

	(void)state;
	MUST(twz_tie(a.id, b.id, 0));
	MUST(twz_obj_copy(a.id, false, &copy));
	MUST(twz_obj_seal(a.id, 4096, TWZ_READ | TWZ_DELETE, &sealed));
	assert_int_equal(twz_ties(copy, &tie), TWZ_E_NOTFOUND);
	tie = (struct twz_rt_tie){{0, 0}, 0, 0};
	assert_int_equal(twz_ties(sealed, &tie), TWZ_E_NOTFOUND);
	MUST(twz_obj_delete(b.id));
	gone(a);
	assert_true(there(copy) && there(sealed));
	/* But they can be tied as others. */
	MUST(twz_tie(sealed, copy, 0));
	MUST(twz_obj_delete(copy));
	settle_down();
	assert_false(there(copy) || there(sealed));
}

/* ---- pointers that hold --------------------------------------------------------------------------- */

struct node {
	twz_ptr(struct node) next;
	uint64_t value;
};

static struct node *node_of(const struct twz_obj *obj)
{
	return twz_obj_data(obj);
}

/* Two objects, the first with a pointer to the second. */
static void make_linked(struct twz_obj obj[2])
{
	obj[0] = make(false);
	obj[1] = make(false);
	MUST(twz_set(&node_of(&obj[0])->next, node_of(&obj[1])));
}

static bool flag_of(const struct twz_obj *obj)
{
	return fot_entry(obj->base, ptr_index(node_of(obj)->next.raw))->flags & TWZ_FOT_HOLD;
}

static void a_pointer_holds_its_target(void **state)
{
	struct twz_obj obj[2];

	(void)state;
	make_linked(obj);
	assert_int_equal(twz_unhold(&node_of(&obj[0])->next), TWZ_E_NOTFOUND);
	MUST(twz_hold(&node_of(&obj[0])->next));
	MUST(twz_hold(&node_of(&obj[0])->next));
	assert_true(flag_of(&obj[0]));
	assert_int_equal(tie_of(obj[1].id, obj[0].id), TWZ_TIE_HOLD);
	MUST(twz_obj_delete(obj[1].id)); /* is held */
	put(&twz_get(&node_of(&obj[0])->next)->value, 5);
	MUST(twz_unhold(&node_of(&obj[0])->next));
	assert_false(flag_of(&obj[0]));
	gone(obj[1]);
	assert_true(CATCH(load(twz_get(&node_of(&obj[0])->next))));
	assert_int_equal(twz_unhold(&node_of(&obj[0])->next), TWZ_E_NOTFOUND);
	assert_int_equal(twz_hold(&node_of(&obj[0])->next), TWZ_E_NOTFOUND);
	assert_false(flag_of(&obj[0]));
	delete_all(obj, 2);
	/* The holder goes first. */
	make_linked(obj);
	MUST(twz_hold(&node_of(&obj[0])->next));
	MUST(twz_obj_delete(obj[0].id));
	gone(obj[0]);
	gone(obj[1]);
}

static void what_is_tied_too_stays_when_it_is_not_held(void **state)
{
	struct twz_obj obj[2];

	(void)state;
	make_linked(obj);
	MUST(twz_tie(obj[1].id, obj[0].id, 0));
	MUST(twz_hold(&node_of(&obj[0])->next));
	assert_int_equal(tie_of(obj[1].id, obj[0].id), TWZ_TIE_PLAIN | TWZ_TIE_HOLD);
	MUST(twz_unhold(&node_of(&obj[0])->next));
	assert_int_equal(tie_of(obj[1].id, obj[0].id), TWZ_TIE_PLAIN);
	MUST(twz_obj_delete(obj[0].id));
	gone(obj[1]);
}

/* A crash in between leaves the tie without the flag; a copy has the flag without the tie. */
static void the_tie_is_what_counts(void **state)
{
	struct twz_obj obj[2], copy;
	struct twz_id id;

	(void)state;
	make_linked(obj);
	MUST(twz_rt_tie(obj[1].id, obj[0].id, TWZ_TIE_HOLD));
	MUST(twz_unhold(&node_of(&obj[0])->next));
	assert_int_equal(tie_of(obj[1].id, obj[0].id), 0);
	MUST(twz_rt_tie(obj[1].id, obj[0].id, TWZ_TIE_HOLD));
	MUST(twz_hold(&node_of(&obj[0])->next));
	assert_true(flag_of(&obj[0]));

	MUST(twz_obj_copy(obj[0].id, false, &id));
	MUST(twz_obj_open(id, &copy));
	assert_int_equal(tie_of(obj[1].id, id), 0);
	MUST(twz_unhold(&node_of(&copy)->next));
	assert_false(flag_of(&copy));
	assert_int_equal(twz_unhold(&node_of(&copy)->next), TWZ_E_NOTFOUND);
	assert_int_equal(tie_of(obj[1].id, obj[0].id), TWZ_TIE_HOLD);
	MUST(twz_hold(&node_of(&copy)->next));
	MUST(twz_obj_delete(obj[0].id));
	settle_down();
	assert_true(there(obj[1].id));
	MUST(twz_obj_delete(id));
	gone(obj[1]);
}

static void what_cannot_hold(void **state)
{
	struct twz_obj obj[2], ending, sealed, named;
	uint64_t outside = 1;
	struct node *far;
	struct twz_id id;

	(void)state;
	make_linked(obj);
	assert_int_equal(twz_ptr_hold(&outside, 0), TWZ_E_OUTSIDE);
	assert_int_equal(twz_ptr_unhold(&outside), TWZ_E_OUTSIDE);
	assert_int_equal(twz_hold(&node_of(&obj[1])->next), TWZ_E_ARG); /* null */
	MUST(twz_set(&node_of(&obj[1])->next, node_of(&obj[1])));
	assert_int_equal(twz_hold(&node_of(&obj[1])->next), TWZ_E_ARG);
	assert_int_equal(twz_unhold(&node_of(&obj[1])->next), TWZ_E_ARG);
	node_of(&obj[1])->next.raw = ptr_make(5, TWZ_OBJ_DATA);
	assert_int_equal(twz_hold(&node_of(&obj[1])->next), TWZ_E_UNRESOLVED);
	node_of(&obj[1])->next.raw = ~0ull;
	assert_int_equal(twz_hold(&node_of(&obj[1])->next), TWZ_E_UNRESOLVED);
	/* A name, whatever it is bound to. */
	MUST(twz_obj_new(&(struct twz_new){.heap = true, .ending = true}, &named));
	far = (struct node *)(named.base + (512 << 20));
	MUST(twz_set_name(NULL, &far->next, "/notes"));
	assert_int_equal(twz_hold(&far->next), TWZ_E_ARG);
	/* A holder that ends. */
	ending = make(true);
	MUST(twz_set(&node_of(&ending)->next, node_of(&obj[1])));
	assert_int_equal(twz_hold(&node_of(&ending)->next), TWZ_E_ARG);
	assert_int_equal(tie_of(obj[1].id, ending.id), 0);
	MUST(twz_hold_ending(&node_of(&ending)->next));
	MUST(twz_unhold(&node_of(&ending)->next));
	/* One that cannot change: nothing is left of the try. */
	MUST(twz_obj_seal(obj[0].id, 4096, TWZ_READ | TWZ_DELETE, &id));
	MUST(twz_obj_open(id, &sealed));
	assert_int_equal(twz_hold(&node_of(&sealed)->next), TWZ_E_SEALED);
	assert_int_equal(tie_of(obj[1].id, id), 0);
	/* A tombstone. */
	MUST(fot_delete(NULL, obj[0].base, (uint32_t)ptr_index(node_of(&obj[0])->next.raw)));
	assert_int_equal(twz_hold(&node_of(&obj[0])->next), TWZ_E_UNRESOLVED);
	delete_all((struct twz_obj[]){obj[0], obj[1], ending, sealed, named}, 5);
}

/* ---- temporary objects ---------------------------------------------------------------------------- */

static struct twz_id *notes(void)
{
	struct twz_obj obj;

	MUST(twz_name_open("notes", &obj));
	return twz_obj_data(&obj);
}

/* Makes what ends with it, and one that also something else holds. */
static int role_temporary(const char *how)
{
	struct twz_id *note = notes(), self;
	struct twz_obj obj[4];

	MUST(twz_obj_new(&(struct twz_new){.temporary = true, .bytes = 100000}, &obj[0]));
	MUST(twz_rt_self(&self));
	if (tie_of(obj[0].id, self) != TWZ_TIE_SCOPED)
		return 1;
	MUST(twz_obj_new(&(struct twz_new){.temporary = true, .tie = obj[0].id}, &obj[1]));
	if (tie_of(obj[1].id, self))
		return 2;
	obj[2] = make(false);
	MUST(twz_tie(obj[2].id, self, TWZ_TIE_ENDING));
	obj[3] = make(false);
	MUST(twz_tie(obj[3].id, self, TWZ_TIE_ENDING));
	MUST(twz_tie(obj[3].id, note[8], 0));
	for (unsigned i = 0; i < 4; i++)
		note[i] = obj[i].id;
	if (!strcmp(how, "killed"))
		kill(getpid(), SIGKILL);
	if (!strcmp(how, "crashed"))
		abort();
	return 0;
}

/* It does not have to wait for the program's end. */
static void what_is_temporary_can_be_deleted(void **state)
{
	struct twz_obj obj[3], other = make(true);
	struct twz_id self;

	(void)state;
	MUST(twz_rt_self(&self));
	for (unsigned i = 0; i < 3; i++)
		MUST(twz_obj_new(&(struct twz_new){.temporary = true, .bytes = 1}, &obj[i]));
	MUST(twz_obj_delete(obj[0].id));
	assert_false(there(obj[0].id));
	/* But ties by name keep it, to the program too. */
	MUST(twz_tie(obj[1].id, other.id, 0));
	MUST(twz_obj_delete(obj[1].id));
	assert_int_equal(tie_of(obj[1].id, other.id), TWZ_TIE_PLAIN | TWZ_TIE_MARKED);
	assert_int_equal(tie_of(obj[1].id, self), 0);
	MUST(twz_tie(obj[2].id, self, 0));
	assert_int_equal(tie_of(obj[2].id, self), TWZ_TIE_PLAIN | TWZ_TIE_SCOPED);
	MUST(twz_obj_delete(obj[2].id));
	assert_int_equal(tie_of(obj[2].id, self), TWZ_TIE_PLAIN | TWZ_TIE_MARKED);
	assert_int_equal(twz_untie(obj[2].id, self, TWZ_TIE_SCOPED), TWZ_E_NOTFOUND);
	assert_int_equal(twz_tie(obj[2].id, other.id, TWZ_TIE_SCOPED), TWZ_E_ARG);
	MUST(twz_untie(obj[2].id, self, 0));
	MUST(twz_obj_delete(other.id));
	for (unsigned i = 0; i < 3; i++)
		gone(obj[i]);
}

static void what_is_temporary_ends_with_its_program(void **state)
{
	static const struct {
		const char *how;
		int status;
	} ends[] = {{"regular", 0}, {"killed", 128 + SIGKILL}, {"crashed", 128 + SIGABRT}};
	struct twz_obj holder = make(false);
	struct twz_id *note = notes();
	struct twz_rt_usage before, after;

	(void)state;
	note[8] = holder.id;
	settle_down();
	MUST(twz_rt_usage(&before));
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(program_run("temporary", ends[i].how), ends[i].status);
		/* Without anything else happening: who waited for it saw to that. */
		for (unsigned j = 0; j < 3; j++)
			assert_false(there(note[j]));
		assert_true(there(note[3]));
		MUST(twz_obj_delete(note[3])); /* is marked */
		assert_true(there(note[3]));
		MUST(twz_untie(note[3], holder.id, 0));
		assert_false(there(note[3]));
		settle_down();
		MUST(twz_rt_usage(&after));
		assert_int_equal(after.objects, before.objects);
		assert_int_equal(after.used, before.used);
	}
	delete_all(&holder, 1);
	store_is_sound();
}

static int setup(void **state)
{
	struct twz_obj obj;

	(void)state;
	home_start(64 << 20);
	MUST(twz_obj_new(&(struct twz_new){.ending = true, .bytes = 4096}, &obj));
	MUST(twz_name_publish("notes", obj.id, 0));
	return 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		home_test(an_object_goes_with_what_it_is_tied_to),
		home_test(it_goes_with_the_last_of_several),
		home_test(deleting_what_is_tied_only_marks_it),
		home_test(untying_deletes_only_what_is_marked),
		home_test(a_chain_goes_from_its_end),
		home_test(a_circle_holds_itself),
		home_test(twice_is_as_once),
		home_test(what_cannot_be_tied),
		home_test(ties_can_be_walked),
		home_test(many_go_with_one),
		home_test(what_is_to_go_makes_room),
		home_test(ties_are_made_with_the_object),
		home_test(a_mapping_ends_with_its_object),
		home_test(copies_and_sealed_ones_have_no_ties),
		home_test(a_pointer_holds_its_target),
		home_test(what_is_tied_too_stays_when_it_is_not_held),
		home_test(the_tie_is_what_counts),
		home_test(what_cannot_hold),
		home_test(what_is_temporary_can_be_deleted),
		home_test(what_is_temporary_ends_with_its_program),
	};

	if (argc > 2 && !strcmp(argv[1], "temporary"))
		return role_temporary(argv[2]);
	return cmocka_run_group_tests(tests, setup, NULL);
}
