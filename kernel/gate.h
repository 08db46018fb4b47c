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
#include "kernel/warm.h"

/* The caller of a crossing. The entry code has these offsets. */
struct crossing {
	uint64_t rbx, rbp, r12, r13, r14, r15, rip, rsp, rflags;
	struct space *space;
	struct stacks *stacks;
	uint64_t stack; /* of those, the callee's: a bit */
	struct entered entered;
	uint32_t entry;
	uint16_t fcw;
	uint32_t mxcsr;
	uint64_t fs, gs;
	uint64_t deadline;      /* cycles */
	struct handler *before; /* the caller's */
	struct handler handler; /* the callee's */
};
TWZ_AT(struct crossing, rflags, 64);

/* What waits for the boundary. */
enum gate_wanted { GATE_END = 1, GATE_SUSPEND = 2, GATE_SIGNAL = 4, GATE_LATE = 8 };

struct gates {
	struct thread *thread;
	uint32_t depth;
	uint32_t made;         /* warm ones: the next is in the place of the oldest */
	struct crossing *next; /* that is free: the one before it is the innermost */
	uint32_t wanted;       /* enum gate_wanted */
	struct alarm alarm;    /* the first deadline */
	struct warm warm[GATE_WARM];
	struct crossing crossing[TWZ_GATE_DEPTH];
};
TWZ_PIN(sizeof(struct gates) <= 4096);

/* So that thread->gates is there. TWZ_E_LIMIT, TWZ_E_NOMEM. */
int gates_make(struct thread *thread);

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

/* The explicit call, with all registers saved. SYSCALL_REPLACED: it is in the callee. */
int64_t gate_call(struct thread *thread);

/*
 * The entry code's, without the lock: the quick call and return, if nothing else is to be done; else null, and it is
 * done as other system calls are. Of a call, what a function keeps is for the entry code to put into the
 * record, and to clear; rip, rsp, rflags, r10 and r11 are as they are saved. Of a return, all registers are for
 * it to take from the record.
 */
struct crossing *gate_call_now(struct thread *thread);
const struct crossing *gate_return_now(struct thread *thread);
TWZ_PIN(TWZ_SYS(gate_call) == 4096 + 49 && TWZ_SYS(gate_return) == 4096 + 50);

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
