/*
 * right_test.c - the decision on rights: every rule of right.h broken alone, masks and limits, times,
 * verdicts that come later. Contexts that lie are in right_context_test.c.
 */
#include "core/right_test.h"

static struct memory limits[2];

/* ---- what counts ------------------------------------------------------------------------------------- */

static void test_nothing(void **state)
{
	struct right_query q = query();
	struct right_answer a;

	(void)state;
	q.active = NULL;
	decide(&q, &a);
	assert_int_equal(a.effective, 0);
	assert_int_equal(a.reason[0].why, RIGHT_NONE);
	assert_int_equal(a.until, RIGHT_NEVER);
	empty(&active, A, TWZ_PERM_ALL);
	refused(RIGHT_NONE);
}

static void test_defaults_and_grants(void **state)
{
	struct right_query q = query();
	struct right_answer a;

	(void)state;
	q.active = NULL;
	q.defaults = TWZ_READ | ~(uint32_t)TWZ_PERM_ALL;
	q.grants = TWZ_READ | TWZ_USE | ~(uint32_t)TWZ_PERM_ALL;
	decide(&q, &a);
	assert_int_equal(a.granted, TWZ_READ | TWZ_USE);
	assert_int_equal(a.effective, TWZ_READ | TWZ_USE);
	assert_int_equal(a.reason[0].why, RIGHT_DEFAULT);
	assert_int_equal(a.reason[1].why, RIGHT_NONE);
	assert_int_equal(a.reason[3].why, RIGHT_GRANT);
}

/* Chains of every depth up to the greatest: context A delegates to itself. */
static void test_depths(void **state)
{
	(void)state;
	for (uint32_t depth = 0; depth <= TWZ_CAP_DEPTH_MAX; depth++) {
		for (uint32_t i = 0; i <= depth; i++) {
			cap[i] = (struct twz_cap){.perms = TWZ_USE,
						  .flags = TWZ_CAP_DELEGATE,
						  .target = id(O),
						  .accessor = id(A)};
			signer[i] = i == depth ? K : KA;
		}
		sign(depth, NULL);
		hold(O, depth);
		gives(TWZ_USE);
	}
}

/* One capability for all that is made under a key, and delegations of it: of all, or of one object. */
static void test_key(void **state)
{
	(void)state;
	for (unsigned narrowed = 0; narrowed <= 3; narrowed++) {
		sound();
		for (unsigned i = narrowed; i < 3; i++) {
			cap[i].flags |= TWZ_CAP_KEY;
			cap[i].target = id(K);
		}
		sign(2, NULL);
		hold(narrowed ? O : K, 2);
		gives(TWZ_READ | TWZ_WRITE);
	}
}

/* An object that was made under no key, or under another, is none of this key's. */
static void test_another_object(void **state)
{
	struct right_query q = query();
	struct right_answer a;

	(void)state;
	sound();
	cap[0].flags = TWZ_CAP_KEY;
	cap[0].target = id(K);
	cap[0].accessor = id(A);
	signer[0] = K;
	sign(0, NULL);
	hold(K, 0);
	gives(TWZ_READ | TWZ_WRITE);
	q.key = id(K2);
	decide(&q, &a);
	assert_int_equal(a.granted, 0);
	q.key = id(0);
	decide(&q, &a);
	assert_int_equal(a.granted, 0);
	/* The key object itself, made under another key, is not made under itself. */
	q.object = id(K);
	q.key = id(K2);
	decide(&q, &a);
	assert_int_equal(a.granted, 0);
}

/* ---- the rules, each broken alone --------------------------------------------------------------------- */

static void test_r1_form(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		const struct change changes[] = {
			CHANGE(i, magic, TWZ_CAP_MAGIC ^ 1, RIGHT_MALFORMED),
			CHANGE(i, version, 2, RIGHT_MALFORMED),
			CHANGE(i, version, 0, RIGHT_MALFORMED),
			CHANGE(i, alg, 2, RIGHT_MALFORMED),
			CHANGE(i, alg, 0, RIGHT_MALFORMED),
			CHANGE(i, perms, TWZ_READ | (TWZ_PERM_ALL + 1), RIGHT_MALFORMED),
			CHANGE(i, flags, TWZ_CAP_DELEGATE | 8, RIGHT_MALFORMED),
			CHANGE(i, flags, TWZ_CAP_DELEGATE | 1u << 31, RIGHT_MALFORMED),
			CHANGE(i, reserved[0], 1, RIGHT_MALFORMED),
			CHANGE(i, reserved[47], 1, RIGHT_MALFORMED),
		};

		changed(changes, sizeof(changes) / sizeof(changes[0]));
	}
}

static void test_r2_accessor(void **state)
{
	(void)state;
	CHANGED(CHANGE(0, accessor, B, RIGHT_STOLEN), CHANGE(0, accessor, NOWHERE, RIGHT_STOLEN),
		CHANGE(0, accessor.hi, 0, RIGHT_STOLEN));
}

static void test_r3_depth(void **state)
{
	(void)state;
	CHANGED(CHANGE(1, depth, 0, RIGHT_MALFORMED), CHANGE(1, depth, 2, RIGHT_MALFORMED),
		CHANGE(2, depth, 1, RIGHT_MALFORMED), CHANGE(2, parent[31], 1, RIGHT_MALFORMED),
		CHANGE(0, depth, 3, RIGHT_MALFORMED), CHANGE(0, depth, 9, RIGHT_MALFORMED),
		CHANGE(0, depth, ~0u, RIGHT_MALFORMED),
		/* Then its parents are taken for capabilities of their own. */
		CHANGE(0, depth, 1, RIGHT_STOLEN), CHANGE(0, depth, 0, RIGHT_STOLEN));
}

static void test_r3_too_deep(void **state)
{
	(void)state;
	for (uint32_t depth = TWZ_CAP_DEPTH_MAX + 1; depth <= DEPTH_MAX; depth++) {
		for (uint32_t i = 0; i <= depth; i++) {
			cap[i] = (struct twz_cap){.perms = TWZ_READ,
						  .flags = TWZ_CAP_DELEGATE,
						  .target = id(O),
						  .accessor = id(A)};
			signer[i] = i == depth ? K : KA;
		}
		sign(depth, NULL);
		hold(O, depth);
		refused(RIGHT_MALFORMED);
	}
}

/* The chain is there, but the run ends before it: its rest is not the entry's. */
static void test_r3_run_too_short(void **state)
{
	(void)state;
	sound();
	sign(2, NULL);
	empty(&active, A, TWZ_PERM_ALL);
	place(0, 2);
	enter(&active, id(O), TWZ_CONTEXT_CAP, 2, CAPS);
	refused(RIGHT_MALFORMED);
}

static void test_r4_parent(void **state)
{
	(void)state;
	CHANGED(CHANGE(0, parent[0], 0, RIGHT_BROKEN), CHANGE(1, parent[31], 0, RIGHT_BROKEN));
	/* Another parent than the one that was signed, under the same key. */
	sound();
	sign(2, NULL);
	hold(O, 2);
	cap[1].serial = 1;
	cap_sign(&cap[1], &cap[2], id(KC), secret[KC]);
	place(1, 0);
	memcpy(placed(1), &cap[1], sizeof(cap[1]));
	refused(RIGHT_BROKEN);
}

static void test_r5_target(void **state)
{
	(void)state;
	CHANGED(CHANGE(0, target, P, RIGHT_BROKEN), CHANGE(1, target, P, RIGHT_BROKEN),
		CHANGE(2, target, P, RIGHT_BROKEN), CHANGE(0, target, 0, RIGHT_BROKEN),
		CHANGE(2, target, K, RIGHT_BROKEN), CHANGE(0, flags, TWZ_CAP_KEY, RIGHT_BROKEN));
	/* Of one object's capability, one for all of the key's objects. */
	sound();
	cap[0].target = id(K);
	cap[0].flags = TWZ_CAP_KEY;
	sign(2, NULL);
	hold(K, 2);
	refused(RIGHT_BROKEN);
}

static void test_r6_root_signer(void **state)
{
	static const uint64_t others[] = {K2, KA, KC};

	(void)state;
	for (unsigned key = 0; key <= 1; key++) {
		for (unsigned i = 0; i < 3; i++) {
			sound();
			if (key) {
				cap[2].flags |= TWZ_CAP_KEY;
				cap[2].target = id(K);
			}
			signer[2] = others[i];
			sign(2, NULL);
			hold(O, 2);
			refused(RIGHT_SIGNER);
		}
	}
}

/* No key, so nobody can give anything: least of all one who signs as "no key". */
static void test_r6_no_key(void **state)
{
	struct right_query q = query();
	struct right_answer a;

	(void)state;
	sound();
	signer[0] = K;
	cap[0].accessor = id(A);
	sign(0, NULL);
	cap[0].signer = id(0);
	hold(O, 0);
	q.key = id(0);
	decide(&q, &a);
	assert_int_equal(a.granted, 0);
	assert_int_equal(a.reason[0].why, RIGHT_SIGNER);
}

static void test_r7_link_signer(void **state)
{
	static const uint64_t others[] = {K, K2, KA};

	(void)state;
	for (unsigned place_of = 0; place_of <= 1; place_of++) {
		for (unsigned i = 0; i < 3; i++) {
			sound();
			signer[place_of] = others[i];
			sign(2, NULL);
			hold(O, 2);
			refused(RIGHT_SIGNER);
		}
	}
	/* By a context that does not exist, or was made under no key. */
	CHANGED(CHANGE(1, accessor, NOWHERE, RIGHT_SIGNER),
		CHANGE(1, accessor, NO_KEY, RIGHT_SIGNER), CHANGE(2, accessor, B, RIGHT_SIGNER));
}

static void test_r8_delegable(void **state)
{
	(void)state;
	CHANGED(CHANGE(1, flags, 0, RIGHT_UNDELEGABLE), CHANGE(2, flags, 0, RIGHT_UNDELEGABLE));
}

static void test_r9_narrower(void **state)
{
	(void)state;
	CHANGED(CHANGE(0, perms, TWZ_READ | TWZ_USE, RIGHT_WIDENED),
		CHANGE(1, perms, TWZ_WRITE, RIGHT_WIDENED),
		CHANGE(2, perms, TWZ_READ | TWZ_WRITE, RIGHT_WIDENED),
		CHANGE(0, not_before, 99, RIGHT_WIDENED), CHANGE(0, expires, 1001, RIGHT_WIDENED),
		CHANGE(0, expires, 0, RIGHT_WIDENED), CHANGE(1, expires, 0, RIGHT_WIDENED),
		CHANGE(2, expires, 999, RIGHT_WIDENED), CHANGE(2, not_before, 101, RIGHT_WIDENED),
		CHANGE(1, flags, TWZ_CAP_DELEGATE | TWZ_CAP_GATE, RIGHT_WIDENED),
		CHANGE(2, flags, TWZ_CAP_DELEGATE | TWZ_CAP_GATE, RIGHT_WIDENED));
}

static void at_time(uint64_t now, uint32_t effective, enum right_why why, uint64_t until)
{
	struct right_query q = query();
	struct right_answer a;

	q.now = now;
	decide(&q, &a);
	assert_int_equal(a.effective, effective);
	assert_int_equal(a.reason[0].why, why);
	assert_int_equal(a.until, until);
}

static void test_r10_times(void **state)
{
	(void)state;
	sound();
	sign(2, NULL);
	hold(O, 2);
	at_time(0, 0, RIGHT_EARLY, 200);
	at_time(100, 0, RIGHT_EARLY, 200);
	at_time(199, 0, RIGHT_EARLY, 200);
	at_time(200, TWZ_READ | TWZ_WRITE, RIGHT_CAP, 900);
	at_time(899, TWZ_READ | TWZ_WRITE, RIGHT_CAP, 900);
	at_time(900, 0, RIGHT_EXPIRED, RIGHT_NEVER);
	at_time(1000, 0, RIGHT_EXPIRED, RIGHT_NEVER);
	/* Each link's times count, not only the last one's. */
	for (unsigned i = 0; i < 3; i++) {
		sound();
		for (unsigned j = 0; j < 3; j++) {
			cap[j].not_before = j < i ? 0 : 100;
			cap[j].expires = 0;
		}
		sign(2, NULL);
		hold(O, 2);
		at_time(99, 0, i ? RIGHT_WIDENED : RIGHT_EARLY, i ? RIGHT_NEVER : 100);
	}
	sound();
	for (unsigned j = 0; j < 3; j++)
		cap[j].expires = 0;
	sign(2, NULL);
	hold(O, 2);
	at_time(500, TWZ_READ | TWZ_WRITE, RIGHT_CAP, RIGHT_NEVER);
}

static void test_r11_signature(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		sound();
		sign(2, NULL);
		cap[i].sig[40] ^= 1;
		if (i)
			cap_hash(cap[i - 1].parent, &cap[i]);
		if (i == 2)
			crypto_sign(cap[1].sig, secret[KC], &cap[1], CAP_SIGNED);
		if (i == 2)
			cap_hash(cap[0].parent, &cap[1]);
		if (i)
			crypto_sign(cap[0].sig, secret[KB], &cap[0], CAP_SIGNED);
		hold(O, 2);
		refused(RIGHT_FORGED);
	}
}

/* Each bit of a good capability, alone: without it, nothing. */
static void test_every_bit(void **state)
{
	(void)state;
	sound();
	sign(2, NULL);
	hold(O, 2);
	for (unsigned bit = 0; bit < 8 * 3 * sizeof(struct twz_cap); bit++) {
		active.data[CAPS + bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_int_equal(ask().effective, 0);
		active.data[CAPS + bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	gives(TWZ_READ | TWZ_WRITE);
}

static void test_gates_give_nothing(void **state)
{
	(void)state;
	sound();
	cap[0].flags = TWZ_CAP_GATE;
	sign(2, NULL);
	hold(O, 2);
	refused(RIGHT_NONE);
}

/* ---- masks -------------------------------------------------------------------------------------------- */

static void test_masks(void **state)
{
	struct right_answer a;

	(void)state;
	sound();
	sign(2, NULL);
	hold(O, 2);
	header(&active)->global_mask = TWZ_READ;
	a = ask();
	assert_int_equal(a.granted, TWZ_READ | TWZ_WRITE);
	assert_int_equal(a.effective, TWZ_READ);
	assert_int_equal(a.reason[0].why, RIGHT_CAP);
	assert_int_equal(a.reason[1].why, RIGHT_MASKED);
	assert_int_equal(a.reason[1].by.lo, A);
	assert_int_equal(a.reason[2].why, RIGHT_NONE);
	/* The override adds to the global mask, for this object; the mask takes in any case. */
	mask(&active, P, 0, 0);
	mask(&active, O, TWZ_WRITE, TWZ_WRITE | TWZ_EXEC);
	assert_int_equal(ask().effective, TWZ_WRITE);
	assert_int_equal(limit_of(&active, O), TWZ_WRITE);
	assert_int_equal(limit_of(&active, P), 0);
	assert_int_equal(limit_of(&active, C), TWZ_READ);
	/* The first of two counts. */
	mask(&active, O, TWZ_PERM_ALL, TWZ_PERM_ALL);
	assert_int_equal(limit_of(&active, O), TWZ_WRITE);
	/* Unknown permissions are none. */
	empty(&active, A, ~0u);
	assert_int_equal(limit_of(&active, O), TWZ_PERM_ALL);
	mask(&active, O, ~0u, ~0u);
	assert_int_equal(limit_of(&active, O), TWZ_PERM_ALL);
}

static void test_undetachable(void **state)
{
	const struct right_context *both[] = {&limits[0].context, &limits[1].context};
	struct right_query q = query();
	struct right_answer a;

	(void)state;
	sound();
	sign(2, NULL);
	hold(O, 2);
	empty(&limits[0], B, TWZ_READ | TWZ_WRITE);
	empty(&limits[1], C, TWZ_PERM_ALL);
	mask(&limits[1], O, 0, TWZ_WRITE | TWZ_DELETE);
	right_open(&limits[0].context);
	right_open(&limits[1].context);
	q.limits = both;
	q.nlimits = 1;
	q.grants = TWZ_DELETE;
	decide(&q, &a);
	assert_int_equal(a.granted, TWZ_READ | TWZ_WRITE | TWZ_DELETE);
	assert_int_equal(a.effective, TWZ_READ | TWZ_WRITE);
	assert_int_equal(a.reason[4].why, RIGHT_LIMITED);
	assert_int_equal(a.reason[4].by.lo, B);
	q.nlimits = 2;
	decide(&q, &a);
	assert_int_equal(a.effective, TWZ_WRITE);
	assert_int_equal(a.reason[0].why, RIGHT_LIMITED);
	assert_int_equal(a.reason[0].by.lo, C);
	/* They limit a thread that has no active context, too; and give nothing. */
	q.active = NULL;
	decide(&q, &a);
	assert_int_equal(a.granted, TWZ_DELETE);
	assert_int_equal(a.effective, 0);
}

/* ---- verdicts that come later ---------------------------------------------------------------------------- */

static void test_unverified(void **state)
{
	struct right_query q = query();
	struct right_answer a;
	unsigned rounds = 0;

	(void)state;
	sound();
	sign(2, NULL);
	hold(O, 2);
	all_known = false;
	q.defaults = TWZ_READ;
	for (decide(&q, &a); a.unverified; decide(&q, &a)) {
		assert_int_equal(a.effective, TWZ_READ);
		assert_int_equal(a.pending, TWZ_WRITE);
		assert_int_equal(a.reason[1].why, RIGHT_UNVERIFIED);
		assert_ptr_equal(a.unverified, placed(rounds));
		known[nknown++] = a.unverified;
		assert_true(rounds++ < 3);
	}
	assert_int_equal(rounds, 3);
	assert_int_equal(a.effective, TWZ_READ | TWZ_WRITE);
	/* One of them bad: the others are not asked for in vain. */
	nknown = 0;
	placed(0)->sig[1] ^= 1;
	known[nknown++] = placed(0);
	decide(&q, &a);
	assert_null(a.unverified);
	assert_int_equal(a.pending, 0);
	assert_int_equal(a.reason[1].why, RIGHT_FORGED);
	placed(0)->sig[1] ^= 1;
	/* What a mask or a limit takes anyhow is not worth a verification. */
	nknown = 0;
	header(&active)->global_mask = TWZ_READ;
	decide(&q, &a);
	assert_null(a.unverified);
	assert_int_equal(a.pending, 0);
}

/* Shape and times come first: no signature is looked at of a chain that is wrong anyhow. */
static void test_no_verdict_in_vain(void **state)
{
	struct right_query q = query();
	struct right_answer a;

	(void)state;
	all_known = false;
	sound();
	cap[2].perms = 0;
	sign(2, NULL);
	hold(O, 2);
	decide(&q, &a);
	assert_null(a.unverified);
	assert_int_equal(a.reason[0].why, RIGHT_WIDENED);
	sound();
	sign(2, NULL);
	hold(O, 2);
	q.now = 5000;
	decide(&q, &a);
	assert_null(a.unverified);
	assert_int_equal(a.reason[0].why, RIGHT_EXPIRED);
}

/* None is asked for twice, nor for a chain that would add nothing. */
static void test_verdicts_asked(void **state)
{
	struct right_query q = query();
	struct right_answer a;

	(void)state;
	sound();
	sign(2, NULL);
	hold(O, 2);
	decide(&q, &a);
	assert_int_equal(a.effective, TWZ_READ | TWZ_WRITE);
	assert_int_equal(nasked, 3);
	q.defaults = TWZ_READ;
	q.grants = TWZ_WRITE;
	decide(&q, &a);
	assert_int_equal(a.effective, TWZ_READ | TWZ_WRITE);
	assert_int_equal(nasked, 3);
}

/* The one that is asked for could add something: what another capability gives meanwhile is none. */
static void test_unverified_adds(void **state)
{
	struct right_query q = query();
	struct right_answer a;

	(void)state;
	empty(&active, A, TWZ_READ | TWZ_WRITE | TWZ_EXEC);
	for (unsigned i = 0; i < 4; i++) {
		static const uint32_t perms[] = {TWZ_READ, TWZ_USE, TWZ_READ, TWZ_EXEC};

		cap[0] = (struct twz_cap){.perms = perms[i], .target = id(O), .accessor = id(A)};
		signer[0] = K;
		sign(0, NULL);
		place(i, 0);
	}
	enter(&active, id(O), TWZ_CONTEXT_CAP, 4, CAPS);
	all_known = false;
	known[nknown++] = placed(2);
	decide(&q, &a);
	assert_int_equal(a.effective, TWZ_READ);
	assert_int_equal(a.pending, TWZ_EXEC);
	assert_ptr_equal(a.unverified, placed(3));
}

/* ---- parents that were looked at before ------------------------------------------------------------------ */

static enum right_verdict parents; /* what is said of each */
static unsigned nparents;

static enum right_verdict parent(void *arg, const struct twz_cap *link, const struct twz_cap *of)
{
	(void)arg;
	assert_ptr_equal(link + 1, of);
	nparents++;
	return parents;
}

static void test_parents(void **state)
{
	struct right_query q = query();
	struct right_answer a;

	(void)state;
	q.parent = parent;
	sound();
	sign(2, NULL);
	hold(O, 2);
	placed(0)->parent[0] ^= 1; /* nobody looks */
	crypto_sign(placed(0)->sig, secret[KB], placed(0), CAP_SIGNED);
	parents = RIGHT_GOOD;
	decide(&q, &a);
	assert_int_equal(a.effective, TWZ_READ | TWZ_WRITE);
	assert_int_equal(nparents, 2);
	parents = RIGHT_BAD;
	nasked = 0;
	decide(&q, &a);
	assert_int_equal(a.granted | a.pending, 0);
	assert_int_equal(a.reason[0].why, RIGHT_BROKEN);
	assert_int_equal(nasked, 0);
	parents = RIGHT_UNKNOWN;
	decide(&q, &a);
	assert_int_equal(a.granted, 0);
	assert_int_equal(a.pending, TWZ_READ | TWZ_WRITE);
	assert_int_equal(a.reason[0].why, RIGHT_UNVERIFIED);
	assert_ptr_equal(a.unverified, placed(0));
	/* Of a chain that is wrong anyhow, or adds nothing, no parent is looked at. */
	nparents = 0;
	q.now = 5000;
	decide(&q, &a);
	assert_int_equal(a.reason[0].why, RIGHT_EXPIRED);
	q.now = NOW;
	q.defaults = TWZ_READ | TWZ_WRITE;
	decide(&q, &a);
	assert_int_equal(nparents, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_defaults_and_grants),
		cmocka_unit_test(test_depths),
		cmocka_unit_test(test_key),
		cmocka_unit_test(test_another_object),
		cmocka_unit_test(test_r1_form),
		cmocka_unit_test(test_r2_accessor),
		cmocka_unit_test(test_r3_depth),
		cmocka_unit_test(test_r3_too_deep),
		cmocka_unit_test(test_r3_run_too_short),
		cmocka_unit_test(test_r4_parent),
		cmocka_unit_test(test_r5_target),
		cmocka_unit_test(test_r6_root_signer),
		cmocka_unit_test(test_r6_no_key),
		cmocka_unit_test(test_r7_link_signer),
		cmocka_unit_test(test_r8_delegable),
		cmocka_unit_test(test_r9_narrower),
		cmocka_unit_test(test_r10_times),
		cmocka_unit_test(test_r11_signature),
		cmocka_unit_test(test_every_bit),
		cmocka_unit_test(test_gates_give_nothing),
		cmocka_unit_test(test_masks),
		cmocka_unit_test(test_undetachable),
		cmocka_unit_test(test_unverified),
		cmocka_unit_test(test_no_verdict_in_vain),
		cmocka_unit_test(test_verdicts_asked),
		cmocka_unit_test(test_unverified_adds),
		cmocka_unit_test(test_parents),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
