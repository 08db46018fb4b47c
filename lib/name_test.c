/* name_test.c - namespaces and paths. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "core/heap.h"
#include "tests/home/home.h"

static struct twz_id fresh(void)
{
	struct twz_obj obj;
	struct twz_id id;

	MUST(twz_obj_new(&(struct twz_new){0}, &obj));
	id = obj.id;
	MUST(twz_obj_recycle(&obj));
	return id;
}

static bool leads_to(const char *path, struct twz_id id)
{
	struct twz_id found;

	return !twz_name_resolve(path, &found) && twz_id_equal(found, id);
}

static int resolve(const char *path)
{
	struct twz_id id;

	return twz_name_resolve(path, &id);
}

static void binds_and_resolves(void **state)
{
	struct twz_id a = fresh(), b = fresh(), space;

	(void)state;
	assert_int_equal(resolve("a"), TWZ_E_NOTFOUND);
	MUST(twz_name_bind("a", a, 0));
	assert_true(leads_to("a", a));
	assert_true(leads_to("/a", a));
	assert_true(leads_to("./a", a));
	assert_true(leads_to("/../a", a));
	assert_int_equal(twz_name_bind("/a", b, 0), TWZ_E_EXISTS);
	MUST(twz_name_bind("a", b, TWZ_NAME_REPLACE));
	assert_true(leads_to("a", b));
	MUST(twz_ns_make("space", &space));
	MUST(twz_ns_make("space/inner", &space));
	MUST(twz_name_bind("space/inner/x", a, 0));
	assert_true(leads_to("/space/./inner/../inner/x", a));
	assert_true(leads_to("space/inner/../../a", b));
	assert_true(leads_to("space/inner/.", space));
	assert_int_equal(resolve("a/x"), TWZ_E_TYPE);
	assert_int_equal(resolve("space/no/x"), TWZ_E_NOTFOUND);
	assert_int_equal(twz_name_bind("no", (struct twz_id){1, 2}, 0), TWZ_E_NOTFOUND);
	MUST(twz_name_unbind("a", 0));
	assert_int_equal(twz_name_unbind("a", 0), TWZ_E_NOTFOUND);
	assert_int_equal(resolve("a"), TWZ_E_NOTFOUND);
}

static void paths_have_rules(void **state)
{
	char name[TWZ_NAME_MAX + 2], path[TWZ_PATH_MAX + 2];
	struct twz_id a = fresh(), root;

	(void)state;
	MUST(twz_name_root(&root));
	assert_true(leads_to("", root));
	assert_true(leads_to("/", root));
	assert_true(leads_to(".", root));
	assert_true(leads_to("..", root));
	assert_int_equal(resolve("//"), TWZ_E_NAME);
	assert_int_equal(resolve("space//inner"), TWZ_E_NAME);
	assert_int_equal(resolve("space/"), TWZ_E_NAME);
	assert_int_equal(resolve("tab\t"), TWZ_E_NAME);
	assert_int_equal(twz_name_bind("/", a, 0), TWZ_E_NAME);
	assert_int_equal(twz_name_bind("space/..", a, 0), TWZ_E_NAME);
	memset(name, 'n', sizeof(name));
	name[TWZ_NAME_MAX + 1] = 0;
	assert_int_equal(twz_name_bind(name, a, 0), TWZ_E_NAME);
	name[TWZ_NAME_MAX] = 0;
	MUST(twz_name_bind(name, a, 0));
	assert_true(leads_to(name, a));
	MUST(twz_name_unbind(name, 0));
	memset(path, '/', sizeof(path));
	for (unsigned i = 1; i < sizeof(path); i += 2)
		path[i] = '.';
	path[TWZ_PATH_MAX + 1] = 0;
	assert_int_equal(resolve(path), TWZ_E_NAME);
}

static void check_heap(const char *path)
{
	struct twz_obj obj;
	uint64_t where = 0;

	MUST(twz_name_open(path, &obj));
	assert_int_equal(heap_check(obj.base, &where), 0);
}

static void many_names(void **state)
{
	enum { COUNT = 3000 };
	struct twz_id id[10], space, found;
	char path[64];

	(void)state;
	for (unsigned i = 0; i < 10; i++)
		id[i] = fresh();
	MUST(twz_ns_make("many", &space));
	for (unsigned i = 0; i < COUNT; i++) {
		snprintf(path, sizeof(path), "many/%u", i * 7919);
		MUST(twz_name_bind(path, id[i % 10], 0));
	}
	check_heap("many");
	for (unsigned i = 0; i < COUNT; i += 2) {
		snprintf(path, sizeof(path), "many/%u", i * 7919);
		MUST(twz_name_unbind(path, 0));
	}
	check_heap("many");
	for (unsigned i = 0; i < COUNT; i++) {
		snprintf(path, sizeof(path), "many/%u", i * 7919);
		if (i % 2) {
			MUST(twz_name_resolve(path, &found));
			assert_true(twz_id_equal(found, id[i % 10]));
		} else {
			assert_int_equal(resolve(path), TWZ_E_NOTFOUND);
		}
	}
	assert_int_equal(twz_name_unbind("many", TWZ_NAME_DELETE), TWZ_E_NOTEMPTY);
}

struct listing {
	unsigned count;
	char last[TWZ_NAME_MAX + 1];
	bool remove;
};

static int each(const struct twz_name_entry *entry, void *arg)
{
	struct listing *listing = arg;
	char path[TWZ_NAME_MAX + 8];

	assert_true(strcmp(entry->name, listing->last) > 0);
	assert_int_equal(strlen(entry->name), entry->length);
	strcpy(listing->last, entry->name);
	listing->count++;
	snprintf(path, sizeof(path), "many/%s", entry->name);
	if (listing->remove)
		MUST(twz_name_unbind(path, 0));
	return 0;
}

static int stop(const struct twz_name_entry *entry, void *arg)
{
	(void)entry, (void)arg;
	return 42;
}

static void lists_sorted(void **state)
{
	struct listing listing = {0};

	(void)state;
	MUST(twz_name_list("many", each, &listing));
	assert_int_equal(listing.count, 1500);
	assert_int_equal(twz_name_list("many", stop, NULL), 42);
	listing = (struct listing){.remove = true};
	MUST(twz_name_list("many", each, &listing));
	assert_int_equal(listing.count, 1500);
	listing = (struct listing){0};
	MUST(twz_name_list("many", each, &listing));
	assert_int_equal(listing.count, 0);
	check_heap("many");
	MUST(twz_name_unbind("many", TWZ_NAME_DELETE));
}

static void renames(void **state)
{
	struct twz_id a = fresh(), b = fresh(), one, two;
	struct twz_rt_stat stat;

	(void)state;
	MUST(twz_ns_make("one", &one));
	MUST(twz_ns_make("two", &two));
	MUST(twz_name_bind("one/a", a, 0));
	MUST(twz_name_rename("one/a", "one/b", 0));
	assert_int_equal(resolve("one/a"), TWZ_E_NOTFOUND);
	assert_true(leads_to("one/b", a));
	MUST(twz_name_rename("one/b", "two/c", 0));
	assert_int_equal(resolve("one/b"), TWZ_E_NOTFOUND);
	assert_true(leads_to("two/c", a));
	MUST(twz_name_bind("one/d", b, 0));
	assert_int_equal(twz_name_rename("one/d", "two/c", 0), TWZ_E_EXISTS);
	MUST(twz_name_exchange("one/d", "two/c"));
	assert_true(leads_to("one/d", a));
	assert_true(leads_to("two/c", b));
	MUST(twz_name_rename("one/d", "two/c", TWZ_NAME_REPLACE | TWZ_NAME_DELETE));
	assert_true(leads_to("two/c", a));
	assert_int_equal(twz_obj_stat(b, &stat), TWZ_E_NOTFOUND);
	MUST(twz_name_rename("two/c", "two/c", 0));
	assert_int_equal(twz_name_rename("two/none", "two/x", 0), TWZ_E_NOTFOUND);
	assert_int_equal(twz_name_exchange("two/none", "two/c"), TWZ_E_NOTFOUND);
	/* Two names of one object: replacing one by the other must not delete it. */
	MUST(twz_name_bind("two/link", a, 0));
	MUST(twz_name_rename("two/link", "two/c", TWZ_NAME_REPLACE | TWZ_NAME_DELETE));
	assert_int_equal(twz_obj_stat(a, &stat), 0);
	assert_true(leads_to("two/c", a));
	check_heap("one");
	check_heap("two");
}

static void namespaces_move_but_not_into_themselves(void **state)
{
	struct twz_id x, y, z, root;

	(void)state;
	MUST(twz_name_root(&root));
	MUST(twz_ns_make("x", &x));
	MUST(twz_ns_make("x/y", &y));
	MUST(twz_ns_make("z", &z));
	assert_int_equal(twz_name_rename("x", "x/y/x", 0), TWZ_E_ARG);
	assert_int_equal(twz_name_rename("x", "x/x", 0), TWZ_E_ARG);
	assert_int_equal(twz_name_exchange("x", "x/y"), TWZ_E_ARG);
	MUST(twz_name_rename("x/y", "z/y", 0));
	assert_true(leads_to("z/y/..", z));
	MUST(twz_name_exchange("x", "z/y"));
	assert_true(leads_to("x/..", root));
	assert_true(leads_to("x", y));
	assert_true(leads_to("z/y/..", z));
	assert_int_equal(twz_name_bind("second", x, 0), TWZ_E_ARG);
	assert_int_equal(twz_name_rename("x", "z", TWZ_NAME_REPLACE), TWZ_E_NOTEMPTY);
	MUST(twz_name_rename("x", "z/y", TWZ_NAME_REPLACE | TWZ_NAME_DELETE));
	assert_true(leads_to("z/y", y));
	MUST(twz_name_unbind("z/y", TWZ_NAME_DELETE));
	MUST(twz_name_unbind("z", TWZ_NAME_DELETE));
}

static void publishing_leaks_nothing(void **state)
{
	struct twz_rt_usage before, after;
	struct twz_rt_stat stat;
	struct twz_obj obj;

	(void)state;
	MUST(twz_obj_new(&(struct twz_new){.ending = true}, &obj));
	MUST(twz_name_publish("published", obj.id, 0));
	MUST(twz_obj_stat(obj.id, &stat));
	assert_int_equal(stat.end_epoch, 0);
	MUST(twz_rt_usage(&before));
	for (unsigned i = 0; i < 20; i++) {
		struct twz_id old = obj.id;

		MUST(twz_obj_new(&(struct twz_new){.ending = true, .bytes = 1 << 20}, &obj));
		MUST(twz_name_publish("published", obj.id, TWZ_NAME_REPLACE | TWZ_NAME_DELETE));
		assert_int_equal(twz_obj_stat(old, &stat), TWZ_E_NOTFOUND);
	}
	MUST(twz_name_unbind("published", TWZ_NAME_DELETE));
	MUST(twz_rt_usage(&after));
	assert_int_equal(after.objects, before.objects - 1);
	assert_true(after.used < before.used + 300);
}

static void publishing_that_fails_leaves_no_name(void **state)
{
	struct twz_id space, inner;
	struct twz_obj obj;

	(void)state;
	MUST(twz_ns_make("full", &space));
	MUST(twz_ns_make("full/inner", &inner));
	MUST(twz_obj_new(&(struct twz_new){.ending = true}, &obj));
	assert_int_equal(twz_name_publish("full", obj.id, TWZ_NAME_REPLACE | TWZ_NAME_DELETE),
			 TWZ_E_NOTEMPTY);
	assert_true(leads_to("full/inner", inner));
	assert_int_equal(resolve("full" TWZ_NAME_NEW), TWZ_E_NOTFOUND);
	MUST(twz_obj_delete(obj.id));
	MUST(twz_name_unbind("full/inner", TWZ_NAME_DELETE));
	MUST(twz_name_unbind("full", TWZ_NAME_DELETE));
}

static void a_name_can_dangle(void **state)
{
	struct twz_id a = fresh(), b = fresh();
	struct twz_obj obj;

	(void)state;
	MUST(twz_name_bind("dangles", a, 0));
	MUST(twz_obj_delete(a));
	assert_true(leads_to("dangles", a));
	assert_int_equal(twz_name_open("dangles", &obj), TWZ_E_NOTFOUND);
	MUST(twz_name_bind("dangles", b, TWZ_NAME_REPLACE | TWZ_NAME_DELETE));
	assert_true(leads_to("dangles", b));
	MUST(twz_obj_delete(b));
	MUST(twz_name_unbind("dangles", TWZ_NAME_DELETE));
}

/* What was found before does not count: the namespace has changed. */
static int resolve_anew(struct twz_ns *damaged)
{
	damaged->generation++;
	return resolve("damaged/a");
}

static void damage_is_an_error(void **state)
{
	struct twz_id id, a = fresh();
	struct twz_obj obj;
	struct twz_ns *ns;
	uint64_t *bucket, kept;

	(void)state;
	MUST(twz_ns_make("damaged", &id));
	MUST(twz_name_bind("damaged/a", a, 0));
	MUST(twz_obj_open(id, &obj));
	ns = (struct twz_ns *)(obj.base + *twz_heap_root(&obj));
	ns->nbuckets = 0;
	assert_int_equal(resolve_anew(ns), TWZ_E_DAMAGED);
	ns->nbuckets = ~0u;
	assert_int_equal(resolve_anew(ns), TWZ_E_DAMAGED);
	ns->nbuckets = 16;
	kept = ns->segment[0];
	ns->segment[0] = 1ull << 41;
	assert_int_equal(resolve_anew(ns), TWZ_E_DAMAGED);
	ns->segment[0] = kept;
	assert_int_equal(resolve_anew(ns), 0);
	for (bucket = (uint64_t *)(obj.base + kept); !*bucket; bucket++)
		;
	kept = *bucket;
	*(uint64_t *)(obj.base + kept) = kept; /* a circle */
	assert_int_equal(resolve_anew(ns), 0);
	((struct twz_ns_entry *)(obj.base + kept))->hash ^= 1;
	assert_int_equal(resolve_anew(ns), TWZ_E_DAMAGED);
	*bucket = TWZ_SLOT_SIZE - 8;
	assert_int_equal(resolve_anew(ns), TWZ_E_DAMAGED);
	/* What kind of object it is was found out when it was first opened in its slot. */
	ns->magic = 1;
	assert_int_equal(resolve_anew(ns), TWZ_E_DAMAGED);
	MUST(twz_obj_recycle(&obj));
	assert_int_equal(resolve("damaged/a"), TWZ_E_TYPE);
}

/* Looked up before and looked up again: whatever changed on the way between. */
static void what_was_found_is_found_anew(void **state)
{
	struct twz_id a = fresh(), b = fresh(), outer, inner, other;
	struct twz_obj obj;

	(void)state;
	MUST(twz_ns_make("outer", &outer));
	MUST(twz_ns_make("outer/inner", &inner));
	MUST(twz_name_bind("outer/inner/x", a, 0));
	for (int i = 0; i < 2; i++)
		assert_true(leads_to("/outer/inner/x", a));
	MUST(twz_name_bind("outer/inner/x", b, TWZ_NAME_REPLACE));
	assert_true(leads_to("/outer/inner/x", b));
	MUST(twz_name_unbind("outer/inner/x", 0));
	assert_int_equal(resolve("/outer/inner/x"), TWZ_E_NOTFOUND);
	MUST(twz_name_bind("outer/inner/x", a, 0));
	assert_true(leads_to("/outer/inner/x", a));

	MUST(twz_name_rename("outer", "moved", 0));
	assert_int_equal(resolve("/outer/inner/x"), TWZ_E_NOTFOUND);
	assert_true(leads_to("/moved/inner/x", a));
	assert_true(leads_to("/moved/inner/../../moved/inner/x", a));
	MUST(twz_ns_make("other", &other));
	MUST(twz_name_rename("moved/inner", "other/inner", 0));
	MUST(twz_ns_make("moved/inner", &inner));
	assert_int_equal(resolve("/moved/inner/x"), TWZ_E_NOTFOUND);
	assert_true(leads_to("other/inner/x", a));
	MUST(twz_name_exchange("moved", "other"));
	assert_true(leads_to("moved/inner/x", a));
	assert_int_equal(resolve("other/inner/x"), TWZ_E_NOTFOUND);

	/* A namespace that was on the way is in another slot, and then gone. */
	MUST(twz_name_resolve("moved/inner", &inner));
	assert_true(leads_to("moved/inner/x", a));
	MUST(twz_obj_open(inner, &obj));
	MUST(twz_obj_recycle(&obj));
	for (int i = 0; i < 2; i++)
		assert_true(leads_to("moved/inner/x", a));
	MUST(twz_name_unbind("moved/inner/x", 0));
	MUST(twz_name_unbind("moved/inner", TWZ_NAME_DELETE));
	assert_int_equal(resolve("moved/inner/x"), TWZ_E_NOTFOUND);
}

/* Of all lengths, beside each other: they differ in one byte, or in their length. */
static void names_of_all_lengths(void **state)
{
	struct twz_id a = fresh(), b = fresh(), space;
	char path[8 + TWZ_NAME_MAX];

	(void)state;
	MUST(twz_ns_make("lengths", &space));
	memset(path, 'n', sizeof(path));
	memcpy(path, "lengths/", 8);
	for (unsigned n = 1; n <= TWZ_NAME_MAX - 1; n++) {
		path[8 + n] = 0;
		MUST(twz_name_bind(path, a, 0));
		path[8 + n / 2] = 'm';
		assert_int_equal(resolve(path), TWZ_E_NOTFOUND);
		MUST(twz_name_bind(path, b, 0));
		assert_true(leads_to(path, b));
		path[8 + n / 2] = 'n';
		assert_true(leads_to(path, a));
		path[8 + n] = 'n';
	}
}

static int setup(void **state)
{
	(void)state;
	home_start(64 << 20);
	return 0;
}

static void opens_or_makes(void **state)
{
	struct twz_obj made, found;
	struct twz_rt_usage before, after;
	struct twz_rt_stat stat;

	(void)state;
	MUST(twz_name_open_or_make("/made", &(struct twz_new){.heap = true}, &made));
	MUST(twz_obj_stat(made.id, &stat));
	assert_int_equal(stat.end_epoch, 0);
	MUST(twz_rt_usage(&before));
	MUST(twz_name_open_or_make("/made", &(struct twz_new){.heap = true}, &found));
	assert_true(twz_id_equal(made.id, found.id));

	/* What cannot have the name is not left behind. */
	assert_int_equal(twz_name_open_or_make("/made/below", &(struct twz_new){0}, &found),
			 TWZ_E_TYPE);
	assert_int_equal(twz_name_open_or_make("/none/below", &(struct twz_new){0}, &found),
			 TWZ_E_NOTFOUND);
	MUST(twz_obj_delete(made.id));
	assert_int_equal(twz_name_open_or_make("/made", &(struct twz_new){0}, &found),
			 TWZ_E_NOTFOUND);
	MUST(twz_rt_usage(&after));
	assert_int_equal(after.objects, before.objects - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		home_test(binds_and_resolves),
		home_test(opens_or_makes),
		home_test(paths_have_rules),
		home_test(many_names),
		home_test(lists_sorted),
		home_test(renames),
		home_test(namespaces_move_but_not_into_themselves),
		home_test(publishing_leaks_nothing),
		home_test(publishing_that_fails_leaves_no_name),
		home_test(a_name_can_dangle),
		home_test(what_was_found_is_found_anew),
		home_test(names_of_all_lengths),
		home_test(damage_is_an_error),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
