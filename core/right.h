/*
 * right.h - the decision: what a thread may do to an object, and why. docs/format/security.md.
 *
 * One pure function. It reads its input and nothing else, keeps nothing, and calls only what the input
 * supplies; the kernel, the tools and the tests all use it. A context is opened once for many decisions.
 *
 *   granted   = the object's defaults | valid capabilities of the active context | grants
 *   limit of a context = (global mask | override for the object) & mask for the object
 *   effective = granted & the limit of the active context & those of all undetachable ones
 *
 * A capability counts for the object if it stands in the context's table under the object's ID, or
 * under the key that the object was made under, and its chain is whole (chain[0] the capability itself,
 * followed by its parents up to the root, chain[depth]):
 *   R1  magic, version and algorithm are known, reserved bytes zero, no unknown flags or permissions
 *   R2  chain[0]'s accessor is the active context
 *   R3  depth counts down to 0, and the root has no parent; TWZ_CAP_DEPTH_MAX at most
 *   R4  parent is the BLAKE2b-256 (TWZ_HASH_CAP) of the whole next record, its signature included
 *   R5  each target is the object, or, flagged KEY, the key that the object was made under; a link
 *       flagged KEY has a parent flagged KEY
 *   R6  the root is signed under the object's key; of an object without one, nothing can be given
 *   R7  a link is signed under the key of the context that delegates: that of the parent's accessor
 *   R8  the parent may be delegated (DELEGATE)
 *   R9  a link gives nothing that its parent does not: permissions, times, entries; one flagged GATE has
 *       a parent flagged GATE, any other one has not
 *   R10 not_before <= now < expires, for each
 *   R11 each signature is right
 * One flagged GATE gives no permission. It gives entry, and so it counts where `entry` asks for that:
 *
 *   granted   = EXEC, if a valid capability of the active context that is flagged GATE has that entry:
 *               gate_off <= entry < gate_off + gate_len, and entry - gate_off is a multiple of gate_align
 *
 * Neither defaults nor grants nor permissions let in; the limits count as for EXEC on the object, as
 * who may not execute it is not to make it run either.
 *
 * At most RIGHT_CANDIDATES chains for a target are looked at; others do not count.
 *
 * A context is data that its owner wrote. Nothing in it is trusted, and every search is bounded. What is
 * out of place gives nothing: a capability counts as absent; if a mask, or whether there is one, cannot
 * be read, the context's limit is empty.
 *
 * With UNKNOWN verdicts: as long as `unverified` is not null, find what is not known of it (signature,
 * parent) and decide again. In the end `effective` is what it would be with all verdicts known; those
 * that could add nothing to it never stood in `unverified`.
 */
#ifndef TWZ_CORE_RIGHT_H
#define TWZ_CORE_RIGHT_H

#include "abi/record.h"
#include "abi/security.h"

#define RIGHT_CANDIDATES 8u
#define RIGHT_PROBES 64u /* slots of a context's table that a look-up takes at most */
#define RIGHT_NEVER (~0ull)

/*
 * A published context: its bytes do not change as long as it is open. Whoever has one fills in what
 * stands above and calls right_open(); without that it gives nothing, and its limit is empty.
 */
struct right_context {
	struct twz_id id;
	/* From TWZ_OBJ_DATA on, at most an object's size; offsets are of the object, so that much more. */
	uint64_t bytes;
	/*
	 * [offset, offset + bytes), which is inside, at a multiple of 8, and does not cross a page; null
	 * if it is not there. Aligned as the offset is; stays as long as the context is open.
	 */
	const void *(*at)(const struct right_context *context, uint64_t offset, uint64_t bytes);
	void *arg;

	/* right_open() fills in the rest. */
	uint64_t table, nentries;
	uint64_t probes;                         /* entries that a search goes through at most */
	const struct twz_context_entry *entries; /* the table, if it lies in one page */
	uint32_t global_mask;
};

void right_open(struct right_context *context);

enum right_verdict { RIGHT_BAD = 0, RIGHT_GOOD = 1, RIGHT_UNKNOWN = 2 };

struct right_query {
	struct twz_id object, key; /* key: that the object was made under, zero for none */
	uint32_t defaults;
	uint32_t grants; /* unsigned, the kernel's own */
	/* Not null: may execution enter at this offset? Else: what may be done? */
	const uint64_t *entry;
	uint64_t now;                       /* seconds since 1970, UTC */
	const struct right_context *active; /* null: no context, so defaults and grants only */
	const struct right_context *const *limits; /* undetachable ones, `nlimits` */
	uint32_t nlimits;
	void *arg;
	/*
	 * R11: is the signature right, under the key that cap->signer names? UNKNOWN: it was not looked
	 * at. Not asked if the chain is wrong anyhow, or would give nothing that is not granted.
	 */
	enum right_verdict (*verdict)(void *arg, const struct twz_cap *cap);
	/*
	 * R4: does the link name this parent, the record behind it? cap_is_parent() says so, for a hash;
	 * as the records stay what they are, its answer may be kept for the two of them. UNKNOWN: it was
	 * not looked at. Asked like `verdict`, and before it. Null: cap_is_parent(), each time.
	 */
	enum right_verdict (*parent)(void *arg, const struct twz_cap *link,
				     const struct twz_cap *parent);
	/* The key that this context object was made under; false: there is no such object. */
	bool (*context_key)(void *arg, struct twz_id context, struct twz_id *key);
};

/* Why a permission is there, or is not. */
enum right_why {
	RIGHT_NONE = 0, /* nobody gives it */
	RIGHT_DEFAULT,  /* the object's defaults */
	RIGHT_CAP,      /* a capability */
	RIGHT_GRANT,
	RIGHT_MASKED,  /* it is given, but the active context's masks take it away */
	RIGHT_LIMITED, /* it is given, but an undetachable context's masks take it away */
	/* A capability would give it, but: */
	RIGHT_MALFORMED,   /* R1, R3 */
	RIGHT_STOLEN,      /* R2 */
	RIGHT_BROKEN,      /* R4, R5: the chain does not hold together */
	RIGHT_SIGNER,      /* R6, R7: signed under another key than has a say */
	RIGHT_UNDELEGABLE, /* R8 */
	RIGHT_WIDENED,     /* R9 */
	RIGHT_EARLY,
	RIGHT_EXPIRED,    /* R10 */
	RIGHT_FORGED,     /* R11 */
	RIGHT_UNVERIFIED, /* R11: UNKNOWN */
};

#define RIGHT_PERMS 5u /* bits of enum twz_perm */

struct right_answer {
	uint32_t effective, granted;
	uint32_t pending; /* would be effective as well if `unverified` turned out good */
	uint64_t until;   /* the first second in which the answer may be another; RIGHT_NEVER */
	/* Of a chain that would give some of `pending`: the first record with an UNKNOWN, where `at` put it. */
	const struct twz_cap *unverified;
	struct right_reason {
		enum right_why why;
		struct twz_id by; /* MASKED, LIMITED: the context */
		uint64_t cap;     /* offset of the capability, in the active context; 0: none */
	} reason[RIGHT_PERMS]; /* by bit number. For a permission that is missing: what came closest */
};

void right_decide(const struct right_query *query, struct right_answer *answer);

/* A public key: its ID follows from its bytes. One that is not sealed is about to become one. */
static inline bool right_is_key(const struct twz_identity *identity)
{
	return identity->type == TWZ_TYPE_KEY && identity->flags & TWZ_ID_SEALED;
}

/* query.key of an object: a public key counts as made under itself, so it is its owner's. */
static inline struct twz_id right_key(const struct twz_identity *identity, struct twz_id id)
{
	return right_is_key(identity) ? id : identity->key;
}

/*
 * Does the context say anything of this object by its ID, or can that not be read? Objects that neither
 * the active context nor an undetachable one mentions, and that are no keys, are decided alike if they
 * have the same key, defaults and grants; but for what a capability for one object gives, which may stand
 * under its key.
 */
bool right_mentions(const struct right_context *context, struct twz_id object);

/* A context's limit for an object. */
uint32_t right_limit(const struct right_context *context, struct twz_id object);

#endif
