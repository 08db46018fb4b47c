/*
 * ptr.h - persistent pointers: they mean the same in every program, run and machine.
 *
 *     struct node { twz_ptr(struct node) next; uint64_t value; };
 *
 *     twz_set(&n->next, other);              same object or another
 *     struct node *m = twz_get(&n->next);    null stays null
 *
 * Rules
 *   - A pointer is read relative to the object in which it is stored: it works only where it lies.
 *     A struct copied to the stack does not carry its pointers along: twz_ptr_copy does, from one
 *     object to another. A checking build (TWZ_CHECK) reports a pointer used outside of objects.
 *   - twz_get takes no lock. Within the object it is arithmetic; into another it is one load from
 *     the shadow once the target is mapped, which the first use does. A target that is not there, a
 *     tombstone, or a name that is bound to nothing is a fault (TWZ_FAULT_UNRESOLVED).
 *   - twz_set stores the pointer like any word: durable with twz_persist. The entry of the Foreign
 *     Object Table that it may need is made, durably, before. twz_set_tx stages both.
 *   - An object that lasts must not point to one that ends with the boot epoch: TWZ_E_ARG, unless
 *     it is asked for with twz_set_ending.
 *   - An address past the first 1 GiB of its target is reached through a large place.
 *   - Two threads that use one pointer, one of them storing, are ordered by the caller.
 */
#ifndef TWZ_PTR_H
#define TWZ_PTR_H

#include "core/fot.h"
#include "core/ptr.h"
#include "core/tx.h"
#include <twz/obj.h>

TWZ_C_BEGIN

#define twz_ptr(T)                            \
	struct {                              \
		uint64_t raw;                 \
		__extension__ T *twz_type[0]; \
	}

/*
 * The shadow: what FOT entries lead to in this program. An object's row is found by address: every
 * slot that is mapped has one, set before anything in the slot can be loaded; elsewhere it is null,
 * and the load from a low address faults (TWZ_FAULT_POINTER).
 *
 * The entry of a row at `index` is good for raw < limit, limit = (index << 40) + bytes that the
 * target's mapping shows; all zero: empty. So a look into the next row, which starts later and so
 * has a lower index in the same place, fails the same comparison, and so does whatever a hostile
 * top byte reaches: zeros follow the last row. Entry 0 is the object itself, and good in large
 * places only: elsewhere twz_get needs no row for it.
 */
struct twz_shadow {
	uint64_t limit;
	uint64_t delta; /* address - raw; written before limit */
};
#define TWZ_ROWS (1u << 17) /* one for each 1 GiB of the 47-bit address space */
#if TWZ_WHOLE               /* a program of our own kernel: linked whole, and relocated by nobody */
extern struct twz_shadow *twz_rows[TWZ_ROWS] __attribute__((visibility("hidden")));
#else
/*
 * Weak, though it is always there: so its address comes from the GOT, which the linker leaves out where
 * libtwz is linked in. A program that has it as a shared library would else begin with a copy of all of it.
 */
extern struct twz_shadow *twz_rows[TWZ_ROWS] __attribute__((weak));
#endif

/* All that is not in the shadow, null included. */
void *twz_ptr_slow(const uint64_t *where, uint64_t raw) __attribute__((cold, noinline));
/* Reports a pointer that lies outside of objects (TWZ_CHECK). */
void twz_ptr_check(const void *where);

static inline const struct twz_shadow *twz_row(const void *where)
{
#if TWZ_TSAN
	return __atomic_load_n(&twz_rows[(uintptr_t)where >> TWZ_SLOT_SHIFT], __ATOMIC_ACQUIRE);
#else
	return twz_rows[(uintptr_t)where >> TWZ_SLOT_SHIFT];
#endif
}

/* Where the value raw leads that is, or was, stored in the object at `where`. */
static inline void *twz_ptr_follow(const uint64_t *where, uint64_t raw)
{
	uint64_t before = raw - 1; /* null becomes the largest value: one compare sorts out both */
	const struct twz_shadow *entry;

	if (__builtin_expect(before < TWZ_SLOT_SIZE - 1 && !((uintptr_t)where >> TWZ_PLACE_BIT & 1),
			     1))
		return (void *)(((uintptr_t)where & ~(TWZ_SLOT_SIZE - 1)) + raw);
	/* index(raw - 1): for null far behind the rows; for offset 0 one too low, so not below limit */
	entry = twz_row(where) + (before >> TWZ_PTR_OFF_BITS);
#if TWZ_TSAN
	if (raw < __atomic_load_n(&entry->limit, __ATOMIC_ACQUIRE))
		return (void *)(raw + __atomic_load_n(&entry->delta, __ATOMIC_RELAXED));
#else
	if (__builtin_expect(raw < entry->limit, 1)) {
		__asm__ volatile("" : "+r"(entry)); /* loads delta after limit */
		return (void *)(raw + entry->delta);
	}
#endif
	return twz_ptr_slow(where, raw);
}

static inline void *twz_ptr_get(const uint64_t *where)
{
#if TWZ_CHECK
	twz_ptr_check(where);
#endif
	return twz_ptr_follow(where, *where);
}

/* The address that the pointer at p leads to, with its type. */
#define twz_get(p) ((__typeof__((p)->twz_type[0]))twz_ptr_get(&(p)->raw))
#define twz_is_null(p) ((p)->raw == 0)

enum twz_set_flags {
	TWZ_SET_ENDING = 1, /* from a lasting object to an ending one: the caller knows */
};

/*
 * The value that a pointer stored in the object at `holder` must have to lead to `target` (null
 * gives 0). What must be made for it, a FOT entry, is part of the transaction, or durable on return
 * when tx is null. TWZ_E_OUTSIDE, TWZ_E_FOTFULL, TWZ_E_ARG, what a transaction returns.
 */
int twz_ptr_to(struct twz_tx *tx, const void *holder, const void *target, uint32_t flags,
	       uint64_t *raw);

int twz_ptr_set(struct twz_tx *tx, uint64_t *where, const void *target, uint32_t flags);

/* All return 0 or an error. The target has the pointer's type, checked by the compiler. */
#define twz_set(p, target) twz_set_(0, p, target, 0)
#define twz_set_tx(tx, p, target) twz_set_(tx, p, target, 0)
#define twz_set_ending(tx, p, target) twz_set_(tx, p, target, TWZ_SET_ENDING)
#define twz_set_(tx, p, target, flags)                                  \
	__extension__({                                                 \
		twz_to_const_((p)->twz_type[0]) twz_target_ = (target); \
		TWZ_LEADS_TO(*(p)->twz_type[0], target);                \
		twz_ptr_set(tx, &(p)->raw, twz_target_, flags);         \
	})

/*
 * Is the target, or what a value is copied out to, what a pointer to `pointee` leads to? C++ asks that anyhow; C would only warn. Then such a choice
 * is a void *, not what it is of pointers to the same or of one that leads to anything.
 */
#ifdef __cplusplus
#define TWZ_LEADS_TO(pointee, target) (void)0
extern "C++" {
template <class T> const T *twz_const_(T *pointer);
}
#define twz_to_const_(pointer) \
	decltype(twz_const_(pointer)) /* void cannot be named by what it leads to */
#else
#define twz_to_const_(pointer) const __typeof__(*(pointer)) *
#define TWZ_LEADS_TO(pointee, target)                                                  \
	_Static_assert(twz_either_is_(const __typeof__(pointee) *, pointee, target) || \
			       twz_either_is_(const void *, pointee, target),          \
		       "the target is of another type than the pointer")
#define twz_either_is_(T, pointee, target) \
	__builtin_types_compatible_p(T, __typeof__(1 ? (target) : (const __typeof__(pointee) *)0))
#endif

/*
 * A late-bound pointer: the name, a path (name.h), is looked up when the pointer is followed, every
 * time: who rebinds it redirects the pointer. It leads to the root structure of the object found
 * (twz_obj_root). Part of the transaction, or one of its own when tx is null. The holder needs a
 * heap.
 *
 * The path begins at the root namespace, or where the resolver says: a namespace, or a search list
 * (twz_search_set in name.h). Faults are TWZ_FAULT_UNRESOLVED, with the reason as error: UNRESOLVED: the
 * name is bound to nothing, or to what is gone; NOTFOUND: the resolver, or a namespace that it lists, is
 * gone, or there is no right to it; TYPE: it is neither, or something on the path is no namespace.
 * twz_ptr_name has the name; a handler that binds it and returns true has the pointer followed again.
 */
#define twz_set_name(tx, p, path) twz_ptr_set_name(tx, &(p)->raw, path, (struct twz_id){0, 0})
#define twz_set_name_in(tx, p, path, resolver) twz_ptr_set_name(tx, &(p)->raw, path, resolver)
int twz_ptr_set_name(struct twz_tx *tx, uint64_t *where, const char *path, struct twz_id resolver);

/*
 * The name that the pointer at `where`, of any content, is bound by: at most `room` bytes with the
 * terminating zero, what does not print as '?'. False: it is not late-bound.
 */
static inline bool twz_ptr_name(const uint64_t *where, char *out, uint32_t room)
{
	return fot_name(where, out, room);
}

/*
 * Where the value raw, stored at `where`, leads: as twz_ptr_get, but an error instead of a fault, and no
 * shadow. For what strangers may have written.
 */
int twz_ptr_try(const uint64_t *where, uint64_t raw, void **addr);

/* *dst leads where *src leads. Late-bound ones are followed first, not copied. */
#define twz_ptr_copy(dst, src) twz_set(dst, twz_get(src))

TWZ_C_END

#endif
