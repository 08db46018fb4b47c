/*
 * fault.h - traps of programs: resolved, or handed to the program's fault handler, or its end.
 *
 * Lock: the kernel's. The thread is the running one.
 */
#ifndef KERNEL_FAULT_H
#define KERNEL_FAULT_H

#include "kernel/thread.h"

#define FAULT_DEPTH_MAX 8u

/* A page fault at this address, with the processor's error code. */
void fault_page(struct thread *thread, uint64_t address, uint64_t error);
/* Any other exception. */
void fault_exception(struct thread *thread, unsigned vector);

/* thread_handler, thread_resume. */
int fault_set_handler(struct thread *thread, uint64_t entry, uint64_t stack, uint64_t bytes);
int fault_resume(struct thread *thread, uint64_t upcall);

#endif
