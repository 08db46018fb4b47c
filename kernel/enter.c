/*
 * enter.c - every way into the kernel: system calls, traps, interrupts. Each takes the lock, does what
 * is to be done, and leaves with cpu->thread the thread to go on with.
 */
#include "kernel/arch/x86_64/apic.h"
#include "kernel/console.h"
#include "kernel/fault.h"
#include "kernel/gate.h"
#include "kernel/lock.h"
#include "kernel/log.h"
#include "kernel/syscall.h"
#include "kernel/view.h"

#define EXCEPTIONS 32u
#define SYSCALL_BYTES 2u /* of the instruction: a call that is left goes on at itself */

struct lock kernel_lock;

void lock_wait(void)
{
	struct cpu *cpu = cpu_this();

	do
		while (__atomic_load_n(&kernel_lock.taken, __ATOMIC_RELAXED)) {
			if (__atomic_load_n(&cpu->flush_wanted, __ATOMIC_ACQUIRE) !=
			    cpu->flush_done)
				cpu_flush_requests(cpu);
			cpu_pause();
		}
	while (__atomic_exchange_n(&kernel_lock.taken, 1, __ATOMIC_ACQUIRE));
}

#if TWZ_KERNEL_CHECK
uint64_t lock_longest;

void lock_note(bool taken)
{
	struct cpu *cpu = cpu_this();
	uint64_t now = cycles();

	if (taken)
		cpu->locked_at = now;
	else if (now - cpu->locked_at > lock_longest)
		lock_longest = now - cpu->locked_at;
}
#endif

/* The call is made again, after others had their turn. */
static __attribute__((noinline)) struct enter_end again(void)
{
	struct cpu *cpu = cpu_this();
	struct regs *regs = &cpu->thread->regs;

	regs->rip -= SYSCALL_BYTES;
	cpu->reschedule |= RESCHEDULE;
	return (struct enter_end){(int64_t)regs->rax, ENTER_LATER};
}

static inline struct enter_end plain(int64_t result)
{
	uint8_t reschedule = cpu_this()->reschedule;

	if (__builtin_expect(reschedule, 0)) {
		if (__builtin_expect(reschedule & RESCHEDULE_AGAIN, 0))
			return again();
		return (struct enter_end){result, ENTER_LATER};
	}
	lock_give();
	return (struct enter_end){result, ENTER_NOW};
}

/* A call that woke others is not made again: it would wake more. */
static __attribute__((noinline)) struct enter_end failed(int64_t error)
{
	if (cpu_this()->thread->regs.rax != TWZ_SYS(thread_sync) && thread_frees_first((int)error))
		return again();
	return plain(error);
}

/* What is no result comes first: a return from an upcall is to be short, too. */
static __attribute__((noinline)) struct enter_end negative(int64_t result)
{
	if (result == SYSCALL_REPLACED) {
		if (cpu_this()->reschedule)
			return (struct enter_end){0, ENTER_REPLACED_LATER};
		lock_give();
		return (struct enter_end){0, ENTER_REPLACED};
	}
	if (result == SYSCALL_WHOLE)
		return (struct enter_end){0, ENTER_WHOLE};
	return result == SYSCALL_AGAIN ? again() : failed(result);
}

/* There is one such call. What is not kept over it is its result. */
uint64_t enter_whole(void)
{
	struct thread *t = cpu_this()->thread;
	struct enter_end end = negative(gate_call(t));

	if (end.how <= ENTER_LATER)
		t->regs.rax = (uint64_t)end.result;
	return end.how & ENTER_LATER;
}

/* Nothing is kept over the call, which is to be as short as it can be. */
struct enter_end enter_syscall(struct regs *regs, uint64_t number)
{
	int64_t result;

	lock_take();
	cpu_this()->calls++;
	regs->rax = number;
	result = syscall_do((struct thread *)regs, regs, number);
	return __builtin_expect(result < 0, 0) ? negative(result) : plain(result);
}

void enter_leave(void)
{
	thread_choose(cpu_this());
	lock_give();
}

static void interrupt(struct cpu *cpu, unsigned vector)
{
	switch (vector) {
	case VECTOR_TIMER:
		clock_tick(cpu);
		break;
	case VECTOR_CONSOLE:
		console_interrupt();
		break;
	case VECTOR_WAKE:
		break;
	default:
		trace(TRACE_INTERRUPT, vector, 0);
		return; /* spurious: not in service */
	}
	apic_end();
}

static void leave(struct cpu *cpu)
{
	if (cpu->reschedule)
		thread_choose(cpu);
	lock_give();
}

void enter_page_fault(const struct regs *regs, uint64_t address)
{
	struct cpu *cpu = cpu_this();

	lock_take();
	cpu->faults++;
	fault_page(cpu->thread, address, regs->error);
	leave(cpu);
}

void enter_machine_error(const struct machine_error *error)
{
	struct cpu *cpu = cpu_this();

	lock_take();
	fault_machine(cpu->thread, error);
	leave(cpu);
}

void enter_user(const struct regs *regs)
{
	struct cpu *cpu = cpu_this();

	lock_take();
	if (regs->vector < EXCEPTIONS)
		fault_exception(cpu->thread, (unsigned)regs->vector);
	else
		interrupt(cpu, (unsigned)regs->vector);
	leave(cpu);
}

bool enter_kernel_fault(uint64_t address, uint64_t error)
{
	struct thread *thread = cpu_this()->thread;
	struct twz_fault fault = {.access = error & FAULT_WRITE ? TWZ_VIEW_WRITE : TWZ_VIEW_READ};

	cpu_this()->faults++;
	return thread && view_touch(thread, address, &fault);
}

static void kernel_thread_interrupted(void)
{
	struct cpu *cpu = cpu_this();

	lock_take();
	interrupt(cpu, (unsigned)cpu->thread->regs.vector);
	leave(cpu);
	cpu_leave();
}

void enter_kernel_thread(const struct regs *regs)
{
	cpu_this()->thread->regs = *regs; /* from its stack, on which it goes on later */
	cpu_restart(kernel_thread_interrupted);
}

void enter_idle_interrupt(unsigned vector)
{
	lock_take();
	interrupt(cpu_this(), vector);
	lock_give();
}
