/*
 * syscall.h - the system calls, as abi/syscall.h lists them.
 */
#ifndef KERNEL_SYSCALL_H
#define KERNEL_SYSCALL_H

#include "kernel/arch/x86_64/user.h"
#include "kernel/object.h"
#include "kernel/thread.h"

/* Results that are none: below all errors. */
#define SYSCALL_AGAIN (-100001)    /* there is more to do: the thread makes the call again */
#define SYSCALL_REPLACED (-100002) /* the registers are others: rax too */
#define SYSCALL_WHOLE (-100003)    /* it takes all registers saved: enter_whole does it */

/* One function for each; sys_thread_sync is sync.c's. */
#define SYSCALL_DECLARE_(name, arguments) \
	int64_t sys_##name(struct thread *thread, struct regs *regs);
TWZ_SYSCALLS(SYSCALL_DECLARE_)

typedef int64_t (*syscall_fn)(struct thread *thread, struct regs *regs);
extern const syscall_fn syscall_table[TWZ_SYS_COUNT];

/* Does the call with this number, by the arguments in the registers. Lock: the kernel's. */
static inline int64_t syscall_do(struct thread *thread, struct regs *regs, uint64_t number)
{
	number -= TWZ_SYS_FIRST;
	return number < TWZ_SYS_COUNT ? syscall_table[number](thread, regs) : TWZ_E_ABSENT;
}

/* The arguments, in their order. */
#define A0(r) ((r)->rdi)
#define A1(r) ((r)->rsi)
#define A2(r) ((r)->rdx)
#define A3(r) ((r)->r10)
#define A4(r) ((r)->r8)

static inline struct twz_id id_argument(const struct regs *r)
{
	return (struct twz_id){.lo = A0(r), .hi = A1(r)};
}

static inline bool none(struct twz_id id)
{
	return !(id.lo | id.hi);
}

static inline int give_id(uint64_t to, struct twz_id id)
{
	return user_write(to, &id, sizeof(id));
}

/* Has the thread this right to it? For what is not done to the object itself. */
int syscall_may(struct thread *thread, struct twz_id id, uint32_t want);

#endif
