/*
 * fault.h - traps of programs: resolved, or handed to the program's fault handler, or its end.
 * The system calls of fault handlers, thread_handler and thread_resume, are here too.
 *
 * Lock: the kernel's. The thread is the running one.
 */
#ifndef KERNEL_FAULT_H
#define KERNEL_FAULT_H

#include "kernel/gate.h"
#include "kernel/right.h"
#include "kernel/thread.h"
#include "kernel/view.h"

#define FAULT_DEPTH_MAX 8u

/* Enters the program's handler with this fault, or ends the thread with a message. */
void fault_upcall(struct thread *thread, const struct twz_fault *fault);

/* A page fault at this address, with the processor's error code. */
static inline void fault_page(struct thread *thread, uint64_t address, uint64_t error)
{
	struct twz_fault fault;

	fault.address = address;
	fault.access = error & FAULT_FETCH   ? TWZ_VIEW_EXEC
		       : error & FAULT_WRITE ? TWZ_VIEW_WRITE
					     : TWZ_VIEW_READ;
	if (fault.access == TWZ_VIEW_EXEC && gate_possible(thread) && gate_jump(thread, address))
		return;
	if (!view_touch(thread, address, &fault) && !right_waits() &&
	    !(fault.kind == TWZ_FAULT_FULL && thread_frees_first(fault.error)))
		fault_upcall(thread, &fault);
}

/* Memory is broken: of an object that the thread's view shows, as far as that is known. */
void fault_machine(struct thread *thread, const struct machine_error *error);
/* Any other exception. */
void fault_exception(struct thread *thread, unsigned vector);

/* The lowest of the signals that wait for it, unless it is in an upcall. */
void fault_signal(struct thread *thread);

#endif
