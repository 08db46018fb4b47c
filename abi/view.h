/*
 * view.h - a view: an address space described by objects. docs/format/view.md.
 *
 * A view is an object of type TWZ_TYPE_VIEW. Its data starts with struct twz_view. A program maps
 * an object by writing an entry; it is mapped when first touched. What is mapped follows the entry
 * only after an invalidate.
 */
#ifndef TWZ_ABI_VIEW_H
#define TWZ_ABI_VIEW_H

#include "abi/base.h"

#define TWZ_VIEW_MAGIC 0x776569767a7774ull /* "twzview" */
#define TWZ_VIEW_SLOTS 65536u              /* standard slots of 1 GiB: addresses below 2^46 */
#define TWZ_VIEW_PLACES 64u                /* large places of 1 TiB: addresses from 2^46 on */
#define TWZ_VIEW_RESERVED 16u /* slots 0..15 are not for objects: null, rows of the shadow */

enum twz_view_rights {
	TWZ_VIEW_READ = 1,
	TWZ_VIEW_WRITE = 2,
	TWZ_VIEW_EXEC = 4,
	/* Checking builds: data is stored to only by a process in which a transaction has it. */
	TWZ_VIEW_CHECKED = 8,
	/* Checking builds: nothing is here any more; a touch is the use of a stale address. */
	TWZ_VIEW_RECYCLED = 16,
};

/* An entry is read as a whole between two equal, even values of seq. */
struct twz_view_slot {
	struct twz_id id; /* zero: nothing here */
	uint64_t epoch;   /* stale in any other boot epoch; 0: good in all */
	uint32_t rights;  /* at most the first three; enum twz_view_rights */
	uint32_t seq;     /* odd while being changed */
};
TWZ_SIZE(struct twz_view_slot, 32);

#define TWZ_VIEW_CONTEXTS 8u

enum twz_view_flags {
	TWZ_VIEW_INTERRUPTS = 1, /* the program deals with the console's interrupts itself, now */
};

/* A registered view is entered at boot at recovery_entry on the stack, with its contexts attached. */
struct twz_view {
	uint64_t magic;
	uint32_t version;        /* 1 */
	uint32_t flags;          /* enum twz_view_flags */
	uint64_t recovery_entry; /* address in this view; 0: cannot be brought back */
	uint64_t recovery_arg;
	uint64_t stack; /* highest address of the fresh stack, and its size */
	uint64_t stack_size;
	uint64_t reserved[2];
	struct twz_id context[TWZ_VIEW_CONTEXTS]; /* [0] active, [1..] attached */
	uint64_t reserved1[488];
	struct twz_view_slot slot[TWZ_VIEW_SLOTS + TWZ_VIEW_PLACES];
};
TWZ_AT(struct twz_view, context, 64);
TWZ_AT(struct twz_view, slot, 4096);

#endif
