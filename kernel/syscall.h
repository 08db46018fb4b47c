/*
 * syscall.h - the system calls, as abi/syscall.h lists them.
 */
#ifndef KERNEL_SYSCALL_H
#define KERNEL_SYSCALL_H

#include "kernel/thread.h"

/* Results that are none: below all errors. */
#define SYSCALL_SPECIAL (-100000)
#define SYSCALL_AGAIN (-100001)    /* there is more to do: the thread makes the call again */
#define SYSCALL_REPLACED (-100002) /* the registers are others: rax too */

/* Does what the thread's registers say. Lock: the kernel's. */
int64_t syscall_do(struct thread *thread, struct regs *regs);

#endif
