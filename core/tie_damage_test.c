/*
 * tie_damage_test.c - ties that are damaged, one wrong word at a time; then random operations on sound
 * ones, against a model.
 */
#include "core/tie_test.h"

/* ---- damage ------------------------------------------------------------------------------------ */

/* The checker names `invariant` while the word is wrong; with a sum that is right if `sum_of` says. */
#define CHECKED(word, wrong, sum_of, invariant)            \
	do {                                               \
		__typeof__(word) right_ = (word);          \
		(word) = (wrong);                          \
		sum_of;                                    \
		assert_string_equal(checked(), invariant); \
		(word) = right_;                           \
		sum_of;                                    \
		assert_string_equal(checked(), "");        \
	} while (0)

#define RECORD(ref) record(ref)->sum = record_sum(record(ref))
#define TIE(t) (t)->sum = tie_sum(t)
#define SUPER s->super->sum = super_sum(s->super)

static struct twz_tie *first_out(uint64_t ref)
{
	return tie_at(s, record(ref)->tie_out);
}

static void test_checker(void **state)
{
	uint64_t a = make(false), b = make(false), c = make(false), d = make(true);
	struct twz_slab_head *head;
	struct twz_tie *one, *two, *unused;

	(void)state;
	tie(a, b);
	tie(a, c);
	tie(b, c);
	one = first_out(a);
	two = first_out(b);
	unused = tie_at(s, s->super->ties.free);
	sound();
	CHECKED(record(a)->nties, 1, RECORD(a), "S19");
	CHECKED(record(a)->nties, 3, RECORD(a), "S19");
	CHECKED(record(a)->tie_out, 0, RECORD(a), "S19");
	CHECKED(record(a)->tie_out, one->a_next, RECORD(a), "S19");
	CHECKED(record(c)->tie_in, 0, RECORD(c), "S19");
	CHECKED(record(a)->tie_out, TWZ_REF(0xfffffff0ull, 0), RECORD(a), "S19");
	CHECKED(record(a)->tie_out, s->super->ties.free, RECORD(a), "S19");
	CHECKED(one->a_prev, record(b)->tie_out, TIE(one), "S19");
	CHECKED(one->a_next, record(a)->tie_out, TIE(one), "S19"); /* in a circle */
	CHECKED(two->b_next, record(c)->tie_in, TIE(two), "S19");
	CHECKED(two->a, c, TIE(two), "S19");
	CHECKED(two->flags, 0, TIE(two), "S18");
	CHECKED(two->flags, 9, TIE(two), "S18");
	CHECKED(two->flags, 2, (void)0, "S18");
	CHECKED(record(a)->flags, 4, RECORD(a), "S20");
	CHECKED(record(c)->flags, TWZ_RECORD_MARKED, RECORD(c), "S20");
	CHECKED(record(c)->flags, TWZ_RECORD_GONE, RECORD(c), "S20");
	CHECKED(record(d)->flags, TWZ_RECORD_GONE, RECORD(d), "");
	CHECKED(unused->b, 1, TIE(unused), "S21");
	CHECKED(unused->sum, 1, (void)0, "S21");
	CHECKED(unused->a_next, record(b)->tie_out, TIE(unused), "S21");
	CHECKED(unused->a_next, s->super->ties.free, TIE(unused), "S21");
	CHECKED(unused->a_next, 0, TIE(unused), "S21");
	CHECKED(s->super->ties.frames, 2, SUPER, "S21");
	CHECKED(s->super->tie_index.count, 7, SUPER, "S11");
	head = frame_at(s, record(a)->tie_out >> 6);
	CHECKED(head->kind, TWZ_SLAB_ACCOUNT, (void)0, "S19");
	CHECKED(s->super->ties.free, TWZ_REF(0xfffffff0ull, 0), SUPER, "S6");
}

/* A tie of nothing, one of an object to itself, and one that the index has twice. */
static void test_checker_ends(void **state)
{
	uint64_t a = make(false), b = make(false), at, tag;
	struct twz_tie *t;

	(void)state;
	tie(a, b);
	at = record(a)->tie_out;
	t = tie_at(s, at);
	tag = tie_tag(s, a, b);
	assert_int_equal(index_add(s, &s->super->tie_index, tag, at), 0);
	assert_int_equal(update_end(&s->update, 0), 0);
	assert_string_equal(checked(), "S18");
	assert_int_equal(index_remove(s, &s->super->tie_index, tag, at), 0);
	assert_int_equal(update_end(&s->update, 0), 0);
	sound();
	/* Of a record that is free, well formed else. */
	assert_int_equal(index_remove(s, &s->super->tie_index, tag, at), 0);
	t->a = s->super->records.free;
	TIE(t);
	assert_int_equal(index_add(s, &s->super->tie_index, tie_tag(s, t->a, t->b), at), 0);
	record(a)->nties = 0;
	record(a)->tie_out = 0;
	RECORD(a);
	assert_int_equal(update_end(&s->update, 0), 0);
	assert_string_equal(checked(), "S18");
}

/* What follows ties in a damaged store says so, and comes to an end. */
#define FAILS(word, wrong, sum_of, call, error)   \
	do {                                      \
		__typeof__(word) right_ = (word); \
		(word) = (wrong);                 \
		sum_of;                           \
		assert_int_equal(call, error);    \
		(word) = right_;                  \
		sum_of;                           \
	} while (0)

static void test_damage(void **state)
{
	uint64_t a = make(true), b = make(true), c = make(false), other = 0, cut;
	struct twz_tie *one, *two;
	uint32_t kinds;

	(void)state;
	tie(a, b);
	tie(a, c);
	tie(b, c);
	one = first_out(a);
	two = first_out(b);
	cut = TWZ_REF(0xfffffff0ull, 0);
	FAILS(one->flags, 3, (void)0, store_tie(s, a, c, TWZ_TIE_HOLD), TWZ_E_DAMAGED);
	FAILS(one->flags, 3, (void)0, store_untie(s, a, c, 0), TWZ_E_DAMAGED);
	FAILS(one->flags, 3, (void)0, store_tie_next(s, a, false, &other, &kinds), TWZ_E_DAMAGED);
	FAILS(one->a_prev, 1, TIE(one), store_tie_next(s, a, false, &other, &kinds), TWZ_E_DAMAGED);
	FAILS(one->a, b, TIE(one), store_tie_next(s, a, false, &other, &kinds), TWZ_E_DAMAGED);
	FAILS(one->b, cut, TIE(one), store_tie_next(s, a, false, &other, &kinds), TWZ_E_DAMAGED);
	FAILS(record(a)->tie_out, cut, RECORD(a), store_tie_next(s, a, false, &other, &kinds),
	      TWZ_E_DAMAGED);
	FAILS(record(a)->tie_out, cut, RECORD(a), store_keep(s, a), TWZ_E_DAMAGED);
	FAILS(record(b)->tie_out, cut, RECORD(b), store_tie(s, b, a, 0), TWZ_E_DAMAGED);
	FAILS(record(a)->tie_in, cut, RECORD(a), store_tie(s, b, a, 0), TWZ_E_DAMAGED);
	FAILS(one->a_next, cut, TIE(one), store_untie(s, a, c, 0), TWZ_E_DAMAGED);
	FAILS(two->b_prev, cut, TIE(two), store_untie(s, b, c, 0), TWZ_E_DAMAGED);
	FAILS(record(b)->nties, 0, RECORD(b), store_untie(s, b, c, 0), TWZ_E_DAMAGED);
	FAILS(s->super->ties.free, record(b)->tie_out, SUPER, store_tie(s, b, a, 0), TWZ_E_DAMAGED);
	sound();
	/* A dying one that is on the list of nothing: draining stops, and says it. */
	assert_int_equal(store_delete(s, c), 0);
	assert_int_equal(store_drain(s, 1), 1);
	FAILS(record(c)->tie_in, cut, RECORD(c), store_drain(s, 10), TWZ_E_DAMAGED);
	FAILS(record(c)->tie_in, one->a_next, RECORD(c), store_drain(s, 1), TWZ_E_DAMAGED);
	FAILS(record(c)->npages, 1, RECORD(c), store_drain(s, 10), TWZ_E_DAMAGED);
	drain();
	assert_int_equal(s->super->nobjects, 0);
	a = make(true);
	b = make(true);
	tie(b, a);
	c = make(false);
	tie(c, make(false));
	mount();                                /* b dies first */
	assert_int_equal(store_drain(s, 3), 1); /* settled, dying, without pages */
	FAILS(record(b)->tie_out, record(c)->tie_out, RECORD(b), store_drain(s, 1), TWZ_E_DAMAGED);
	drain();
}

/* ---- random operations against a model --------------------------------------------------------- */

enum { N = 12, ROUNDS = 6000 };

static struct {
	bool lives, ends, marked, tie[N];
} model[N];
static uint64_t refs[N];

/* Deletes what is deleted with it, to the end. */
static void model_delete(int i)
{
	model[i].lives = false;
	memset(model[i].tie, 0, sizeof(model[i].tie));
	for (int k = 0; k < N; k++) {
		bool was = model[k].lives && model[k].tie[i], any = false;

		model[k].tie[i] = false;
		for (int j = 0; j < N; j++)
			any |= model[k].tie[j];
		if (was && !any)
			model_delete(k);
	}
}

static bool model_tied(int i)
{
	for (int k = 0; k < N; k++)
		if (model[i].tie[k])
			return true;
	return false;
}

static void model_agrees(void)
{
	for (int i = 0; i < N; i++) {
		if (!model[i].lives)
			continue;
		assert_true(lives(refs[i]));
		assert_int_equal(record(refs[i])->flags, model[i].marked ? TWZ_RECORD_MARKED : 0);
		for (int k = 0; k < N; k++)
			if (model[k].lives)
				assert_int_equal(!!tied(refs[i], refs[k]), model[i].tie[k]);
	}
}

static void model_make(int i, int k)
{
	bool ends = next_random() % 2, tied_to = model[k].lives && k != i;
	struct twz_id under = {next_random() % 3, 0};
	uint32_t flags = next_random() % 2 ? TWZ_TIE_ENDING : 0;
	int error = try_make(under, ends, tied_to ? refs[k] : 0, flags, &refs[i]);
	bool refused = tied_to && !ends && model[k].ends && !flags;

	assert_int_equal(error, refused ? TWZ_E_ARG : 0);
	memset(&model[i], 0, sizeof(model[i]));
	if (refused)
		return;
	model[i].lives = true;
	model[i].ends = ends;
	model[i].tie[k] = tied_to;
}

static void model_tie(int i, int k)
{
	int error = store_tie(s, refs[i], refs[k], 0);

	if (!model[i].ends && model[k].ends) {
		assert_int_equal(error, TWZ_E_ARG);
		return;
	}
	assert_int_equal(error, 0);
	model[i].tie[k] = true;
}

static void model_untie(int i, int k)
{
	assert_int_equal(store_untie(s, refs[i], refs[k], 0), model[i].tie[k] ? 0 : TWZ_E_NOTFOUND);
	if (!model[i].tie[k])
		return;
	model[i].tie[k] = false;
	if (model[i].marked && !model_tied(i))
		model_delete(i);
}

/* What ends goes at once, whatever it is tied to; what is tied to it by its last tie, too. */
static void model_boot(void)
{
	for (int i = 0; i < N; i++)
		if (model[i].lives && model[i].ends)
			model_delete(i);
	mount();
}

static void test_model(void **state)
{
	(void)state;
	memset(model, 0, sizeof(model));
	for (int round = 0; round < ROUNDS; round++) {
		int i = (int)(next_random() % N), k = (int)(next_random() % N);
		unsigned what = next_random() % 32;

		if (!model[i].lives) {
			model_make(i, k);
		} else if (what == 0) {
			model_boot();
		} else if (what < 4) {
			assert_int_equal(store_delete(s, refs[i]), 0);
			model[i].marked = true;
			if (!model_tied(i))
				model_delete(i);
		} else if (i != k && model[k].lives) {
			if (what % 3)
				model_tie(i, k);
			else
				model_untie(i, k);
		}
		if (what % 4 == 0)
			sound();
		assert_int_equal(store_drain(s, 100000), 0);
		model_agrees();
	}
	sound();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_checker, setup),
		cmocka_unit_test_setup(test_checker_ends, setup),
		cmocka_unit_test_setup(test_damage, setup),
		cmocka_unit_test_setup(test_model, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
