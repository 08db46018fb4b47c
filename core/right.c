/*
 * right.c - the decision (right.h).
 *
 * Order: what is given without signatures; then the capabilities found under the object and under its
 * key, each with its chain; then the masks. For each permission the reason is kept: who gives it, or
 * else what came closest to giving it.
 */
#include "abi/object.h"
#include "core/cap.h"
#include "core/mem.h"
#include "core/right.h"
#include "core/step.h"

#define KNOWN_FLAGS (TWZ_CAP_DELEGATE | TWZ_CAP_KEY | TWZ_CAP_GATE)
#define CHAIN_MAX (TWZ_CAP_DEPTH_MAX + 1)

static bool same(struct twz_id a, struct twz_id b)
{
	return a.lo == b.lo && a.hi == b.hi;
}

static bool none(struct twz_id id)
{
	return !(id.lo | id.hi);
}

/* ---- a context's data ---------------------------------------------------------------------------- */

/* [offset, offset + bytes) of the context; a record that crosses a page, or the end, is none. */
static const void *at(const struct right_context *context, uint64_t offset, uint64_t bytes)
{
	offset -= TWZ_OBJ_DATA; /* one before it wraps around, and is past any end */
	if (STEP("check", "right: past the data") &&
	    (offset > context->bytes || bytes > context->bytes - offset))
		return NULL;
	if (STEP("check", "right: across pages") && offset % TWZ_PAGE + bytes > TWZ_PAGE)
		return NULL;
	if (STEP("check", "right: alignment") && offset % 8)
		return NULL;
	return context->at(context, offset + TWZ_OBJ_DATA, bytes);
}

static const struct twz_context *header_of(const struct right_context *context)
{
	const struct twz_context *header = at(context, TWZ_OBJ_DATA, sizeof(*header));

	return header && header->magic == TWZ_CONTEXT_MAGIC && header->version == 1 ? header : NULL;
}

/* Where the search for a target starts in a table of n entries, a power of two. */
static uint64_t home_of(struct twz_id target, uint64_t n)
{
	return (target.lo ^ target.hi) & (n - 1);
}

/* A look-up of what a context has for a target. */
struct search {
	struct twz_id target;
	uint32_t kind;
	uint32_t probe;
	bool lost; /* the table cannot be read to the end of the search: more may be there */
};

/* The next entry of this kind for the target; null: there is no further one. */
static const struct twz_context_entry *next_entry(const struct right_context *context,
						  struct search *search)
{
	const struct twz_context *header = header_of(context);
	uint64_t n = header ? header->nentries : 0;

	if (STEP("check", "right: a power of two") && n & (n - 1)) {
		search->lost = true;
		return NULL;
	}
	while (search->probe < n) {
		uint64_t i = (home_of(search->target, n) + search->probe) & (n - 1);
		const struct twz_context_entry *e =
			at(context, header->table + i * sizeof(*e), sizeof(*e));

		if ((STEP("check", "right: bounded search") && search->probe >= RIGHT_PROBES) ||
		    !e) {
			search->lost = true;
			return NULL;
		}
		if (!e->kind)
			return NULL;
		search->probe++;
		if (e->kind == search->kind && same(e->target, search->target))
			return e;
	}
	return NULL;
}

/*
 * What cannot be read may be a mask, so it leaves nothing: there, absent would be more than what the
 * owner wrote.
 */
uint32_t right_limit(const struct right_context *context, struct twz_id object)
{
	const struct twz_context *header = header_of(context);
	struct search search = {.target = object, .kind = TWZ_CONTEXT_MASK};
	const struct twz_context_entry *e;
	const struct twz_mask *mask;

	if (!header)
		return 0;
	e = next_entry(context, &search);
	if (STEP("check", "right: a lost mask leaves nothing") && search.lost)
		return 0;
	if (!e)
		return header->global_mask & TWZ_PERM_ALL;
	mask = at(context, e->off, sizeof(*mask));
	if (!mask || (STEP("check", "right: the mask's target") && !same(mask->target, object)))
		return 0;
	return (header->global_mask | mask->override) & mask->mask & TWZ_PERM_ALL;
}

/* ---- one chain ----------------------------------------------------------------------------------- */

struct chain {
	const struct twz_cap *cap[CHAIN_MAX];
	uint32_t depth;
};

static bool zero(const void *p, uint64_t bytes)
{
	const uint8_t *b = p;
	uint8_t any = 0;

	while (bytes--)
		any |= *b++;
	return !any;
}

/* R1, and R3 for one record. */
static bool well_formed(const struct twz_cap *cap, uint32_t depth)
{
	return cap->magic == TWZ_CAP_MAGIC && cap->version == 1 && cap->alg == TWZ_ALG_ED25519 &&
	       !(cap->perms & ~TWZ_PERM_ALL) && !(cap->flags & ~KNOWN_FLAGS) &&
	       zero(cap->reserved, sizeof(cap->reserved)) && cap->depth == depth &&
	       (depth || zero(cap->parent, sizeof(cap->parent)));
}

/* R4: is it the parent that the link signs? */
static bool is_parent(const struct twz_cap *link, const struct twz_cap *parent)
{
	uint8_t hash[CAP_HASH];

	cap_hash(hash, parent);
	return !memcmp(hash, link->parent, sizeof(hash));
}

/* R5: is it for the object that is asked for, or for the key that this was made under? */
static bool covers(const struct twz_cap *cap, const struct right_query *q)
{
	return same(cap->target, cap->flags & TWZ_CAP_KEY ? q->key : q->object);
}

/* R5: both cover the object; all of a key is more than one object. */
static bool narrower_target(const struct twz_cap *link, const struct twz_cap *parent)
{
	return parent->flags & TWZ_CAP_KEY || !(link->flags & TWZ_CAP_KEY);
}

static uint64_t end_of(const struct twz_cap *cap)
{
	return cap->expires ? cap->expires : RIGHT_NEVER;
}

/* R9. A gate's capability gives no permission, so none can come of it: the gate is not looked at. */
static bool narrower(const struct twz_cap *link, const struct twz_cap *parent)
{
	return !(parent->flags & TWZ_CAP_GATE) && !(link->perms & ~parent->perms) &&
	       link->not_before >= parent->not_before && end_of(link) <= end_of(parent);
}

/* R6, R7: is the record signed under the key that has a say? */
static bool signed_by_right_key(const struct right_query *q, const struct twz_cap *cap,
				const struct twz_cap *parent)
{
	struct twz_id key;

	if (none(cap->signer))
		return false;
	if (!parent)
		return same(cap->signer, q->key); /* with KEY the target: covers() */
	return q->context_key(q->arg, parent->accessor, &key) && same(cap->signer, key);
}

/* What a link must be to its parent. RIGHT_CAP: all that. */
static enum right_why check_link(const struct twz_cap *link, const struct twz_cap *parent)
{
	if (STEP("check", "right: R4 parent") && !is_parent(link, parent))
		return RIGHT_BROKEN;
	if (STEP("check", "right: R5 link") && !narrower_target(link, parent))
		return RIGHT_BROKEN;
	if (STEP("check", "right: R8 delegable") && !(parent->flags & TWZ_CAP_DELEGATE))
		return RIGHT_UNDELEGABLE;
	if (STEP("check", "right: R9 narrower") && !narrower(link, parent))
		return RIGHT_WIDENED;
	return RIGHT_CAP;
}

static enum right_why check_time(const struct right_query *q, const struct twz_cap *cap)
{
	if (STEP("check", "right: R10 early") && q->now < cap->not_before)
		return RIGHT_EARLY;
	if (STEP("check", "right: R10 expired") && q->now >= end_of(cap))
		return RIGHT_EXPIRED;
	return RIGHT_CAP;
}

static enum right_why check_signature(const struct right_query *q, const struct twz_cap *cap,
				      const struct twz_cap **unverified)
{
	enum right_verdict verdict = q->verdict(q->arg, cap);

	if (verdict == RIGHT_UNKNOWN) {
		if (!*unverified)
			*unverified = cap;
		return RIGHT_UNVERIFIED;
	}
	return STEP("check", "right: R11 signature") && verdict != RIGHT_GOOD ? RIGHT_FORGED
									      : RIGHT_CAP;
}

/* R1, R3: of every record, before anything else of it is believed. */
static bool all_well_formed(const struct chain *chain)
{
	for (uint32_t i = 0; i <= chain->depth; i++)
		if (!well_formed(chain->cap[i], chain->depth - i))
			return false;
	return true;
}

/*
 * Everything but times and signatures, which come last: a chain that is wrong anyhow costs no
 * verification. RIGHT_CAP: it holds.
 */
static enum right_why check_shape(const struct right_query *q, const struct chain *chain)
{
	enum right_why why;

	if (STEP("check", "right: R1 form") && !all_well_formed(chain))
		return RIGHT_MALFORMED;
	if (STEP("check", "right: R2 accessor") && !same(chain->cap[0]->accessor, q->active->id))
		return RIGHT_STOLEN;
	for (uint32_t i = 0; i <= chain->depth; i++) {
		const struct twz_cap *cap = chain->cap[i];
		const struct twz_cap *parent = i < chain->depth ? chain->cap[i + 1] : NULL;

		if (STEP("check", "right: R5 covers") && !covers(cap, q))
			return RIGHT_BROKEN;
		if (STEP("check", "right: R6 R7 signer") && !signed_by_right_key(q, cap, parent))
			return RIGHT_SIGNER;
		why = parent ? check_link(cap, parent) : RIGHT_CAP;
		if (why != RIGHT_CAP)
			return why;
	}
	return RIGHT_CAP;
}

static enum right_why check_chain(const struct right_query *q, const struct chain *chain,
				  struct right_answer *a)
{
	enum right_why why = check_shape(q, chain), signature = RIGHT_CAP;

	for (uint32_t i = 0; why == RIGHT_CAP && i <= chain->depth; i++)
		why = check_time(q, chain->cap[i]);
	for (uint32_t i = 0; why == RIGHT_CAP && i <= chain->depth; i++) {
		enum right_why one = check_signature(q, chain->cap[i], &a->unverified);

		if (one == RIGHT_FORGED)
			why = one;
		else if (one != RIGHT_CAP)
			signature = one;
	}
	return why == RIGHT_CAP ? signature : why;
}

/* The record and its parents, whatever they say; false if they are not all there. */
static bool read_chain(const struct right_context *context, uint64_t off, uint32_t room,
		       struct chain *chain)
{
	const struct twz_cap *cap = at(context, off, sizeof(*cap));

	if (!cap || (STEP("check", "right: R3 depth") && cap->depth > TWZ_CAP_DEPTH_MAX) ||
	    (STEP("check", "right: R3 in the run") && cap->depth >= room))
		return false;
	chain->depth = cap->depth;
	for (uint32_t i = 0; i <= chain->depth; i++) {
		chain->cap[i] = at(context, off + i * sizeof(*cap), sizeof(*cap));
		if (!chain->cap[i])
			return false;
	}
	return true;
}

/* ---- what all of them give ----------------------------------------------------------------------- */

/* Is `why` closer to giving the permission than what is there? The order of the enum says so. */
static void note(struct right_answer *a, uint32_t perms, enum right_why why, uint64_t cap)
{
	for (unsigned i = 0; i < RIGHT_PERMS; i++) {
		struct right_reason *reason = &a->reason[i];

		if (!(perms >> i & 1) || a->granted >> i & 1)
			continue;
		if (reason->why < why)
			*reason = (struct right_reason){.why = why, .cap = cap};
	}
}

static void give(struct right_answer *a, uint32_t perms, enum right_why why, uint64_t cap)
{
	for (unsigned i = 0; i < RIGHT_PERMS; i++)
		if (perms >> i & 1 && !(a->granted >> i & 1))
			a->reason[i] = (struct right_reason){.why = why, .cap = cap};
	a->granted |= perms;
}

/* The next second at which one of the chain's records begins or ends to count. */
static void bound(struct right_answer *a, const struct right_query *q, const struct chain *chain)
{
	for (uint32_t i = 0; i <= chain->depth; i++) {
		uint64_t begin = chain->cap[i]->not_before, end = end_of(chain->cap[i]);

		if (begin > q->now && begin < a->until)
			a->until = begin;
		if (end > q->now && end < a->until)
			a->until = end;
	}
}

static void one_chain(const struct right_query *q, struct right_answer *a, uint64_t off,
		      const struct chain *chain)
{
	const struct twz_cap *cap = chain->cap[0];
	enum right_why why;

	if (STEP("check", "right: gates give no permission") && cap->flags & TWZ_CAP_GATE)
		return;
	why = check_chain(q, chain, a);
	if (why == RIGHT_MALFORMED) {
		note(a, TWZ_PERM_ALL, why, off); /* which ones it means is not known */
		return;
	}
	bound(a, q, chain);
	if (why == RIGHT_CAP)
		give(a, cap->perms, RIGHT_CAP, off);
	else
		note(a, cap->perms, why, off);
	if (why == RIGHT_UNVERIFIED)
		a->pending |= cap->perms;
}

/* The capabilities of a run: each followed by its chain. */
static void run(const struct right_query *q, struct right_answer *a,
		const struct twz_context_entry *e, uint32_t *candidates)
{
	uint32_t i = 0;

	while (i < e->count) {
		uint64_t off = e->off + (uint64_t)i * sizeof(struct twz_cap);
		struct chain chain;

		if (STEP("check", "right: bounded candidates") && *candidates == RIGHT_CANDIDATES)
			return;
		++*candidates;
		if (!read_chain(q->active, off, e->count - i, &chain)) {
			note(a, TWZ_PERM_ALL, RIGHT_MALFORMED, off);
			return; /* where the next one would be is not known */
		}
		one_chain(q, a, off, &chain);
		i += chain.depth + 1;
	}
}

static void capabilities(const struct right_query *q, struct right_answer *a, struct twz_id target)
{
	struct search search = {.target = target, .kind = TWZ_CONTEXT_CAP};
	const struct twz_context_entry *e;
	uint32_t candidates = 0;

	while ((e = next_entry(q->active, &search)))
		run(q, a, e, &candidates);
}

static void limit(struct right_answer *a, const struct right_context *context, struct twz_id object,
		  enum right_why why)
{
	uint32_t allowed = right_limit(context, object), taken = a->effective & ~allowed;

	for (unsigned i = 0; i < RIGHT_PERMS; i++)
		if (taken >> i & 1)
			a->reason[i] = (struct right_reason){.why = why, .by = context->id};
	a->effective &= allowed;
	a->pending &= allowed;
}

void right_decide(const struct right_query *q, struct right_answer *a)
{
	*a = (struct right_answer){.until = RIGHT_NEVER};
	give(a, q->defaults & TWZ_PERM_ALL, RIGHT_DEFAULT, 0);
	give(a, q->grants & TWZ_PERM_ALL, RIGHT_GRANT, 0);
	if (q->active) {
		capabilities(q, a, q->object);
		if (!none(q->key) && !same(q->key, q->object))
			capabilities(q, a, q->key);
	}
	a->effective = a->granted;
	a->pending &= ~a->granted;
	if (STEP("check", "right: the active context's masks") && q->active)
		limit(a, q->active, q->object, RIGHT_MASKED);
	for (uint32_t i = 0; STEP("check", "right: undetachable limits") && i < q->nlimits; i++)
		limit(a, q->limits[i], q->object, RIGHT_LIMITED);
	if (!a->pending)
		a->unverified = NULL;
}
