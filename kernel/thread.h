/*
 * thread.h - threads, and which one runs where.
 *
 * A thread is its saved registers and what it may see; it has no stack in the kernel. It runs, or is
 * in a queue, or sleeps (sync.h), or is suspended, asleep or not. A thread keeps its processor's vector
 * registers until another one is switched to.
 *
 * Each priority has one queue for all processors, first come first served, in slices. Who is chosen is the
 * first one of the highest priority that has any, and whoever becomes ready takes the processor of a
 * lower one. But a priority that was passed over for THREAD_WAIT_MS has its turn: its first one runs
 * for a slice that nobody takes from it. So with p priorities above and below that wait as well, the
 * n-th in a queue runs after n * (THREAD_WAIT_MS + (p + 2) * THREAD_SLICE_MS) at the latest.
 *
 * Its object, volatile and of type THREAD, is what others know of it (struct twz_thread). Threads of one
 * program share an owner: the number that lock words name.
 *
 * Lock: the kernel's.
 */
#ifndef KERNEL_THREAD_H
#define KERNEL_THREAD_H

#include "abi/syscall.h"
#include "kernel/arch/x86_64/cpu.h"
#include "kernel/clock.h"
#include "kernel/freeze.h"
#include "kernel/list.h"

#define THREAD_SLICE_MS 10u
#define THREAD_WAIT_MS 100u
#define THREAD_KILLED (128u + 9u)

struct context;
struct gates;
struct object;
struct space;
struct subject;
struct view;

/* A thread that sleeps on a word: sync.c. */
struct waiter {
	struct list link;    /* in the word's bucket, who came first is first */
	struct waiter *more; /* the thread's next one */
	struct thread *thread;
	struct object *object; /* held */
	uint64_t offset;
};

struct owner {
	struct list link;
	uint32_t number;
	uint32_t threads;
};

/* Of a thread. The first four are what others want of it, looked at before it leaves the kernel. */
enum thread_flags {
	THREAD_ENDING = 1,    /* to be ended by the processor that it runs on */
	THREAD_SUSPENDED = 2, /* not to run */
	THREAD_SIGNALLED =
		4, /* it has a signal to be delivered; or had, before it came into an upcall */
	THREAD_LATE = 8, /* a deadline of a crossing has passed (gate.h) */
	THREAD_WANTED = THREAD_ENDING | THREAD_SUSPENDED | THREAD_SIGNALLED | THREAD_LATE,
	THREAD_RUNNING = 16, /* on some processor */
};

/* Where faults come in (fault.h). All zero: nowhere. */
struct handler {
	uint64_t entry, stack, bytes;
	uint32_t depth; /* of nested upcalls */
};

struct thread {
	struct regs regs;  /* first: the entry code pushes here */
	struct list queue; /* of those that are ready, or that wait for the same; or in none */
	struct object *object;
	struct twz_thread *page; /* of the object */
	struct view *view;       /* of the space */
	struct space *space;     /* null: a thread of the kernel's own */
	struct subject *subject; /* of the space: that it acts as */
	struct owner *owner;
	uint32_t number;
	bool sleeps;
	uint8_t flags;    /* enum thread_flags */
	uint8_t priority; /* enum twz_priority */

	struct context *prepares; /* held: the context of a call that is made in steps, */
	uint64_t round;           /* and the snapshot that it wants: */
	bool fresh;               /* one that was begun after the call was */
	struct freeze freeze;     /* the copy that it does */

	struct twz_sys_tie walk; /* of ties, that goes on from there; */
	uint64_t walk_of;        /* the serial of the object whose they are, 0: none */

	struct waiter *waiters; /* words that it sleeps on */
	struct waiter waiter;   /* for one of them */
	struct alarm alarm;

	uint64_t fs, gs;         /* bases, while it does not run */
	struct handler *handler; /* its own, or that of the callee that it is in */
	struct handler own_handler;
	struct gates *gates; /* its crossings (gate.h); null: none yet */
	uint64_t since;      /* cycles: runs since */

	_Alignas(64) uint8_t vector[VECTOR_STATE_MAX];
};
TWZ_PIN(sizeof(struct thread) <= 4096); /* one frame */

extern uint32_t threads_alive, threads_asleep;

/* There is something to be freed: who leaves the kernel by thread_choose, or is idle, does a part. */
extern bool thread_work;
/*
 * Is the error that there is not enough of something, while objects are still going (object.h)? Then that comes
 * first: who met the error does again what it did, after a part of it.
 */
bool thread_frees_first(int error);

void thread_init(void);

/*
 * A thread in the view of view_object (held by the caller), ready to run; *object is its object, held.
 * `creator` may be null for the first. TWZ_E_NOMEM, what view_enter returns.
 */
struct thread_new {
	struct object *view_object;
	struct subject *subject;
	uint64_t entry, stack, arg, fs;
	struct thread *creator;
	bool same_owner;
	const char *name;
};
int thread_new(const struct thread_new *new, struct object **object);

/* Ends it: here and now if nobody runs it, else when its processor leaves the kernel. Others' doing. */
void thread_kill(struct thread *thread, uint32_t status);
/* The same, by what it did not handle: as the kind in struct twz_upcall. */
void thread_fail(struct thread *thread, uint32_t status, uint32_t kind);
/* The thread's own doing: all other threads of the owner, then this one. `kind`: because of that, or 0. */
void thread_exit(struct thread *thread, uint32_t status, bool all, uint32_t kind);

/* Its processor, if it has one, looks at what is wanted of it, and chooses anew. */
void thread_interrupt(struct thread *thread);

/* It does not run any more, but for the rest of this moment if THREAD_RUNNING is left; or it does again. */
void thread_suspend(struct thread *thread);
void thread_go_on(struct thread *thread);

void thread_set_priority(struct thread *thread, uint32_t priority);

/* It sleeps no longer: it can run, unless it is suspended. */
void thread_wake(struct thread *thread);
/* The running thread goes to sleep: the next one is chosen when the kernel is left. */
void thread_sleep(struct thread *thread);

/* The running thread changes its view or its subject. TWZ_E_NOMEM, what view_enter returns. */
int thread_change(struct thread *thread, struct object *view_object, struct subject *subject);

/*
 * A thread of the kernel's own: runs fn on a stack of its own, with interrupts off at first. It has no
 * object, view or rights, and sleeps at first. Null: no memory.
 */
struct thread *thread_kernel(void (*fn)(void), void *stack_top);
/* When it is left, it goes on at fn, on an empty stack. */
void thread_kernel_set(struct thread *thread, void (*fn)(void), void *stack_top);

/* Is there a thread with this owner number? */
bool thread_owner_alive(uint32_t owner);

/*
 * Before the kernel is left: does a piece of the work that waits, and makes cpu->thread the one to
 * leave to, waiting for one if there is none. The lock is held before and after.
 */
void thread_choose(struct cpu *cpu);

/* For a processor that has no thread: never returns. Lock not held. */
_Noreturn void thread_start_processor(void);

#endif
