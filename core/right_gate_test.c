/*
 * right_gate_test.c - the decision on entry (right.h, `entry`): at which offsets a capability flagged GATE
 * lets in, that nothing else does, and that all rules and limits count as for permissions.
 */
#include "core/gate.h"
#include "core/right_test.h"

#define OFF 4096u
#define LEN 1024u
#define ALIGN 64u

static struct memory limits[2];

static struct right_answer ask_entry(uint64_t offset)
{
	struct right_query q = query();
	struct right_answer a;

	q.entry = &offset;
	decide(&q, &a);
	assert_int_equal((a.effective | a.granted) & ~(uint32_t)TWZ_EXEC, 0);
	assert_null(a.unverified);
	return a;
}

static bool enters(uint64_t offset)
{
	return ask_entry(offset).effective == TWZ_EXEC;
}

/* Not at its first entry, and that is why. */
static void kept_out(enum right_why why)
{
	struct right_answer a = ask_entry(OFF);

	assert_int_equal(a.effective, 0);
	assert_int_equal(a.reason[2].why, why);
}

static void sound_gates(void)
{
	sound();
	for (unsigned i = 0; i < 3; i++) {
		cap[i].flags |= TWZ_CAP_GATE;
		cap[i].gate_off = OFF;
		cap[i].gate_len = LEN;
		cap[i].gate_align = ALIGN;
	}
}

/* One gate, a root, for the active context. */
static void hold_gate(uint64_t off, uint64_t len, uint32_t align)
{
	sound_gates();
	cap[0].accessor = id(A);
	cap[0].gate_off = off;
	cap[0].gate_len = len;
	cap[0].gate_align = align;
	signer[0] = K;
	sign(0, NULL);
	hold(O, 0);
}

static void test_entries(void **state)
{
	(void)state;
	hold_gate(OFF, LEN, ALIGN);
	for (uint64_t offset = 0; offset < 2 * OFF; offset++)
		assert_int_equal(enters(offset), offset >= OFF && offset < OFF + LEN &&
							 (offset - OFF) % ALIGN == 0);
	assert_false(enters(~0ull));
	assert_false(enters(OFF + (1ull << 32)));
	hold_gate(OFF + 3, 2, 1); /* the alignment is from its start on */
	assert_false(enters(OFF + 2));
	assert_true(enters(OFF + 3));
	assert_true(enters(OFF + 4));
	assert_false(enters(OFF + 5));
	hold_gate(OFF, 1, ~0u);
	assert_true(enters(OFF));
	assert_false(enters(OFF + 1));
}

static void test_strange_gates(void **state)
{
	(void)state;
	hold_gate(OFF, 0, ALIGN);
	assert_false(enters(OFF));
	hold_gate(OFF, LEN, 0);
	assert_false(enters(OFF));
	hold_gate(OFF, ~0ull, ALIGN); /* it does not wrap around */
	assert_true(enters(OFF));
	assert_true(enters(~0ull / ALIGN * ALIGN));
	assert_false(enters(0));
	hold_gate(~0ull - 1, ~0ull, 1);
	assert_true(enters(~0ull - 1));
	assert_true(enters(~0ull));
	assert_false(enters(0));
	assert_false(enters(~0ull - 2));
}

/* Neither permissions of any kind let in, nor does a gate give any. */
static void test_nothing_else_lets_in(void **state)
{
	uint64_t offset = OFF;
	struct right_query q = query();
	struct right_answer a;

	(void)state;
	sound();
	cap[0].perms = cap[1].perms = TWZ_PERM_ALL;
	for (unsigned i = 0; i < 3; i++) { /* as a gate would be, but for the flag */
		cap[i].gate_len = ~0ull;
		cap[i].gate_align = 1;
	}
	sign(2, NULL);
	hold(O, 2);
	gives(TWZ_PERM_ALL);
	q.entry = &offset;
	q.defaults = q.grants = TWZ_PERM_ALL;
	decide(&q, &a);
	assert_int_equal(a.granted, 0);
	assert_int_equal(a.reason[2].why, RIGHT_NONE);
	q.active = NULL;
	decide(&q, &a);
	assert_int_equal(a.granted, 0);

	hold_gate(OFF, LEN, ALIGN);
	refused(RIGHT_NONE);
	assert_true(enters(OFF));
	empty(&active, A, TWZ_PERM_ALL);
	kept_out(RIGHT_NONE);
}

/* Of a key: of all that was made under it, at the same offsets; and not of what is not. */
static void test_key(void **state)
{
	uint64_t offset = OFF;
	struct right_query q = query();
	struct right_answer a;

	(void)state;
	sound_gates();
	for (unsigned i = 0; i < 3; i++) {
		cap[i].flags |= TWZ_CAP_KEY;
		cap[i].target = id(K);
	}
	sign(2, NULL);
	hold(K, 2);
	assert_true(enters(OFF));
	assert_false(enters(OFF + 1));
	q.entry = &offset;
	q.object = id(P);
	decide(&q, &a);
	assert_int_equal(a.effective, TWZ_EXEC);
	q.key = id(K2);
	decide(&q, &a);
	assert_int_equal(a.effective, 0);
}

static void refused_if(const struct change *changes, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		sound_gates();
		sign(2, NULL);
		hold(O, 2);
		assert_true(enters(OFF));
		sound_gates();
		sign(2, &changes[i]);
		hold(O, 2);
		kept_out(changes[i].why);
	}
}

/* One break of each rule. What a gate's fields say under R9 is below. */
static void test_rules(void **state)
{
	const uint32_t both = TWZ_CAP_DELEGATE | TWZ_CAP_GATE;
	const struct change changes[] = {
		CHANGE(0, version, 2, RIGHT_MALFORMED),
		CHANGE(1, flags, both | 8, RIGHT_MALFORMED),
		CHANGE(0, accessor, B, RIGHT_STOLEN),
		CHANGE(1, depth, 0, RIGHT_MALFORMED),
		CHANGE(0, parent, 1, RIGHT_BROKEN),
		CHANGE(2, target, P, RIGHT_BROKEN),
		CHANGE(2, signer, K2, RIGHT_SIGNER),
		CHANGE(0, signer, K, RIGHT_SIGNER),
		CHANGE(1, flags, TWZ_CAP_GATE, RIGHT_UNDELEGABLE),
		CHANGE(0, perms, TWZ_PERM_ALL, RIGHT_WIDENED),
		CHANGE(0, expires, 1001, RIGHT_WIDENED),
		CHANGE(1, flags, TWZ_CAP_DELEGATE, RIGHT_WIDENED),
		CHANGE(2, flags, TWZ_CAP_DELEGATE, RIGHT_WIDENED),
		CHANGE(0, not_before, NOW + 1, RIGHT_EARLY),
		CHANGE(0, expires, NOW, RIGHT_EXPIRED),
	};

	(void)state;
	refused_if(changes, sizeof(changes) / sizeof(changes[0]));
	sound_gates();
	sign(2, NULL);
	cap[0].sig[40] ^= 1;
	hold(O, 2);
	kept_out(RIGHT_FORGED);
}

/* Each bit of the chain, alone: without it, no entry. */
static void test_every_bit(void **state)
{
	(void)state;
	sound_gates();
	sign(2, NULL);
	hold(O, 2);
	for (unsigned bit = 0; bit < 8 * 3 * sizeof(struct twz_cap); bit++) {
		active.data[CAPS + bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_false(enters(OFF));
		active.data[CAPS + bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	assert_true(enters(OFF));
}

static bool link_holds(uint64_t off, uint64_t len, uint32_t align)
{
	sound_gates();
	cap[0].gate_off = off;
	cap[0].gate_len = len;
	cap[0].gate_align = align;
	sign(2, NULL);
	hold(O, 2);
	if (enters(off))
		return true;
	assert_int_equal(ask_entry(off).reason[2].why, RIGHT_WIDENED);
	return false;
}

/* A link has no entry that its parent has not. */
static void test_r9_entries(void **state)
{
	(void)state;
	assert_true(link_holds(OFF, LEN, ALIGN));
	assert_true(link_holds(OFF + ALIGN, LEN - ALIGN, ALIGN));
	assert_true(link_holds(OFF, LEN, 2 * ALIGN));
	assert_true(link_holds(OFF + LEN - ALIGN, ALIGN, ALIGN));
	assert_false(link_holds(OFF, LEN + 1, ALIGN));
	assert_false(link_holds(OFF + ALIGN, LEN, ALIGN));
	assert_false(link_holds(OFF - ALIGN, LEN, ALIGN));
	assert_false(link_holds(OFF + 1, ALIGN, ALIGN));
	assert_false(link_holds(OFF, LEN, ALIGN / 2));
	assert_false(link_holds(OFF, LEN, ALIGN + 1));
	assert_false(link_holds(OFF + LEN, 1, ALIGN));
	assert_false(link_holds(OFF, ~0ull, ALIGN));
	/* Small ones, all of them: what holds has no entry more. */
	for (unsigned i = 0; i < 4 * 6 * 4; i++) {
		const struct twz_cap parent = {
			.flags = TWZ_CAP_GATE, .gate_off = 2, .gate_len = 4, .gate_align = 2};
		struct twz_cap link = parent;

		link.gate_off = i % 4 + 1;
		link.gate_len = i / 4 % 6;
		link.gate_align = i / 24;
		for (uint64_t at = 0; at < 12 && gate_narrower(&link, &parent); at++)
			assert_true(gate_has_entry(&parent, at) || !gate_has_entry(&link, at));
	}
}

/* Who may not execute it may not make it run either: the active context, and undetachable ones. */
static void test_limits(void **state)
{
	const struct right_context *both[] = {&limits[0].context, &limits[1].context};
	uint64_t offset = OFF;
	struct right_query q = query();
	struct right_answer a;

	(void)state;
	hold_gate(OFF, LEN, ALIGN);
	mask(&active, O, 0, TWZ_PERM_ALL & ~TWZ_EXEC);
	kept_out(RIGHT_MASKED);
	hold_gate(OFF, LEN, ALIGN);
	mask(&active, O, 0, TWZ_EXEC);
	assert_true(enters(OFF));
	header(&active)->global_mask = TWZ_PERM_ALL & ~TWZ_EXEC;
	kept_out(RIGHT_MASKED);

	hold_gate(OFF, LEN, ALIGN);
	empty(&limits[0], B, TWZ_EXEC);
	empty(&limits[1], C, TWZ_PERM_ALL);
	mask(&limits[1], O, 0, TWZ_PERM_ALL & ~TWZ_EXEC);
	right_open(&limits[0].context);
	right_open(&limits[1].context);
	q.entry = &offset;
	q.limits = both;
	q.nlimits = 1;
	decide(&q, &a);
	assert_int_equal(a.effective, TWZ_EXEC);
	q.nlimits = 2;
	decide(&q, &a);
	assert_int_equal(a.effective, 0);
	assert_int_equal(a.reason[2].why, RIGHT_LIMITED);
	assert_int_equal(a.reason[2].by.lo, C);
}

static void entry_at_time(uint64_t now, uint32_t effective, uint64_t until)
{
	uint64_t offset = OFF;
	struct right_query q = query();
	struct right_answer a;

	q.entry = &offset;
	q.now = now;
	decide(&q, &a);
	assert_int_equal(a.effective, effective);
	assert_int_equal(a.until, until);
}

static void test_times(void **state)
{
	(void)state;
	sound_gates();
	sign(2, NULL);
	hold(O, 2);
	entry_at_time(199, 0, 200);
	entry_at_time(200, TWZ_EXEC, 900);
	entry_at_time(899, TWZ_EXEC, 900);
	entry_at_time(900, 0, RIGHT_NEVER);
}

/* Verdicts are asked for one by one; and not for an offset at which it would not let in anyhow. */
static void test_unverified(void **state)
{
	uint64_t offset = OFF;
	struct right_query q = query();
	struct right_answer a;

	(void)state;
	sound_gates();
	sign(2, NULL);
	hold(O, 2);
	all_known = false;
	q.entry = &offset;
	for (decide(&q, &a); a.unverified; decide(&q, &a)) {
		assert_int_equal(a.effective, 0);
		assert_int_equal(a.pending, TWZ_EXEC);
		assert_ptr_equal(a.unverified, placed(nknown));
		known[nknown++] = a.unverified;
		assert_true(nknown <= 3);
	}
	assert_int_equal(nknown, 3);
	assert_int_equal(a.effective, TWZ_EXEC);
	nknown = nasked = 0;
	offset = OFF + 1;
	decide(&q, &a);
	assert_null(a.unverified);
	assert_int_equal(nasked, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_entries),
		cmocka_unit_test(test_strange_gates),
		cmocka_unit_test(test_nothing_else_lets_in),
		cmocka_unit_test(test_key),
		cmocka_unit_test(test_rules),
		cmocka_unit_test(test_every_bit),
		cmocka_unit_test(test_r9_entries),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_unverified),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
