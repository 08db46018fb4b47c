/*
 * processor.h - what the files of this folder share, and nobody else uses.
 */
#ifndef KERNEL_ARCH_PROCESSOR_H
#define KERNEL_ARCH_PROCESSOR_H

#include "kernel/arch/x86_64/cpu.h"

#define KERNEL_BASE 0xffffffff80000000ull /* the image's addresses are this + physical; kernel.ld */

static inline uint64_t kernel_physical(const void *p)
{
	return (uint64_t)p - KERNEL_BASE;
}

/*
 * Below each stack lies a page that is not mapped. The last one is for what never returns, and can
 * come at any instruction: double faults, machine checks, non-maskable interrupts. Its top word is
 * the struct cpu, because gs tells nothing then.
 */
#define GUARD 4096u
#define LAST_STACK 8192u
struct stacks {
	uint8_t guard[GUARD];
	uint8_t stack[CPU_STACK];
	uint8_t last_guard[GUARD];
	uint8_t last[LAST_STACK - 16];
	struct cpu *cpu;
	uint64_t reserved;
};
TWZ_SIZE(struct stacks, 2 * GUARD + CPU_STACK + LAST_STACK);
extern struct stacks stacks[CPU_MAX];

static inline uint64_t msr_read(uint32_t msr)
{
	uint32_t low, high;

	__asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr));
	return (uint64_t)high << 32 | low;
}

static inline void msr_write(uint32_t msr, uint64_t value)
{
	__asm__ volatile("wrmsr"
			 :
			 : "c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32))
			 : "memory");
}

/* Edges of the image's parts, by the linker script: on pages. */
extern const uint8_t kernel_text_end[], kernel_rodata_end[]; /* kernel_start, _end: symbol.h */

/* Makes kernel_root and loads it. NX is on. */
void paging_init(void);

/* What any instruction of the kernel may raise, or means something to it. */
enum exception {
	EXCEPTION_NMI = 2,
	EXCEPTION_BREAKPOINT = 3,
	EXCEPTION_DOUBLE_FAULT = 8,
	EXCEPTION_PAGE_FAULT = 14,
	EXCEPTION_MACHINE_CHECK = 18,
	EXCEPTIONS = 32,
};

/* Where to go on after a fault at this instruction that could not be resolved; 0: not foreseen. */
uint64_t user_fixup(uint64_t rip);

/* As entry.S has them. */
TWZ_AT(struct regs, r11, 48);
TWZ_AT(struct regs, rdi, 112);
TWZ_AT(struct regs, vector, 120);
TWZ_AT(struct regs, rip, 136);
TWZ_AT(struct regs, rsp, 160);

/* ---- entry.S ---------------------------------------------------------------------------------------- */

extern const uint8_t trap_stubs[256][16];
void entry_syscall(void);

/* ---- start.S ---------------------------------------------------------------------------------------- */

/* What a processor runs that is started, in a page below 1 MiB. */
extern const uint8_t trampoline[], trampoline_end[];
extern struct cpu *starting;  /* who is started takes it; null: nobody is */
extern uint64_t entry_cycles; /* time stamp at the kernel's first instruction */

/* Fills in what a processor is known by, before it runs. */
void cpu_prepare(struct cpu *cpu, uint32_t apic_id);

/* ---- called from assembly --------------------------------------------------------------------------- */

_Noreturn void start_processor(struct cpu *cpu, uint64_t start_info);
void trap_user(struct regs *regs);
void trap_kernel(struct regs *regs);
void trap_machine(const struct regs *regs);
_Noreturn void trap_last(const struct regs *regs);

/* ---- mce.c ------------------------------------------------------------------------------------------ */

/* This processor reports machine errors from now on, if it can. */
void machine_errors_on(void);
/* What it reports, which it forgets then. False: it cannot go on after that. */
bool machine_error_take(struct machine_error *error);

/* ---- apic.c ----------------------------------------------------------------------------------------- */

extern bool apic_stopping; /* a non-maskable interrupt means: stop */
/* Resets a processor; it then waits for the start-up message, which names the page that it starts in. */
void apic_send_init(const struct cpu *cpu);
void apic_send_startup(const struct cpu *cpu, uint64_t page);

#endif
