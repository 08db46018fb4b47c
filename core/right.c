/*
 * right.c - the decision (right.h).
 *
 * Order: what is given without signatures; then the capabilities found under the object and under its
 * key, each with its chain; then the masks. For each permission the reason is kept: who gives it, or
 * else what came closest to giving it. Of a chain, what others must be asked for comes last, and only
 * if the chain would add something.
 *
 * The kernel runs this at the first use of each object by each subject, so it is made for what is
 * usual: a small table, and one capability without a parent. What only delegations need is not inline.
 */
#include "abi/object.h"
#include "core/cap.h"
#include "core/gate.h"
#include "core/mem.h"
#include "core/right.h"
#include "core/step.h"

#define KNOWN_FLAGS (TWZ_CAP_DELEGATE | TWZ_CAP_KEY | TWZ_CAP_GATE)
#define CHAIN_MAX (TWZ_CAP_DEPTH_MAX + 1)
#define NOINLINE __attribute__((noinline))

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

/* What is no header, or says a number that no table has, leaves a table that cannot be read. */
void right_open(struct right_context *context)
{
	const struct twz_context *header = at(context, TWZ_OBJ_DATA, sizeof(*header));
	uint64_t n;

	context->table = RIGHT_NEVER;
	context->nentries = context->probes = 1;
	context->entries = NULL;
	context->global_mask = 0;
	if (!header || header->magic != TWZ_CONTEXT_MAGIC || header->version != 1)
		return;
	context->global_mask = header->global_mask & TWZ_PERM_ALL;
	n = header->nentries;
	if (STEP("check", "right: a power of two") && n & (n - 1))
		return;
	context->table = header->table;
	context->nentries = context->probes = n;
	if (STEP("check", "right: bounded search") && n > RIGHT_PROBES)
		context->probes = RIGHT_PROBES;
	if (n && n <= TWZ_PAGE / sizeof(*context->entries))
		context->entries = at(context, context->table, n * sizeof(*context->entries));
}

/* A search for what a context has for a target. */
struct search {
	struct twz_id target;
	uint64_t next, left; /* places of the table: where it is, how many it may go on */
	bool lost; /* the table cannot be read to the end of the search: more may be there */
};

static inline struct search search_for(const struct right_context *context, struct twz_id target)
{
	return (struct search){
		.target = target, .next = target.lo ^ target.hi, .left = context->probes};
}

/* The next entry for the target, of any kind; null: there is no further one. */
static inline const struct twz_context_entry *next_entry(const struct right_context *context,
							 struct search *search)
{
	const struct twz_context_entry *e;

	while (search->left--) {
		uint64_t i = search->next++ & (context->nentries - 1);

		e = context->entries ? &context->entries[i]
				     : at(context, context->table + i * sizeof(*e), sizeof(*e));
		if (!e) {
			search->lost = true;
			return NULL;
		}
		if (!e->kind)
			return NULL;
		if (same(e->target, search->target))
			return e;
	}
	search->left = 0;
	search->lost = context->probes < context->nentries;
	return NULL;
}

/*
 * The limit, of a search for the object that found this mask first, or none. What cannot be read may be
 * a mask, so it leaves nothing: there, absent would be more than what the owner wrote.
 */
static inline uint32_t limit_of(const struct right_context *context, const struct search *search,
				const struct twz_context_entry *e)
{
	const struct twz_mask *mask;

	if (!e && STEP("check", "right: a lost mask leaves nothing") && search->lost)
		return 0;
	if (!e)
		return context->global_mask;
	mask = at(context, e->off, sizeof(*mask));
	if (!mask ||
	    (STEP("check", "right: the mask's target") && !same(mask->target, search->target)))
		return 0;
	return (context->global_mask | mask->override) & mask->mask & TWZ_PERM_ALL;
}

bool right_mentions(const struct right_context *context, struct twz_id object)
{
	struct search search = search_for(context, object);

	return next_entry(context, &search) || search.lost;
}

uint32_t right_limit(const struct right_context *context, struct twz_id object)
{
	struct search search = search_for(context, object);
	const struct twz_context_entry *e;

	do
		e = next_entry(context, &search);
	while (e && e->kind != TWZ_CONTEXT_MASK);
	return limit_of(context, &search, e);
}

/* ---- one chain ----------------------------------------------------------------------------------- */

struct chain {
	const struct twz_cap *cap[CHAIN_MAX];
	uint32_t depth;
};

static uint64_t word(const uint8_t *p)
{
	uint64_t value;

	memcpy(&value, p, sizeof(value));
	return value;
}

static bool zero16(const uint8_t *p)
{
	return !(word(p) | word(p + 8));
}

/* R1, and R3 for one record. */
static bool well_formed(const struct twz_cap *cap, uint32_t depth)
{
	const uint8_t *reserved = cap->reserved, *parent = cap->parent;

	return cap->magic == TWZ_CAP_MAGIC && cap->version == 1 && cap->alg == TWZ_ALG_ED25519 &&
	       !(cap->perms & ~TWZ_PERM_ALL) && !(cap->flags & ~KNOWN_FLAGS) && zero16(reserved) &&
	       zero16(reserved + 16) && zero16(reserved + 32) && cap->depth == depth &&
	       (depth || (zero16(parent) && zero16(parent + 16)));
}

static NOINLINE bool links_well_formed(const struct chain *chain)
{
	for (uint32_t i = 0; i < chain->depth; i++)
		if (!well_formed(chain->cap[i], chain->depth - i))
			return false;
	return true;
}

/* R1, R3: of every record, before anything else of it is believed. */
static bool check_form(const struct chain *chain)
{
	return well_formed(chain->cap[chain->depth], 0) &&
	       (!chain->depth || links_well_formed(chain));
}

static uint64_t end_of(const struct twz_cap *cap)
{
	return cap->expires ? cap->expires : RIGHT_NEVER;
}

/* R10: of the capability itself, as by R9 its time lies in that of all the others. */
static inline enum right_why check_time(const struct right_query *q, const struct twz_cap *cap,
					uint64_t *until)
{
	if (STEP("check", "right: R10 early") && q->now < cap->not_before) {
		if (cap->not_before < *until)
			*until = cap->not_before;
		return RIGHT_EARLY;
	}
	if (STEP("check", "right: R10 expired") && q->now >= end_of(cap))
		return RIGHT_EXPIRED;
	if (end_of(cap) < *until)
		*until = end_of(cap);
	return RIGHT_CAP;
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

/* R6. If the target is a key, it is this one: covers(). */
static bool signed_by_owner(const struct right_query *q, const struct twz_cap *root)
{
	return !none(root->signer) && same(root->signer, q->key);
}

/* R7. */
static bool signed_by_delegator(const struct right_query *q, const struct twz_cap *link,
				const struct twz_cap *parent)
{
	struct twz_id key;

	return !none(link->signer) && q->context_key(q->arg, parent->accessor, &key) &&
	       same(link->signer, key);
}

/* R9. */
static bool narrower(const struct twz_cap *link, const struct twz_cap *parent)
{
	if (STEP("check", "right: R9 gate") && !gate_narrower(link, parent))
		return false;
	return !(link->perms & ~parent->perms) && link->not_before >= parent->not_before &&
	       end_of(link) <= end_of(parent);
}

static enum right_why check_link(const struct right_query *q, const struct twz_cap *link,
				 const struct twz_cap *parent)
{
	if (STEP("check", "right: R5 link's target") && !covers(link, q))
		return RIGHT_BROKEN;
	if (STEP("check", "right: R7 signer") && !signed_by_delegator(q, link, parent))
		return RIGHT_SIGNER;
	if (STEP("check", "right: R5 narrower") && !narrower_target(link, parent))
		return RIGHT_BROKEN;
	if (STEP("check", "right: R8 delegable") && !(parent->flags & TWZ_CAP_DELEGATE))
		return RIGHT_UNDELEGABLE;
	if (STEP("check", "right: R9 narrower") && !narrower(link, parent))
		return RIGHT_WIDENED;
	return RIGHT_CAP;
}

static NOINLINE enum right_why check_links(const struct right_query *q, const struct chain *chain)
{
	enum right_why why = RIGHT_CAP;

	for (uint32_t i = 0; why == RIGHT_CAP && i < chain->depth; i++)
		why = check_link(q, chain->cap[i], chain->cap[i + 1]);
	return why;
}

/* What the records say, but for times: R2, R5 to R9. RIGHT_CAP: it holds. */
static enum right_why check_shape(const struct right_query *q, const struct chain *chain)
{
	const struct twz_cap *root = chain->cap[chain->depth];
	enum right_why why;

	if (STEP("check", "right: R2 accessor") && !same(chain->cap[0]->accessor, q->active->id))
		return RIGHT_STOLEN;
	why = chain->depth ? check_links(q, chain) : RIGHT_CAP;
	if (why != RIGHT_CAP)
		return why;
	if (STEP("check", "right: R5 root's target") && !covers(root, q))
		return RIGHT_BROKEN;
	if (STEP("check", "right: R6 signer") && !signed_by_owner(q, root))
		return RIGHT_SIGNER;
	return RIGHT_CAP;
}

static enum right_verdict is_parent(const struct right_query *q, const struct twz_cap *link,
				    const struct twz_cap *parent)
{
	if (q->parent)
		return q->parent(q->arg, link, parent);
	return cap_is_parent(parent, link) ? RIGHT_GOOD : RIGHT_BAD;
}

/* R11. UNKNOWN is no reason to stop: a chain with one that is bad needs no verification. */
static inline enum right_why check_signature(const struct right_query *q, const struct twz_cap *cap,
					     const struct twz_cap **unverified)
{
	enum right_verdict verdict = q->verdict(q->arg, cap);

	if (STEP("check", "right: R11 signature") && verdict == RIGHT_BAD)
		return RIGHT_FORGED;
	if (verdict == RIGHT_UNKNOWN && !*unverified)
		*unverified = cap;
	return RIGHT_CAP;
}

/* R4, R11. */
static NOINLINE enum right_why check_link_proofs(const struct right_query *q,
						 const struct chain *chain,
						 const struct twz_cap **unverified)
{
	for (uint32_t i = 0; i < chain->depth; i++) {
		const struct twz_cap *link = chain->cap[i];
		enum right_verdict verdict = is_parent(q, link, chain->cap[i + 1]);

		if (STEP("check", "right: R4 parent") && verdict == RIGHT_BAD)
			return RIGHT_BROKEN;
		if (verdict == RIGHT_UNKNOWN && !*unverified)
			*unverified = link;
		if (check_signature(q, link, unverified) != RIGHT_CAP)
			return RIGHT_FORGED;
	}
	return RIGHT_CAP;
}

/*
 * What costs a hash, or a look-up by others: R4, R11. RIGHT_CAP: it holds, but for the verdict on
 * `unverified`, if that is set then.
 */
static inline enum right_why check_proofs(const struct right_query *q, const struct chain *chain,
					  const struct twz_cap **unverified)
{
	enum right_why why;

	*unverified = NULL;
	why = chain->depth ? check_link_proofs(q, chain, unverified) : RIGHT_CAP;
	return why == RIGHT_CAP ? check_signature(q, chain->cap[chain->depth], unverified) : why;
}

/* The record and its parents, whatever they say; false if they are not all there. */
static inline bool read_chain(const struct right_context *context, uint64_t off, uint32_t room,
			      struct chain *chain)
{
	const struct twz_cap *cap = at(context, off, sizeof(*cap));

	if (!cap || (STEP("check", "right: R3 depth") && cap->depth > TWZ_CAP_DEPTH_MAX) ||
	    (STEP("check", "right: R3 in the run") && cap->depth >= room))
		return false;
	chain->depth = cap->depth;
	chain->cap[0] = cap;
	for (uint32_t i = 1; i <= chain->depth; i++) {
		chain->cap[i] = at(context, off + i * sizeof(*cap), sizeof(*cap));
		if (!chain->cap[i])
			return false;
	}
	return true;
}

/* ---- what all of them give ----------------------------------------------------------------------- */

/* Is `why` closer to giving these than what is there? The order of the enum says so. */
static NOINLINE void note(struct right_answer *a, uint32_t perms, enum right_why why, uint64_t cap)
{
	struct right_reason *reason = a->reason;

	for (perms &= ~a->granted; perms; perms >>= 1, reason++)
		if (perms & 1 && reason->why < why)
			*reason = (struct right_reason){.why = why, .cap = cap};
}

static inline void give(struct right_answer *a, uint32_t perms, enum right_why why, uint64_t cap)
{
	struct right_reason *reason = a->reason;

	for (uint32_t new = perms & ~a->granted; new; new >>= 1, reason++)
		if (new & 1) {
			reason->why = why;
			reason->cap = cap;
		}
	a->granted |= perms;
}

/* What the capability would give, of what is asked for. */
static inline uint32_t gives(const struct right_query *q, const struct twz_cap *cap)
{
	if (!q->entry)
		return cap->perms;
	return STEP("check", "right: the gate's entries") && !gate_has_entry(cap, *q->entry)
		       ? 0
		       : TWZ_EXEC;
}

static void one_chain(const struct right_query *q, struct right_answer *a, uint64_t off,
		      const struct chain *chain)
{
	const struct twz_cap *cap = chain->cap[0], *unverified;
	const bool gate = cap->flags & TWZ_CAP_GATE;
	enum right_why why;
	uint32_t perms;

	if (STEP("check", "right: gates give no permission") && gate && !q->entry)
		return;
	if (STEP("check", "right: permissions give no entry") && !gate && q->entry)
		return;
	if (STEP("check", "right: R1 form") && !check_form(chain)) {
		note(a, TWZ_PERM_ALL, RIGHT_MALFORMED, off); /* which ones it means is not known */
		return;
	}
	perms = gives(q, cap);
	if (!(perms & ~a->granted))
		return; /* right or not, it adds nothing */
	why = check_shape(q, chain);
	if (why == RIGHT_CAP)
		why = check_time(q, cap, &a->until);
	if (why == RIGHT_CAP)
		why = check_proofs(q, chain, &unverified);
	if (why != RIGHT_CAP) {
		note(a, perms, why, off);
	} else if (unverified) {
		note(a, perms, RIGHT_UNVERIFIED, off);
		a->pending |= perms;
	} else {
		give(a, perms, RIGHT_CAP, off);
	}
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

/*
 * What the active context gives, under the object's ID and under its key's. Returns its limit: the mask
 * is on the way.
 */
static uint32_t active(const struct right_query *q, struct right_answer *a)
{
	struct search object = search_for(q->active, q->object);
	const struct twz_context_entry *e, *mask = NULL;
	uint32_t candidates = 0;

	while ((e = next_entry(q->active, &object))) {
		if (e->kind == TWZ_CONTEXT_CAP)
			run(q, a, e, &candidates);
		else if (e->kind == TWZ_CONTEXT_MASK && !mask)
			mask = e;
	}
	if (!none(q->key) && !same(q->key, q->object)) {
		struct search key = search_for(q->active, q->key);

		candidates = 0;
		while ((e = next_entry(q->active, &key)))
			if (e->kind == TWZ_CONTEXT_CAP)
				run(q, a, e, &candidates);
	}
	return limit_of(q->active, &object, mask);
}

static NOINLINE void take(struct right_answer *a, uint32_t taken, enum right_why why,
			  struct twz_id context)
{
	struct right_reason *reason = a->reason;

	for (; taken; taken >>= 1, reason++)
		if (taken & 1)
			*reason = (struct right_reason){.why = why, .by = context};
}

static inline void limit(struct right_answer *a, uint32_t allowed,
			 const struct right_context *context, enum right_why why)
{
	uint32_t taken = a->effective & ~allowed;

	if (taken)
		take(a, taken, why, context->id);
	a->effective &= allowed;
	a->pending &= allowed;
}

/* Of the chain that came closest to giving one of `pending`: the first record without a verdict. */
static NOINLINE const struct twz_cap *find_unverified(const struct right_query *q,
						      const struct right_answer *a)
{
	uint64_t off = a->reason[__builtin_ctz(a->pending)].cap;
	const struct twz_cap *unverified;
	struct chain chain;

	if (!read_chain(q->active, off, CHAIN_MAX, &chain) ||
	    check_proofs(q, &chain, &unverified) != RIGHT_CAP)
		return NULL;
	return unverified;
}

void right_decide(const struct right_query *q, struct right_answer *a)
{
	uint32_t allowed = TWZ_PERM_ALL;

	*a = (struct right_answer){.until = RIGHT_NEVER};
	if (!q->entry) {
		give(a, q->defaults & TWZ_PERM_ALL, RIGHT_DEFAULT, 0);
		give(a, q->grants & TWZ_PERM_ALL, RIGHT_GRANT, 0);
	}
	if (q->active)
		allowed = active(q, a);
	a->effective = a->granted;
	a->pending &= ~a->granted;
	if (STEP("check", "right: the active context's masks") && q->active)
		limit(a, allowed, q->active, RIGHT_MASKED);
	for (uint32_t i = 0; STEP("check", "right: undetachable limits") && i < q->nlimits; i++)
		limit(a, right_limit(q->limits[i], q->object), q->limits[i], RIGHT_LIMITED);
	if (a->pending)
		a->unverified = find_unverified(q, a);
}
