/*
 * right.c - what CBMC proves of core/right.c, for every content of a context (tests/cbmc/right.sh).
 *
 * A context is abstract here: `at` checks that it is asked for what the contract allows, and gives any
 * bytes, or nothing, each time anew; an enemy who could change the context while it is read would have
 * no more. After READS reads there is nothing more in it. A record is an object of exactly the size
 * asked for, so that CBMC sees every access beyond. All reads go through at(), whose proof has no bound,
 * but those of a table in one page; that proof is for one of ENTRIES, that of the chain for three records.
 * Hashes, verdicts and keys are any.
 *
 * One of the functions PROOF_... is the start; each is for all inputs within the bounds.
 */
#include "core/right.c"

#ifndef READS
#define READS 4
#endif
#define LINKS 3 /* records of a chain */
#define ENTRIES 8

_Bool nondet_bool(void);
uint32_t nondet_u32(void);
uint64_t nondet_u64(void);
struct twz_id nondet_id(void);
struct twz_cap nondet_cap(void);
struct twz_context nondet_header(void);
struct twz_context_entry nondet_entry(void);

static unsigned reads;

/* ---- the surroundings ------------------------------------------------------------------------------- */

bool cap_is_parent(const struct twz_cap *parent, const struct twz_cap *link)
{
	__CPROVER_assert(__CPROVER_r_ok(parent, sizeof(*parent)), "the hash is of a whole record");
	__CPROVER_assert(__CPROVER_r_ok(link, sizeof(*link)), "and stands in one");
	return nondet_bool();
}

static const void *any_bytes(const struct right_context *context, uint64_t offset, uint64_t bytes)
{
	uint64_t in = offset - TWZ_OBJ_DATA;

	__CPROVER_assert(offset >= TWZ_OBJ_DATA, "not before the data");
	__CPROVER_assert(in <= context->bytes && bytes <= context->bytes - in, "inside the data");
	__CPROVER_assert(in % TWZ_PAGE + bytes <= TWZ_PAGE, "not across pages");
	__CPROVER_assert(in % 8 == 0, "aligned");
	if (reads == READS || nondet_bool())
		return NULL;
	reads++;
	if (bytes == sizeof(struct twz_context)) {
		struct twz_context *header = __CPROVER_allocate(sizeof(*header), 0);

		*header = nondet_header();
		return header;
	}
	if (bytes == sizeof(struct twz_context_entry)) {
		struct twz_context_entry *entry = __CPROVER_allocate(sizeof(*entry), 0);

		*entry = nondet_entry();
		return entry;
	}
	if (bytes == sizeof(struct twz_cap)) {
		struct twz_cap *cap = __CPROVER_allocate(sizeof(*cap), 0);

		*cap = nondet_cap();
		return cap;
	}
	return NULL; /* a table: PROOF_entries */
}

static enum right_verdict any_verdict(void *arg, const struct twz_cap *cap)
{
	uint32_t v = nondet_u32();

	(void)arg;
	__CPROVER_assert(__CPROVER_r_ok(cap, sizeof(*cap)), "the verdict is of a whole record");
	__CPROVER_assume(v <= RIGHT_UNKNOWN);
	return v;
}

static enum right_verdict any_parent(void *arg, const struct twz_cap *link,
				     const struct twz_cap *of)
{
	__CPROVER_assert(__CPROVER_r_ok(of, sizeof(*of)), "its parent is a whole record");
	return any_verdict(arg, link);
}

static bool any_key(void *arg, struct twz_id context, struct twz_id *key)
{
	(void)arg;
	(void)context;
	*key = nondet_id();
	return nondet_bool();
}

static struct right_context any_context(void)
{
	struct right_context c = {.id = nondet_id(), .bytes = nondet_u64(), .at = any_bytes};

	__CPROVER_assume(c.bytes <= 1ull << 40); /* the size of an object */
	return c;
}

/* As PROOF_open says that it is opened. */
static struct right_context any_open(void)
{
	struct right_context c = any_context();

	c.table = nondet_u64();
	c.nentries = nondet_u64();
	c.probes = nondet_u64();
	c.entries = NULL;
	c.global_mask = nondet_u32() & TWZ_PERM_ALL;
	__CPROVER_assume(!(c.nentries & (c.nentries - 1)));
	__CPROVER_assume(c.probes <= c.nentries && c.probes <= RIGHT_PROBES);
	return c;
}

static struct right_query any_query(void)
{
	struct right_query q = {.object = nondet_id(),
				.key = nondet_id(),
				.defaults = nondet_u32(),
				.grants = nondet_u32(),
				.now = nondet_u64(),
				.verdict = any_verdict,
				.parent = nondet_bool() ? any_parent : NULL,
				.context_key = any_key};

	return q;
}

/* ---- proofs ----------------------------------------------------------------------------------------- */

void PROOF_at(void);
void PROOF_open(void);
void PROOF_search(void);
void PROOF_limit(void);
void PROOF_mask_never_adds(void);
void PROOF_link_never_exceeds(void);
void PROOF_entry(void);
void PROOF_gate_never_exceeds(void);

/* Any offset: only what is inside is read, however large the numbers. */
void PROOF_at(void)
{
	struct right_context c = any_context();

	(void)at(&c, nondet_u64(), nondet_u64());
}

/* Any header: what is opened is what searches rely on. */
void PROOF_open(void)
{
	struct right_context c = any_context();

	right_open(&c);
	__CPROVER_assert(!(c.nentries & (c.nentries - 1)), "a power of two");
	__CPROVER_assert(c.probes <= c.nentries && c.probes <= RIGHT_PROBES, "bounded");
	__CPROVER_assert(!(c.global_mask & ~(uint32_t)TWZ_PERM_ALL), "known permissions");
}

/* Any step of any search: what it reads is in the table, and in the data. */
void PROOF_search(void)
{
	struct twz_context_entry table[ENTRIES]; /* any: it is not initialized */
	struct right_context c = any_open();
	struct search search = {.target = nondet_id(), .next = nondet_u64(), .left = 1};

	c.entries = c.nentries == ENTRIES && nondet_bool() ? table : NULL;
	(void)next_entry(&c, &search);
}

/* Any mask, or none: a limit is of known permissions, and of none if one may be lost. */
void PROOF_limit(void)
{
	struct right_context c = any_open();
	struct search search = {.target = nondet_id(), .lost = nondet_bool()};
	struct twz_context_entry e = nondet_entry();
	bool found = nondet_bool();
	uint32_t allowed = limit_of(&c, &search, found ? &e : NULL);

	__CPROVER_assert(!(allowed & ~(uint32_t)TWZ_PERM_ALL), "known ones");
	__CPROVER_assert(found || !search.lost || !allowed, "a lost mask leaves nothing");
}

/* Whatever was decided so far, applying a context's masks takes and never adds. */
void PROOF_mask_never_adds(void)
{
	struct right_context c = {.id = nondet_id()};
	struct right_answer a = {
		.effective = nondet_u32(), .granted = nondet_u32(), .pending = nondet_u32()};
	uint32_t effective = a.effective, granted = a.granted, pending = a.pending;

	__CPROVER_assume(!(effective & ~(uint32_t)TWZ_PERM_ALL));
	limit(&a, nondet_u32(), &c, RIGHT_MASKED);
	__CPROVER_assert(!(a.effective & ~effective), "a mask never adds");
	__CPROVER_assert(!(a.pending & ~pending), "nor to what is pending");
	__CPROVER_assert(a.granted == granted, "nor to what is granted");
}

/* Any chain of at most LINKS records, in any context. */
static void any_chain(struct chain *chain, struct twz_cap record[LINKS])
{
	chain->depth = nondet_u32();
	__CPROVER_assume(chain->depth < LINKS);
	for (unsigned i = 0; i < LINKS; i++) {
		record[i] = nondet_cap();
		chain->cap[i] = &record[i];
	}
}

/* A chain that holds gives nothing that any of its records does not, and only while all of them count. */
void PROOF_link_never_exceeds(void)
{
	struct twz_cap record[LINKS];
	struct chain chain;
	struct right_context c = any_context();
	struct right_query q = any_query();
	struct right_answer a = {.until = RIGHT_NEVER};

	any_chain(&chain, record);
	q.active = &c;
	one_chain(&q, &a, nondet_u64(), &chain);
	__CPROVER_assert(a.until > q.now || q.now == RIGHT_NEVER, "the answer holds now");
	if (!a.granted)
		return;
	__CPROVER_assert(a.granted == record[0].perms, "it gives what it says");
	__CPROVER_assert(same(record[0].accessor, c.id), "R2");
	__CPROVER_assert(!(record[0].flags & TWZ_CAP_GATE), "no gate");
	__CPROVER_assert(same(record[chain.depth].signer, q.key) && !none(q.key), "R6");
	for (uint32_t i = 0; i <= chain.depth; i++) {
		const struct twz_cap *r = &record[i];

		__CPROVER_assert(r->magic == TWZ_CAP_MAGIC && r->version == 1 && r->alg == 1, "R1");
		__CPROVER_assert(r->depth == chain.depth - i, "R3");
		__CPROVER_assert(same(r->target, r->flags & TWZ_CAP_KEY ? q.key : q.object), "R5");
		__CPROVER_assert(!(a.granted & ~r->perms), "a link never exceeds its parent");
		__CPROVER_assert(q.now >= r->not_before, "not early");
		__CPROVER_assert(!r->expires || q.now < r->expires || q.now == RIGHT_NEVER,
				 "in time");
		__CPROVER_assert(!r->expires || a.until <= r->expires, "until the first ends");
		__CPROVER_assert(!i || r->flags & TWZ_CAP_DELEGATE, "R8");
		__CPROVER_assert(!i || r->flags & TWZ_CAP_KEY ||
					 !(record[i - 1].flags & TWZ_CAP_KEY),
				 "one object's is not all of a key");
	}
}

/* Divisions of 64 bits are more than CBMC can do: numbers of gates are of 8 bits. */
static void small_gate(const struct twz_cap *cap)
{
	__CPROVER_assume(cap->gate_off < 256 && cap->gate_len < 256 && cap->gate_align < 256);
}

/* A chain lets in only where it is one of gates from end to end, and its own has that entry. */
void PROOF_entry(void)
{
	struct twz_cap record[LINKS];
	struct chain chain;
	struct right_context c = any_context();
	struct right_query q = any_query();
	struct right_answer a = {.until = RIGHT_NEVER};
	uint64_t entry = nondet_u64();

	any_chain(&chain, record);
	for (unsigned i = 0; i < LINKS; i++)
		small_gate(&record[i]);
	__CPROVER_assume(entry < 256);
	q.active = &c;
	q.entry = &entry;
	one_chain(&q, &a, nondet_u64(), &chain);
	if (!a.granted)
		return;
	__CPROVER_assert(a.granted == TWZ_EXEC, "nothing but entry");
	__CPROVER_assert(gate_has_entry(&record[0], entry), "it has the entry");
	for (uint32_t i = 0; i <= chain.depth; i++)
		__CPROVER_assert(record[i].flags & TWZ_CAP_GATE, "gates only");
}

/* A link that is narrower has no entry that its parent has not. */
void PROOF_gate_never_exceeds(void)
{
	struct twz_cap link = nondet_cap(), parent = nondet_cap();
	uint64_t entry = nondet_u64();

	small_gate(&link);
	small_gate(&parent);
	__CPROVER_assume(entry < 256);
	if (!gate_narrower(&link, &parent) || !(link.flags & TWZ_CAP_GATE) ||
	    !gate_has_entry(&link, entry))
		return;
	__CPROVER_assert(parent.flags & TWZ_CAP_GATE, "a gate comes of a gate");
	__CPROVER_assert(gate_has_entry(&parent, entry), "and so does each entry");
}
