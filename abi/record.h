/*
 * record.h - an object's identity and its record in the store. docs/format/record.md.
 *
 * Identity lies here and never in a page that a user can write. The ID is the hash of the identity
 * and so signs it: whoever first loads a record checks that.
 */
#ifndef TWZ_ABI_RECORD_H
#define TWZ_ABI_RECORD_H

#include "abi/base.h"

enum twz_type {
	TWZ_TYPE_DATA = 0,
	TWZ_TYPE_NAMESPACE = 1,
	TWZ_TYPE_VIEW = 2, /* from here to DEVICE: kernel-state objects */
	TWZ_TYPE_CONTEXT = 3,
	TWZ_TYPE_THREAD = 4,
	TWZ_TYPE_KEY = 5, /* a public key, sealed */
	TWZ_TYPE_DEVICE = 6,
};

enum twz_perm {
	TWZ_READ = 1,
	TWZ_WRITE = 2,
	TWZ_EXEC = 4,
	TWZ_USE = 8,
	TWZ_DELETE = 16,
	TWZ_PERM_ALL = 31,
};

enum twz_identity_flags { TWZ_ID_SEALED = 1 };

struct twz_identity {
	uint32_t version;    /* 1 */
	uint32_t type;       /* enum twz_type */
	uint32_t flags;      /* enum twz_identity_flags */
	uint32_t perms;      /* default permissions, enum twz_perm; never change */
	struct twz_id key;   /* the public key that the object is made under, zero for none */
	struct twz_id nonce; /* random; zero in a sealed object */
	uint8_t root[32];    /* sealed: root of the hash tree. Otherwise zero */
	uint64_t size;       /* sealed: bytes of data from TWZ_OBJ_DATA on. Otherwise zero */
	uint64_t reserved;
};
TWZ_SIZE(struct twz_identity, 96);
/* The "personal" field of BLAKE2b, 16 bytes, separates the uses of the hash. */
#define TWZ_HASH_ID "twz-identity-1\0" /* and the terminating zero */
#define TWZ_HASH_LEAF "twz-leaf-1\0\0\0\0\0"
#define TWZ_HASH_INNER "twz-inner-1\0\0\0\0"
#define TWZ_HASH_ROOT "twz-root-1\0\0\0\0\0"
#define TWZ_HASH_CAP "twz-cap-1\0\0\0\0\0\0"
TWZ_PIN(sizeof(TWZ_HASH_ID) == 16);
TWZ_PIN(sizeof(TWZ_HASH_CAP) == 16);
TWZ_PIN(sizeof(TWZ_HASH_LEAF) == 16);
TWZ_PIN(sizeof(TWZ_HASH_INNER) == 16);
TWZ_PIN(sizeof(TWZ_HASH_ROOT) == 16);

/* Of a record; none while it is free. */
enum twz_record_flags {
	TWZ_RECORD_MARKED = 1, /* was deleted while it was tied: goes with its last tie */
	TWZ_RECORD_GONE = 2,   /* is deleted, but its home still uses it: ends with the epoch */
};

/*
 * Of a tie (struct twz_tie): who made it, one of these or both, and what it was made in spite of. Asked for
 * without a kind it is PLAIN.
 */
enum twz_tie_flags {
	TWZ_TIE_PLAIN = 1, /* a kind: by a call */
	TWZ_TIE_HOLD = 2,  /* a kind: by a FOT entry that HOLDs */
	TWZ_TIE_ENDING =
		4, /* an object that lasts may be tied to one that ends, and so end with it */
	/*
	 * A kind that the kernel has and the store has not: the object can be deleted before, and is deleted
	 * when the other goes, whatever else it is tied to. So threads are tied to who started them.
	 */
	TWZ_TIE_SCOPED = 8,
	TWZ_TIE_MARKED =
		16, /* said of ties out of an object: it was deleted, and goes with the last */
};
#define TWZ_TIE_KINDS 3u /* the bits that are kinds, in the store */

enum twz_state {
	TWZ_STATE_FREE = 0,
	TWZ_STATE_LIVE = 1,
	TWZ_STATE_ENDING = 2,   /* on the ending list: ends with the epoch end_epoch */
	TWZ_STATE_VIEW = 3,     /* on the list of registered views */
	TWZ_STATE_DYING = 4,    /* on the dying list: deleted, being freed in steps */
	TWZ_STATE_INTERNAL = 5, /* a tree of the store's own, in the superblock */
};

/*
 * Run of a small object, 64 bits: page 28 | frame 32 | pages - 1, 4; all zero: empty (page 0 is
 * never present). Low bits first.
 */
#define TWZ_RUNS 4
#define TWZ_RUN_PAGES_MAX 16

/*
 * Record, 224 bytes. A reference to it is frame << 6 | slot (TWZ_REF). `sum` covers all but itself and
 * settled_epoch.
 */
struct twz_record {
	struct twz_id id;
	struct twz_identity identity;
	uint16_t state;         /* enum twz_state */
	uint16_t level;         /* 0: runs. 1 to 4: height of the tree below root */
	uint32_t npages;        /* pages present */
	uint64_t end_epoch;     /* 0: lasts. Otherwise gone in every later epoch */
	uint64_t settled_epoch; /* the log was settled in this epoch; a mark outside the sum */
	union {
		uint64_t run[TWZ_RUNS];
		struct {
			uint32_t root; /* frame of the topmost node */
			uint32_t reserved[7];
		} tree;
	} map;
	uint64_t tie_out;   /* first tie of this object to another, a reference; 0 none */
	uint64_t tie_in;    /* first tie of another to this object */
	uint64_t list_next; /* the list that `state` says; references, 0 ends */
	uint64_t list_prev;
	uint64_t account; /* the account that it is charged to, 0 none */
	uint32_t flags;   /* enum twz_record_flags */
	uint32_t nties;   /* ties out */
	uint64_t sum;
};
TWZ_SIZE(struct twz_record, 224);
TWZ_AT(struct twz_record, state, 112);
TWZ_AT(struct twz_record, map, 136);
TWZ_AT(struct twz_record, sum, 216);

#endif
