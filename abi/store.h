/*
 * store.h - the store image: superblock, frames, nodes, indices, update log. docs/format/store.md.
 *
 * The image is an array of 4 KiB frames, numbered from 0; all references inside it are frame
 * numbers or offsets, so it can lie at any address. An image that is all zeros behind its
 * superblock is an empty store, so making one takes constant time.
 */
#ifndef TWZ_ABI_STORE_H
#define TWZ_ABI_STORE_H

#include "abi/base.h"
#include "abi/record.h"

#define TWZ_STORE_MAGIC 0x65726f74737a7774ull /* "twzstore" */
#define TWZ_STORE_VERSION 1u
#define TWZ_STORE_SIZE_MIN (16ull << 20)
#define TWZ_STORE_FRAMES_MAX 0xffffff00ull /* just under 16 TiB */

/*
 * Feature masks: who does not know a bit of `must` refuses the store, of `ro` refuses to write to it
 * (this version: to open it at all), of `may` ignores it.
 */
#define TWZ_STORE_ACCOUNTS 1ull /* of `ro`: what is under a key is charged to its account */
#define TWZ_STORE_TIES 2ull     /* of `ro`: who deletes an object cuts the ties into it */
#define TWZ_STORE_MAY 0ull
#define TWZ_STORE_RO (TWZ_STORE_ACCOUNTS | TWZ_STORE_TIES)
#define TWZ_STORE_MUST 0ull

struct twz_area {
	uint32_t frame;
	uint32_t frames;
};

/* The first 120 bytes of frames 0 and 1, the same in both, written when the store is made. */
struct twz_super_fixed {
	uint64_t magic;
	uint32_t version;
	uint32_t reserved0;
	uint64_t may, ro, must;
	uint8_t uuid[16];
	uint8_t secret[16]; /* keys the hashes of the indices */
	uint64_t nframes;
	struct twz_area block;   /* struct twz_block, one for each 2 MiB */
	struct twz_area share;   /* one signed byte for each frame, see TWZ_SHARE_MAX */
	struct twz_area log;     /* struct twz_update_log */
	struct twz_area runtime; /* struct twz_runtime */
	uint64_t sum;            /* twz_sum_at of the words before */
};
TWZ_SIZE(struct twz_super_fixed, 120);

/*
 * A persistent hash index from a key's tag to a reference, grown a page at a time (linear hashing). The
 * pages are those of `tree`, an internal record: page b is bucket b.
 */
struct twz_index {
	struct twz_record tree;
	uint64_t nbuckets; /* 0: empty, no pages */
	uint64_t count;    /* slots in use */
	uint64_t reserved[2];
};
TWZ_SIZE(struct twz_index, 256);

struct twz_list {
	uint64_t head, tail; /* references to records, 0 for none */
};

/* A slab hands out places of one kind of small record. */
struct twz_slab {
	uint64_t free;   /* first free place, 0 for none: the next update takes a new frame */
	uint64_t frames; /* frames that it has; they stay its own */
};

/* At offset 1024 of frame 0; changed by updates only. */
struct twz_super {
	uint64_t epoch;         /* of the last mount */
	uint64_t nobjects;      /* live records */
	uint64_t nused;         /* frames in use, areas included */
	uint64_t sum;           /* twz_sum_at of the other words, but those of the trees */
	struct twz_list ending; /* ends with this epoch */
	struct twz_list dying;  /* deleted, to be freed */
	struct twz_list views;  /* registered: brought back at boot */
	struct twz_slab records, ties, accounts;
	struct twz_id root; /* the root namespace */
	struct twz_id key;  /* the system's public key */
	struct twz_id boot; /* the boot context */
	uint64_t reserved[10];
	struct twz_index objects;   /* by ID */
	struct twz_index tie_index; /* by hash of (a, b) */
	struct twz_index key_index; /* accounts by key */
	uint64_t reserved1[64];
};
TWZ_SIZE(struct twz_super, 1536);
TWZ_AT(struct twz_super, views, 64);
TWZ_AT(struct twz_super, objects, 256);
#define TWZ_SUPER_AT 1024u

/* One for each 512 frames. All zero: all free. */
struct twz_block {
	uint64_t used[8]; /* bit f: frame f of the block is in use */
	uint64_t meta[8]; /* bit f: it holds the store's structures and is never mapped for users */
	uint32_t nused;
	uint32_t
		shared; /* added to the share byte of every frame of the block; 0 to TWZ_SHARE_MAX */
	uint64_t sum;   /* twz_sum_at of the other words; 0 when all are 0 */
	uint64_t reserved[14];
};
TWZ_SIZE(struct twz_block, 256);
TWZ_AT(struct twz_block, nused, 128);
#define TWZ_BLOCK_FRAMES 512u

/*
 * A frame's holders beyond the first: its share byte, signed, plus its block's `shared`. A block that
 * is one leaf's 512 pages in order is shared by one word. Share bytes are from -TWZ_SHARE_MAX to
 * TWZ_SHARE_MAX; the sum of both is never negative, and 0 for a free frame.
 */
#define TWZ_SHARE_MAX 63

/*
 * A node of an object's tree. Level 1 refers to data frames, higher ones to nodes. refs counts the
 * entries and records that refer to it: more than one means that it is shared and must not change.
 */
struct twz_node {
	uint32_t magic; /* TWZ_NODE_MAGIC */
	uint16_t level;
	uint16_t npresent;
	uint32_t refs; /* this word is outside the sum: the checker counts */
	uint32_t reserved0;
	uint64_t sum;   /* twz_sum_at of the other words */
	uint32_t pages; /* data pages below it */
	uint32_t reserved1;
	uint64_t reserved2[4];
	uint32_t frame[512];
	uint8_t limit[512]; /* level 1: rights that a page cannot have, enum twz_perm; 0 no limit */
	uint64_t reserved3[184];
};
TWZ_SIZE(struct twz_node, 4096);
TWZ_AT(struct twz_node, frame, 64);
TWZ_AT(struct twz_node, limit, 2112);
#define TWZ_NODE_MAGIC 0x65646f6eu /* "node" */
#define TWZ_NODE_FANOUT 512u
#define TWZ_LEVEL_MAX 4

/* A frame of a slab: header and equal places. A free place is zero but for the next free one. */
struct twz_slab_head {
	uint32_t magic; /* TWZ_SLAB_MAGIC */
	uint32_t kind;  /* enum twz_slab_kind */
	uint64_t reserved[7];
};
TWZ_SIZE(struct twz_slab_head, 64);
#define TWZ_SLAB_MAGIC 0x62616c73u /* "slab" */
enum twz_slab_kind { TWZ_SLAB_RECORD = 1, TWZ_SLAB_TIE = 2, TWZ_SLAB_ACCOUNT = 3 };
#define TWZ_SLAB_RECORDS 18u
#define TWZ_SLAB_SMALL 63u /* ties or accounts in a frame */
/* A reference to a place in a slab: frame << 6 | slot. 0 is none. */
#define TWZ_REF(frame, slot) ((uint64_t)(frame) << 6 | (slot))

/* A tie of a to b: a is not deleted before b. Each is on both objects' lists. */
struct twz_tie {
	uint64_t a, b;           /* references to records */
	uint64_t a_next, a_prev; /* ties out of a; a_next links free places */
	uint64_t b_next, b_prev; /* ties into b */
	uint32_t flags;          /* enum twz_tie_flags: of its kinds at least one */
	uint32_t reserved;
	uint64_t sum;
};
TWZ_SIZE(struct twz_tie, 64);
#define TWZ_TIES_CHARGED 63u /* ties out that are charged to an account as one page */

/* What the objects made under a key may use. */
struct twz_account {
	struct twz_id key;
	uint64_t pages, limit; /* copies charged in full; limit 0: none */
	uint64_t objects;      /* while there are any, the key object lives */
	uint64_t reserved;     /* links free places */
	uint64_t frame_limit;  /* of DRAM, which the kernel counts; 0: none */
	uint64_t sum;
};
TWZ_SIZE(struct twz_account, 64);

/* A page of an index: open addressing with linear probing, no tombstones. */
struct twz_bucket {
	uint32_t magic; /* TWZ_BUCKET_MAGIC */
	uint32_t count; /* slots in use */
	uint64_t sum;   /* twz_sum_at of all words but this one */
	uint64_t reserved[6];
	uint64_t slot[504]; /* tag 26 bits << 38 | reference 38 bits; 0 empty */
};
TWZ_SIZE(struct twz_bucket, 4096);
#define TWZ_BUCKET_MAGIC 0x6b636275u /* "ubck" */
#define TWZ_BUCKET_SLOTS 504u
#define TWZ_TAG_BITS 26
#define TWZ_REF_BITS 38

/*
 * The update log: the one way in which the structures above change. Whole means: magic, count in
 * range, sum right. A whole log is applied at every open; applying twice changes nothing.
 */
struct twz_update_word {
	uint64_t off; /* in the image, a multiple of 8 */
	uint64_t value;
};
struct twz_update_log {
	uint64_t magic; /* TWZ_UPDATE_MAGIC */
	uint64_t seq;
	uint64_t count; /* of words; 0: applied */
	uint64_t sum;   /* twz_sum over this header, sum as zero, and the words */
	uint64_t reserved[4];
	struct twz_update_word word[];
};
TWZ_SIZE(struct twz_update_log, 64);
#define TWZ_UPDATE_MAGIC 0x7464707577ull /* "wupdt" */
#define TWZ_UPDATE_FRAMES 16u
#define TWZ_UPDATE_WORDS 4092u /* the largest update */
TWZ_PIN(sizeof(struct twz_update_log) + TWZ_UPDATE_WORDS * 16 == TWZ_UPDATE_FRAMES * 4096);

/* The runtime area: who has the store open. Outside every checksum, void in another epoch. */
struct twz_runtime {
	uint64_t lock;  /* of the store's structures: epoch << 32 | waiters << 31 | owner */
	uint64_t epoch; /* that the rest of the area is of */
	/*
	 * Who mounts says by what rules processes share the store until the epoch ends, and in which
	 * space of process numbers. Who has others cannot attach.
	 */
	uint32_t rules;   /* TWZ_RUNTIME_RULES */
	uint32_t leases;  /* behind the last lease in use; `lock` held */
	uint64_t numbers; /* hosted: the PID namespace, as the host names it */
	uint64_t mappers; /* bit i: process[i] may have leases; `lock` held */
	uint64_t recalls; /* how many there were: a process asked, once; `lock` held */
	uint64_t owners;  /* numbers given out to processes: each had another one before */
	uint64_t reserved;
	struct twz_process {
		uint64_t pid;
		uint64_t start;       /* start time as the host reports it: tells a reused pid */
		struct twz_id thread; /* its object, or zero; `lock` held */
		uint32_t making;      /* 1: that is being made, and `thread` may not say so yet */
		uint32_t recall;      /* enum twz_recall: it is to give leases back */
		uint64_t recall_ref;  /* ... of the object with this record */
		uint32_t owner;       /* what lock words call it; nobody else in this epoch */
		uint32_t answers; /* the thread that gives leases back, by its number; 0: not yet */
		uint64_t reserved;
	} process[63];
	struct twz_lease {
		uint64_t ref;     /* the record */
		uint32_t process; /* its place in the table */
		uint32_t mode;    /* enum twz_lease_mode; 0 free */
	} lease[3840];
};
TWZ_SIZE(struct twz_runtime, 65536);
TWZ_AT(struct twz_runtime, process, 64);
TWZ_AT(struct twz_runtime, lease, 4096);
#define TWZ_RUNTIME_FRAMES 16u
/* Grows with each change of this area, and of what lock words and log heads mean among processes. */
#define TWZ_RUNTIME_RULES 3u

/* What is mapped of an object, as bits: frames to be read only; frames to be written; holes, as zeros. */
enum twz_lease_mode {
	TWZ_LEASE_READ = 1,
	TWZ_LEASE_WRITE = 2,
	TWZ_LEASE_HOLES = 4,
	TWZ_LEASE_ALL = 7
};

/*
 * The word on which the thread of a process sleeps that gives leases back. It goes from NONE to IDLE by
 * the process itself; from IDLE or LATE to ASKED, and from there to LATE or back to IDLE, by who holds the
 * store's lock; from ASKED to WORKING, and from there and from LATE to IDLE, by that thread.
 */
enum twz_recall {
	TWZ_RECALL_NONE,    /* no thread yet, so no leases */
	TWZ_RECALL_IDLE,    /* nothing to do, or done */
	TWZ_RECALL_ASKED,   /* to give back what it has of `recall_ref` */
	TWZ_RECALL_WORKING, /* at it */
	TWZ_RECALL_LATE     /* was asked, did not begin in time, is not asked any more */
};

#endif
