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
 * Interfaces and implementations are named by tags, 128 bits, which follow from a name: twz_tag
 * (twz/ext.h). X(macro's name, name, hi, lo); lib/ext_test.c compares the two.
 */
/* clang-format off */
#define TWZ_TAGS(X)                                                                     \
	/* interfaces */                                                                \
	X(RESOLVER, "twz.resolver",  0x0398a921c7bbc51aull, 0x5a3bf925ff34213eull)      \
	X(IO,       "twz.io",        0x98d2d08a5f40ada1ull, 0x9a0ccd0710b43ee6ull)      \
	X(EVENT,    "twz.event",     0xe0ebf4618549c2b0ull, 0x35eefcf1522dc97eull)      \
	/* implementations */                                                           \
	X(SEARCH,   "twz.search",    0x1a231cf31c5b1464ull, 0x40a88c64a5c94e3cull)      \
	X(BYTES,    "twz.bytes",     0xc32750d4740a608cull, 0xa404214e31a40ec6ull)      \
	X(NAMES,    "twz.names",     0x518cd488abdf8658ull, 0x15c3ddf33d13fa61ull)      \
	X(THREAD,   "twz.thread",    0x81c3da4add13a1afull, 0x1e61775ba984ce2cull)      \
	X(CONSOLE,  "twz.console",   0x0a432aaf0556e7f7ull, 0x6a50108cc75c7267ull)      \
	X(QUEUE,    "twz.queue",     0x73d67dce2eafe617ull, 0xbb4cbf2c681470e7ull)
/* clang-format on */

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

#endif
