/*
 * right_test.h - the world in which the decision on rights is tested. Signatures are real.
 *
 * Object O was made under key K. The chain of depth 2 gives rights on it to the active context A: the
 * root, signed under K, for context C; a link under C's key for B; under B's for A.
 *
 * Each test makes what it needs from nothing: sound() and sign() the chain, hold() the context that has
 * it, gives() or refused() what comes of it. The group's setup is `setup`.
 */
#pragma once

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

static inline struct twz_id id(uint64_t n)
{
	return (struct twz_id){.lo = n, .hi = n ? 0x77 : 0};
}

static uint8_t public[NIDS][CRYPTO_KEY], secret[NIDS][CRYPTO_SECRET];

static inline int setup(void **state)
{
	(void)state;
	for (unsigned i = K; i < NIDS; i++) {
		uint8_t seed[CRYPTO_KEY] = {(uint8_t)i, 0x5a};

		crypto_key_pair(public[i], secret[i], seed);
	}
	return 0;
}

static inline unsigned key_of_context(uint64_t context)
{
	return context == A ? KA : context == B ? KB : context == C ? KC : 0;
}

static inline bool context_key(void *arg, struct twz_id context, struct twz_id *key)
{
	(void)arg;
	if (context.lo != NO_KEY && !key_of_context(context.lo))
		return false;
	*key = id(key_of_context(context.lo));
	return true;
}

/* Verdicts: really verified, but for those that are not known yet. */
static const struct twz_cap *known[64];
static unsigned nknown, nasked;
static bool all_known;

static inline enum right_verdict verdict(void *arg, const struct twz_cap *cap)
{
	bool is_known = all_known;

	(void)arg;
	nasked++;
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

static struct memory active;

/* The promise to those who supply `at`: never called for anything outside, across pages, unaligned. */
static inline const void *at(const struct right_context *context, uint64_t offset, uint64_t bytes)
{
	const struct memory *m = context->arg;
	uint64_t in = offset - TWZ_OBJ_DATA;

	assert_true(offset >= TWZ_OBJ_DATA && in <= context->bytes && bytes <= context->bytes - in);
	assert_true(in % TWZ_PAGE + bytes <= TWZ_PAGE && in % 8 == 0);
	return m->data + in;
}

static inline struct twz_context *header(struct memory *m)
{
	return (struct twz_context *)m->data;
}

static inline void empty(struct memory *m, uint64_t context, uint32_t global_mask)
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
static inline struct twz_context_entry *enter(struct memory *m, struct twz_id target, uint32_t kind,
					      uint32_t count, uint64_t off)
{
	uint64_t n = header(m)->nentries, i = (target.lo ^ target.hi) & (n - 1);
	struct twz_context_entry *table = (void *)(m->data + header(m)->table - TWZ_OBJ_DATA);

	while (table[i].kind)
		i = (i + 1) & (n - 1);
	table[i] = (struct twz_context_entry){target, kind, count, TWZ_OBJ_DATA + off};
	return &table[i];
}

static inline struct twz_mask *mask(struct memory *m, uint64_t target, uint32_t override,
				    uint32_t with)
{
	struct twz_mask *p = (void *)(m->data + MASKS);

	while (p->target.hi)
		p++;
	*p = (struct twz_mask){id(target), override, with, 0};
	enter(m, id(target), TWZ_CONTEXT_MASK, 1, (uint64_t)((uint8_t *)p - m->data));
	return p;
}

static inline struct twz_cap *placed(unsigned i)
{
	return (struct twz_cap *)(active.data + CAPS) + i;
}

/* ---- a chain ---------------------------------------------------------------------------------------- */

static struct twz_cap cap[DEPTH_MAX + 1]; /* [0] the capability itself */
static uint64_t signer[DEPTH_MAX + 1];

static inline void sound(void)
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

static inline void sign(uint32_t depth, const struct change *change)
{
	for (uint32_t i = depth + 1; i--;) {
		cap_sign(&cap[i], i < depth ? &cap[i + 1] : NULL, id(signer[i]), secret[signer[i]]);
		cap[i].depth = depth - i; /* also if its parent lies */
		if (change && change->place == i)
			memcpy((uint8_t *)&cap[i] + change->offset, &change->value, change->bytes);
		crypto_sign(cap[i].sig, secret[signer[i]], &cap[i], CAP_SIGNED);
	}
}

static inline void place(unsigned from, uint32_t depth)
{
	memcpy(placed(from), cap, (depth + 1) * sizeof(*cap));
}

/* The active context holds the chain under this target. */
static inline void hold(uint64_t target, uint32_t depth)
{
	empty(&active, A, TWZ_PERM_ALL);
	place(0, depth);
	enter(&active, id(target), TWZ_CONTEXT_CAP, depth + 1, CAPS);
}

/* ---- asking ----------------------------------------------------------------------------------------- */

static inline struct right_query query(void)
{
	all_known = true;
	nknown = nasked = 0;
	return (struct right_query){.object = id(O),
				    .key = id(K),
				    .now = NOW,
				    .active = &active.context,
				    .verdict = verdict,
				    .context_key = context_key};
}

/* The context as it is now. */
static inline void decide(const struct right_query *q, struct right_answer *a)
{
	right_open(&active.context);
	right_decide(q, a);
}

static inline uint32_t limit_of(struct memory *m, uint64_t object)
{
	right_open(&m->context);
	return right_limit(&m->context, id(object));
}

static inline struct right_answer ask(void)
{
	struct right_query q = query();
	struct right_answer a;

	decide(&q, &a);
	assert_int_equal(a.effective & ~a.granted, 0);
	assert_null(a.unverified);
	return a;
}

static inline void gives(uint32_t perms)
{
	struct right_answer a = ask();

	assert_int_equal(a.effective, perms);
	for (unsigned i = 0; i < RIGHT_PERMS; i++)
		assert_int_equal(a.reason[i].why == RIGHT_CAP, perms >> i & 1);
}

/* Nothing, and that is why: for read, which the chain would give. */
static inline void refused(enum right_why why)
{
	struct right_answer a = ask();

	assert_int_equal(a.effective, 0);
	assert_int_equal(a.granted, 0);
	assert_int_equal(a.reason[0].why, why);
	assert_true(why == RIGHT_NONE ? !a.reason[0].cap : a.reason[0].cap >= TWZ_OBJ_DATA + CAPS);
}

static inline void changed(const struct change *changes, unsigned n)
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
