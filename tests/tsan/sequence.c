/*
 * sequence.c - vectors and strings read beside a thread that changes them, under ThreadSanitizer: what
 * is read is what one commit left.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/home/home.h"

#define READERS 2
#define ROUNDS 400

/* The three agree. */
struct triple {
	uint64_t n, thrice, inverse;
};

struct root {
	twz_vec(struct triple) triples;
	twz_vec(uint32_t) numbers; /* all the same one, as many as the string has bytes */
	struct twz_str text;       /* n times the letter of n */
};

static struct root *root;
static bool over;

static uint64_t letters_of(uint64_t n)
{
	return 1 + n * 7 % 90;
}

static void fill_text(struct twz_tx *tx, uint64_t n)
{
	char text[100];

	memset(text, 'a' + (int)(n % 26), sizeof(text));
	MUST(twz_str_truncate(tx, &root->text, 0));
	MUST(twz_str_append(tx, &root->text, text, letters_of(n) / 2));
	MUST(twz_str_append(tx, &root->text, text, letters_of(n) - letters_of(n) / 2));
}

static void fill_numbers(struct twz_tx *tx, uint64_t n)
{
	MUST(twz_vec_resize(tx, &root->numbers, letters_of(n)));
	for (uint64_t i = 0; i < letters_of(n); i++)
		MUST(twz_vec_set(tx, &root->numbers, i, (uint32_t)n));
}

static void *change(void *arg)
{
	for (uint64_t n = 0; n < ROUNDS; n++) {
		struct triple t = {n, n * 3, ~n};
		struct twz_tx tx;

		MUST(twz_vec_push(0, &root->triples, t));
		MUST(twz_vec_set(0, &root->triples, n * 31 % twz_vec_count(&root->triples), t));
		if (n % 3 == 2)
			MUST(twz_vec_swap_remove(0, &root->triples, 0));
		if (n % 50 == 49)
			MUST(twz_vec_clear(0, &root->triples));
		twz_tx_begin(&tx);
		fill_text(&tx, n);
		fill_numbers(&tx, n);
		MUST(twz_tx_commit(&tx));
	}
	__atomic_store_n(&over, true, __ATOMIC_RELEASE);
	return arg;
}

static void look_at_triples(void)
{
	struct triple t = {0};
	uint64_t i = 0;

	for (int error = 0; !error; i++) {
		error = twz_vec_get(&root->triples, i, &t);
		if (error)
			assert_int_equal(error, TWZ_E_RANGE);
		else
			assert_true(t.thrice == t.n * 3 && t.inverse == ~t.n);
	}
}

static void look_at_text(void)
{
	char text[128];
	int64_t length = twz_str_get(0, &root->text, text, sizeof(text));
	bool right = !length;

	assert_in_range(length, 0, 90);
	for (int64_t i = 1; i < length; i++)
		assert_int_equal(text[i], text[0]);
	for (uint64_t n = (uint64_t)(text[0] - 'a'); length && n < ROUNDS && !right; n += 26)
		right = letters_of(n) == (uint64_t)length;
	assert_true(right);
}

/* Both in one section: the vector and the string belong together. */
static void look_at_both(void)
{
	uint64_t version, count;
	int64_t length;

	do {
		version = twz_read_begin(root);
		count = twz_vec_count(&root->numbers);
		length = (int64_t)twz_str_length(0, &root->text);
	} while (twz_read_again(root, version));
	MUST(twz_read_error(version));
	assert_int_equal(count, length);
}

static void *look(void *arg)
{
	uint32_t number = 0;

	while (!__atomic_load_n(&over, __ATOMIC_ACQUIRE)) {
		look_at_triples();
		look_at_text();
		look_at_both();
		if (!twz_vec_get(&root->numbers, 0, &number))
			assert_true(number < ROUNDS);
	}
	return arg;
}

static void readers_beside_a_writer(void **state)
{
	const struct twz_new new = {.heap = true, .bytes = 4096};
	pthread_t thread[READERS + 1];
	uint64_t where, owned, all = 0, used;
	struct twz_obj obj;
	void *block;

	(void)state;
	MUST(twz_obj_new(&new, &obj));
	MUST(heap_alloc(NULL, sizeof(*root), twz_heap_root(&obj), &block));
	root = block;
	memset(root, 0, sizeof(*root));
	for (unsigned i = 0; i <= READERS; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, i ? look : change, NULL), 0);
	for (unsigned i = 0; i <= READERS; i++)
		pthread_join(thread[i], NULL);
	MUST(twz_vec_check(&root->triples, &where, &owned));
	all += owned;
	MUST(twz_vec_check(&root->numbers, &where, &owned));
	all += owned;
	MUST(twz_str_check(&root->text, &where, &owned));
	all += owned + sizeof(struct twz_block_head) + heap_size(root);
	MUST(heap_used(obj.base, &used));
	assert_int_equal(all, used);
}

static int setup(void **state)
{
	(void)state;
	home_start(64 << 20);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {home_test(readers_beside_a_writer)};

	return cmocka_run_group_tests(tests, setup, NULL);
}
