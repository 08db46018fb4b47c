/*
 * tx_test.c - transactions that are composed of what other functions do, over three objects: given up,
 * or failed, after every step, they leave everything as it was; committed, they leave what the steps
 * would have left one by one.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/home/home.h"
#include <twz/map.h>
#include <twz/str.h>
#include <twz/vec.h>

struct root {
	twz_map(uint64_t, uint64_t) map;
	twz_vec(uint32_t) vec;
	struct twz_str text;
	twz_ptr(uint64_t) block, old;
	twz_ptr(struct root) other;
	uint64_t word;
};

#define OBJECTS 3u
#define FOT_LOOKED 64u /* entries */

static struct twz_obj object[OBJECTS];
static struct root *root[OBJECTS];

/* ---- the steps: each takes a transaction, or null --------------------------------------------------- */

static int put_one(struct twz_tx *tx)
{
	return twz_map_put(tx, &root[0]->map, 1, 2);
}

static int allocate(struct twz_tx *tx)
{
	uint64_t *block = NULL;
	int error = twz_alloc(tx, &root[1]->block, 5000, &block);

	if (error || !block)
		return error;
	memset(block, 7, 5000);
	if (tx)
		twz_tx_fresh(tx, block, 5000);
	else
		twz_persist(block, 5000);
	return 0;
}

static int push(struct twz_tx *tx)
{
	int error = 0;

	for (uint32_t i = 0; i < 200 && !error; i++)
		error = twz_vec_push(tx, &root[2]->vec, i);
	return error;
}

static int point(struct twz_tx *tx)
{
	return twz_set_tx(tx, &root[0]->other, root[2]);
}

static int free_old(struct twz_tx *tx)
{
	return twz_free(tx, &root[1]->old);
}

static int write_text(struct twz_tx *tx)
{
	return twz_str_set_text(tx, &root[2]->text,
				"a text that is too long to lie in the string itself, so that it "
				"has a block of its own, which has to be freed or kept");
}

static int take_out(struct twz_tx *tx)
{
	int error = 0;

	for (uint64_t key = 100; key < 160 && !error; key++)
		error = twz_map_remove(tx, &root[0]->map, key);
	return error;
}

static int set_word(struct twz_tx *tx)
{
	if (tx)
		return twz_tx_set(tx, &root[1]->word, 8);
	root[1]->word = 8;
	twz_persist(&root[1]->word, 8);
	return 0;
}

static int (*const step[])(struct twz_tx *tx) = {put_one,  allocate,   push,     point,
						 free_old, write_text, take_out, set_word};
#define STEPS (sizeof(step) / sizeof(*step))

/* ---- what there is ---------------------------------------------------------------------------------- */

struct state {
	uint64_t used[OBJECTS];
	struct twz_heap heap[OBJECTS];
	struct root root[OBJECTS];
	uint8_t meta[OBJECTS][TWZ_PAGE];
	struct twz_fot_entry fot[OBJECTS][FOT_LOOKED];
	uint64_t entries, sum; /* of the map */
};

static void look(struct state *s)
{
	struct twz_map_cursor c;
	uint64_t key = 0, value = 0, where;

	memset(s, 0, sizeof(*s));
	for (unsigned i = 0; i < OBJECTS; i++) {
		const struct twz_meta *meta = obj_meta(root[i]);

		assert_int_equal(meta->log.lock, 0);
		assert_int_equal(heap_check(root[i], &where), 0);
		MUST(heap_used(root[i], &s->used[i]));
		memcpy(&s->heap[i], object[i].base + meta->heap, sizeof(s->heap[i]));
		memcpy(&s->root[i], root[i], sizeof(s->root[i]));
		memcpy(s->meta[i], meta, TWZ_PAGE);
		memset(&((struct twz_meta *)s->meta[i])->log, 0, sizeof(struct twz_log_head));
		memcpy(s->fot[i], object[i].base + TWZ_OBJ_FOT, sizeof(s->fot[i]));
	}
	twz_map_each(&root[0]->map, &c, &key, &value)
	{
		s->entries++;
		s->sum += key * 1000003 + value;
	}
}

static void is_as(const struct state *before)
{
	static struct state now;

	look(&now);
	assert_memory_equal(&now, before, sizeof(now));
}

/* Three objects, with something in them. */
static void prepare(void)
{
	uint64_t *block;

	for (unsigned i = 0; i < OBJECTS; i++) {
		void *p;

		MUST(twz_obj_new(&(struct twz_new){.heap = true}, &object[i]));
		MUST(heap_alloc(NULL, sizeof(struct root), twz_heap_root(&object[i]), &p));
		memset(p, 0, sizeof(struct root));
		twz_persist(p, sizeof(struct root));
		root[i] = (struct root *)p;
	}
	for (uint64_t key = 100; key < 300; key++)
		MUST(twz_map_put(0, &root[0]->map, key, key));
	for (uint32_t i = 0; i < 10; i++)
		MUST(twz_vec_push(0, &root[2]->vec, i));
	MUST(twz_str_set_text(0, &root[2]->text, "a text that was there before, in its own block"));
	MUST(twz_alloc(NULL, &root[1]->old, 300, &block));
	memset(block, 0, 300);
	twz_persist(block, 300);
}

static void recycle(void)
{
	for (unsigned i = 0; i < OBJECTS; i++) {
		MUST(twz_obj_delete(object[i].id));
		MUST(twz_obj_recycle(&object[i]));
	}
}

/* ---- tests ------------------------------------------------------------------------------------------ */

enum { ABORTED, REFUSED, FULL, LIMIT, WAYS };

/* How a transaction ends without having been: by the caller's wish, or an error after which nothing counts. */
static void give_up(struct twz_tx *tx, unsigned how)
{
	static struct twz_obj many[TWZ_LOG_PARTS_MAX + 1];
	int expected = TWZ_E_RANGE, error = 0;

	switch (how) {
	case ABORTED:
		twz_tx_abort(tx);
		return;
	case REFUSED: /* the log's own place is nobody's */
		assert_null(twz_tx_write(tx, object[0].base + TWZ_OBJ_LOG, 8));
		break;
	case FULL:
		expected = TWZ_E_TXFULL;
		assert_null(twz_tx_write(tx, object[2].base + (512ull << 20), TWZ_LOG_BODY_MAX));
		break;
	default:
		expected = TWZ_E_LIMIT;
		for (unsigned i = 0; i <= TWZ_LOG_PARTS_MAX && !error; i++) {
			if (!many[i].base)
				MUST(twz_obj_new(&(struct twz_new){.bytes = 8}, &many[i]));
			error = twz_tx_add(tx, many[i].base);
		}
		assert_int_equal(error, expected);
	}
	/* It sticks: what comes afterwards fails, too, and only the commit needs to be looked at. */
	assert_int_equal(twz_tx_set(tx, &root[1]->word, 9), expected);
	for (unsigned k = 0; k < STEPS; k++)
		assert_int_not_equal(step[k](tx), 0);
	assert_int_equal(twz_tx_commit(tx), expected);
}

static void given_up_after_any_step_nothing_has_happened(void **state)
{
	static struct state before;

	(void)state;
	prepare();
	look(&before);
	for (unsigned how = 0; how < WAYS; how++)
		for (unsigned n = 0; n <= STEPS; n++)
			for (unsigned first = 0; first < 3; first++) {
				struct twz_tx tx;

				twz_tx_begin(&tx);
				for (unsigned k = 0; k < n; k++)
					MUST(step[(first + k) % STEPS](&tx));
				give_up(&tx, how);
				is_as(&before);
			}
	recycle();
}

/* Nobody else sees anything until the commit; then all sees everything, as if done one by one. */
static void committed_it_is_as_if_done_one_by_one(void **state)
{
	static struct state before, together, alone;
	struct twz_tx tx;

	(void)state;
	prepare();
	for (unsigned k = 0; k < STEPS; k++)
		MUST(step[k](NULL));
	look(&alone);
	recycle();

	prepare();
	look(&before);
	twz_tx_begin(&tx);
	for (unsigned k = 0; k < STEPS; k++)
		MUST(step[k](&tx));
	for (unsigned i = 0; i < OBJECTS; i++)
		assert_memory_equal(&before.root[i], root[i], sizeof(*root[i]));
	MUST(twz_tx_commit(&tx));
	look(&together);

	assert_int_equal(together.entries, alone.entries);
	assert_int_equal(together.sum, alone.sum);
	for (unsigned i = 0; i < OBJECTS; i++)
		assert_int_equal(together.used[i], alone.used[i]);
	assert_int_equal(twz_get(&root[1]->block)[600], 0x0707070707070707);
	assert_true(twz_is_null(&root[1]->old));
	assert_ptr_equal(twz_get(&root[0]->other), root[2]);
	assert_int_equal(root[1]->word, 8);
	recycle();
}

/* Allocations and frees that come and go in one transaction: what is used is what is left of them. */
static void allocation_and_free_follow_the_commit(void **state)
{
	uint64_t used, before, *block;
	static struct state s;
	struct twz_tx tx;

	(void)state;
	prepare();
	look(&s);
	before = s.used[1];
	for (int commit = 0; commit < 2; commit++) {
		twz_tx_begin(&tx);
		for (unsigned i = 0; i < 20; i++) {
			MUST(twz_alloc(&tx, &root[1]->block, 100 + i * 50, &block));
			if (i < 19)
				MUST(twz_free(&tx, &root[1]->block));
		}
		MUST(twz_free(&tx, &root[1]->old));
		if (!commit) {
			twz_tx_abort(&tx);
			is_as(&s);
			continue;
		}
		MUST(twz_tx_commit(&tx));
		MUST(heap_used(root[1], &used));
		assert_int_equal(used,
				 before - 16 - 320 + 16 + heap_size(twz_get(&root[1]->block)));
	}
	recycle();
}

static int setup(void **state)
{
	(void)state;
	home_start(256 << 20);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		home_test(given_up_after_any_step_nothing_has_happened),
		home_test(committed_it_is_as_if_done_one_by_one),
		home_test(allocation_and_free_follow_the_commit),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
