/* late.c - names are bound anew under threads on other processors that follow them. */
#include "tests/guest/test.h"
#include "tests/home/swap.h"

#define READERS 2

static struct swap s;
static bool stop;

static void read_on(uint64_t arg)
{
	const char *wrong = NULL;

	(void)arg;
	while (!wrong && !__atomic_load_n(&stop, __ATOMIC_ACQUIRE))
		wrong = swap_read(&s);
	if (wrong)
		test_say("a reader saw %s", wrong);
	CHECK(!wrong);
}

static void delete_all(void)
{
	for (unsigned i = 0; i < SWAP_ROUNDS; i++) {
		test_delete(s.library[i]);
		test_delete(s.data[i]);
	}
	test_delete(s.search.id);
}

TEST(readers_see_what_is_bound)
{
	struct test_thread *thread[READERS];
	struct twz_obj holder;

	CHECK_EQ(swap_setup(&s), 0);
	for (unsigned i = 0; i < READERS; i++)
		thread[i] = test_thread(read_on, 0);
	CHECK_EQ(swap_run(&s, 3), 0);
	__atomic_store_n(&stop, true, __ATOMIC_RELEASE);
	for (unsigned i = 0; i < READERS; i++)
		test_join(thread[i]);
	CHECK_EQ(twz_obj_at(s.holder, &holder), 0);
	test_delete(holder.id);
	CHECK_EQ(twz_name_unbind("/swap/1/library", 0), 0);
	CHECK_EQ(twz_name_unbind("/swap/2/library", 0), 0);
	CHECK_EQ(twz_name_unbind("/swap/data", 0), 0);
	CHECK_EQ(twz_name_unbind("/swap/1", TWZ_NAME_DELETE), 0);
	CHECK_EQ(twz_name_unbind("/swap/2", TWZ_NAME_DELETE), 0);
	CHECK_EQ(twz_name_unbind("/swap", TWZ_NAME_DELETE), 0);
	delete_all();
}

static struct twz_id missing;
static unsigned handled;

static bool bind_it(const struct twz_fault *fault, void *arg)
{
	char name[64];

	(void)arg;
	handled++;
	return fault->kind == TWZ_FAULT_UNRESOLVED && fault->error == TWZ_E_UNRESOLVED &&
	       twz_ptr_name((const uint64_t *)fault->address, name, sizeof(name)) &&
	       !twz_name_bind(name, missing, 0);
}

TEST(what_is_missing_is_bound_in_the_handler)
{
	struct twz_obj obj, target;
	twz_ptr(uint64_t) * late;
	void *block;

	CHECK_EQ(twz_obj_new(&(struct twz_new){.ending = true, .heap = true}, &obj), 0);
	CHECK_EQ(twz_obj_new(&(struct twz_new){.ending = true, .bytes = 8}, &target), 0);
	CHECK_EQ(heap_alloc(NULL, 64, twz_heap_root(&obj), &block), 0);
	late = block;
	late->raw = 0;
	*(uint64_t *)twz_obj_data(&target) = 77;
	CHECK_EQ(twz_set_name(NULL, late, "/brought-in"), 0);
	missing = target.id;
	twz_rt_on_fault(bind_it, NULL);
	CHECK_EQ(*twz_get(late), 77);
	twz_rt_on_fault(NULL, NULL);
	CHECK_EQ(handled, 1);
	CHECK_EQ(twz_name_unbind("/brought-in", TWZ_NAME_DELETE), 0);
	test_delete(obj.id);
}

/* Deleted by another program while this one has it mapped: nobody finds it any more. */
TEST(a_namespace_that_was_deleted_resolves_nothing)
{
	struct twz_id space, id;
	uint64_t raw = 0;
	char name[8];

	CHECK_EQ(twz_ns_make("/gone", &space), 0);
	CHECK_EQ(twz_name_resolve("/gone", &id), 0);
	CHECK_EQ(twz_name_resolve("/gone/x", &id), TWZ_E_NOTFOUND);
	CHECK_EQ(twz_obj_delete(space), 0);
	CHECK_EQ(twz_name_resolve("/gone/x", &id), TWZ_E_NOTFOUND);
	CHECK_EQ(twz_name_resolve_in(space, "x", &id), TWZ_E_NOTFOUND);
	CHECK_EQ(twz_name_unbind("/gone", 0), 0);
	CHECK(!twz_ptr_name(&raw, name, sizeof(name)));
}
