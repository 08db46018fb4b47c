/*
 * right.h - rights: keys, capabilities, and the contexts that hold them. docs/rights.md.
 *
 * Rules
 *   - A context is edited like any object: by who may write it. What it holds counts from
 *     twz_context_publish on: the system decides by a copy that is made then, so nobody ever sees
 *     half of a change, and what was not published changes nothing.
 *   - Each change of a context is one transaction, durable on return: over a crash it is there or
 *     not. Programs that change one context at the same time wait for each other. Any thread may
 *     call; the stack must have room for a transaction (tx.h).
 *   - Nothing in a context is trusted; what cannot be is TWZ_E_DAMAGED, and nothing is changed.
 *   - A thread acts in contexts: it is attached to up to TWZ_ATTACH_MAX, and has the rights of the active
 *     one, within the masks of those that it cannot leave. What it makes is made under the active
 *     one's key. Hosted there are none to act in: TWZ_E_ABSENT.
 *   - A chain is a capability and, behind it, its parents up to the root: chain[0].depth + 1
 *     records. Whether it gives anything is decided by the system (twz_right_explain says it), not
 *     here.
 *   - Offsets in a context change when it is edited.
 */
#ifndef TWZ_RIGHT_H
#define TWZ_RIGHT_H

#include "abi/security.h"
#include "abi/syscall.h"
#include <twz/obj.h>

TWZ_C_BEGIN

/* ---- contexts --------------------------------------------------------------------------------- */

struct twz_context_new {
	struct twz_id key; /* made under; zero: none, and then nobody can be given a right to it */
	uint32_t perms;    /* defaults, enum twz_perm, exactly; 0: nobody's but by capabilities */
	uint32_t global_mask; /* what it can have on anything; TWZ_PERM_ALL: no limit */
	bool undetachable;    /* attached so by default */
	bool ending;          /* gone with this boot epoch unless kept */
	/* In memory, and gone when this program ends, or, if `tie` is not zero, with that. */
	bool temporary;
	struct twz_id tie;
};
/* An empty context, mapped. */
int twz_context_make(const struct twz_context_new *wanted, struct twz_obj *obj);
/* TWZ_E_TYPE: the object is no context. */
int twz_context_open(struct twz_id id, struct twz_obj *obj);

/*
 * Adds a chain of `count` records. What is there already is not added twice. TWZ_E_ARG: it is no
 * chain, or for another context; TWZ_E_LIMIT: there are as many chains for this target as a decision
 * looks at, or too many targets whose IDs collide.
 */
int twz_context_add(const struct twz_obj *obj, const struct twz_cap *chain, uint32_t count);
/* Removes all chains for the target. TWZ_E_NOTFOUND. */
int twz_context_remove(const struct twz_obj *obj, struct twz_id target);

/*
 * On the target the context can have (global mask | override) & mask, whatever is granted. With
 * override 0 and mask TWZ_PERM_ALL the target has no mask of its own.
 */
int twz_context_mask(const struct twz_obj *obj, struct twz_id target, uint32_t override,
		     uint32_t mask);
/* The global mask. */
int twz_context_global(const struct twz_obj *obj, uint32_t mask);

/*
 * Gates: where threads of other contexts enter this one, numbered from 0. struct twz_gate (abi/security.h)
 * says what the fields mean, docs/format/security.md what they must be like (G1 to G6).
 *
 * Sets gate `index`, or adds it if it would be the next one. TWZ_E_ARG: it is no gate; TWZ_E_NOTFOUND: one
 * before it is missing. A number stands for what callers were told: one that is not used any more is better
 * set to something that fails than left to the next.
 */
int twz_context_gate_set(const struct twz_obj *obj, uint64_t index, const struct twz_gate *gate);
/* The context has no gates any more. */
int twz_context_gates_clear(const struct twz_obj *obj);
/* Gate `index`, as it stands in the context, whatever it says. TWZ_E_NOTFOUND: it has fewer. */
int twz_context_gate(const struct twz_obj *obj, uint64_t index, struct twz_gate *gate);

/* What the context holds now counts, on return. TWZ_E_ABSENT: this system has no rights. */
int twz_context_publish(const struct twz_obj *obj);

/*
 * Calls each for every chain and every mask, in no order, until it returns something other than 0,
 * which is then returned. Nobody can change the context meanwhile, `each` included.
 */
struct twz_context_item {
	struct twz_id target;
	uint64_t off;                /* of the chain or the mask */
	const struct twz_cap *chain; /* null: it is a mask */
	uint32_t count;              /* records of the chain */
	const struct twz_mask *mask;
};
int twz_context_each(const struct twz_obj *obj,
		     int (*each)(const struct twz_context_item *item, void *arg), void *arg);

/* ---- acting in contexts ------------------------------------------------------------------------- */

/*
 * The calling thread's: flags are enum twz_attach_flags (abi/syscall.h). Errors: twz_rt_attach and what
 * follows it in abi/rt.h. A program runs on memory that belongs to who started it, so before it goes over to
 * a context of another owner it grants that what it needs; mostly it runs a program in it instead.
 */
int twz_context_attach(struct twz_id context, uint32_t flags);
int twz_context_detach(struct twz_id context);
int twz_context_switch(struct twz_id context);

/* Runs a program in a context and waits, as twz_rt_run_as, what was printed so far before it. */
int twz_run_as(const struct twz_rt_program *program, int *status);

/* A volatile object, in part or whole, for another context, until it is taken back by 0: twz_rt_grant. */
int twz_right_grant(struct twz_id object, struct twz_id context, uint32_t perms);
/* What a context, by default the caller's, may do to the object, and why: twz_rt_explain. */
int twz_right_explain(struct twz_id object, struct twz_id context, struct twz_rt_answer *answer);

/* ---- keys and capabilities --------------------------------------------------------------------- */

/* The public key's object: sealed, so the same key gives the same. */
int twz_key_make(const uint8_t key[TWZ_AT_LEAST 32], struct twz_id *id);
/* A new private key, open; `id` is for the caller to fill in. */
void twz_secret_new(struct twz_secret *secret);
/*
 * Is this a private key that can be used? TWZ_E_TYPE: it is none; TWZ_E_VERSION; TWZ_E_RIGHT: it is
 * sealed under a passphrase; TWZ_E_DAMAGED: its public key is another.
 */
int twz_secret_check(const struct twz_secret *secret);

/*
 * An open private key is under the passphrase from now on, whose key Argon2id makes in `ops` passes over `memory`
 * bytes; and open again. Unsealing takes what the secret says, up to TWZ_SECRET_OPS and TWZ_SECRET_MEMORY: more is
 * TWZ_E_DAMAGED, as it would keep who opens it busy. TWZ_E_RIGHT: the passphrase is wrong, or the secret was
 * changed; TWZ_E_NOMEM. After an error it is as before. The caller wipes what it has open.
 */
#define TWZ_SECRET_OPS 64u
#define TWZ_SECRET_MEMORY ((uint64_t)1 << 30)
int twz_secret_seal(struct twz_secret *secret, const void *passphrase, uint64_t bytes, uint64_t ops,
		    uint64_t memory);
int twz_secret_unseal(struct twz_secret *secret, const void *passphrase, uint64_t bytes);
/* Zeros what is secret; the compiler leaves that in. */
void twz_wipe(void *p, uint64_t bytes);

/*
 * Completes and signs a capability that the caller has zeroed and filled with what it gives: perms,
 * flags, target, accessor, times, gate, serial. A delegation of `parent`, or a root if that is null.
 * What twz_secret_check returns; TWZ_E_LIMIT: the parent is as deep as can be.
 */
int twz_cap_sign(struct twz_cap *cap, const struct twz_cap *parent,
		 const struct twz_secret *secret);

/*
 * Would `cap` give more than `parent`, of which it is to be a delegation, or may that not be
 * delegated? The reason as a text; null: it is in order.
 */
const char *twz_cap_refused(const struct twz_cap *cap, const struct twz_cap *parent);

/* ---- texts ------------------------------------------------------------------------------------- */

/* Why a permission is there or not: the reasons of twz_right_explain. */
const char *twz_right_text(uint32_t why);

/* Permissions as letters: r read, w write, x execute, u use, d delete. */
#define TWZ_PERMS_TEXT 6
void twz_perms_text(uint32_t perms, char out[TWZ_AT_LEAST TWZ_PERMS_TEXT]); /* "rw-u-" */
/* Letters in any order, "-" among them for none; TWZ_E_ARG. */
int twz_perms_parse(const char *text, uint32_t *perms);

/* "2026-11-22T07:00:00Z" */
#define TWZ_TIME_TEXT 24
void twz_time_text(uint64_t seconds, char out[TWZ_AT_LEAST TWZ_TIME_TEXT]);
/*
 * That, also without Z or without the time of day; or +NUMBER and s, m, h or d, from `now` on.
 * TWZ_E_ARG.
 */
int twz_time_parse(const char *text, uint64_t now, uint64_t *seconds);

/* "OFFSET,LENGTH,ALIGN", decimal or 0x and hexadecimal: the gate of a capability. TWZ_E_ARG. */
int twz_gate_parse(const char *text, struct twz_cap *cap);

/* A capability in lines of "NAME VALUE", each behind `indent`. */
#define TWZ_CAP_TEXT 1024
void twz_cap_text(const struct twz_cap *cap, const char *indent,
		  char out[TWZ_AT_LEAST TWZ_CAP_TEXT]);
/* A gate of a context in such lines. */
void twz_gate_text(const struct twz_gate *gate, const char *indent,
		   char out[TWZ_AT_LEAST TWZ_CAP_TEXT]);

TWZ_C_END

#endif
