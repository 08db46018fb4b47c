/*
 * namespace.h - a namespace: names to objects, in an object with a heap. docs/format/namespace.md.
 *
 * A chained hash table that grows by linear hashing: bucket b of nbuckets lies in segment s, which
 * holds 2^s * TWZ_NS_SEGMENT buckets from bucket (2^s - 1) * TWZ_NS_SEGMENT on. With n the largest
 * TWZ_NS_SEGMENT * 2^k <= nbuckets, a hash h belongs in bucket h mod 2n if that is below nbuckets,
 * else in h mod n. Segments and entries are blocks of the heap, each owned by the word that leads to
 * it: segment[s], a bucket, or the `next` before it. Names keep no order; who lists them sorts.
 *
 * The hash is twz_fold(s, TWZ_SUM_K), s being the twz_sum of the name's bytes, padded with zeros to
 * 16, with the length as seed.
 */
#ifndef TWZ_ABI_NAMESPACE_H
#define TWZ_ABI_NAMESPACE_H

#include "abi/base.h"

#define TWZ_NS_MAGIC 0x736e7a7774ull /* "twzns" */
#define TWZ_NS_SEGMENT 16u
#define TWZ_NS_SEGMENTS 24u
#define TWZ_NAME_MAX 255u /* bytes, of one name: UTF-8 without '/' and control characters */
#define TWZ_PATH_MAX 4095u

/* At the heap's root. Offsets are of payloads in this object, 0 for none. */
struct twz_ns {
	uint64_t magic;
	uint32_t version; /* 1 */
	uint32_t nbuckets;
	uint64_t count;       /* names */
	struct twz_id parent; /* "..", zero in the root */
	uint64_t generation;  /* grows with every change: who cached a look-up asks again */
	uint64_t segment[TWZ_NS_SEGMENTS]; /* arrays of offsets of struct twz_ns_entry */
	struct twz_id
		doomed; /* lost its name here to be deleted: the next change makes sure of it */
};
TWZ_SIZE(struct twz_ns, 256);

struct twz_ns_entry {
	uint64_t next; /* in the bucket */
	uint64_t hash;
	struct twz_id id;
	uint32_t type; /* of the object, enum twz_type: for listing */
	uint16_t flags;
	uint16_t length; /* of the name, no terminating zero */
	char name[];
};
TWZ_AT(struct twz_ns_entry, name, 40);

#endif
