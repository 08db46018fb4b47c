/* ext_test.c - extensions: tags, method tables, implementations; and hostile ones. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "core/ptr.h"
#include "tests/home/home.h"

/* An interface of the program's own: a thing that can be counted. */
struct count_methods {
	uint64_t (*count)(const struct twz_face *face);
};

static uint64_t count_params(const struct twz_face *face)
{
	return face->bytes / 8;
}

static uint64_t count_none(const struct twz_face *face)
{
	(void)face;
	return 0;
}

static struct twz_id tag_count, tag_words;
static const struct count_methods words_methods = {count_params}, none_methods = {count_none};
static struct twz_impl words = {.name = "words", .methods = &words_methods},
		       none = {.name = "none",
			       .methods = &none_methods,
			       .types = 1u << TWZ_TYPE_VIEW};

static struct twz_obj fresh(void)
{
	struct twz_obj obj;

	MUST(twz_obj_new(&(struct twz_new){.bytes = 4 * TWZ_PAGE}, &obj));
	return obj;
}

/* A method table there. */
static struct twz_methods *put_table(void *at, struct twz_id implementation, uint32_t params)
{
	struct twz_methods *table = at;

	*table = twz_methods_of(tag_count, implementation, "words", params);
	return table;
}

static void listed_tags_follow_from_their_names(void **state)
{
	(void)state;
#define SAME(macro, text)                                          \
	assert_true(twz_id_equal(twz_tag(text), TWZ_TAG_##macro)); \
	assert_string_equal(twz_tag_name(TWZ_TAG_##macro), text);
	TWZ_TAGS(SAME)
#undef SAME
	assert_null(twz_tag_name(twz_tag("a")));
	assert_false(twz_id_equal(twz_tag(""), twz_tag("a")));
	assert_false(twz_id_equal(twz_tag("ab"), twz_tag("ba")));
}

static void added_found_removed(void **state)
{
	struct twz_obj obj = fresh(), other = fresh();
	struct twz_methods *table = put_table(twz_obj_data(&other), tag_words, 24);
	struct twz_ext_info info;
	uint32_t place = 0;

	(void)state;
	assert_int_equal(twz_ext_find(&obj, tag_count, &info), TWZ_E_NOTFOUND);
	assert_int_equal(twz_ext_remove(NULL, &obj, tag_count), TWZ_E_NOTFOUND);
	MUST(twz_ext_add(NULL, &obj, tag_count, table));
	assert_int_equal(twz_ext_add(NULL, &obj, tag_count, table), TWZ_E_EXISTS);
	MUST(twz_ext_add(NULL, &obj, twz_tag("a mark"), NULL));
	MUST(twz_ext_find(&obj, tag_count, &info));
	assert_int_equal(info.error, 0);
	assert_true(info.has_table);
	assert_memory_equal(&info.table, table, sizeof(*table));
	assert_ptr_equal(info.params, table + 1);
	MUST(twz_ext_find(&obj, twz_tag("a mark"), &info));
	assert_false(info.has_table);
	MUST(twz_ext_next(&obj, &place, &info));
	MUST(twz_ext_next(&obj, &place, &info));
	assert_true(twz_id_equal(info.tag, twz_tag("a mark")));
	assert_int_equal(twz_ext_next(&obj, &place, &info), TWZ_E_NOTFOUND);
	MUST(twz_ext_remove(NULL, &obj, tag_count));
	assert_int_equal(twz_ext_find(&obj, tag_count, &info), TWZ_E_NOTFOUND);
	MUST(twz_ext_find(&obj, twz_tag("a mark"), &info));
	assert_int_equal(twz_ext_add(NULL, &obj, (struct twz_id){0, 0}, table), TWZ_E_ARG);
	assert_int_equal(twz_ext_remove(NULL, &obj, (struct twz_id){0, 0}), TWZ_E_ARG);
	assert_int_equal(twz_ext_find(&obj, (struct twz_id){0, 0}, &info), TWZ_E_ARG);
	assert_int_equal(twz_ext_add(NULL, &obj, tag_count, (void *)&info), TWZ_E_OUTSIDE);
}

static void as_many_as_there_is_room_for(void **state)
{
	struct twz_obj obj = fresh();
	struct twz_ext_info info;
	char name[16];

	(void)state;
	for (unsigned round = 0; round < 3; round++) {
		for (unsigned i = 0; i < TWZ_EXT_MAX; i++) {
			snprintf(name, sizeof(name), "%u", i);
			MUST(twz_ext_add(NULL, &obj, twz_tag(name), NULL));
		}
		assert_int_equal(twz_ext_add(NULL, &obj, twz_tag("more"), NULL), TWZ_E_LIMIT);
		for (unsigned i = 0; i < TWZ_EXT_MAX; i++) {
			snprintf(name, sizeof(name), "%u", i);
			MUST(twz_ext_find(&obj, twz_tag(name), &info));
			MUST(twz_ext_remove(NULL, &obj, twz_tag(name)));
		}
	}
	assert_int_equal(obj_meta(obj.base)->ext_count, TWZ_EXT_MAX);
}

static void in_a_transaction(void **state)
{
	struct twz_obj obj = fresh();
	struct twz_methods *table = put_table(twz_obj_data(&obj), tag_words, 8);
	struct twz_ext_info info;
	struct twz_tx tx;

	(void)state;
	twz_tx_begin(&tx);
	MUST(twz_ext_add(&tx, &obj, tag_count, table));
	assert_int_equal(twz_ext_find(&obj, tag_count, &info), TWZ_E_NOTFOUND);
	twz_tx_abort(&tx);
	assert_int_equal(twz_ext_find(&obj, tag_count, &info), TWZ_E_NOTFOUND);
	twz_tx_begin(&tx);
	MUST(twz_ext_add(&tx, &obj, tag_count, table));
	MUST(twz_ext_add(&tx, &obj, tag_words, NULL));
	MUST(twz_ext_remove(&tx, &obj, tag_words));
	MUST(twz_tx_commit(&tx));
	MUST(twz_ext_find(&obj, tag_count, &info));
	assert_int_equal(twz_ext_find(&obj, tag_words, &info), TWZ_E_NOTFOUND);
	twz_tx_begin(&tx);
	assert_int_equal(twz_ext_remove(&tx, &obj, tag_words), TWZ_E_NOTFOUND);
	assert_int_equal(twz_tx_commit(&tx), TWZ_E_NOTFOUND);
}

static void an_object_is_used_by_its_interface(void **state)
{
	struct twz_obj obj = fresh(), view, stranger = fresh(), mark = fresh();
	struct twz_face face;

	(void)state;
	assert_int_equal(twz_face(&obj, tag_count, &face), TWZ_E_TYPE);
	MUST(twz_ext_add(NULL, &obj, tag_count, put_table(twz_obj_data(&obj), tag_words, 40)));
	MUST(twz_face(&obj, tag_count, &face));
	assert_int_equal(((const struct count_methods *)face.impl->methods)->count(&face), 5);
	/* By type; a mark does not say by what. */
	MUST(twz_obj_new(&(struct twz_new){.type = TWZ_TYPE_VIEW}, &view));
	MUST(twz_face(&view, tag_count, &face));
	assert_ptr_equal(face.impl, &none);
	MUST(twz_ext_add(NULL, &mark, tag_count, NULL));
	assert_int_equal(twz_face(&mark, tag_count, &face), TWZ_E_TYPE);
	/* By something that this program does not have. */
	MUST(twz_ext_add(NULL, &stranger, tag_count,
			 put_table(twz_obj_data(&stranger), twz_tag("not mine"), 0)));
	assert_int_equal(twz_face(&stranger, tag_count, &face), TWZ_E_ABSENT);
	assert_int_equal(twz_implement(&words), TWZ_E_EXISTS);
}

static void copies_and_sealed_ones_keep_them(void **state)
{
	struct twz_obj obj = fresh(), copy;
	struct twz_ext_info info;
	struct twz_id id;

	(void)state;
	MUST(twz_ext_add(NULL, &obj, tag_count, put_table(twz_obj_data(&obj), tag_words, 8)));
	MUST(twz_obj_sync(&obj));
	MUST(twz_obj_copy(obj.id, false, &id));
	MUST(twz_obj_open(id, &copy));
	MUST(twz_ext_find(&copy, tag_count, &info));
	assert_ptr_equal(info.params, (uint8_t *)twz_obj_data(&copy) + sizeof(info.table));
	MUST(twz_ext_remove(NULL, &copy, tag_count));
	MUST(twz_ext_find(&obj, tag_count, &info));
	MUST(twz_obj_seal(obj.id, TWZ_PAGE, TWZ_READ, &id));
	MUST(twz_obj_open(id, &copy));
	MUST(twz_ext_find(&copy, tag_count, &info));
	assert_true(info.has_table);
	assert_int_equal(twz_ext_add(NULL, &copy, tag_words, NULL), TWZ_E_SEALED);
	assert_int_equal(twz_ext_remove(NULL, &copy, tag_count), TWZ_E_SEALED);
}

static void deleted_ones_are_an_error(void **state)
{
	struct twz_obj obj = fresh(), other = fresh();
	struct twz_ext_info info;

	(void)state;
	MUST(twz_ext_add(NULL, &obj, tag_count, put_table(twz_obj_data(&other), tag_words, 8)));
	MUST(twz_obj_delete(other.id));
	MUST(twz_ext_find(&obj, tag_count, &info));
	assert_int_not_equal(info.error, 0);
	assert_false(info.has_table);
	MUST(twz_obj_delete(obj.id));
	assert_int_equal(twz_ext_find(&obj, tag_count, &info), TWZ_E_NOTFOUND);
}

static void tables_that_are_none(void **state)
{
	struct twz_obj obj = fresh();
	struct twz_methods *table = put_table(twz_obj_data(&obj), tag_words, 8), good = *table;
	struct twz_meta *meta = obj_meta(obj.base);
	struct twz_ext_info info;
	struct twz_face face;
	struct twz_ext *entry;

	(void)state;
	MUST(twz_ext_add(NULL, &obj, tag_count, table));
	entry = (struct twz_ext *)meta->ext;
#define BAD(statement, expected)                                              \
	do {                                                                  \
		statement;                                                    \
		MUST(twz_ext_find(&obj, tag_count, &info));                   \
		assert_int_equal(info.error, expected);                       \
		assert_int_equal(twz_face(&obj, tag_count, &face), expected); \
		*table = good;                                                \
		entry->methods = TWZ_OBJ_DATA;                                \
	} while (0)
	BAD(table->magic++, TWZ_E_DAMAGED);
	BAD(table->version++, TWZ_E_VERSION);
	BAD(table->interface.lo++, TWZ_E_DAMAGED);
	BAD(table->params = TWZ_PARAMS_MAX + 1, TWZ_E_DAMAGED);
	BAD(memset(table->name, 'x', sizeof(table->name)), TWZ_E_DAMAGED);
	BAD(entry->methods = TWZ_OBJ_DATA + 4, TWZ_E_DAMAGED);
	BAD(entry->methods = TWZ_OBJ_META, TWZ_E_DAMAGED);
	BAD(entry->methods = 8, TWZ_E_DAMAGED);
	BAD(entry->methods = TWZ_SLOT_SIZE - 8, TWZ_E_DAMAGED);
	BAD(entry->methods = 1ull << 40 | TWZ_OBJ_DATA, TWZ_E_UNRESOLVED);
	BAD(entry->methods = ~0ull, TWZ_E_UNRESOLVED);
	MUST(twz_ext_find(&obj, tag_count, &info));
	assert_int_equal(info.error, 0);
#undef BAD
	meta->ext_count = TWZ_EXT_MAX + 1;
	assert_int_equal(twz_ext_find(&obj, tag_count, &info), TWZ_E_DAMAGED);
	assert_int_equal(twz_ext_add(NULL, &obj, tag_words, NULL), TWZ_E_DAMAGED);
	assert_int_equal(twz_ext_remove(NULL, &obj, tag_count), TWZ_E_DAMAGED);
	meta->ext_count = 1;
	meta->ext_off = 64; /* the log's head */
	assert_int_equal(twz_ext_find(&obj, tag_count, &info), TWZ_E_DAMAGED);
	meta->ext_off = 0xffffffff;
	assert_int_equal(twz_ext_find(&obj, tag_count, &info), TWZ_E_DAMAGED);
}

/* Meta page, FOT and table of any content: an answer or an error, never a fault. */
static void tables_at_random(void **state)
{
	uint64_t seed = getenv("TWZ_SEED") ? strtoull(getenv("TWZ_SEED"), NULL, 10) : 5;
	struct twz_obj obj = fresh(), other = fresh();
	uint64_t *meta = (uint64_t *)obj_meta(obj.base), *data = twz_obj_data(&obj);
	unsigned found = 0;

	(void)state;
	MUST(twz_ext_add(NULL, &obj, tag_count, put_table(data, tag_words, 8)));
	MUST(twz_ptr_set(NULL, data + 100, twz_obj_data(&other), 0));
	put_table(twz_obj_data(&other), tag_words, 64);
	for (unsigned i = 0; i < 20000; i++) {
		struct twz_ext_info info;
		struct twz_face face;
		uint32_t place = 0;
		uint64_t r = seed = seed * 6364136223846793005ull + 1442695040888963407ull;
		uint64_t *at = r >> 62 == 0   ? &meta[r >> 33 & 7]
			       : r >> 62 == 1 ? &meta[32 + (r >> 33 & 15)]
			       : r >> 62 == 2
				       ? &data[r >> 33 & 15]
				       : (uint64_t *)(obj.base + TWZ_OBJ_FOT) + (r >> 33 & 15);
		uint64_t before = *at;

		seed = seed * 6364136223846793005ull + 1442695040888963407ull;
		*at = seed >> 61 ? before ^ 1ull << (seed >> 55 & 63) : seed;
		for (unsigned j = 0; j < 2 * TWZ_EXT_MAX; j++)
			if (twz_ext_next(&obj, &place, &info))
				break;
		assert_true(place <= TWZ_EXT_MAX);
		found += !twz_face(&obj, tag_count, &face);
		if (i % 4)
			*at = before;
		if (i % 32 == 0) { /* sound again */
			memset(meta, 0, 56);
			memset(meta + 32, 0, 128);
			memset(obj.base + TWZ_OBJ_FOT, 0, 128);
			MUST(twz_ext_add(NULL, &obj, tag_count, put_table(data, tag_words, 8)));
		}
	}
	assert_in_range(found, 1000, 19000);
}

static int setup(void **state)
{
	(void)state;
	home_start(64 << 20);
	tag_count = twz_tag("test.count");
	tag_words = twz_tag("test.words");
	words.interface = none.interface = tag_count;
	words.implementation = tag_words;
	none.implementation = twz_tag("test.none");
	MUST(twz_implement(&words));
	MUST(twz_implement(&none));
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		home_test(listed_tags_follow_from_their_names),
		home_test(added_found_removed),
		home_test(as_many_as_there_is_room_for),
		home_test(in_a_transaction),
		home_test(an_object_is_used_by_its_interface),
		home_test(copies_and_sealed_ones_keep_them),
		home_test(deleted_ones_are_an_error),
		home_test(tables_that_are_none),
		home_test(tables_at_random),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
