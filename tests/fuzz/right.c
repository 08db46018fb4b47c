/*
 * right.c - fuzzer: the decision on rights over contexts that an enemy wrote. Nothing outside is read,
 * the work is bounded, a mask never adds, and without a good signature there is no more than defaults
 * and grants, or no entry.
 *
 * An input begins with what is asked (16 bytes); the rest is patches (12 bytes) of two contexts that
 * are sound: the active one with a chain and a mask, and an undetachable one. Verdicts come from the
 * input as well; a patch may also mend the hash by which a link names its parent.
 */
#include <stdlib.h>
#include <string.h>

#include "abi/object.h"
#include "core/cap.h"
#include "core/gate.h"
#include "core/right.h"

#define PAGES 2u
#define BYTES (PAGES * TWZ_PAGE)
#define TABLE 128u
#define MASK 512u
#define CAPS 1024u
#define LINKS 3u
/* at() is called for a header, or an entry, or a record: 2 targets and 3 masks; records by candidates. */
#define READS_MAX                                                              \
	(2 * (2 * RIGHT_PROBES + RIGHT_CANDIDATES * (TWZ_CAP_DEPTH_MAX + 3)) + \
	 3 * (RIGHT_PROBES + 4))

enum { OBJECT = 1, KEY, SELF, OTHER, NCONTEXTS = 2 };

struct ask {
	uint8_t defaults, grants, now, verdict[4], flags;
	uint32_t bytes, entry;
};
enum { NO_ACTIVE = 1, NO_LIMIT = 2, NO_KEY = 4, ASK_PARENTS = 8, GATES = 16, ENTER = 32 };

struct patch {
	uint16_t where, how;
	uint8_t value[8];
};
enum { MEND = 1, XOR = 2, SECOND = 4 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct right_context context[NCONTEXTS];
static uint64_t reads;
static bool any_good;

static struct twz_id id(uint64_t n)
{
	return (struct twz_id){n, n};
}

static const void *at(const struct right_context *c, uint64_t offset, uint64_t bytes)
{
	uint64_t in = offset - TWZ_OBJ_DATA;

	if (++reads > READS_MAX || offset < TWZ_OBJ_DATA || in > c->bytes ||
	    bytes > c->bytes - in || in % TWZ_PAGE + bytes > TWZ_PAGE || in % 8)
		abort();
	return (const uint8_t *)c->arg + in;
}

static enum right_verdict verdict(void *arg, const struct twz_cap *cap)
{
	const struct ask *ask = arg;
	enum right_verdict v = ask->verdict[cap->sig[0] % 4] % 3;

	any_good |= v == RIGHT_GOOD;
	return v;
}

static enum right_verdict parent(void *arg, const struct twz_cap *link, const struct twz_cap *of)
{
	const struct ask *ask = arg;

	(void)of;
	return ask->verdict[link->sig[1] % 4] % 3;
}

static bool context_key(void *arg, struct twz_id of, struct twz_id *key)
{
	(void)arg;
	*key = id(KEY);
	return of.lo == SELF;
}

static void make_context(uint8_t *data, struct right_context *c, bool gates)
{
	const uint32_t flags = TWZ_CAP_DELEGATE | (gates ? TWZ_CAP_GATE : 0);
	struct twz_context_entry *table = (void *)(data + TABLE);
	struct twz_cap *cap = (void *)(data + CAPS);

	memset(data, 0, BYTES);
	*(struct twz_context *)data = (struct twz_context){.magic = TWZ_CONTEXT_MAGIC,
							   .version = 1,
							   .global_mask = TWZ_PERM_ALL,
							   .table = TWZ_OBJ_DATA + TABLE,
							   .nentries = 4};
	table[0] =
		(struct twz_context_entry){id(OBJECT), TWZ_CONTEXT_CAP, LINKS, TWZ_OBJ_DATA + CAPS};
	table[1] = (struct twz_context_entry){id(OBJECT), TWZ_CONTEXT_MASK, 1, TWZ_OBJ_DATA + MASK};
	table[2] = (struct twz_context_entry){id(KEY), TWZ_CONTEXT_CAP, 1,
					      TWZ_OBJ_DATA + CAPS + (LINKS - 1) * sizeof(*cap)};
	*(struct twz_mask *)(data + MASK) = (struct twz_mask){id(OBJECT), 0, TWZ_PERM_ALL, 0};
	for (uint32_t i = LINKS; i--;) {
		bool root = i == LINKS - 1;

		cap[i] = (struct twz_cap){.magic = TWZ_CAP_MAGIC,
					  .version = 1,
					  .alg = TWZ_ALG_ED25519,
					  .perms = TWZ_PERM_ALL,
					  .flags = flags | (root ? TWZ_CAP_KEY : 0),
					  .target = id(root ? KEY : OBJECT),
					  .accessor = id(SELF),
					  .signer = id(KEY),
					  .gate_len = 64,
					  .gate_align = 8,
					  .depth = LINKS - 1 - i,
					  .sig = {(uint8_t)i}};
		if (!root)
			cap_hash(cap[i].parent, &cap[i + 1]);
	}
	*c = (struct right_context){.id = id(SELF), .bytes = BYTES, .at = at, .arg = data};
}

static void patch_all(uint8_t memory[NCONTEXTS][BYTES], const uint8_t *data, size_t size)
{
	for (; size >= sizeof(struct patch);
	     data += sizeof(struct patch), size -= sizeof(struct patch)) {
		struct patch p;
		uint8_t *m, *word;

		memcpy(&p, data, sizeof(p));
		m = memory[p.how & SECOND ? 1 : 0];
		/* Mostly the structures; the rest of the data is zero. */
		word = m + (p.how & 8 ? p.where % (BYTES / 8) : p.where % ((CAPS + 768) / 8)) * 8;
		for (unsigned i = 0; i < 8; i++)
			word[i] = (uint8_t)(p.value[i] ^ (p.how & XOR ? word[i] : 0));
		if (p.how & MEND) {
			struct twz_cap *cap = (void *)(m + CAPS);

			for (uint32_t i = LINKS - 1; i--;)
				cap_hash(cap[i].parent, &cap[i + 1]);
		}
	}
}

/* Grants and defaults under the limits: what there is without any capability. */
static uint32_t without(const struct right_query *q)
{
	uint32_t perms = q->entry ? 0 : (q->defaults | q->grants) & TWZ_PERM_ALL;

	if (q->active)
		perms &= right_limit(q->active, q->object);
	for (uint32_t i = 0; i < q->nlimits; i++)
		perms &= right_limit(q->limits[i], q->object);
	return perms;
}

static void check(const struct right_query *q, const struct right_answer *a)
{
	if (a->effective & ~a->granted || a->granted & ~TWZ_PERM_ALL)
		abort();
	if (a->pending & (a->effective | ~TWZ_PERM_ALL) || !a->pending != !a->unverified)
		abort();
	if (a->until <= q->now)
		abort();
	if (!any_good && a->effective != without(q))
		abort();
	if (without(q) & ~a->effective)
		abort();
	for (unsigned i = 0; i < RIGHT_PERMS; i++) {
		enum right_why why = a->reason[i].why;
		bool given = why == RIGHT_DEFAULT || why == RIGHT_CAP || why == RIGHT_GRANT;

		if (given != (a->effective >> i & 1))
			abort();
		if (why == RIGHT_CAP && !any_good)
			abort();
	}
}

/* It lets in by a gate that has the entry, and gives nothing else. */
static void check_entry(const struct right_query *q, const struct right_answer *a)
{
	const struct twz_cap *gate;

	if ((a->granted | a->pending) & ~(uint32_t)TWZ_EXEC)
		abort();
	if (!a->effective)
		return;
	gate = q->active->at(q->active, a->reason[2].cap, sizeof(*gate));
	if (!(gate->flags & TWZ_CAP_GATE) || !gate_has_entry(gate, *q->entry))
		abort();
}

static bool mentioned(const struct right_query *q, struct twz_id object)
{
	if (q->active && right_mentions(q->active, object))
		return true;
	for (uint32_t i = 0; i < q->nlimits; i++)
		if (right_mentions(q->limits[i], object))
			return true;
	return false;
}

/* Is something given by a capability for this object alone? */
static bool alone(const struct right_query *q, const struct right_answer *a)
{
	for (unsigned i = 0; i < RIGHT_PERMS; i++) {
		const struct twz_cap *cap;

		if (a->reason[i].why != RIGHT_CAP)
			continue;
		cap = q->active->at(q->active, a->reason[i].cap, sizeof(*cap));
		if (!(cap->flags & TWZ_CAP_KEY))
			return true;
	}
	return false;
}

/* Two objects that no context mentions are decided alike (right_mentions). */
static void check_alike(const struct right_query *q, const struct right_answer *a)
{
	struct right_query other = *q;
	struct right_answer b;

	other.object = id(OTHER);
	if (mentioned(q, q->object) || mentioned(q, other.object))
		return;
	right_decide(&other, &b);
	if (alone(q, a) || alone(&other, &b))
		return;
	if (a->effective != b.effective || a->pending != b.pending || a->until != b.until)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static _Alignas(TWZ_PAGE) uint8_t memory[NCONTEXTS][BYTES];
	const struct right_context *limits[] = {&context[1]};
	struct ask ask;
	struct right_query q = {.object = id(OBJECT),
				.limits = limits,
				.arg = &ask,
				.verdict = verdict,
				.context_key = context_key};
	uint64_t entry;
	struct right_answer a;

	if (size < sizeof(ask))
		return 0;
	memcpy(&ask, data, sizeof(ask));
	for (unsigned i = 0; i < NCONTEXTS; i++)
		make_context(memory[i], &context[i], ask.flags & GATES);
	patch_all(memory, data + sizeof(ask), size - sizeof(ask));
	context[0].bytes = ask.bytes % (BYTES + 1);
	reads = 0;
	for (unsigned i = 0; i < NCONTEXTS; i++)
		right_open(&context[i]);
	q.key = id(ask.flags & NO_KEY ? 0 : KEY);
	q.defaults = ask.defaults;
	q.grants = ask.grants;
	q.now = ask.now;
	entry = ask.entry;
	q.entry = ask.flags & ENTER ? &entry : NULL;
	q.active = ask.flags & NO_ACTIVE ? NULL : &context[0];
	q.nlimits = ask.flags & NO_LIMIT ? 0 : 1;
	q.parent = ask.flags & ASK_PARENTS ? parent : NULL;
	reads = 0;
	any_good = false;
	right_decide(&q, &a);
	reads = 0;
	check(&q, &a);
	if (q.entry)
		check_entry(&q, &a);
	check_alike(&q, &a);
	return 0;
}
