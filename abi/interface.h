/*
 * interface.h - what an object can be used by: tags, method tables, and the parameters that libtwz's own
 * implementations keep in objects. docs/format/interface.md.
 *
 * The extension table (struct twz_ext, abi/object.h) leads from the tag of an interface to a method
 * table. That names the code which implements the interface for this object, and holds what the code
 * needs to know; it holds no code. Whoever may write an object may write all of this: nothing here is
 * trusted by others.
 */
#ifndef TWZ_ABI_INTERFACE_H
#define TWZ_ABI_INTERFACE_H

#include "abi/base.h"

/*
 * Interfaces and implementations are named by tags, 128 bits, which follow from a name (twz_tag in
 * twz/ext.h). X(macro's name, name): interfaces, then implementations.
 */
/* clang-format off */
#define TWZ_TAGS(X)           \
	X(RESOLVER, "twz.resolver")   \
	X(IO,       "twz.io")         \
	X(EVENT,    "twz.event")      \
	X(SEARCH,   "twz.search")     \
	X(BYTES,    "twz.bytes")      \
	X(NAMES,    "twz.names")      \
	X(THREAD,   "twz.thread")     \
	X(CONSOLE,  "twz.console")    \
	X(QUEUE,    "twz.queue")
/* clang-format on */

#define TWZ_TAG_RESOLVER ((struct twz_id){0x5a3bf925ff34213eull, 0x0398a921c7bbc51aull})
#define TWZ_TAG_IO ((struct twz_id){0x9a0ccd0710b43ee6ull, 0x98d2d08a5f40ada1ull})
#define TWZ_TAG_EVENT ((struct twz_id){0x35eefcf1522dc97eull, 0xe0ebf4618549c2b0ull})
#define TWZ_TAG_SEARCH ((struct twz_id){0x40a88c64a5c94e3cull, 0x1a231cf31c5b1464ull})
#define TWZ_TAG_BYTES ((struct twz_id){0xa404214e31a40ec6ull, 0xc32750d4740a608cull})
#define TWZ_TAG_NAMES ((struct twz_id){0x15c3ddf33d13fa61ull, 0x518cd488abdf8658ull})
#define TWZ_TAG_THREAD ((struct twz_id){0x1e61775ba984ce2cull, 0x81c3da4add13a1afull})
#define TWZ_TAG_CONSOLE ((struct twz_id){0x6a50108cc75c7267ull, 0x0a432aaf0556e7f7ull})
#define TWZ_TAG_QUEUE ((struct twz_id){0xbb4cbf2c681470e7ull, 0x73d67dce2eafe617ull})

#define TWZ_METHODS_MAGIC 0x6874656d7a7774ull /* "twzmeth" */
#define TWZ_METHODS_NAME 48u
#define TWZ_PARAMS_MAX 65536u

/* A method table: at an offset that is a multiple of 8, of any object. */
struct twz_methods {
	uint64_t magic;   /* TWZ_METHODS_MAGIC */
	uint32_t version; /* 1 */
	uint32_t params;  /* bytes of parameters, which follow; at most TWZ_PARAMS_MAX */
	struct twz_id interface, implementation;
	char name[TWZ_METHODS_NAME]; /* of the implementation, for people; ends with a zero */
};
TWZ_SIZE(struct twz_methods, 96);

/*
 * Parameters of SEARCH, a RESOLVER: a name leads to what it leads to in the first of these namespaces
 * that has it. Changes are transactions that stage all of it as one range.
 */
#define TWZ_SEARCH_MAX 16u
struct twz_search {
	uint64_t generation; /* grows with every change: who kept a look-up looks again */
	uint32_t count;
	uint32_t reserved;
	struct twz_id list[TWZ_SEARCH_MAX];
};
TWZ_SIZE(struct twz_search, 272);

/*
 * A queue of messages, in the object's data: this; the method tables of its interfaces; from
 * TWZ_QUEUE_RING on a ring of `capacity` bytes. A message is a word, its length, and its bytes, padded
 * with anything to a multiple of 8; it may go on at the ring's start, which the word never does. Byte n of
 * all that was ever put lies in the ring at n mod capacity. Changes are transactions.
 */
#define TWZ_QUEUE_MAGIC 0x65756575717a7774ull /* "twzqueue" */
#define TWZ_QUEUE_RING 4096u                  /* offset in the data */
#define TWZ_QUEUE_MESSAGE_MAX 65536u          /* bytes of a message */
#define TWZ_QUEUE_CAPACITY_MAX ((uint64_t)1 << 29)

struct twz_queue {
	uint64_t magic;
	uint32_t version; /* 1 */
	uint32_t reserved;
	uint64_t capacity; /* a multiple of 8 */
	uint64_t put, got; /* bytes of all messages, ever; the low halves are waited on */
	uint64_t reserved1[3];
};
TWZ_SIZE(struct twz_queue, 64);

struct twz_queue_head { /* the whole of it: at TWZ_OBJ_DATA */
	struct twz_queue queue;
	struct twz_methods io, event;
};
TWZ_SIZE(struct twz_queue_head, 256);

#endif
