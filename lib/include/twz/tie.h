/*
 * tie.h - lifetimes: objects that live as long as others.
 *
 *     twz_tie(page.id, book.id, 0);      page goes with book, and not before
 *     twz_rt_self(&self);
 *     twz_tie(scratch.id, self, 0);      scratch goes with this thread, however it ends
 *
 * Rules
 *   - An object that is tied to another is not deleted before it, and is deleted when the last of all
 *     those that it is tied to is gone. Any to any: objects of every type and medium, threads and views.
 *   - Who deletes it before only marks it: it stays, can be found and used, and goes with its last tie,
 *     by untying too. Untying an object that is not marked deletes nothing.
 *   - A tie is durable on return, if both objects are; it is there whole or not at all. What is tied to
 *     an object goes after it, in the background, all of it, over a crash too.
 *   - A tie to a thread can be of the kind SCOPED (TWZ_TIE_SCOPED): the object goes with the thread,
 *     whatever else it is tied to (hosted: unless something else holds it), but can be deleted before. What
 *     is made temporary (obj.h) is so tied to its program.
 *   - An object that lasts can be tied to one that ends with the boot epoch, or to a thread, only if it is
 *     asked for by name (TWZ_TIE_ENDING): unless something else still holds it, it ends with that.
 *   - Objects tied in a circle hold each other: they go when one of those ties is taken away.
 *   - Copies and what is sealed have no ties.
 *   - Tying and untying take DELETE on the object that is tied, and any right to the other.
 */
#ifndef TWZ_TIE_H
#define TWZ_TIE_H

#include <twz/ptr.h>

TWZ_C_BEGIN

/*
 * The object is tied to `to` from now on; twice is as once. Flags: enum twz_tie_flags (abi/record.h), mostly
 * 0. TWZ_E_NOTFOUND; TWZ_E_ARG: to itself, or one that lasts to one that does not; TWZ_E_BUSY: the root
 * namespace, the system's key and the boot context are tied to nothing; TWZ_E_FULL, TWZ_E_LIMIT.
 */
int twz_tie(struct twz_id object, struct twz_id to, uint32_t flags);

/* Takes the tie away, or of its kinds those that are named; 0: as twz_tie makes it. TWZ_E_NOTFOUND. */
int twz_untie(struct twz_id object, struct twz_id to, uint32_t kinds);

/*
 * The tie behind this one in a walk, which zeros start: first those of the object to others, then those of
 * others to it. TWZ_E_NOTFOUND at the end; TWZ_E_BUSY: the one behind which to go on was taken away
 * meanwhile, start again.
 *
 *     struct twz_rt_tie tie = {{0, 0}, 0, 0};
 *     while (!(error = twz_ties(id, &tie)))
 *             ...
 */
int twz_ties(struct twz_id object, struct twz_rt_tie *tie);

/*
 * The object that the pointer leads to is held by the one that the pointer lies in: it is not deleted while
 * that is there. One hold for all pointers from one object to another. The tie of kind HOLD is what counts,
 * and a flag in the FOT says it beside the pointers; over a crash the tie can be there without the flag, and
 * the next twz_hold or twz_unhold goes on. It takes the right to write to the holder, besides those
 * of tying.
 * TWZ_E_OUTSIDE; TWZ_E_ARG: null, a pointer into the same object, a late-bound one, or from an object that
 * ends to one that lasts, unless twz_hold_ending asks for that; TWZ_E_UNRESOLVED: it leads to no
 * object; TWZ_E_SEALED: the holder; else as twz_tie.
 */
#define twz_hold(p) twz_ptr_hold(&(p)->raw, 0)
#define twz_hold_ending(p) twz_ptr_hold(&(p)->raw, TWZ_TIE_ENDING)
int twz_ptr_hold(const uint64_t *where, uint32_t flags);

/*
 * Not any more. The pointer stays, and so does its target unless it was deleted. TWZ_E_NOTFOUND: it was not
 * held.
 */
#define twz_unhold(p) twz_ptr_unhold(&(p)->raw)
int twz_ptr_unhold(const uint64_t *where);

TWZ_C_END

#endif
