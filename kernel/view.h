/*
 * view.h - views in use: which objects a program sees, and where.
 *
 * A view object's table says what the program wants to have mapped. At the first touch of a slot the
 * kernel reads the entry (a copy: the program may be changing it), finds the object and makes a
 * binding, which from then on is what counts: an entry that changed has no effect until
 * view_invalidate. A binding shows the object in one slot, by one entry of the view's root.
 *
 * What a touch may do is decided at the touch: the entry's rights and right_of, both.
 *
 * A view is in use while a thread is in it. Lock: the kernel's.
 */
#ifndef KERNEL_VIEW_H
#define KERNEL_VIEW_H

#include "abi/rt.h"
#include "abi/view.h"
#include "kernel/object.h"

#define VIEW_BUCKETS 64u

struct binding {
	struct binding *next; /* in the view's bucket */
	struct binding *object_next, **object_link;
	struct view *view;
	struct object *object; /* held */
	uint32_t slot;
	uint32_t rights; /* enum twz_view_rights, of the entry */
};

struct view {
	struct object *object; /* held */
	uint64_t root;
	uint32_t threads;
	uint32_t number;
	struct binding *bucket[VIEW_BUCKETS];
};

extern uint32_t views_used;

/*
 * The view of this object, in use for one thread more. TWZ_E_TYPE: no view; TWZ_E_DAMAGED: its header
 * is none; TWZ_E_NOMEM.
 */
int view_enter(struct object *object, struct view **view);
/* One thread fewer; with the last one all bindings end. */
void view_leave(struct view *view);

/*
 * Resolves a touch, or says in *fault why it cannot be (all but `address` and `access`, which the
 * caller sets). access: enum twz_view_rights, one bit.
 */
bool view_touch(const struct thread *thread, uint64_t address, uint32_t access,
		struct twz_fault *fault);

/* The object that is bound at the address and the offset in it, bound by a load if need be. */
int view_object(const struct thread *thread, uint64_t address, struct object **object,
		uint64_t *offset);

/* Slots [slot, slot + count) forget what they show. */
void view_invalidate(struct view *view, uint32_t slot, uint32_t count);

/* All bindings of an object end, in all views. */
void view_unbind_all(struct object *object);

/* Waits until no other processor has translations of this view, and forgets our own. */
void view_shoot(const struct view *view);

extern uint64_t shootdowns, shootdown_ipis;

#endif
