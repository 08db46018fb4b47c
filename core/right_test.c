/*
 * right_test.c - the decision on rights: every rule of right.h broken alone, masks and limits, times,
 * verdicts that come later, and contexts that lie. Signatures are real.
 *
 * The world: object O, made under key K. The chain of depth 2 that gives rights on it to the active
 * context A: the root, signed under K, for context C; a link under C's key for B; under B's for A.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
/* cmocka wants the above first */
#include <cmocka.h>

#include "abi/object.h"
#include "core/cap.h"
#include "core/right.h"

#define PAGES 4u
#define NOW 500u
#define DEPTH_MAX 10u /* more than is allowed */

/* IDs: objects, contexts, and keys, which have a secret. */
enum { O = 1, P, A, B, C, NO_KEY, NOWHERE, K, K2, KA, KB, KC, NIDS };

static struct twz_id id(uint64_t n)
{
	return (struct twz_id){.lo = n, .hi = n ? 0x77 : 0};
}

static uint8_t public[NIDS][CRYPTO_KEY], secret[NIDS][CRYPTO_SECRET];

static int setup(void **state)
{
	(void)state;
	for (unsigned i = K; i < NIDS; i++) {
		uint8_t seed[CRYPTO_KEY] = {(uint8_t)i, 0x5a};

		crypto_key_pair(public[i], secret[i], seed);
	}
	return 0;
}

static unsigned key_of_context(uint64_t context)
{
	return context == A ? KA : context == B ? KB : context == C ? KC : 0;
}

static bool context_key(void *arg, struct twz_id context, struct twz_id *key)
{
	(void)arg;
	if (context.lo != NO_KEY && !key_of_context(context.lo))
		return false;
	*key = id(key_of_context(context.lo));
	return true;
}

/* Verdicts: really verified, but for those that are not known yet. */
static const struct twz_cap *known[64];
static unsigned nknown;
static bool all_known;

static enum right_verdict verdict(void *arg, const struct twz_cap *cap)
{
	bool is_known = all_known;

	(void)arg;
	for (unsigned i = 0; i < nknown; i++)
		is_known |= known[i] == cap;
	if (!is_known)
		return RIGHT_UNKNOWN;
	return cap->signer.lo < NIDS && cap_verify(cap, public[cap->signer.lo]) ? RIGHT_GOOD
										: RIGHT_BAD;
}

/* ---- a context -------------------------------------------------------------------------------------- */

struct memory {
	_Alignas(TWZ_PAGE) uint8_t data[PAGES * TWZ_PAGE];
	struct right_context context;
};

#define TABLE 128u
#define ENTRIES 8u
#define MASKS 512u
#define CAPS 1024u /* where capabilities are put; a run of 12 ends with the page */

static struct memory active, limits[2];

/* The promise to those who supply `at`: never called for anything outside, across pages, unaligned. */
static const void *at(const struct right_context *context, uint64_t offset, uint64_t bytes)
{
	const struct memory *m = context->arg;
	uint64_t in = offset - TWZ_OBJ_DATA;

	assert_true(offset >= TWZ_OBJ_DATA && in <= context->bytes && bytes <= context->bytes - in);
	assert_true(in % TWZ_PAGE + bytes <= TWZ_PAGE && in % 8 == 0);
	return m->data + in;
}

static struct twz_context *header(struct memory *m)
{
	return (struct twz_context *)m->data;
}

static void empty(struct memory *m, uint64_t context, uint32_t global_mask)
{
	memset(m, 0, sizeof(*m));
	m->context = (struct right_context){
		.id = id(context), .bytes = sizeof(m->data), .at = at, .arg = m};
	*header(m) = (struct twz_context){.magic = TWZ_CONTEXT_MAGIC,
					  .version = 1,
					  .global_mask = global_mask,
					  .table = TWZ_OBJ_DATA + TABLE,
					  .nentries = ENTRIES};
}

/* Puts an entry into the table, where it is looked for. */
static struct twz_context_entry *enter(struct memory *m, struct twz_id target, uint32_t kind,
				       uint32_t count, uint64_t off)
{
	uint64_t n = header(m)->nentries, i = (target.lo ^ target.hi) & (n - 1);
	struct twz_context_entry *table = (void *)(m->data + header(m)->table - TWZ_OBJ_DATA);

	while (table[i].kind)
		i = (i + 1) & (n - 1);
	table[i] = (struct twz_context_entry){target, kind, count, TWZ_OBJ_DATA + off};
	return &table[i];
}

static struct twz_mask *mask(struct memory *m, uint64_t target, uint32_t override, uint32_t with)
{
	struct twz_mask *p = (void *)(m->data + MASKS);

	while (p->target.hi)
		p++;
	*p = (struct twz_mask){id(target), override, with, 0};
	enter(m, id(target), TWZ_CONTEXT_MASK, 1, (uint64_t)((uint8_t *)p - m->data));
	return p;
}

static struct twz_cap *placed(unsigned i)
{
	return (struct twz_cap *)(active.data + CAPS) + i;
}

/* ---- a chain ---------------------------------------------------------------------------------------- */

static struct twz_cap cap[DEPTH_MAX + 1]; /* [0] the capability itself */
static uint64_t signer[DEPTH_MAX + 1];

static void sound(void)
{
	memset(cap, 0, sizeof(cap));
	cap[2] = (struct twz_cap){.perms = TWZ_PERM_ALL,
				  .flags = TWZ_CAP_DELEGATE,
				  .target = id(O),
				  .accessor = id(C),
				  .not_before = 100,
				  .expires = 1000};
	cap[1] = (struct twz_cap){.perms = TWZ_READ | TWZ_WRITE | TWZ_EXEC,
				  .flags = TWZ_CAP_DELEGATE,
				  .target = id(O),
				  .accessor = id(B),
				  .not_before = 100,
				  .expires = 1000};
	cap[0] = (struct twz_cap){.perms = TWZ_READ | TWZ_WRITE,
				  .target = id(O),
				  .accessor = id(A),
				  .not_before = 200,
				  .expires = 900};
	signer[2] = K;
	signer[1] = KC;
	signer[0] = KB;
}

/* A change of one field of one record, by someone who has the keys: he signs it anyhow. */
struct change {
	unsigned place;
	uint32_t offset, bytes;
	uint64_t value;
	enum right_why why;
};
#define CHANGE(place, field, value, why)                               \
	{                                                              \
		place, offsetof(struct twz_cap, field),                \
			sizeof(((struct twz_cap *)0)->field) < 8       \
				? sizeof(((struct twz_cap *)0)->field) \
				: 8,                                   \
			value, why                                     \
	}

static void sign(uint32_t depth, const struct change *change)
{
	for (uint32_t i = depth + 1; i--;) {
		cap_sign(&cap[i], i < depth ? &cap[i + 1] : NULL, id(signer[i]), secret[signer[i]]);
		cap[i].depth = depth - i; /* also if its parent lies */
		if (change && change->place == i)
			memcpy((uint8_t *)&cap[i] + change->offset, &change->value, change->bytes);
		crypto_sign(cap[i].sig, secret[signer[i]], &cap[i], CAP_SIGNED);
	}
}

static void place(unsigned from, uint32_t depth)
{
	memcpy(placed(from), cap, (depth + 1) * sizeof(*cap));
}

/* The active context holds the chain under this target. */
static void hold(uint64_t target, uint32_t depth)
{
	empty(&active, A, TWZ_PERM_ALL);
	place(0, depth);
	enter(&active, id(target), TWZ_CONTEXT_CAP, depth + 1, CAPS);
}

/* ---- asking ----------------------------------------------------------------------------------------- */

static struct right_query query(void)
{
	all_known = true;
	nknown = 0;
	return (struct right_query){.object = id(O),
				    .key = id(K),
				    .now = NOW,
				    .active = &active.context,
				    .verdict = verdict,
				    .context_key = context_key};
}

static struct right_answer ask(void)
{
	struct right_query q = query();
	struct right_answer a;

	right_decide(&q, &a);
	assert_int_equal(a.effective & ~a.granted, 0);
	assert_null(a.unverified);
	return a;
}

static void gives(uint32_t perms)
{
	struct right_answer a = ask();

	assert_int_equal(a.effective, perms);
	for (unsigned i = 0; i < RIGHT_PERMS; i++)
		assert_int_equal(a.reason[i].why == RIGHT_CAP, perms >> i & 1);
}

/* Nothing, and that is why: for read, which the chain would give. */
static void refused(enum right_why why)
{
	struct right_answer a = ask();

	assert_int_equal(a.effective, 0);
	assert_int_equal(a.granted, 0);
	assert_int_equal(a.reason[0].why, why);
	assert_true(why == RIGHT_NONE ? !a.reason[0].cap : a.reason[0].cap >= TWZ_OBJ_DATA + CAPS);
}

static void changed(const struct change *changes, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		sound();
		sign(2, NULL);
		hold(O, 2);
		gives(TWZ_READ | TWZ_WRITE);
		sound();
		sign(2, &changes[i]);
		hold(O, 2);
		refused(changes[i].why);
	}
}
#define CHANGED(...)                                                    \
	do {                                                            \
		static const struct change changes[] = {__VA_ARGS__};   \
		changed(changes, sizeof(changes) / sizeof(changes[0])); \
	} while (0)

/* ---- what counts ------------------------------------------------------------------------------------- */

static void test_nothing(void **state)
{
	struct right_query q = query();
	struct right_answer a;

	(void)state;
	q.active = NULL;
	right_decide(&q, &a);
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
	right_decide(&q, &a);
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
	right_decide(&q, &a);
	assert_int_equal(a.granted, 0);
	q.key = id(0);
	right_decide(&q, &a);
	assert_int_equal(a.granted, 0);
	/* The key object itself, made under another key, is not made under itself. */
	q.object = id(K);
	q.key = id(K2);
	right_decide(&q, &a);
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
	/* Another parent than the one that was signed: more time, the same key. */
	sound();
	sign(2, NULL);
	hold(O, 2);
	cap[1].expires = 0;
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
	right_decide(&q, &a);
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
	right_decide(&q, &a);
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
	at_time(0, 0, RIGHT_EARLY, 100);
	at_time(100, 0, RIGHT_EARLY, 200);
	at_time(199, 0, RIGHT_EARLY, 200);
	at_time(200, TWZ_READ | TWZ_WRITE, RIGHT_CAP, 900);
	at_time(899, TWZ_READ | TWZ_WRITE, RIGHT_CAP, 900);
	at_time(900, 0, RIGHT_EXPIRED, 1000);
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
		at_time(99, 0, i ? RIGHT_WIDENED : RIGHT_EARLY, 100);
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
	assert_int_equal(right_limit(&active.context, id(O)), TWZ_WRITE);
	assert_int_equal(right_limit(&active.context, id(P)), 0);
	assert_int_equal(right_limit(&active.context, id(C)), TWZ_READ);
	/* The first of two counts. */
	mask(&active, O, TWZ_PERM_ALL, TWZ_PERM_ALL);
	assert_int_equal(right_limit(&active.context, id(O)), TWZ_WRITE);
	/* Unknown permissions are none. */
	empty(&active, A, ~0u);
	assert_int_equal(right_limit(&active.context, id(O)), TWZ_PERM_ALL);
	mask(&active, O, ~0u, ~0u);
	assert_int_equal(right_limit(&active.context, id(O)), TWZ_PERM_ALL);
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
	q.limits = both;
	q.nlimits = 1;
	q.grants = TWZ_DELETE;
	right_decide(&q, &a);
	assert_int_equal(a.granted, TWZ_READ | TWZ_WRITE | TWZ_DELETE);
	assert_int_equal(a.effective, TWZ_READ | TWZ_WRITE);
	assert_int_equal(a.reason[4].why, RIGHT_LIMITED);
	assert_int_equal(a.reason[4].by.lo, B);
	q.nlimits = 2;
	right_decide(&q, &a);
	assert_int_equal(a.effective, TWZ_WRITE);
	assert_int_equal(a.reason[0].why, RIGHT_LIMITED);
	assert_int_equal(a.reason[0].by.lo, C);
	/* They limit a thread that has no active context, too; and give nothing. */
	q.active = NULL;
	right_decide(&q, &a);
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
	for (right_decide(&q, &a); a.unverified; right_decide(&q, &a)) {
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
	right_decide(&q, &a);
	assert_null(a.unverified);
	assert_int_equal(a.pending, 0);
	assert_int_equal(a.reason[1].why, RIGHT_FORGED);
	placed(0)->sig[1] ^= 1;
	/* What a mask or a limit takes anyhow is not worth a verification. */
	nknown = 0;
	header(&active)->global_mask = TWZ_READ;
	right_decide(&q, &a);
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
	right_decide(&q, &a);
	assert_null(a.unverified);
	assert_int_equal(a.reason[0].why, RIGHT_WIDENED);
	sound();
	sign(2, NULL);
	hold(O, 2);
	q.now = 5000;
	right_decide(&q, &a);
	assert_null(a.unverified);
	assert_int_equal(a.reason[0].why, RIGHT_EXPIRED);
}

/* ---- contexts that lie ------------------------------------------------------------------------------------ */

static void test_candidates(void **state)
{
	(void)state;
	for (unsigned bad = RIGHT_CANDIDATES - 1; bad <= RIGHT_CANDIDATES; bad++) {
		sound();
		cap[0].accessor = id(A);
		signer[0] = K;
		sign(0, NULL);
		empty(&active, A, TWZ_PERM_ALL);
		place(bad, 0);
		cap[0].sig[0] ^= 1;
		for (unsigned i = 0; i < bad; i++)
			place(i, 0);
		enter(&active, id(O), TWZ_CONTEXT_CAP, bad + 1, CAPS);
		if (bad < RIGHT_CANDIDATES)
			gives(TWZ_READ | TWZ_WRITE);
		else
			refused(RIGHT_FORGED);
	}
}

/* After a record that is malformed, the next chain of the run is found; after a wild depth it is not. */
static void test_run_goes_on(void **state)
{
	(void)state;
	sound();
	signer[0] = K;
	sign(0, NULL);
	empty(&active, A, TWZ_PERM_ALL);
	place(1, 0);
	cap[0].version = 2;
	place(0, 0);
	enter(&active, id(O), TWZ_CONTEXT_CAP, 2, CAPS);
	gives(TWZ_READ | TWZ_WRITE);
	placed(0)->depth = TWZ_CAP_DEPTH_MAX + 1;
	refused(RIGHT_MALFORMED);
}

static void test_header(void **state)
{
	static const uint64_t lengths[] = {0, 8, 127};

	(void)state;
	sound();
	sign(2, NULL);
	hold(O, 2);
	header(&active)->magic ^= 1;
	assert_int_equal(ask().granted, 0);
	assert_int_equal(right_limit(&active.context, id(O)), 0);
	hold(O, 2);
	header(&active)->version = 2;
	assert_int_equal(ask().granted, 0);
	assert_int_equal(right_limit(&active.context, id(O)), 0);
	for (unsigned i = 0; i < 3; i++) {
		hold(O, 2);
		active.context.bytes = lengths[i];
		assert_int_equal(ask().granted, 0);
		assert_int_equal(right_limit(&active.context, id(O)), 0);
	}
	/* Without a table, the global mask alone. */
	hold(O, 2);
	header(&active)->nentries = 0;
	assert_int_equal(ask().granted, 0);
	assert_int_equal(right_limit(&active.context, id(O)), TWZ_PERM_ALL);
}

/* Tables that cannot be read: no capability is found, and it is not assumed that there is no mask. */
static void test_table(void **state)
{
	static const uint64_t tables[] = {0,
					  TWZ_OBJ_DATA - 32,
					  TWZ_OBJ_DATA + PAGES * TWZ_PAGE,
					  TWZ_OBJ_DATA + PAGES * TWZ_PAGE - 24,
					  TWZ_OBJ_DATA + TABLE + 4,
					  TWZ_OBJ_DATA + 2 * TWZ_PAGE - 16,
					  1ull << 63,
					  ~0ull,
					  ~0ull - 31};
	static const uint64_t counts[] = {3, 6, 7, 12, 1ull << 40 | 1, ~0ull, ~0ull - 1};
	static const uint64_t huge[] = {1ull << 20, 1ull << 40, 1ull << 63};

	(void)state;
	sound();
	sign(2, NULL);
	for (unsigned i = 0; i < sizeof(tables) / sizeof(*tables); i++) {
		hold(O, 2);
		header(&active)->nentries = 1;
		header(&active)->table = tables[i];
		assert_int_equal(ask().granted, 0);
		assert_int_equal(right_limit(&active.context, id(O)), 0);
	}
	for (unsigned i = 0; i < sizeof(counts) / sizeof(*counts); i++) {
		hold(O, 2);
		mask(&active, O, 0, TWZ_PERM_ALL);
		header(&active)->nentries = counts[i];
		/* All places hold the same, so that only the number can be wrong. */
		for (unsigned j = 1; j < ENTRIES; j++)
			memcpy(active.data + TABLE + 32 * j,
			       active.data + TABLE + 32 * ((O ^ 0x77) & (ENTRIES - 1)), 32);
		assert_int_equal(ask().effective, 0);
		assert_int_equal(right_limit(&active.context, id(O)), 0);
	}
	/* A table that is longer than the data: what lies inside can be used. */
	for (unsigned i = 0; i < sizeof(huge) / sizeof(*huge); i++) {
		hold(O, 2);
		header(&active)->nentries = huge[i];
		assert_true(ask().effective == 0 || ask().effective == (TWZ_READ | TWZ_WRITE));
	}
}

/* A full table without an end: the search gives up, and then there may be a mask. */
static void test_full_table(void **state)
{
	static const uint64_t sizes[] = {1, 8, 64, 128};

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		empty(&active, A, TWZ_PERM_ALL);
		header(&active)->table = TWZ_OBJ_DATA + TWZ_PAGE;
		header(&active)->nentries = sizes[i];
		for (uint64_t j = 0; j < sizes[i]; j++)
			enter(&active, id(NIDS + j), TWZ_CONTEXT_CAP, 1, CAPS);
		assert_int_equal(right_limit(&active.context, id(O)),
				 sizes[i] <= RIGHT_PROBES ? TWZ_PERM_ALL : 0);
		assert_int_equal(ask().granted, 0);
	}
	/* A mask further away than the search goes is not found: neither is it believed to be absent. */
	empty(&active, A, TWZ_PERM_ALL);
	header(&active)->table = TWZ_OBJ_DATA + TWZ_PAGE;
	header(&active)->nentries = 128;
	for (uint64_t j = 0; j < RIGHT_PROBES; j++)
		enter(&active, (struct twz_id){O + 128 * j, 0x77 + (128ull << 20)}, TWZ_CONTEXT_CAP,
		      1, CAPS);
	mask(&active, O, 0, TWZ_READ);
	assert_int_equal(right_limit(&active.context, id(O)), 0);
}

static void test_mask_out_of_place(void **state)
{
	static const uint64_t offs[] = {0,
					TWZ_OBJ_DATA - 32,
					TWZ_OBJ_DATA + PAGES * TWZ_PAGE - 24,
					TWZ_OBJ_DATA + TWZ_PAGE - 16,
					TWZ_OBJ_DATA + MASKS + 4,
					~0ull - 7};
	struct twz_mask *m;

	(void)state;
	for (unsigned i = 0; i < sizeof(offs) / sizeof(*offs); i++) {
		empty(&active, A, TWZ_PERM_ALL);
		enter(&active, id(O), TWZ_CONTEXT_MASK, 1, 0)->off = offs[i];
		assert_int_equal(right_limit(&active.context, id(O)), 0);
	}
	empty(&active, A, TWZ_PERM_ALL);
	m = mask(&active, O, 0, TWZ_READ);
	assert_int_equal(right_limit(&active.context, id(O)), TWZ_READ);
	m->target = id(P);
	assert_int_equal(right_limit(&active.context, id(O)), 0);
}

static void test_run_out_of_place(void **state)
{
	static const uint64_t offs[] = {0,
					TWZ_OBJ_DATA - 256,
					TWZ_OBJ_DATA + PAGES * TWZ_PAGE,
					TWZ_OBJ_DATA + PAGES * TWZ_PAGE - 128,
					TWZ_OBJ_DATA + TWZ_PAGE - 128,
					TWZ_OBJ_DATA + CAPS + 4,
					1ull << 63,
					~0ull - 255};
	struct twz_context_entry *e;

	(void)state;
	sound();
	sign(2, NULL);
	for (unsigned i = 0; i < sizeof(offs) / sizeof(*offs); i++) {
		empty(&active, A, TWZ_PERM_ALL);
		e = enter(&active, id(O), TWZ_CONTEXT_CAP, ~0u, 0);
		e->off = offs[i];
		assert_int_equal(ask().granted, 0);
		assert_int_equal(ask().reason[0].why, RIGHT_MALFORMED);
	}
	/* The last record of the chain lies behind the end. */
	hold(O, 2);
	active.context.bytes = CAPS + 3 * sizeof(struct twz_cap) - 8;
	refused(RIGHT_MALFORMED);
	/* A count beyond everything does no harm: the depths say how much of it is used. */
	empty(&active, A, TWZ_PERM_ALL);
	place(0, 2);
	enter(&active, id(O), TWZ_CONTEXT_CAP, ~0u, CAPS);
	assert_int_equal(ask().effective, TWZ_READ | TWZ_WRITE);
}

/* Entries of kinds that are not known take a place, and nothing else. */
static void test_unknown_kind(void **state)
{
	(void)state;
	sound();
	sign(2, NULL);
	empty(&active, A, TWZ_PERM_ALL);
	enter(&active, id(O), 77, 3, CAPS);
	enter(&active, id(O), TWZ_CONTEXT_CAP, 3, CAPS);
	place(0, 2);
	gives(TWZ_READ | TWZ_WRITE);
}

/* Words changed at random: at() sees that nothing outside is read; defaults stay what they are. */
static void test_damaged(void **state)
{
	struct right_query q = query();
	struct right_answer a;
	uint64_t random = 1;

	(void)state;
	q.defaults = TWZ_READ;
	all_known = false;
	for (unsigned i = 0; i < 20000; i++) {
		if (i % 4 == 0) {
			sound();
			hold(O, 2);
			mask(&active, O, 0, TWZ_PERM_ALL);
		}
		random = random * 6364136223846793005u + 1442695040888963407u;
		*(uint64_t *)(active.data + (random >> 33) % (CAPS + 768) / 8 * 8) =
			random >> 20 & 1 ? random : 1ull << (random >> 58);
		right_decide(&q, &a);
		assert_int_equal(a.granted, TWZ_READ);
		assert_int_equal(a.effective & ~TWZ_READ, 0);
	}
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
		cmocka_unit_test(test_candidates),
		cmocka_unit_test(test_run_goes_on),
		cmocka_unit_test(test_header),
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_full_table),
		cmocka_unit_test(test_mask_out_of_place),
		cmocka_unit_test(test_run_out_of_place),
		cmocka_unit_test(test_unknown_kind),
		cmocka_unit_test(test_damaged),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
