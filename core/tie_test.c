/*
 * tie_test.c - ties: each rule by itself, each combination of lasting and ending, a full store. The
 * checker counts again (S16, S18 to S21) after each. Damage, and a model: tie_damage_test.c.
 */
#include "core/tie_test.h"

static const struct twz_id key = {0x1111, 0x2222};

static void untie(uint64_t a, uint64_t b)
{
	assert_int_equal(store_untie(s, a, b, 0), 0);
}

static void delete (uint64_t ref)
{
	assert_int_equal(store_delete(s, ref), 0);
	sound();
	drain();
}

/* ---- one tie ----------------------------------------------------------------------------------- */

static void test_tie(void **state)
{
	uint64_t a = make(false), b = make(false), used = s->super->nused;

	(void)state;
	assert_int_equal(tied(a, b), 0);
	tie(a, b);
	assert_int_equal(tied(a, b), TWZ_TIE_PLAIN);
	assert_int_equal(tied(b, a), 0);
	assert_int_equal(record(a)->nties, 1);
	assert_int_equal(record(b)->nties, 0);
	sound();
	tie(a, b); /* twice is as once */
	assert_int_equal(record(a)->nties, 1);
	assert_int_equal(store_tie(s, a, b, TWZ_TIE_HOLD), 0);
	assert_int_equal(tied(a, b), TWZ_TIE_PLAIN | TWZ_TIE_HOLD);
	assert_int_equal(record(a)->nties, 1);
	sound();
	untie(a, b);
	assert_int_equal(tied(a, b), TWZ_TIE_HOLD);
	assert_int_equal(store_untie(s, a, b, TWZ_TIE_PLAIN), TWZ_E_NOTFOUND);
	assert_int_equal(store_untie(s, a, b, TWZ_TIE_HOLD), 0);
	assert_int_equal(tied(a, b), 0);
	assert_int_equal(record(a)->nties, 0);
	sound();
	assert_int_equal(store_untie(s, a, b, TWZ_TIE_HOLD), TWZ_E_NOTFOUND);
	assert_true(lives(a)); /* nobody has deleted it */
	assert_int_equal(s->super->ties.frames, 1);
	assert_int_equal(s->super->nused, used + 2); /* of the slab and the index */
	for (int i = 0; i < 200; i++) {
		tie(a, b);
		assert_int_equal(store_untie(s, a, b, TWZ_TIE_PLAIN | TWZ_TIE_HOLD), 0);
	}
	assert_int_equal(s->super->ties.frames, 1); /* places are used again */
	sound();
}

static void test_errors(void **state)
{
	uint64_t a = make(false), b = make(false), gone = make(false), ending = make(true), ref;
	struct twz_id boot;

	(void)state;
	delete (gone);
	assert_int_equal(store_tie(s, a, a, 0), TWZ_E_ARG);
	assert_int_equal(store_tie(s, a, b, 8), TWZ_E_ARG);
	assert_int_equal(store_tie(s, a, gone, 0), TWZ_E_NOTFOUND);
	assert_int_equal(store_tie(s, gone, a, 0), TWZ_E_NOTFOUND);
	assert_int_equal(store_tie(s, a, 12345, 0), TWZ_E_NOTFOUND);
	assert_int_equal(store_tie(s, 0, a, 0), TWZ_E_NOTFOUND);
	assert_int_equal(store_untie(s, a, b, 0), TWZ_E_NOTFOUND);
	assert_int_equal(store_untie(s, a, gone, 0), TWZ_E_NOTFOUND);
	assert_int_equal(store_untie(s, 0, b, 0), TWZ_E_NOTFOUND);
	assert_int_equal(store_untie(s, a, b, 4), TWZ_E_ARG);
	assert_int_equal(try_make(none, false, gone, 0, &ref), TWZ_E_NOTFOUND);
	assert_int_equal(try_make(none, false, 12345, 0, &ref), TWZ_E_NOTFOUND);
	assert_int_equal(try_make(none, false, a, 8, &ref), TWZ_E_ARG);
	assert_int_equal(try_make(none, false, ending, 0, &ref), TWZ_E_ARG);
	sound();
	/* The well-known objects stay whatever goes; others can be tied to them. */
	boot = record(a)->id;
	assert_int_equal(store_set_name(s, STORE_ROOT, boot), 0);
	assert_int_equal(store_tie(s, a, b, 0), TWZ_E_BUSY);
	assert_int_equal(store_set_name(s, STORE_ROOT, none), 0);
	assert_int_equal(store_set_name(s, STORE_KEY, boot), 0);
	assert_int_equal(store_tie(s, a, b, 0), TWZ_E_BUSY);
	assert_int_equal(store_set_name(s, STORE_KEY, none), 0);
	assert_int_equal(store_set_name(s, STORE_BOOT, boot), 0);
	assert_int_equal(store_tie(s, a, b, 0), TWZ_E_BUSY);
	tie(b, a);
	assert_int_equal(store_set_name(s, STORE_BOOT, none), 0);
	tie(a, b);
	sound();
}

/* A store that was made before there were ties. */
static void test_old(void **state)
{
	struct twz_super_fixed *fixed = (struct twz_super_fixed *)s->base;
	uint64_t a, b, ref;

	(void)state;
	fixed->sum -= twz_sum_at(offsetof(struct twz_super_fixed, ro) / 8, fixed->ro);
	fixed->ro = TWZ_STORE_ACCOUNTS;
	fixed->sum += twz_sum_at(offsetof(struct twz_super_fixed, ro) / 8, fixed->ro);
	memcpy(s->base + TWZ_PAGE, fixed, sizeof(*fixed));
	mount();
	a = make(false);
	b = make(true);
	assert_int_equal(store_tie(s, a, b, TWZ_TIE_ENDING), TWZ_E_VERSION);
	assert_int_equal(try_make(none, false, a, 0, &ref), TWZ_E_VERSION);
	assert_int_equal(store_untie(s, a, b, 0), TWZ_E_NOTFOUND);
	delete (a);
	mount();
	drain();
	assert_int_equal(s->super->nobjects, 0);
}

/* ---- deleting ---------------------------------------------------------------------------------- */

/* What is tied is only marked; what it is tied to takes it along. */
static void test_marked(void **state)
{
	uint64_t a = make(false), b = make(false), c = make(false);

	(void)state;
	tie(a, b);
	delete (a);
	assert_true(lives(a));
	assert_int_equal(record(a)->flags, TWZ_RECORD_MARKED);
	delete (a); /* twice is as once */
	assert_int_equal(store_leave(s, a), 0);
	assert_true(lives(a));
	tie(a, c); /* a marked one can be tied on */
	delete (b);
	assert_true(lives(a));
	untie(a, c); /* the last one of a marked one */
	assert_false(lives(a));
	drain();
	assert_true(lives(c));
	assert_int_equal(s->super->nobjects, 1);
}

/* What was deleted before does not count any more, freed or not: the order of calls decides. */
static void test_untied_after_a_delete(void **state)
{
	uint64_t a = make(false), b = make(false), c = make(false), d = make(false);

	(void)state;
	tie(a, b);
	tie(a, c);
	tie(a, d);
	assert_int_equal(store_delete(s, b), 0);
	assert_int_equal(store_delete(s, d), 0);
	untie(a, c);
	assert_int_equal(record(a)->nties, 0);
	drain();
	assert_true(lives(a));
	b = make(false);
	tie(a, b);
	assert_int_equal(store_delete(s, b), 0);
	assert_int_equal(store_untie(s, a, c, 0), TWZ_E_NOTFOUND);
	assert_int_equal(store_untie(s, a, b, 0), TWZ_E_NOTFOUND);
	drain();
	assert_false(lives(a)); /* which kept none of its ties */
}

/* Not marked: it stays when it is untied, and goes when the last of its holders goes. */
static void test_last(void **state)
{
	uint64_t a = make(false), b = make(false), c = make(false), d;

	(void)state;
	tie(a, b);
	tie(a, c);
	delete (b);
	assert_true(lives(a));
	assert_int_equal(record(a)->nties, 1);
	untie(a, c);
	assert_true(lives(a));
	tie(a, c);
	assert_int_equal(try_make(none, false, a, TWZ_TIE_HOLD, &d), 0);
	assert_int_equal(tied(d, a), TWZ_TIE_HOLD);
	assert_int_equal(store_delete(s, c), 0);
	assert_true(lives(a)); /* in the background */
	drain();
	assert_false(lives(a));
	assert_false(lives(d)); /* and so on */
	assert_int_equal(s->super->nobjects, 0);
	assert_int_equal(s->super->tie_index.count, 0);
}

/* Whoever is to go with something that is gone can be tied to something else until it does. */
static void test_saved(void **state)
{
	uint64_t a = make(false), b = make(false), c = make(false), other = 0;
	uint32_t kinds;

	(void)state;
	tie(a, b);
	assert_int_equal(store_delete(s, b), 0);
	assert_int_equal(store_tie(s, c, b, 0), TWZ_E_NOTFOUND);
	assert_int_equal(store_untie(s, a, b, 0), TWZ_E_NOTFOUND);
	assert_int_equal(store_tie_next(s, a, false, &other, &kinds), TWZ_E_NOTFOUND);
	assert_int_equal(store_tie_next(s, b, true, &other, &kinds), TWZ_E_NOTFOUND);
	tie(a, c);
	drain();
	assert_true(lives(a));
	assert_int_equal(record(a)->nties, 1);
}

/* Objects tied in a circle hold each other until one of the ties is cut. */
static void test_cycle(void **state)
{
	uint64_t ring[5], plain;

	(void)state;
	for (int i = 0; i < 5; i++)
		ring[i] = make(false);
	for (int i = 0; i < 5; i++)
		tie(ring[i], ring[(i + 1) % 5]);
	assert_int_equal(try_make(none, false, ring[2], 0, &plain), 0);
	for (int i = 0; i < 5; i++)
		delete (ring[i]);
	assert_int_equal(s->super->nobjects, 6);
	untie(ring[3], ring[4]);
	drain();
	assert_int_equal(s->super->nobjects, 0);
	/* Of one that nobody deleted, nothing goes. */
	for (int i = 0; i < 2; i++)
		ring[i] = make(false);
	tie(ring[0], ring[1]);
	tie(ring[1], ring[0]);
	untie(ring[0], ring[1]);
	drain();
	assert_int_equal(s->super->nobjects, 2);
	delete (ring[0]);
	assert_int_equal(s->super->nobjects, 0);
}

/* 10,000 ties in: the delete is one small update, and each step of what follows. */
static void test_many(void **state)
{
	enum { N = 10000 };
	struct store_new new = {.perms = TWZ_READ};
	uint64_t b = make(false), c = make(false), a[4] = {0}, other = 0;
	uint32_t kinds, n = 0;
	int steps = 0;

	(void)state;
	new.tie = b;
	for (int i = 0; i < N; i++)
		assert_int_equal(store_create(s, &new, &a[i % 4]), 0);
	for (int i = 0; i < 3; i++)
		tie(a[i], c);
	while (!store_tie_next(s, b, true, &other, &kinds))
		n++;
	assert_int_equal(n, N);
	sound();
	assert_int_equal(store_delete(s, b), 0);
	assert_int_equal(s->super->nobjects, N + 1);
	sound();
	for (int error = 1; error == 1; steps++) {
		error = store_drain(s, 1);
		assert_in_range(error, 0, 1);
		if (steps % 2500 == 0)
			sound();
	}
	assert_in_range(steps, 2 * N - 10, 2 * N + 10); /* a tie, a record */
	assert_int_equal(s->super->nobjects, 4);
	for (int i = 0; i < 3; i++)
		assert_true(lives(a[i]));
	sound();
}

/* A whole record with a part; it stores a word at the object's data. */
struct logged {
	struct twz_log_record record;
	uint64_t range[2];
	struct twz_log_part part;
};

static void put_log(uint64_t ref, struct logged *log)
{
	struct twz_log_record *r = &log->record;
	uint64_t sum = twz_sum_step(log_seed(record(ref)->id), r->seq,
				    log_counts(r->ranges, r->nparts, r->flags));

	r->sum = twz_sum_more(sum, log->range, sizeof(log->range) + sizeof(log->part));
	assert_int_equal(store_make(s, ref, TWZ_OBJ_META / TWZ_PAGE, 1), 0);
	assert_int_equal(store_make(s, ref, TWZ_OBJ_LOG / TWZ_PAGE, 1), 0);
	memcpy(store_page(s, ref, TWZ_OBJ_LOG / TWZ_PAGE), log, sizeof(*log));
}

/*
 * An object that goes with its last tie is settled before: it is the one whose record says that a
 * transaction of another one was committed.
 */
static void test_settled(void **state)
{
	uint64_t coordinator = make(false), part = make(false), b = make(false);
	struct logged log = {.record = {.seq = 1, .ranges = 16, .nparts = 1, .flags = TWZ_LOG_PART},
			     .range = {8 | TWZ_OBJ_DATA << LOG_LENGTH_BITS, 0x7777},
			     .part = {.id = record(coordinator)->id}};

	(void)state;
	put_log(part, &log);
	log.part = (struct twz_log_part){record(part)->id, 1, log.record.sum};
	log.record.flags = 0;
	put_log(coordinator, &log);
	tie(coordinator, b);
	mount();
	delete (b);
	assert_false(lives(coordinator));
	assert_int_equal(store_settle(s, part), 0);
	assert_int_equal(*(uint64_t *)store_page(s, part, 1024), 0x7777);
}

/* A registered view leaves its list; a key in use and what is well known are only untied. */
static void test_kept(void **state)
{
	struct store_new new = {.type = TWZ_TYPE_VIEW, .perms = TWZ_READ};
	uint64_t b = make(false), view, held, known = make(false), under, at = 0;

	(void)state;
	assert_int_equal(store_create(s, &new, &view), 0);
	assert_int_equal(store_view_register(s, view, true), 0);
	new.type = TWZ_TYPE_KEY;
	assert_int_equal(store_create(s, &new, &held), 0);
	assert_int_equal(try_make(record(held)->id, false, 0, 0, &under), 0);
	tie(view, b);
	tie(held, b);
	tie(known, b);
	assert_int_equal(store_set_name(s, STORE_ROOT, record(known)->id), 0);
	assert_int_equal(store_delete(s, held), TWZ_E_BUSY);
	delete (known);
	assert_int_equal(record(known)->flags, TWZ_RECORD_MARKED);
	delete (b);
	assert_false(lives(view));
	assert_int_equal(store_view_next(s, &at), TWZ_E_NOTFOUND);
	assert_true(lives(held));
	assert_true(lives(known));
	assert_int_equal(record(known)->flags, 0);
	assert_int_equal(record(held)->nties, 0);
	assert_int_equal(store_delete(s, under), 0);
	delete (held); /* draining is what frees the last under it */
	assert_false(lives(held));
}

/* ---- lasting and ending ------------------------------------------------------------------------ */

/* Every combination, and what is left of it after `b` is deleted, and after a boot. */
static void test_combinations(void **state)
{
	(void)state;
	for (unsigned n = 0; n < 8; n++) {
		bool a_ends = n & 1, b_ends = n & 2, boot = n & 4;
		uint64_t a = make(a_ends), b = make(b_ends);

		assert_int_equal(store_tie(s, a, b, 0), !a_ends && b_ends ? TWZ_E_ARG : 0);
		assert_int_equal(store_tie(s, a, b, TWZ_TIE_ENDING), 0);
		assert_int_equal(tied(a, b), TWZ_TIE_PLAIN);
		sound();
		if (boot)
			mount();
		else
			assert_int_equal(store_delete(s, b), 0);
		drain();
		assert_int_equal(lives(a), boot && !a_ends && !b_ends);
		assert_int_equal(lives(b), boot && !b_ends);
		if (lives(b))
			delete (b);
		assert_int_equal(s->super->nobjects, 0);
		assert_int_equal(s->super->tie_index.count, 0);
	}
}

/* A lasting one that is tied to an ending one stays for another that lasts. */
static void test_ending(void **state)
{
	uint64_t a = make(false), b = make(true), c = make(false);

	(void)state;
	assert_int_equal(store_tie(s, a, b, TWZ_TIE_ENDING), 0);
	tie(a, c);
	mount();
	drain();
	assert_true(lives(a));
	assert_int_equal(record(a)->nties, 1);
	delete (c);
	assert_int_equal(s->super->nobjects, 0);
}

/* An ending one that is kept lasts: then it cannot be tied to one that ends. */
static void test_keep(void **state)
{
	uint64_t a = make(true), b = make(true), c = make(false);

	(void)state;
	tie(a, c);
	tie(a, b);
	assert_int_equal(store_keep(s, a), TWZ_E_ARG);
	assert_int_equal(store_tie(s, a, b, TWZ_TIE_ENDING), 0);
	assert_int_equal(store_keep(s, a), 0);
	assert_int_equal(record(a)->state, TWZ_STATE_LIVE);
	sound();
	assert_int_equal(store_end(s, a), 0);
	assert_int_equal(store_end(s, a), 0);
	sound();
	assert_int_equal(store_untie(s, a, b, 0), 0);
	tie(a, b);
	assert_int_equal(store_keep(s, b), 0);
	assert_int_equal(store_keep(s, a), 0);
	mount();
	drain();
	assert_int_equal(s->super->nobjects, 3);
}

static void test_end(void **state)
{
	struct store_new new = {.type = TWZ_TYPE_VIEW, .perms = TWZ_READ};
	uint64_t a = make(false), view, held, at = 0;

	(void)state;
	assert_int_equal(store_create(s, &new, &view), 0);
	assert_int_equal(store_view_register(s, view, true), 0);
	assert_int_equal(store_end(s, view), 0);
	assert_int_equal(store_view_next(s, &at), TWZ_E_NOTFOUND);
	new.type = TWZ_TYPE_KEY;
	assert_int_equal(store_create(s, &new, &held), 0);
	assert_int_equal(store_end(s, held), TWZ_E_TYPE);
	assert_int_equal(store_end(s, a), 0);
	assert_int_equal(store_end(s, 12345), TWZ_E_NOTFOUND);
	sound();
	assert_true(lives(a));
	mount();
	assert_int_equal(store_end(s, a), TWZ_E_NOTFOUND);
	drain();
	assert_int_equal(s->super->nobjects, 1);
}

/* ---- with a home ------------------------------------------------------------------------------- */

static void test_leave(void **state)
{
	uint64_t a = make(false), b = make(false), used, c;

	(void)state;
	tie(b, a);
	used = s->super->nused;
	assert_int_equal(store_leave(s, a), 0);
	assert_false(lives(a));
	assert_int_equal(store_leave(s, a), TWZ_E_NOTFOUND);
	assert_int_equal(store_delete(s, a), TWZ_E_NOTFOUND);
	assert_int_equal(store_keep(s, a), TWZ_E_NOTFOUND);
	assert_int_equal(store_tie(s, b, a, 0), TWZ_E_NOTFOUND);
	drain();
	assert_int_equal(s->super->nused, used); /* its pages are there */
	assert_non_null(store_page(s, a, 1024));
	assert_true(lives(b)); /* nothing goes before what it is tied to */
	assert_int_equal(store_delete_gone(s, b), 0);
	assert_true(lives(b));
	assert_int_equal(store_delete_gone(s, a), 0);
	drain();
	assert_int_equal(s->super->nobjects, 0);
	assert_int_equal(store_delete_gone(s, 12345), TWZ_E_NOTFOUND);
	/* The end of the epoch is as good. */
	a = make(false);
	assert_int_equal(try_make(none, false, a, 0, &c), 0);
	assert_int_equal(store_leave(s, a), 0);
	mount();
	assert_int_equal(store_delete_gone(s, a), 0); /* it is dying already */
	drain();
	assert_int_equal(s->super->nobjects, 0);
}

static enum store_held answer;
static unsigned asked;

static enum store_held held(struct twz_id id)
{
	assert_false(id_none(id));
	asked++;
	return answer;
}

/* What the home says of one whose last tie ended. */
static void test_held(void **state)
{
	uint64_t a, b;

	(void)state;
	for (unsigned n = 0; n < 6; n++) {
		bool marked = n & 1;

		answer = (enum store_held)(n / 2);
		asked = 0;
		a = make(false);
		b = make(false);
		tie(a, b);
		s->held = held;
		if (marked) {
			assert_int_equal(store_delete(s, a), 0);
			untie(a, b);
		} else {
			assert_int_equal(store_delete(s, b), 0);
			drain();
		}
		assert_int_equal(asked, 1);
		sound();
		assert_int_equal(lives(a), answer == STORE_TIED);
		assert_int_equal(!!(record(a)->flags & TWZ_RECORD_GONE), answer == STORE_MAPPED);
		if (answer != STORE_FREE)
			assert_int_equal(record(a)->state, TWZ_STATE_ENDING);
		if (answer == STORE_TIED)
			assert_int_equal(record(a)->flags, marked ? TWZ_RECORD_MARKED : 0);
		if (n == 4)
			assert_int_equal(store_delete(s, a), 0);
		if (n == 2)
			assert_int_equal(store_delete_gone(s, a), 0);
		mount();
		drain();
		assert_false(lives(a));
	}
}

/* What was deleted and is still in use does not hold what is untied meanwhile, and does not take it along. */
static void test_untied_from_the_last_but_one_that_is_gone(void **state)
{
	uint64_t a = make(false), gone = make(false), other = make(false);

	(void)state;
	tie(a, gone);
	tie(a, other);
	assert_int_equal(store_leave(s, gone), 0);
	untie(a, other);
	assert_int_equal(store_delete_gone(s, gone), 0);
	drain();
	sound();
	assert_true(lives(a));
	assert_int_equal(store_delete(s, a), 0);
	drain();
	assert_false(lives(a));
}

static void seal_same(uint64_t src, uint64_t *sealed)
{
	assert_int_equal(store_seal(s, src, 3 * TWZ_PAGE, TWZ_TYPE_DATA, TWZ_READ, none, sealed),
			 0);
	sound();
}

/* Sealing the same content brings back what was to go. */
static void test_sealed(void **state)
{
	uint64_t src = make(false), b = make(false), sealed, again;

	(void)state;
	memset(store_page(s, src, 1025), 7, TWZ_PAGE);
	seal_same(src, &sealed);
	assert_int_equal(store_leave(s, sealed), 0);
	assert_false(lives(sealed));
	seal_same(src, &again);
	assert_int_equal(again, sealed);
	assert_true(lives(sealed));
	assert_int_equal(store_delete_gone(s, sealed), 0);
	mount();
	drain();
	assert_true(lives(sealed));
	/* One that is marked. */
	tie(sealed, b);
	assert_int_equal(store_delete(s, sealed), 0);
	seal_same(src, &again);
	assert_int_equal(again, sealed);
	untie(sealed, b);
	assert_true(lives(sealed));
	/* One that ended, and is not freed yet. */
	assert_int_equal(store_end(s, sealed), 0);
	mount();
	assert_false(lives(sealed));
	seal_same(src, &again);
	assert_int_equal(again, sealed);
	drain();
	assert_true(lives(sealed));
	assert_int_equal(store_verify(s, sealed, 1025), 0);
	mount();
	drain();
	assert_true(lives(sealed));
	delete (sealed);
	seal_same(src, &again);
	assert_true(lives(again));
}

/* ---- accounts, a full store -------------------------------------------------------------------- */

static uint64_t charged(void)
{
	struct twz_account a = {0};

	sound();
	return store_account(s, key, &a) ? 0 : a.pages;
}

static void test_charged(void **state)
{
	uint64_t a, b[130], tied_one;

	(void)state;
	for (int i = 0; i < 130; i++)
		b[i] = make(false);
	assert_int_equal(try_make(key, false, 0, 0, &a), 0);
	assert_int_equal(charged(), 4);
	for (int i = 0; i < 130; i++) {
		tie(a, b[i]);
		if (i == 0 || i == 62)
			assert_int_equal(charged(), 5);
		if (i == 63)
			assert_int_equal(charged(), 6);
	}
	assert_int_equal(charged(), 7);
	tie(b[0], a); /* ties in cost nothing */
	assert_int_equal(charged(), 7);
	for (int i = 0; i < 67; i++)
		untie(a, b[i]);
	assert_int_equal(charged(), 5);
	assert_int_equal(try_make(key, true, a, 0, &tied_one), 0);
	assert_int_equal(charged(), 10);
	assert_int_equal(store_limit_key(s, key, 10, 0), 0);
	assert_int_equal(store_tie(s, a, b[0], 0), TWZ_E_LIMIT);
	assert_int_equal(try_make(key, false, a, 0, &tied_one), TWZ_E_LIMIT);
	for (int i = 0; i < 130; i++)
		assert_int_equal(store_delete(s, b[i]), 0);
	drain();
	assert_int_equal(charged(), 0);
	assert_int_equal(s->super->nobjects, 0);
}

/* Room is found by freeing what is tied to something deleted; that is found gone meanwhile. */
static void test_limit_room(void **state)
{
	uint64_t a, b = make(false), c, ref;

	(void)state;
	assert_int_equal(store_limit_key(s, key, 10, 0), 0);
	assert_int_equal(try_make(key, false, b, 0, &a), 0);
	assert_int_equal(try_make(key, false, b, 0, &c), 0);
	assert_int_equal(charged(), 10);
	assert_int_equal(store_delete(s, b), 0);
	assert_int_equal(try_make(key, false, 0, 0, &ref), 0);
	drain();
	assert_int_equal(charged(), 4);
	/* The operation's own object goes. */
	b = make(false);
	assert_int_equal(try_make(key, false, b, 0, &a), 0);
	assert_int_equal(store_delete(s, b), 0);
	assert_int_equal(store_make(s, a, 2000, 5), TWZ_E_NOTFOUND);
	assert_int_equal(charged(), 4);
	b = make(false);
	c = make(false);
	assert_int_equal(try_make(key, false, b, 0, &a), 0);
	assert_int_equal(store_delete(s, b), 0);
	assert_int_equal(try_make(key, false, a, 0, &ref), TWZ_E_NOTFOUND);
	assert_int_equal(charged(), 4);
	drain();
}

/* Takes every frame, and every place of the slabs. */
static void fill(uint64_t big, uint64_t b)
{
	struct store_new new = {.perms = TWZ_READ, .tie = b};
	uint64_t ref;

	for (uint64_t page = 2000, n = 512; n; n /= 2)
		while (!store_make(s, big, page, n))
			page += n;
	while (!store_create(s, &new, &ref))
		;
	assert_int_equal(store_create(s, &new, &ref), TWZ_E_FULL);
	sound();
}

/* In a full store tying says FULL; deleting and untying work, and what they free is used. */
static void test_full(void **state)
{
	uint64_t big = make(false), a = make(false), b = make(false), c = make(false), ref;

	(void)state;
	tie(a, c);
	tie(big, c);
	fill(big, b);
	while (!store_tie(s, big, a, 0) && !store_untie(s, big, a, 0))
		break;
	assert_int_equal(store_delete(s, a), 0);
	untie(a, c);
	assert_false(lives(a));
	sound();
	assert_int_equal(store_delete(s, b), 0); /* many are tied to it */
	sound();
	assert_int_equal(store_delete(s, c), 0); /* takes the big one along */
	assert_int_equal(try_make(none, false, 0, 0, &ref), 0);
	drain();
	assert_int_equal(s->super->nobjects, 1);
}

/* A full store, and an operation on an object that goes to make room for it. */
static void test_full_gone(void **state)
{
	struct store_new new = {.perms = TWZ_READ};
	uint64_t big, small, c;

	(void)state;
	for (unsigned n = 0; n < 4; n++) {
		big = make(false);
		small = make(false);
		assert_int_equal(store_create(s, &new, &c), 0); /* without pages */
		tie(big, c);
		fill(big, small);
		assert_int_equal(store_make(s, small, 3000, 1), TWZ_E_FULL);
		assert_int_equal(store_delete(s, c), 0);
		if (n == 0)
			assert_int_equal(store_make(s, big, 1, 100000), TWZ_E_NOTFOUND);
		if (n == 1)
			assert_int_equal(store_copy(s, small, 1 << 20, big, 512, 100000),
					 TWZ_E_NOTFOUND);
		if (n == 2)
			assert_int_equal(store_seal(s, big, 16 * TWZ_PAGE, TWZ_TYPE_DATA, TWZ_READ,
						    none, &c),
					 TWZ_E_NOTFOUND);
		if (n == 3)
			assert_int_equal(store_limit(s, big, 1ull << 20, 512, TWZ_WRITE),
					 TWZ_E_NOTFOUND);
		assert_false(lives(big));
		drain();
		delete (small);
		assert_int_equal(s->super->nobjects, 0);
	}
}

/* ---- walking ----------------------------------------------------------------------------------- */

static void test_walk(void **state)
{
	uint64_t a = make(false), b[4], other = 0, last;
	uint32_t kinds, n = 0;

	(void)state;
	for (int i = 0; i < 4; i++) {
		b[i] = make(false);
		assert_int_equal(store_tie(s, a, b[i], 1 + (uint32_t)i % 3), 0);
	}
	assert_int_equal(store_tie_next(s, a, false, &other, &kinds), 0);
	assert_int_equal(other, b[3]);
	last = other;
	assert_int_equal(store_untie(s, a, b[2], 3), 0); /* another one: the walk goes on */
	assert_int_equal(store_tie_next(s, a, false, &other, &kinds), 0);
	assert_int_equal(other, b[1]);
	assert_int_equal(kinds, TWZ_TIE_HOLD);
	assert_int_equal(store_untie(s, a, b[1], TWZ_TIE_HOLD), 0); /* where it stands */
	assert_int_equal(store_tie_next(s, a, false, &other, &kinds), TWZ_E_BUSY);
	other = last;
	assert_int_equal(store_delete(s, b[0]), 0); /* gone: it does not show */
	assert_int_equal(store_tie_next(s, a, false, &other, &kinds), TWZ_E_NOTFOUND);
	for (other = 0; !store_tie_next(s, b[3], true, &other, &kinds); n++)
		assert_int_equal(other, a);
	assert_int_equal(n, 1);
	other = 0;
	assert_int_equal(store_tie_next(s, 12345, true, &other, &kinds), TWZ_E_NOTFOUND);
	drain();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_tie, setup),
		cmocka_unit_test_setup(test_errors, setup),
		cmocka_unit_test_setup(test_old, setup),
		cmocka_unit_test_setup(test_marked, setup),
		cmocka_unit_test_setup(test_untied_after_a_delete, setup),
		cmocka_unit_test_setup(test_last, setup),
		cmocka_unit_test_setup(test_saved, setup),
		cmocka_unit_test_setup(test_cycle, setup),
		cmocka_unit_test_setup(test_many, setup),
		cmocka_unit_test_setup(test_settled, setup),
		cmocka_unit_test_setup(test_kept, setup),
		cmocka_unit_test_setup(test_combinations, setup),
		cmocka_unit_test_setup(test_ending, setup),
		cmocka_unit_test_setup(test_keep, setup),
		cmocka_unit_test_setup(test_end, setup),
		cmocka_unit_test_setup(test_leave, setup),
		cmocka_unit_test_setup(test_held, setup),
		cmocka_unit_test_setup(test_untied_from_the_last_but_one_that_is_gone, setup),
		cmocka_unit_test_setup(test_sealed, setup),
		cmocka_unit_test_setup(test_charged, setup),
		cmocka_unit_test_setup(test_limit_room, setup),
		cmocka_unit_test_setup(test_full, setup),
		cmocka_unit_test_setup(test_full_gone, setup),
		cmocka_unit_test_setup(test_walk, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
