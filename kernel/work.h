/*
 * work.h - work on the store, in pieces of any length, with breaks: on a stack of its own.
 *
 * What core does with the store takes as long as it takes: sealing hashes every page. Core calls
 * work_breathe every few thousand instructions, and once the lock has been held for long enough the
 * piece is left as it is, and the kernel too. It goes on when somebody wants something of the store,
 * whatever it is, or when there is nothing else to do. So a call or a fault that needs the store ends
 * with SYSCALL_AGAIN until its piece is done, and with each try the piece comes further.
 *
 * Rules
 *   - There is one piece at a time. Nobody but it looks at the store or changes it: a persistent
 *     object is found (object_find), and its pages are looked at or made, while there is none.
 *   - It touches no memory of a program. The objects that it is about are held for it.
 *   - It is not undone: if its thread ends, others bring it to its end, and nobody learns what came
 *     of it.
 *   - Who asks for a piece again, with the same arguments, gets what came of it. So what a call does
 *     before must be the same when it is done again.
 *
 * Lock: the kernel's.
 */
#ifndef KERNEL_WORK_H
#define KERNEL_WORK_H

#include "kernel/object.h"

struct work {
	int (*fn)(struct work *work); /* its result is `error` */
	struct object *object, *other;
	uint64_t argument[6];
	uint32_t patience; /* cycles before its breaks; 0: LOCK_CYCLES */

	/* What came of it. */
	int error;
	uint64_t done;
	struct twz_id id;
};

/*
 * Does the piece for the running thread, or goes on with it. SYSCALL_AGAIN: it is not done, or another
 * one is in progress. Else it is done, and what came of it is in *work.
 */
int work_do(struct work *work);
/* The same for nobody: what comes of it is of no interest. True: it is done. */
bool work_for_nobody(int (*fn)(struct work *work));

/*
 * Has the running thread had this begun? Then as work_do, with the result in work->error. Else false. An
 * object that is null here is any.
 */
bool work_was_begun(struct work *work);

/* Goes on with what is in progress, if anything is. SYSCALL_AGAIN: it is not done. */
int work_go_on(void);
extern bool work_in_progress;
static inline int work_ready(void)
{
	return __builtin_expect(work_in_progress, 0) ? work_go_on() : 0;
}

/*
 * Before a part that takes half of what a stretch may take, and is no piece: is the running thread to try
 * again, with more time? But not for ever, if it never has more when it gets there.
 */
bool work_later(void);

/* For core, and between the parts of a piece. */
void work_breathe(void);

/*
 * For a thread of the kernel's own: brings what is in progress to its end. The lock is given back in
 * its breaks.
 */
void work_end(void);

/* No breaks: for what cannot be tried again. */
extern bool work_at_once;

/* The thread ends: whatever it has had begun is nobody's. */
void work_leave(const struct thread *thread);

/* The processor that is on the stack of the piece in progress. For panics. */
extern unsigned work_processor;

#endif
