/* late_test.c - names in pointers: resolvers, search lists, what is not there. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/home/home.h"

struct node {
	twz_ptr(uint64_t) late;
	uint64_t value;
};

static struct twz_obj number(uint64_t value)
{
	struct twz_obj obj;

	MUST(twz_obj_new(&(struct twz_new){.bytes = 8}, &obj));
	*(uint64_t *)twz_obj_data(&obj) = value;
	return obj;
}

static struct node *holder(void)
{
	struct twz_obj obj;
	void *block;

	MUST(twz_obj_new(&(struct twz_new){.heap = true}, &obj));
	MUST(heap_alloc(NULL, sizeof(struct node), twz_heap_root(&obj), &block));
	return memset(block, 0, sizeof(struct node));
}

static struct twz_id space(const char *path)
{
	struct twz_id id;

	MUST(twz_ns_make(path, &id));
	return id;
}

static uint64_t value_of(struct node *n)
{
	return *twz_get(&n->late);
}

/* The pointer faults, and says so. */
static void assert_unresolved(struct node *n, int error)
{
	assert_true(CATCH(twz_get(&n->late)));
	assert_int_equal(caught.kind, TWZ_FAULT_UNRESOLVED);
	assert_int_equal(caught.error, error);
}

static void a_namespace_resolves(void **state)
{
	struct twz_id one = space("one"), two = space("two");
	struct node *n = holder(), *m = holder();

	(void)state;
	MUST(twz_name_bind("one/x", number(1).id, 0));
	MUST(twz_name_bind("two/x", number(2).id, 0));
	MUST(twz_set_name_in(NULL, &n->late, "x", one));
	assert_int_equal(value_of(n), 1);
	assert_int_equal(value_of(n), 1);
	MUST(twz_set_name_in(NULL, &m->late, "/x", two));
	assert_int_equal(value_of(m), 2);
	/* Rebound, deeper, and above it. */
	MUST(twz_name_bind("one/x", number(3).id, TWZ_NAME_REPLACE));
	assert_int_equal(value_of(n), 3);
	assert_int_equal(value_of(m), 2);
	space("one/in");
	MUST(twz_name_bind("one/in/y", number(4).id, 0));
	MUST(twz_set_name_in(NULL, &n->late, "in/y", one));
	assert_int_equal(value_of(n), 4);
	MUST(twz_set_name_in(NULL, &n->late, "../two/x", one));
	assert_int_equal(value_of(n), 2);
	/* The namespace may have any name, or none. */
	MUST(twz_name_rename("two", "three", 0));
	assert_unresolved(n, TWZ_E_UNRESOLVED);
	assert_int_equal(value_of(m), 2);
}

static void the_same_name_and_resolver_are_one_entry(void **state)
{
	struct twz_id one = space("dedup"), two = space("dedup2");
	struct node *n = holder();
	uint64_t first;

	(void)state;
	MUST(twz_set_name_in(NULL, &n->late, "x", one));
	first = n->late.raw;
	MUST(twz_set_name_in(NULL, &n->late, "x", one));
	assert_int_equal(n->late.raw, first);
	MUST(twz_set_name_in(NULL, &n->late, "x", two));
	assert_int_not_equal(n->late.raw, first);
	MUST(twz_set_name(NULL, &n->late, "x"));
	assert_int_equal(ptr_index(n->late.raw), 3);
	MUST(twz_set_name_in(NULL, &n->late, "x", two));
	assert_int_equal(ptr_index(n->late.raw), 2);
}

static struct twz_obj list_of(const struct twz_id *list, uint32_t count)
{
	struct twz_obj obj;

	MUST(twz_obj_new(&(struct twz_new){0}, &obj));
	MUST(twz_search_set(&obj, list, count));
	return obj;
}

static void a_search_list_resolves(void **state)
{
	struct twz_id list[] = {space("a"), space("b"), space("c")}, read[TWZ_SEARCH_MAX], id;
	struct twz_obj search = list_of(list, 3);
	struct node *n = holder();
	uint32_t count;

	(void)state;
	MUST(twz_name_bind("b/x", number(20).id, 0));
	MUST(twz_name_bind("c/x", number(30).id, 0));
	MUST(twz_set_name_in(NULL, &n->late, "x", search.id));
	assert_int_equal(value_of(n), 20);
	/* Bound before it, taken away again. */
	MUST(twz_name_bind("a/x", number(10).id, 0));
	assert_int_equal(value_of(n), 10);
	MUST(twz_name_unbind("a/x", 0));
	assert_int_equal(value_of(n), 20);
	MUST(twz_name_unbind("b/x", 0));
	assert_int_equal(value_of(n), 30);
	MUST(twz_name_resolve_in(search.id, "x", &id));
	/* Another list. */
	MUST(twz_name_bind("a/x", number(11).id, 0));
	assert_int_equal(value_of(n), 11);
	MUST(twz_search_set(&search, &list[1], 2));
	assert_int_equal(value_of(n), 30);
	MUST(twz_search_get(&search, read, &count));
	assert_int_equal(count, 2);
	assert_memory_equal(read, &list[1], 2 * sizeof(*list));
	MUST(twz_search_set(&search, list, 0));
	assert_unresolved(n, TWZ_E_UNRESOLVED);
	assert_int_equal(twz_name_resolve_in(search.id, "x", &id), TWZ_E_UNRESOLVED);
	MUST(twz_search_set(&search, list, 1));
	assert_int_equal(value_of(n), 11);
	assert_int_equal(twz_search_set(&search, list, TWZ_SEARCH_MAX + 1), TWZ_E_LIMIT);
}

static void resolvers_that_are_none(void **state)
{
	struct twz_obj data = number(1), search;
	struct twz_id list[] = {space("d"), space("e")}, nobody = {7, 7}, id;
	struct node *n = holder();

	(void)state;
	MUST(twz_set_name_in(NULL, &n->late, "x", data.id));
	assert_unresolved(n, TWZ_E_TYPE);
	assert_int_equal(twz_name_resolve_in(data.id, "x", &id), TWZ_E_TYPE);
	MUST(twz_set_name_in(NULL, &n->late, "x", nobody));
	assert_unresolved(n, TWZ_E_NOTFOUND);

	/* What a list names is gone, or is no namespace: what is behind it does not step in. */
	search = list_of(list, 2);
	MUST(twz_name_bind("e/x", data.id, 0));
	MUST(twz_set_name_in(NULL, &n->late, "x", search.id));
	assert_int_equal(value_of(n), 1);
	MUST(twz_obj_delete(list[0]));
	assert_unresolved(n, TWZ_E_NOTFOUND);
	list[0] = data.id;
	MUST(twz_search_set(&search, list, 2));
	assert_unresolved(n, TWZ_E_TYPE);
	MUST(twz_obj_delete(search.id));
	assert_unresolved(n, TWZ_E_NOTFOUND);
}

static void a_list_that_lies(void **state)
{
	struct twz_id list[] = {space("f")};
	struct twz_obj search = list_of(list, 1);
	struct twz_methods *table = twz_obj_data(&search);
	struct twz_search *in = (struct twz_search *)(table + 1);
	struct node *n = holder();

	(void)state;
	MUST(twz_name_bind("f/x", number(1).id, 0));
	MUST(twz_set_name_in(NULL, &n->late, "x", search.id));
	assert_int_equal(value_of(n), 1);
	in->count = TWZ_SEARCH_MAX + 1;
	in->generation++;
	assert_true(CATCH(twz_get(&n->late)));
	assert_int_equal(caught.kind, TWZ_FAULT_DAMAGED);
	in->count = 1;
	table->params = sizeof(*in) - 8;
	assert_true(CATCH(twz_get(&n->late)));
	assert_int_equal(caught.kind, TWZ_FAULT_DAMAGED);
	table->params = sizeof(*in);
	table->implementation = TWZ_TAG_QUEUE;
	assert_unresolved(n, TWZ_E_TYPE);
	table->implementation = TWZ_TAG_SEARCH;
	assert_int_equal(value_of(n), 1);
}

/* A name on whose way an object was deleted that had it still. */
static void a_namespace_deleted_with_its_name(void **state)
{
	struct twz_id id = space("gone"), target = number(1).id;
	struct node *n = holder();

	(void)state;
	MUST(twz_name_bind("gone/x", target, 0));
	MUST(twz_set_name(NULL, &n->late, "/gone/x"));
	assert_int_equal(value_of(n), 1);
	MUST(twz_obj_delete(id));
	assert_unresolved(n, TWZ_E_UNRESOLVED);
	assert_int_equal(twz_name_resolve("gone/x", &id), TWZ_E_NOTFOUND);
	MUST(twz_name_unbind("gone", 0));
	space("gone");
	MUST(twz_name_bind("gone/x", target, 0));
	assert_int_equal(value_of(n), 1);
	/* And the target. */
	MUST(twz_obj_delete(target));
	assert_unresolved(n, TWZ_E_UNRESOLVED);
}

static struct twz_id missing;
static unsigned handled;

static bool bind_it(const struct twz_fault *fault, void *arg)
{
	char name[64];

	(void)arg;
	handled++;
	return fault->kind == TWZ_FAULT_UNRESOLVED &&
	       twz_ptr_name((const uint64_t *)fault->address, name, sizeof(name)) &&
	       !twz_name_bind(name, missing, 0);
}

static void what_is_missing_is_bound_in_the_handler(void **state)
{
	struct node *n = holder();
	char name[8];

	(void)state;
	missing = number(77).id;
	MUST(twz_set_name(NULL, &n->late, "/brought in\tlate"));
	assert_true(CATCH(twz_get(&n->late))); /* a name that cannot be bound */
	assert_true(twz_ptr_name(&n->late.raw, name, sizeof(name)));
	assert_string_equal(name, "/brough");
	MUST(twz_set_name(NULL, &n->late, "/brought-in"));
	twz_rt_on_fault(bind_it, NULL);
	assert_int_equal(value_of(n), 77);
	twz_rt_on_fault(NULL, NULL);
	assert_int_equal(handled, 1);
	n->late.raw = 0x400000;
	assert_false(twz_ptr_name(&n->late.raw, name, sizeof(name)));
	n->late.raw = ~0ull;
	assert_false(twz_ptr_name(&n->late.raw, name, sizeof(name)));
	assert_false(twz_ptr_name(NULL, name, sizeof(name)));
}

/* What nobody handles ends the program, with a message that says the name. */
static int role_fault(const char *arg)
{
	struct node *n = holder();

	(void)arg;
	MUST(twz_set_name(NULL, &n->late, "/not/there"));
	return (int)value_of(n);
}

static void the_message_says_the_name(void **state)
{
	char text[1024] = "";
	int fds[2], saved = dup(2);

	(void)state;
	assert_int_equal(pipe(fds), 0);
	dup2(fds[1], 2);
	assert_int_equal(program_run("fault", NULL), 128 + SIGSEGV);
	dup2(saved, 2);
	assert_true(read(fds[0], text, sizeof(text) - 1) > 0);
	assert_non_null(strstr(text, "the name /not/there: a persistent pointer leads nowhere"));
}

static int setup(void **state)
{
	(void)state;
	home_start(64 << 20);
	return 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		home_test(a_namespace_resolves),
		home_test(the_same_name_and_resolver_are_one_entry),
		home_test(a_search_list_resolves),
		home_test(resolvers_that_are_none),
		home_test(a_list_that_lies),
		home_test(a_namespace_deleted_with_its_name),
		home_test(what_is_missing_is_bound_in_the_handler),
		home_test(the_message_says_the_name),
	};

	if (argc > 1 && !strcmp(argv[1], "fault"))
		return role_fault(NULL);
	return cmocka_run_group_tests(tests, setup, NULL);
}
