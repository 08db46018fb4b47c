/*
 * warm.h - crossings that were decided, and the stacks of contexts that are entered: the inside of gate.h.
 *
 * A warm crossing is found by who crosses (the stamp of its subject, its view) and where to. It holds what it
 * leads to, and is good as long as the stamp is, and the entered context's snapshot is the same. In place
 * it also says when the view showed what the gate names: that is so until something is unbound there.
 *
 * Lock: the kernel's.
 */
#ifndef KERNEL_WARM_H
#define KERNEL_WARM_H

#include "abi/security.h"
#include "kernel/context.h"
#include "kernel/step.h"
#include "kernel/thread.h"
#include "kernel/view.h"

#define GATE_WARM 6u

/* Stacks of a context, for the threads that are in it. Its gates that name the same ones share them. */
struct stacks {
	struct stacks *next;   /* of the context */
	struct context *of;    /* held */
	struct object *object; /* held */
	uint64_t base, size;
	uint64_t all, used;  /* bits */
	struct list waiters; /* threads: for one that is free */
	uint32_t holds;      /* of warm crossings; who is on one needs none */
};

/* What of a gate its callee's record says. */
struct entered {
	uint32_t index;
	uint16_t flags; /* enum twz_gate_flags */
	uint16_t vector_out;
};

struct warm {
	uint64_t stamp;          /* of the caller's subject; 0: none */
	const struct view *from; /* the caller's view */
	struct twz_id id;        /* the context's that is entered, */
	struct context *context; /* held, */
	uint64_t round;          /* by this snapshot of it, */
	struct entered entered;  /* at this gate, */
	uint32_t first, more;    /* at this entry, and so many behind it; */
	bool jumps;              /* by jumps too */
	uint16_t vector_in;
	uint32_t align, handler_bytes;
	uint64_t start, length;
	uint64_t entries;      /* address of the first entry */
	struct twz_id caller;  /* the caller's active context; zero: none */
	uint64_t handler;      /* address of the callee's fault handler, or 0 */
	uint64_t shown;        /* in place: see above; ~0: not yet */
	struct object *object; /* held: the gate's */
	struct stacks *stacks; /* held */
	struct space *to;      /* in use */
	struct list link;      /* of its view */
};

/* Nobody is on them any more, or will be. */
void stacks_end(struct stacks *stacks);
/* Whoever waits for one looks again. */
void stacks_wake(struct stacks *stacks);
/* The thread sleeps, and does again what it did when one may be free. TWZ_E_BUSY. */
int stacks_wait(struct thread *thread, struct stacks *stacks);

/* One that was in use is free. */
static inline void stacks_give(struct stacks *s, uint64_t stack)
{
	s->used &= ~stack;
	if (__builtin_expect(!list_empty(&s->waiters), 0))
		stacks_wake(s);
	if (__builtin_expect(!(s->used | s->holds), 0))
		stacks_end(s);
}

/* Is the offset, in the object, that of an entry? */
static inline bool warm_covers(uint64_t start, uint64_t length, uint32_t align, uint64_t offset)
{
	return (offset - start < length || !KSTEP("gate-length")) &&
	       (!((offset - start) % align) || !KSTEP("gate-align"));
}

/*
 * Decides on the crossing, and makes it a warm one of the thread's. May make the thread wait and do its call
 * again (right.h). TWZ_E_NOTFOUND: no such gate or entry, or what it names is not there; TWZ_E_RIGHT; TWZ_E_BUSY:
 * the stacks are in use as they were laid out before; TWZ_E_LIMIT, TWZ_E_NOMEM, what view_enter returns.
 */
int warm_call(struct thread *thread, const struct twz_sys_gate *to, struct warm **warm);
/* Of a jump there, which the thread may not execute. False: there is no gate, or it may not enter. */
bool warm_jump(struct thread *thread, struct object *object, uint64_t offset, struct warm **warm);

void warm_drop(struct warm *warm);

#endif
