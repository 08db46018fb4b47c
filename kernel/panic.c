/*
 * panic.c - the end of the kernel, with as much of an explanation as there is.
 *
 * Nothing here trusts what the kernel knows: a panic can come before the first processor is set up,
 * with a user's gs loaded, or with a stack that is overwritten.
 */
#include <stdarg.h>

#include "kernel/arch/x86_64/apic.h"
#include "kernel/arch/x86_64/processor.h"
#include "kernel/log.h"
#include "kernel/machine.h"
#include "kernel/symbol.h"

#define WHY_BYTES 160u
#define FRAMES_MAX 32u
#define TRACE_SHOWN 32u
#define MSR_GS_BASE 0xc0000101u

static uint32_t panicking;

static _Noreturn void halt(void)
{
	for (;;)
		__asm__ volatile("cli; hlt");
}

/* The stack that holds this address: which processor's, and its bounds. */
static bool find_stack(uint64_t address, unsigned *processor, uint64_t *low, uint64_t *high)
{
	for (unsigned i = 0; i < CPU_MAX; i++) {
		const struct stacks *s = &stacks[i];

		*processor = i;
		*low = (uint64_t)s->stack;
		*high = *low + sizeof(s->stack);
		if (address >= *low && address < *high)
			return true;
		*low = (uint64_t)s->last;
		*high = *low + sizeof(s->last);
		if (address >= *low && address < *high)
			return true;
	}
	return false;
}

/*
 * This processor, by its stack, and gs set to it, which may be a user's; null if it is not set up yet.
 */
static const struct cpu *this_processor(void)
{
	uint64_t low, high;
	const struct cpu *cpu;
	unsigned number;

	if (!find_stack((uint64_t)__builtin_frame_address(0), &number, &low, &high))
		return NULL;
	cpu = &cpus[number];
	if (cpu->self != cpu)
		return NULL;
	__asm__ volatile("wrmsr"
			 :
			 : "c"(MSR_GS_BASE), "a"((uint32_t)(uint64_t)cpu),
			   "d"((uint32_t)((uint64_t)cpu >> 32)));
	return cpu;
}

static bool in_image(uint64_t address)
{
	return address >= (uint64_t)kernel_start && address < (uint64_t)kernel_end;
}

/*
 * A place in the text. A return address is named by the byte before it, which is the call's: what comes
 * behind the call may be the next function.
 */
static void say_place(uint64_t address, bool returned_to)
{
	uint64_t offset;
	const char *name = symbol_name(address - returned_to, &offset);

	klog("  %lx %s+%lu", address, name, offset + returned_to);
}

/*
 * The callers, by frame pointers: a frame is the caller's frame pointer and the return address, and
 * lies above the frame that it calls, in the same stack. Ends where this is not so.
 */
static void say_callers(uint64_t frame)
{
	uint64_t low, high;
	unsigned number;

	if (!find_stack(frame, &number, &low, &high))
		return;
	for (unsigned i = 0; i < FRAMES_MAX; i++) {
		const uint64_t *words = (const uint64_t *)frame;

		if (frame % 8 || frame < low || frame > high - 16 || !in_image(words[1]))
			return;
		say_place(words[1], true);
		if (words[0] <= frame)
			return;
		frame = words[0];
	}
	klog("  and so on");
}

static void say_registers(const struct regs *r)
{
	uint64_t cr2, cr3;

	__asm__ volatile("mov %%cr2, %0; mov %%cr3, %1" : "=r"(cr2), "=r"(cr3));
	klog("  rip %lx cs %lx rsp %lx ss %lx rflags %lx", r->rip, r->cs, r->rsp, r->ss, r->rflags);
	klog("  rax %lx rbx %lx rcx %lx rdx %lx", r->rax, r->rbx, r->rcx, r->rdx);
	klog("  rsi %lx rdi %lx rbp %lx", r->rsi, r->rdi, r->rbp);
	klog("  r8 %lx r9 %lx r10 %lx r11 %lx", r->r8, r->r9, r->r10, r->r11);
	klog("  r12 %lx r13 %lx r14 %lx r15 %lx", r->r12, r->r13, r->r14, r->r15);
	klog("  vector %lu error %lx cr2 %lx cr3 %lx", r->vector, r->error, cr2, cr3);
}

static _Noreturn void die(const struct regs *regs, uint64_t frame, const char *why)
{
	const struct cpu *cpu;

	__asm__ volatile("cli");
	/* The second processor in a panic, or the panic of a panic. */
	if (__atomic_exchange_n(&panicking, 1, __ATOMIC_ACQUIRE))
		halt();
	cpu = this_processor();
	if (ncpus > 1)
		apic_stop_others();
	log_panic();

	if (cpu)
		klog("panic on processor %u: %s", cpu->number, why);
	else
		klog("panic: %s", why);
	if (regs) {
		say_registers(regs);
		say_place(regs->rip, false);
		say_callers(regs->rbp);
	} else {
		say_callers(frame);
	}
	if (cpu) {
		panic_thread();
		klog("what this processor did last:");
		trace_print(TRACE_SHOWN);
	}
	klog("panic: end");
	host_tell(HOST_PANIC, 0);
	halt();
}

void panic(const char *format, ...)
{
	char why[WHY_BYTES];
	va_list arguments;

	va_start(arguments, format);
	kvformat(why, sizeof(why), format, arguments);
	va_end(arguments);
	die(NULL, (uint64_t)__builtin_frame_address(0), why);
}

void panic_at(const struct regs *regs, const char *format, ...)
{
	char why[WHY_BYTES];
	va_list arguments;

	va_start(arguments, format);
	kvformat(why, sizeof(why), format, arguments);
	va_end(arguments);
	die(regs, 0, why);
}
