/*
 * security.h - contexts, capabilities, delegations, masks, gates, keys. docs/format/security.md.
 *
 * What they mean is decided in core/right.h. Contexts are edited through <twz/right.h>.
 */
#ifndef TWZ_ABI_SECURITY_H
#define TWZ_ABI_SECURITY_H

#include "abi/base.h"

#define TWZ_CAP_MAGIC 0x20706163u /* "cap " */

enum twz_cap_flags {
	TWZ_CAP_DELEGATE = 1, /* may be the parent of another */
	TWZ_CAP_KEY = 2,      /* the target is a key: every object made under it */
	TWZ_CAP_GATE = 4,     /* the gate fields say where execution may enter */
};
enum twz_cap_alg { TWZ_ALG_ED25519 = 1 };
#define TWZ_CAP_DEPTH_MAX 8u

/* A capability; with a parent, a delegation. The signature is over the bytes before it. */
struct twz_cap {
	uint32_t magic;
	uint16_t version; /* 1 */
	uint16_t alg;     /* enum twz_cap_alg */
	uint32_t perms;   /* enum twz_perm */
	uint32_t flags;
	struct twz_id target;
	struct twz_id accessor; /* the context that it is for: stolen, it is useless */
	struct twz_id signer;   /* the public key that verifies it */
	uint64_t not_before;    /* seconds since 1970, UTC */
	uint64_t expires;       /* the first second in which it is void; 0: never */
	uint64_t gate_off;      /* entry at gate_off + n * gate_align, inside gate_len */
	uint64_t gate_len;
	uint32_t gate_align;
	uint32_t depth;     /* links above it, 0 for a root */
	uint8_t parent[32]; /* BLAKE2b-256 of the parent, zero for a root */
	uint64_t serial;
	uint8_t reserved[48];
	uint8_t sig[64];
};
TWZ_SIZE(struct twz_cap, 256);
TWZ_AT(struct twz_cap, sig, 192);

/*
 * A mask: what a context cannot have on one object, whatever is granted. What it can have is
 * (global_mask | override) & mask.
 */
struct twz_mask {
	struct twz_id target;
	uint32_t override; /* enum twz_perm */
	uint32_t mask;     /* enum twz_perm */
	uint64_t reserved;
};
TWZ_SIZE(struct twz_mask, 32);

/*
 * A gate of the context that it is listed in: where threads of other contexts enter this one. What is out of
 * place is no gate. docs/gates.md.
 */
enum twz_gate_flags {
	TWZ_GATE_IN_PLACE = 1,  /* the caller's view; what the thread is attached to stays so */
	TWZ_GATE_ABORTABLE = 2, /* deadlines, kill and suspend need not wait for its return */
	TWZ_GATE_PUBLIC = 4,    /* it takes no right to enter */
};
#define TWZ_GATE_STACKS_MAX 64u
struct twz_gate {
	struct twz_id object;
	uint64_t start, length;         /* entries are start + n * align, below start + length */
	uint32_t align;                 /* not 0 */
	uint32_t flags;                 /* enum twz_gate_flags */
	uint32_t vector_in, vector_out; /* bit n: vector register n carries an argument, a result */
	uint32_t nstacks;               /* threads that may be inside at once */
	uint32_t handler_bytes;         /* of the low end of each stack: the fault handler's */
	struct twz_id view;             /* entered, unless in place; then zero */
	struct twz_id stacks;           /* the object that they lie in, one behind the other */
	uint64_t stack_size;            /* a multiple of 16 */
	uint64_t base;       /* address of the object's byte 0, in the view that is entered */
	uint64_t stack_base; /* the same of the first stack's lowest byte */
	uint64_t handler;    /* where faults of the callee come in; 0: they end the call */
	uint64_t reserved;
};
TWZ_SIZE(struct twz_gate, 128);

/* Where a callee returns to: an address that nothing can be executed at. */
#define TWZ_GATE_RETURN 0x7ffffffff000ull

/*
 * A context's data: header, then a hash table by target. An entry refers to a run of capabilities or
 * a mask inside the object; offsets are from the object's start. meta.size says how much there is.
 *   - A target's search begins at (lo ^ hi) mod nentries and ends at an empty entry.
 *   - Nothing crosses a page: each lies at a multiple of its size.
 */
#define TWZ_CONTEXT_MAGIC 0x7478637a7774ull /* "twzcxt" */
#define TWZ_CONTEXT_UNDETACHABLE 1u         /* whoever attaches to it cannot leave it */
struct twz_context {
	uint64_t magic;
	uint32_t version;     /* 1 */
	uint32_t flags;       /* TWZ_CONTEXT_UNDETACHABLE */
	uint32_t global_mask; /* enum twz_perm */
	uint32_t reserved0;
	uint64_t serial; /* grows with every publish */
	uint64_t table;  /* struct twz_context_entry[nentries], a power of two, linear probing */
	uint64_t nentries;
	uint64_t gates; /* struct twz_gate[ngates] */
	uint64_t ngates;
	uint64_t heap;  /* the first byte behind all that was placed, from `table` on */
	uint64_t nused; /* entries of the table that are in use */
	uint64_t
		live; /* bytes from `table` to `heap` that something refers to, the table included */
	uint64_t reserved[5];
};
TWZ_SIZE(struct twz_context, 128);

enum twz_context_kind { TWZ_CONTEXT_CAP = 1, TWZ_CONTEXT_MASK = 2 };
struct twz_context_entry {
	struct twz_id target;
	uint32_t kind;  /* 0: empty */
	uint32_t count; /* capabilities in the run: a delegation is followed by its chain */
	uint64_t off;
};
TWZ_SIZE(struct twz_context_entry, 32);

/* The data of a key object, which is sealed: so its ID is the key's. */
#define TWZ_KEY_MAGIC 0x79656b7a7774ull /* "twzkey" */
struct twz_key {
	uint64_t magic;
	uint32_t version; /* 1 */
	uint32_t alg;     /* enum twz_cap_alg */
	uint8_t key[32];
	uint64_t reserved[2];
};
TWZ_SIZE(struct twz_key, 64);

/*
 * A private key at rest: a file of the host, or the data of an object with its own access control.
 * The seed is what Ed25519 derives all from. Under a passphrase, mac and seed are libsodium's
 * secretbox of it, under the key that crypto_pwhash (Argon2id13) makes of passphrase, salt, ops and
 * memory. What is opened counts only if it has the public key that stands here.
 */
#define TWZ_SECRET_MAGIC 0x6365737a7774ull /* "twzsec" */
enum twz_secret_sealing { TWZ_SECRET_OPEN = 0, TWZ_SECRET_PASSPHRASE = 1 };
struct twz_secret {
	uint64_t magic;
	uint32_t version; /* 1 */
	uint32_t alg;     /* enum twz_cap_alg */
	uint32_t sealing; /* enum twz_secret_sealing */
	uint32_t reserved0;
	uint64_t ops, memory; /* of Argon2id; 0 if it is open, like salt, nonce and mac */
	struct twz_id id;     /* of the public key's object */
	uint8_t key[32];      /* the public key */
	uint8_t salt[16];
	uint8_t nonce[24];
	uint8_t mac[16];
	uint8_t seed[32];
	uint8_t reserved[16];
};
TWZ_SIZE(struct twz_secret, 192);
TWZ_AT(struct twz_secret, mac, 128);

#endif
