/*
 * gate.h - crossings: the one way from a context into the code of another. docs/gates.md.
 *
 * A thread crosses by a call that names the gate, or by a jump to an entry of one, where its context may
 * execute nothing: both come to the same. What the caller was stands in a record, which the return
 * takes everything from; nothing of it is where a program could write. Records lie in a frame of the
 * thread's, the innermost last, beside some crossings that were decided: the warm ones. A warm crossing
 * holds what it leads to, and is good as long as the caller's subject has its stamp and the entered
 * context its snapshot.
 *
 * Inside, the thread is the callee's. What others want of it (to end it, to suspend it, to signal it) waits for
 * the boundary, but that the first two need not wait for gates that are ABORTABLE.
 *
 * Lock: the kernel's. The thread is the running one, unless it says otherwise.
 */
#ifndef KERNEL_GATE_H
#define KERNEL_GATE_H

#include "abi/security.h"
#include "kernel/context.h"
#include "kernel/thread.h"

struct view;

#define GATE_WARM 8u

/* Stacks of a context, for the threads that are in it. Its gates that name the same ones share them. */
struct stacks {
	struct stacks *next;   /* of the context */
	struct context *of;    /* held by who holds this */
	struct object *object; /* held */
	uint64_t base, size;
	uint64_t all, used;  /* bits */
	struct list waiters; /* threads: for one that is free */
	uint32_t holds;
};

/* A crossing that was decided. */
struct warm {
	uint64_t stamp;          /* of the caller's subject; 0: none */
	const struct view *from; /* the caller's view */
	struct context *context; /* held: entered, */
	uint64_t round;          /* by this snapshot of it, */
	uint32_t index;          /* at this gate, */
	uint32_t first, last;    /* at these entries; */
	bool jumps;              /* by jumps too */
	uint16_t flags;
	uint32_t align;
	uint64_t start, length, base;
	struct object *object; /* held: the gate's */
	struct stacks *stacks; /* held */
	struct space *to;      /* in use */
	struct list link;      /* of its view */
	uint64_t handler, handler_bytes;
	uint16_t vector_in, vector_out;
};

/* The caller of a crossing. */
struct crossing {
	struct space *space;
	struct stacks *stacks; /* held */
	uint32_t stack, gate, entry;
	uint16_t flags, vector_out;
	uint64_t rbx, rbp, r12, r13, r14, r15, rip, rsp, rflags;
	uint64_t fs, gs;
	uint64_t handler_entry, handler_stack, handler_bytes;
	uint32_t depth; /* of upcalls */
	uint32_t mxcsr;
	uint16_t fcw;
	uint64_t deadline; /* cycles */
};

/* What waits for the boundary. */
enum gate_wanted { GATE_END = 1, GATE_SUSPEND = 2, GATE_SIGNAL = 4, GATE_LATE = 8 };

struct gates {
	struct thread *thread;
	uint32_t depth;
	uint32_t next;      /* warm one to be replaced */
	uint32_t wanted;    /* enum gate_wanted */
	struct alarm alarm; /* the first deadline */
	struct warm warm[GATE_WARM];
	struct crossing crossing[TWZ_GATE_DEPTH];
};
TWZ_PIN(sizeof(struct gates) <= 4096);

/* Any thread: is it in a callee? */
static inline bool gate_inside(const struct thread *t)
{
	return t->gates && t->gates->depth;
}

/* Any thread: must what would stop it wait? Then it is noted, and done at the boundary. */
bool gate_defers(struct thread *thread, enum gate_wanted wanted);
/* Any thread: does that wait? */
static inline bool gate_waits(const struct thread *t, enum gate_wanted wanted)
{
	return t->gates && t->gates->wanted & wanted;
}
/* Any thread: it is not wanted any more. True if it waited. */
bool gate_withdraw(struct thread *thread, enum gate_wanted wanted);

/*
 * A fetch that faulted. True: it was a crossing or a return, or is done again. For the quick look see
 * gate_possible.
 */
bool gate_jump(struct thread *thread, uint64_t address);
static inline bool gate_possible(const struct thread *t)
{
	return t->gates || t->subject->count > 1;
}

/* The callee has failed: its caller goes on, with this error. */
void gate_fail(struct thread *thread, int error);
/* THREAD_LATE: a deadline has passed. */
void gate_late(struct thread *thread);

/* A thread that ends, and runs nowhere. */
void gate_end(struct thread *thread);
/* The view's object is deleted: nobody enters it any more. */
void gate_forget(struct view *view);

#endif
