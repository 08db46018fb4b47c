/*
 * object.h - what lies inside an object: fixed offsets, meta page, log, FOT, persistent pointers.
 *
 * An object is a sparse array of up to 2^40 bytes. Page 0 is never mapped, so null faults. All
 * else is absent until it differs from zeros. Documents: docs/format/object.md, pointer.md,
 * log.md. Whoever may write the object may write all of this: nothing here is trusted by others.
 */
#ifndef TWZ_ABI_OBJECT_H
#define TWZ_ABI_OBJECT_H

#include "abi/base.h"

#define TWZ_OBJ_SIZE_MAX ((uint64_t)1 << 40)
#define TWZ_OBJ_META 0x2000ull  /* one page: struct twz_meta */
#define TWZ_OBJ_LOG 0x100000ull /* struct twz_log_record; sealed: the digests */
#define TWZ_OBJ_LOG_END 0x200000ull
#define TWZ_OBJ_FOT 0x200000ull /* 65,536 entries */
#define TWZ_OBJ_FOT_END 0x400000ull
#define TWZ_OBJ_DATA 0x400000ull

/* A standard slot shows the first 1 GiB of an object, a large place all of it. */
#define TWZ_SLOT_SHIFT 30
#define TWZ_SLOT_SIZE ((uint64_t)1 << TWZ_SLOT_SHIFT)
#define TWZ_PLACE_SHIFT 40
#define TWZ_PLACE_SIZE ((uint64_t)1 << TWZ_PLACE_SHIFT)
/* Addresses with this bit lie in large places, those without in standard slots. */
#define TWZ_PLACE_BIT 46

/*
 * A persistent pointer, 64 bits: 63..56 zero, 55..40 FOT index, 39..0 offset. Index 0 is the object
 * that the pointer lies in. All zero is null.
 */
#define TWZ_PTR_OFF_BITS 40
#define TWZ_PTR_INDEX_BITS 16
#define TWZ_PTR_OFF_MASK (((uint64_t)1 << TWZ_PTR_OFF_BITS) - 1)

/*
 * The log head, one line of the meta page, so that lock and retired mark are flushed as one.
 * Transactions: docs/format/log.md. Outside every checksum.
 */
struct twz_log_head {
	uint64_t lock;    /* 0 free; else epoch << 32 | waiters << 31 | owner (process or thread) */
	uint64_t retired; /* transactions up to this number are done or void */
	uint64_t storing; /* the last one that was stored in place; past retired: it still is */
	uint64_t reserved[5];
};
TWZ_SIZE(struct twz_log_head, 64);
TWZ_AT(struct twz_log_head, storing, 16);

struct twz_meta {
	uint64_t magic;          /* TWZ_META_MAGIC, or 0: the page holds no more than defaults */
	uint32_t version;        /* 1 */
	uint32_t fot_entry_size; /* 32, or 0 for the default */
	uint64_t size;      /* bytes of data from TWZ_OBJ_DATA on, for objects that are files */
	uint64_t root;      /* offset of the first structure of the data; 0: TWZ_OBJ_DATA */
	uint32_t ext_off;   /* extension table: offset inside this page, 0 for none */
	uint32_t ext_count; /* its entries, struct twz_ext */
	uint32_t fot_next;  /* FOT entries 1..fot_next have been given out */
	uint32_t fot_live;  /* of those, the ones that are no tombstones */
	uint64_t reserved0;
	uint64_t heap;           /* offset of the heap header, struct twz_heap; 0: no heap */
	struct twz_log_head log; /* at 64 */
	uint8_t reserved1[128];
	uint8_t ext[3840]; /* room for the extension table */
};
TWZ_SIZE(struct twz_meta, 4096);
TWZ_AT(struct twz_meta, log, 64);
TWZ_AT(struct twz_meta, ext, 256);
#define TWZ_META_MAGIC 0x6174656d7a7774ull /* "twzmeta" */

/* An extension: the tag names an interface, methods points (persistently) to its method table. */
struct twz_ext {
	struct twz_id tag;
	uint64_t methods;
	uint64_t reserved;
};
TWZ_SIZE(struct twz_ext, 32);

/*
 * One redo record, at TWZ_OBJ_LOG. The body follows: ranges, each a word (length 24 bits |
 * offset 40 bits << 24) and the bytes, padded together to 16; then nparts times struct twz_log_part. The
 * sum (docs/format/log.md) covers all but itself and `reserved`, and the ID of the object that the
 * record lies in: a copied record is not whole.
 */
struct twz_log_record {
	uint64_t seq; /* greater than every number used in this object before */
	uint64_t sum;
	uint32_t ranges; /* bytes of the ranges, a multiple of 16 */
	uint16_t nparts;
	uint16_t flags; /* enum twz_log_flags */
	uint64_t reserved;
};
TWZ_SIZE(struct twz_log_record, 32);

/*
 * The coordinator's record lists all other participants' records. Each of theirs has the flag and
 * lists the coordinator, with seq and sum 0.
 */
enum twz_log_flags { TWZ_LOG_PART = 1 };
struct twz_log_part {
	struct twz_id id;
	uint64_t seq;
	uint64_t sum;
};
TWZ_SIZE(struct twz_log_part, 32);
#define TWZ_LOG_BODY_MAX (TWZ_OBJ_LOG_END - TWZ_OBJ_LOG - sizeof(struct twz_log_record))
#define TWZ_LOG_PARTS_MAX 64u /* objects in one transaction, the coordinator included */

/*
 * A FOT entry. `kind` is what makes it valid. Dedup chains run through head and next: entry b's
 * head is the first entry of bucket b, linear hashing over fot_next + 1 buckets.
 */
enum twz_fot_kind { TWZ_FOT_EMPTY = 0, TWZ_FOT_ID = 1, TWZ_FOT_NAME = 2, TWZ_FOT_TOMB = 3 };
enum twz_fot_flags { TWZ_FOT_HOLD = 1 }; /* the target is tied to this object; set by tie calls */

struct twz_fot_entry {
	uint16_t kind;
	uint16_t flags;
	uint16_t next;        /* next entry of the same bucket, 0 ends */
	uint16_t head;        /* first entry of the bucket with this entry's number */
	uint64_t name;        /* NAME: offset 40 bits | length 16 bits << 40, in this object */
	struct twz_id target; /* ID: the object. NAME: the resolver, zero for the default one */
};
TWZ_SIZE(struct twz_fot_entry, 32);
#define TWZ_FOT_ENTRIES 65536u
TWZ_PIN(TWZ_FOT_ENTRIES * sizeof(struct twz_fot_entry) == TWZ_OBJ_FOT_END - TWZ_OBJ_FOT);

/*
 * A heap: allocation inside an object. Blocks are classed by size, four classes for each power of
 * two; a class's free blocks are a list. docs/format/heap.md.
 */
#define TWZ_HEAP_MAGIC 0x706165687a7774ull /* "twzheap" */
#define TWZ_HEAP_CLASSES 112u              /* 16 bytes to 4 GiB */

struct twz_heap {
	uint64_t magic;
	uint32_t version; /* 1 */
	uint32_t reserved0;
	uint64_t start; /* offset of the first block */
	uint64_t top;   /* offset behind the last block that was ever cut */
	uint64_t end;   /* offset that top cannot pass */
	uint64_t root;  /* for the user: the first structure, a persistent pointer */
	uint64_t reserved[10];
	uint64_t free[TWZ_HEAP_CLASSES]; /* offset of the first free block's payload, 0 for none */
};
TWZ_SIZE(struct twz_heap, 1024);

/* Stands 16 bytes before each block's payload, which is aligned to 16. One word changes at a time. */
struct twz_block_head {
	uint16_t magic; /* TWZ_BLOCK_... */
	uint16_t size_class;
	uint32_t next; /* offset of the class's next free payload / 16, 0 ends; of a used block 0 */
	uint64_t reserved;
};
TWZ_SIZE(struct twz_block_head, 16);
#define TWZ_BLOCK_USED 0x6475u /* "ud" */
/* Three kinds of free ones. */
#define TWZ_BLOCK_FREE 0x6566u /* "fe": it was used */
#define TWZ_BLOCK_CUT 0x6366u  /* "fc": cut off a larger free one, and not used since */
#define TWZ_BLOCK_BARE \
	0x6266u /* "fb": its whole pages were given back, and it was not used since */

#endif
