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

typedef int64_t (*syscall_fn)(struct thread *thread, struct regs *regs);
extern const syscall_fn syscall_table[TWZ_SYS_COUNT];

/* Does the call with this number, by the arguments in the registers. Lock: the kernel's. */
static inline int64_t syscall_do(struct thread *thread, struct regs *regs, uint64_t number)
{
	number -= TWZ_SYS_FIRST;
	return number < TWZ_SYS_COUNT ? syscall_table[number](thread, regs) : TWZ_E_ABSENT;
}

#endif
