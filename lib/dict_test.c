/* dict_test.c - dictionaries as a program has them: with types, cursors, pointers into other objects. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/home/home.h"

struct phone {
	uint64_t number;
	char place[12];
};

struct book {
	twz_dict(struct phone) phones;
	twz_dict(uint16_t) pages;
	twz_dict(twz_ptr(struct book)) books;
};

/* In an object of its own. */
static struct book *new_book(void)
{
	const struct twz_new new = {.heap = true};
	struct twz_obj obj;
	void *book;

	MUST(twz_obj_new(&new, &obj));
	MUST(heap_alloc(NULL, sizeof(struct book), twz_heap_root(&obj), &book));
	memset(book, 0, sizeof(struct book));
	twz_persist(book, sizeof(struct book));
	return book;
}

static void with_types(void **state)
{
	struct book *book = new_book();
	struct phone phone = {7, "London"};
	struct twz_dict_cursor c;
	uint16_t page = 0;
	uint64_t where, owned;
	unsigned n = 0;

	(void)state;
	MUST(twz_dict_put_text(0, &book->phones, "Ada", phone));
	phone.number = 0;
	MUST(twz_dict_get_text(&book->phones, "Ada", &phone));
	assert_int_equal(phone.number, 7);
	assert_true(twz_dict_has(&book->phones, "Ada", 3));
	assert_false(twz_dict_has(&book->phones, "Ada", 2));
	for (unsigned i = 0; i < 30; i++) {
		char text[32];

		snprintf(text, sizeof(text), "%s, chapter %u", i % 3 ? "introduction" : "end", i);
		MUST(twz_dict_put_text(0, &book->pages, text, (uint16_t)i));
	}
	assert_int_equal(twz_dict_count(&book->pages), 30);
	twz_dict_each(&book->pages, &c, &page) n++;
	assert_int_equal(c.error, TWZ_E_NOTFOUND);
	assert_int_equal(n, 30);
	twz_dict_each_from(&book->pages, &c, "intro", 5, &page)
	{
		assert_memory_equal(c.key, "introduction, chapter ", 22);
		assert_int_equal(page, atoi((const char *)c.key + 22));
		n++;
	}
	assert_int_equal(n, 50);
	MUST(twz_dict_seek(&book->pages, &c, "introduction", 12, &page));
	MUST(twz_dict_prev(&book->pages, &c, &page));
	assert_memory_equal(c.key, "end", 3);
	MUST(twz_dict_next(&book->pages, &c, NULL));
	MUST(twz_dict_last(&book->pages, &c, &page));
	assert_string_equal(c.key, "introduction, chapter 8");
	MUST(twz_dict_remove_text(0, &book->pages, "introduction, chapter 8"));
	assert_int_equal(twz_dict_get_text(&book->pages, "introduction, chapter 8", &page),
			 TWZ_E_NOTFOUND);
	MUST(twz_dict_check(&book->pages, &where, &owned));
	MUST(twz_dict_clear(0, &book->pages));
	assert_int_equal(twz_dict_first(&book->pages, &c, &page), TWZ_E_NOTFOUND);
}

/* Two objects, changed at once or not at all. */
static void across_objects(void **state)
{
	struct book *here = new_book(), *there = new_book(), *to;
	struct phone phone = {1, "here"};
	struct twz_tx tx;

	(void)state;
	for (unsigned commit = 0; commit < 2; commit++) {
		twz_tx_begin(&tx);
		MUST(twz_dict_put_ptr(&tx, &here->books, "another", 7, there));
		MUST(twz_dict_put_ptr(&tx, &here->books, "this", 4, here));
		MUST(twz_dict_put_text(&tx, &there->phones, "a phone", phone));
		assert_int_equal(twz_dict_get_tx(&tx, &there->phones, "a phone", 7, &phone), 0);
		assert_int_equal(twz_dict_count_tx(&tx, &here->books), 2);
		assert_true(twz_dict_has_tx(&tx, &here->books, "this", 4));
		if (commit)
			MUST(twz_tx_commit(&tx));
		else
			twz_tx_abort(&tx);
		assert_int_equal(twz_dict_count(&here->books), commit * 2);
		assert_int_equal(twz_dict_has(&there->phones, "a phone", 7), commit);
	}
	MUST(twz_dict_get_ptr(&here->books, "another", 7, &to));
	assert_ptr_equal(to, there);
	MUST(twz_dict_get_ptr(&here->books, "this", 4, &to));
	assert_ptr_equal(to, here);
	assert_int_equal(twz_dict_get_ptr(&here->books, "that", 4, &to), TWZ_E_NOTFOUND);
	assert_null(to);
}

static int setup(void **state)
{
	(void)state;
	home_start(64 << 20);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {home_test(with_types), home_test(across_objects)};

	return cmocka_run_group_tests(tests, setup, NULL);
}
