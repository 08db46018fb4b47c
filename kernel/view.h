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
 * A view is in use while a thread is in it. It has page tables for each subject whose threads are in it:
 * a space. They are good as long as the subject has the stamp that they were made under.
 *
 * Lock: the kernel's.
 */
#ifndef KERNEL_VIEW_H
#define KERNEL_VIEW_H

#include "abi/rt.h"
#include "abi/view.h"
#include "kernel/context.h"
#include "kernel/object.h"
#include "kernel/thread.h"

#define VIEW_BUCKETS 64u

struct binding {
	struct binding *next; /* in the view's bucket */
	struct binding *object_next, **object_link;
	struct view *view;
	struct object *object; /* held */
	uint32_t slot;
	uint32_t rights;         /* enum twz_view_rights, of the entry */
	uint32_t may;            /* of these, what the subject with this stamp may do */
	struct account *account; /* charged for it */
	uint64_t stamp;          /* 0: none */
};

struct view {
	struct object *object;   /* held */
	struct account *account; /* of the first one in it, charged with one frame */
	struct space *spaces;
	uint64_t unbound;    /* bindings that were taken out */
	struct list entered; /* crossings that were decided, into it (gate.h) */
	struct binding *bucket[VIEW_BUCKETS];
};

/* What threads of one subject in one view see. */
struct space {
	struct space *next;
	struct view *view;
	struct subject *subject; /* held; the tables are charged to it */
	uint64_t stamp;
	uint64_t root;
	uint32_t threads;
};

extern uint32_t views_used;

/*
 * The space of this view and subject, in use for one thread more. TWZ_E_TYPE: no view; TWZ_E_DAMAGED:
 * its header is none; TWZ_E_NOMEM, TWZ_E_LIMIT.
 */
int view_enter(struct object *object, struct subject *subject, struct space **space);
/* One thread fewer; with a space's last one it goes, and with a view's last one all bindings. */
void view_empty(struct space *space);
static inline void view_leave(struct space *space)
{
	if (!--space->threads)
		view_empty(space);
}

/* The processor's page tables are those of the space from now on; or the kernel's alone. */
void view_unload(struct cpu *cpu);
void space_renew(struct space *space);
static inline void view_load(struct cpu *cpu, struct space *space)
{
	if (__builtin_expect(space->stamp != space->subject->stamp, 0))
		space_renew(space);
	cpu->space = space;
	cpu_load_root(space->root);
}

/*
 * Resolves a touch, fault->access: enum twz_view_rights, one bit; or says in the rest of *fault, but for
 * `address`, why it cannot be.
 */
bool view_touch(struct thread *thread, uint64_t address, struct twz_fault *fault);

static inline struct binding *view_binding(const struct view *view, uint32_t slot)
{
	struct binding *b = view->bucket[slot % VIEW_BUCKETS];

	while (b && b->slot != slot)
		b = b->next;
	return b;
}

/*
 * Where in the view the physical address is: sets object, offset and address of the fault, if it is there. It
 * looks at all that is mapped, which takes as long as that is much: for what never happens.
 */
void view_find(const struct view *view, uint64_t physical, struct twz_fault *fault);

/*
 * The object that is at the address and the offset in it: READ is needed. TWZ_E_OUTSIDE. In place what is
 * bound in a standard slot and was decided; view_object_anew is for all.
 */
int view_object_anew(struct thread *thread, uint64_t address, struct object **object,
		     uint64_t *offset);
static inline int view_object(struct thread *thread, uint64_t address, struct object **object,
			      uint64_t *offset)
{
	const uint32_t slot = (uint32_t)(address >> TWZ_SLOT_SHIFT);
	const struct binding *b =
		address >> TWZ_PLACE_BIT ? NULL : view_binding(thread->view, slot);

	if (!b || b->stamp != thread->subject->stamp || !(b->may & TWZ_VIEW_READ))
		return view_object_anew(thread, address, object, offset);
	*object = b->object;
	*offset = address & (TWZ_SLOT_SIZE - 1);
	return 0;
}

/* The object that is at the address, of a standard slot, whatever rights there are to it. Null: none. */
struct object *view_shows_anew(struct thread *thread, uint64_t address);
static inline struct object *view_shows(struct thread *thread, uint64_t address)
{
	const struct binding *b = view_binding(thread->view, (uint32_t)(address >> TWZ_SLOT_SHIFT));

	return b ? b->object : view_shows_anew(thread, address);
}

/* Slots [slot, slot + count) forget what they show. */
void view_invalidate(struct view *view, uint32_t slot, uint32_t count);

/*
 * Subjects have other stamps; or what was decided on an object counts no more. On return no processor has
 * translations of before: each touch is decided anew.
 */
void view_renew(void);
void view_renew_object(const struct object *object);
/* The same, for who may do more now: what is mapped stays. */
void view_redecide(const struct object *object);

/* Waits until no other processor has translations of this view, and forgets our own. */
void view_shoot(const struct view *view);

extern uint64_t shootdowns, shootdown_ipis, shootdown_cycles;

#endif
