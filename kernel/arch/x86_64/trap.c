/*
 * trap.c - where each trap and interrupt goes.
 */
#include "kernel/arch/x86_64/apic.h"
#include "kernel/arch/x86_64/processor.h"
#include "kernel/arch/x86_64/user.h"
#include "kernel/log.h"

static const char *const names[EXCEPTIONS] = {
	[0] = "division error",
	[1] = "debug trap",
	[2] = "non-maskable interrupt",
	[3] = "breakpoint",
	[4] = "overflow",
	[5] = "bound",
	[6] = "invalid instruction",
	[7] = "no coprocessor",
	[8] = "double fault",
	[10] = "invalid TSS",
	[11] = "segment not present",
	[12] = "stack fault",
	[13] = "protection fault",
	[14] = "page fault",
	[16] = "x87 error",
	[17] = "alignment fault",
	[19] = "SIMD error",
};

/* What needs neither the kernel's lock nor its state. */
static bool light(uint64_t vector)
{
	if (vector == VECTOR_FLUSH) {
		cpu_flush_requests(cpu_this());
		apic_end();
		return true;
	}
	return vector == VECTOR_SPURIOUS; /* which is not in service: there is nothing to end */
}

_Noreturn static void unexpected(const struct regs *regs)
{
	const char *name = regs->vector < EXCEPTIONS ? names[regs->vector] : NULL;

	if (regs->vector == EXCEPTION_PAGE_FAULT)
		panic_at(regs, "page fault in the kernel: %s %p, error code %lx",
			 regs->error & 16  ? "execution of"
			 : regs->error & 2 ? "write to"
					   : "read of",
			 (void *)cpu_fault_address(), regs->error);
	panic_at(regs, "%s (vector %lu) in %s, error code %lx", name ? name : "interrupt",
		 regs->vector, regs->cs & 3 ? "a program" : "the kernel", regs->error);
}

void trap_user(struct regs *regs)
{
	if (__builtin_expect(regs->vector == EXCEPTION_PAGE_FAULT, 1))
		enter_page_fault(regs, cpu_fault_address());
	else if (!light(regs->vector))
		enter_user(regs);
}

static bool page_fault(struct regs *regs)
{
	uint64_t address = cpu_fault_address();
	uint64_t fixup = user_fixup(regs->rip);

	if (address >= USER_END || !fixup)
		return false;
	if (!enter_kernel_fault(address, regs->error))
		regs->rip = fixup;
	return true;
}

/* Interrupts come in cpu_wait, and in threads of the kernel's own: everywhere else they are off. */
void trap_kernel(struct regs *regs)
{
	if (regs->vector >= EXCEPTIONS) {
		if (light(regs->vector))
			return;
		if (cpu_this()->thread)
			enter_kernel_thread(regs);
		enter_idle_interrupt((unsigned)regs->vector);
	} else if (regs->vector != EXCEPTION_PAGE_FAULT || !page_fault(regs)) {
		unexpected(regs);
	}
}

_Noreturn static void machine_is_broken(const struct regs *regs, const struct machine_error *error)
{
	panic_at(regs, "machine error in %s: memory at %lx is broken, status %lx",
		 regs->cs & 3 ? "a program, which cannot go on" : "the kernel", error->address,
		 error->status);
}

void trap_machine(const struct regs *regs)
{
	struct machine_error error;

	if (!machine_error_take(&error))
		machine_is_broken(regs, &error);
	enter_machine_error(&error);
}

void trap_last(const struct regs *regs)
{
	struct machine_error error;

	if (regs->vector == EXCEPTION_NMI && __atomic_load_n(&apic_stopping, __ATOMIC_ACQUIRE))
		for (;;)
			__asm__ volatile("cli; hlt");
	if (regs->vector == EXCEPTION_MACHINE_CHECK) {
		machine_error_take(&error);
		machine_is_broken(regs, &error);
	}
	unexpected(regs);
}
