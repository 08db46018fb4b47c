/*
 * tie.h - ties: objects that live as long as others do.
 *
 * An object that is tied to another is not deleted before it, and is deleted when the last of those that
 * it is tied to is gone: deleted, or a thread that has ended. Any object can be tied to many others, of any
 * medium, threads and views too, and many to it.
 *   - Deleted while it is tied, it is only marked: it goes when its last tie does, also one that is undone.
 *     To undo the last tie of one that is not marked deletes nothing.
 *   - A tie of the kind SCOPED does not keep the object: it can be deleted before, and is deleted when
 *     `to` goes, whatever else it is tied to. A thread is so tied to its creator, for good.
 *   - Ties of persistent objects to each other are the store's (core/store.h). All others are in memory
 *     and kept here, for they end with the epoch as one of the two does. What lasts is tied to what does not only if
 *     TWZ_TIE_ENDING asks for that: it lasts no longer then, unless something else in the store holds it.
 *   - The kernel knows a persistent object as long as it has ties here.
 *   - A tie costs the account of the object that is tied a frame; but a volatile object's own frame pays for one to
 *     another volatile one.
 *   - What is tied to an object that is gone goes in bounded steps (object_reap), in chains and bunches of
 *     any size. Objects tied in a circle hold each other until one of those ties is undone.
 *
 * Lock: the kernel's.
 */
#ifndef KERNEL_TIE_H
#define KERNEL_TIE_H

#include "abi/syscall.h"
#include "kernel/object.h"

struct account;

/* In the tree of the object's ties by what they lead to, and in the list of those into that. */
struct tie {
	struct tie *child[2];
	struct list in;
	struct object *object, *to;
	struct account *account; /* charged with a frame; null: none */
	uint32_t kinds;          /* enum twz_tie_flags */
};

/* Are these flags that a tie can be made with? */
static inline bool tie_flags_good(uint32_t flags)
{
	return !(flags & ~(TWZ_TIE_KINDS | TWZ_TIE_ENDING | TWZ_TIE_SCOPED));
}

/*
 * Ties the object to `to`, both held by the caller; twice is as once, for each kind. `maker` is charged if
 * the object is nobody's. TWZ_E_ARG: to itself, a lasting one to what does not last, a SCOPED one in the
 * store; TWZ_E_BUSY: one that the superblock names; TWZ_E_NOTFOUND: a thread that has ended; TWZ_E_NOMEM,
 * TWZ_E_LIMIT, what the store returns.
 */
int tie_make(struct object *o, struct object *to, uint32_t flags, struct account *maker);

/*
 * Before one is undone, in bounded steps: ties of the object to others than `to` that lead to what is gone end
 * now, up to the first that does not. So it is known whether the one to be undone is the last: the order of
 * calls decides, not when others have come to freeing. 1: there may be more.
 */
int tie_end_gone(struct object *o, const struct object *to);

/* Takes these kinds away (none: PLAIN). TWZ_E_NOTFOUND, what the store returns. */
int tie_undo(struct object *o, struct object *to, uint32_t kinds);

/*
 * The tie that follows `walk`, of those out of the object and then into it; zeros start. TWZ_E_NOTFOUND at the
 * end; TWZ_E_BUSY: the tie where the walk stood is gone, so that it has to start again.
 */
int tie_next(struct object *o, struct twz_sys_tie *walk);

/* Has it ties here? */
static inline bool tie_any(const struct object *o)
{
	return o->ties || !list_empty(&o->ties_in);
}

/* Is there one that keeps it from being deleted, here or in the store? */
bool tie_holds(const struct object *o);
/* The same of one that lost its last tie in the store: does it stay for one that it has here? */
bool tie_stays(const struct object *o);
/* It is to go with its last tie. */
int tie_mark(struct object *o);

/* The object is gone: some of what is tied to it goes. True: that was all. */
bool tie_end_some(struct object *o);
/* It is deleted: some of its own ties end. True: that was all. */
bool tie_drop_some(struct object *o);

#endif
