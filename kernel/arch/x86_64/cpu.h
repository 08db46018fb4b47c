/*
 * cpu.h - the processor: what one is to the kernel, and the few instructions that C cannot say.
 *
 * Rules
 *   - The kernel runs with interrupts off, on one stack for each processor. It is entered by a system
 *     call, a fault or an interrupt, does what is to be done, chooses a thread, and leaves to it. No
 *     state of the kernel survives on a stack: a thread that waits has nothing but its struct thread.
 *   - In the kernel, gs leads to this processor's struct cpu; in user mode it is the program's.
 *   - A thread's user registers are saved at the start of its struct thread: a trap from user mode
 *     pushes them there (the stack that the processor switches to, rsp0, is the end of that struct
 *     regs), and only then goes over to the processor's stack.
 *   - No floating point and no vector registers in the kernel; the user's stay in the processor until
 *     another thread is switched to.
 */
#ifndef KERNEL_ARCH_CPU_H
#define KERNEL_ARCH_CPU_H

#include "abi/base.h"

#define CPU_MAX 16u
#define CPU_STACK 32768u /* bytes of a processor's stack */

/* User registers of a thread, as pushed: the first 15 as in struct twz_registers. */
struct regs {
	uint64_t r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi;
	uint64_t vector, error; /* of the trap; -1, - for a system call */
	uint64_t rip, cs, rflags, rsp, ss;
};
TWZ_SIZE(struct regs, 176);

#define SELECTOR_KERNEL_CODE 0x08
#define SELECTOR_KERNEL_DATA 0x10
#define SELECTOR_USER_DATA 0x1b /* sysret wants data before code */
#define SELECTOR_USER_CODE 0x23
#define SELECTOR_TSS 0x28

#define RFLAGS_FIXED 0x2u
#define RFLAGS_IF 0x200u
/* What a user may set: status flags, DF, TF, RF is dropped, AC, ID. IF is always on. */
#define RFLAGS_USER 0x00240dd5u

struct thread; /* begins with struct regs, at a multiple of 16: processors push there */

/* Before the kernel is left: look for another thread; its thread does again what it did (right.h). */
enum reschedule { RESCHEDULE = 1, RESCHEDULE_AGAIN = 2 };

struct cpu {
	struct cpu *self;      /* gs:0 */
	struct thread *thread; /* gs:8, that runs here; null while idle */
	uint64_t stack;        /* gs:16, top of this processor's stack */
	uint64_t scratch;      /* gs:24, entry code's */

	/* Constant once online. */
	uint64_t *rsp0; /* the TSS's word: where a trap from user mode pushes (cpu_thread_set) */
	struct trace_ring *trace;
	uint32_t number;
	uint32_t apic_id;

	/* The kernel's lock held. */
	struct space
		*space; /* whose page tables are loaded; null: the kernel's alone, kernel_root */
	uint64_t slice; /* end of the thread's time slice, cycles */
	uint64_t timer; /* what the timer is set to, ~0 for nothing */
	uint8_t reschedule; /* enum reschedule */
	bool idle;
	bool turn; /* its thread has a slice that none of a higher priority takes (thread.h) */

	/* Anyone, atomically. */
	uint32_t online;
	uint32_t
		flush_wanted; /* counts requests; the owner copies it to flush_done after a flush */
	uint32_t flush_done;

	uint64_t calls, faults, upcalls, switches; /* this processor's own counts */
	uint64_t locked_at;                        /* cycles when it took the kernel's lock */
};
TWZ_AT(struct cpu, thread, 8);
TWZ_AT(struct cpu, stack, 16);
TWZ_AT(struct cpu, scratch, 24);

extern struct cpu cpus[CPU_MAX];
extern unsigned ncpus; /* that are online */

static inline struct cpu *cpu_this(void)
{
	struct cpu *cpu;

	__asm__ volatile("mov %%gs:0, %0" : "=r"(cpu));
	return cpu;
}

/* The thread that runs here from now on. */
static inline void cpu_thread_set(struct cpu *cpu, struct thread *thread)
{
	cpu->thread = thread;
	*cpu->rsp0 = (uint64_t)thread + sizeof(struct regs);
}

static inline uint64_t cycles(void)
{
	uint32_t low, high;

	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
	return (uint64_t)high << 32 | low;
}

static inline void cpu_pause(void)
{
	__asm__ volatile("pause" ::: "memory");
}

/* Loads page tables; forgets all translations but global ones (which only the kernel's are). */
static inline void cpu_load_root(uint64_t root)
{
	__asm__ volatile("mov %0, %%cr3" : : "r"(root) : "memory");
}

static inline uint64_t cpu_fault_address(void)
{
	uint64_t address;

	__asm__ volatile("mov %%cr2, %0" : "=r"(address));
	return address;
}

/* Interrupts on until one has come, then off. Nothing may be pending that only the caller sees. */
static inline void cpu_wait(void)
{
	__asm__ volatile("sti; hlt; cli" ::: "memory");
}

/* For threads of the kernel's own. */
static inline void cpu_interrupts_on(void)
{
	__asm__ volatile("sti" ::: "memory");
}

static inline void cpu_interrupts_off(void)
{
	__asm__ volatile("cli" ::: "memory");
}

/* Interrupts on for a moment: those that wait come. */
static inline void cpu_breathe(void)
{
	__asm__ volatile("sti; nop; cli" ::: "memory");
}

/* The user's segment bases and vector state, while in the kernel. */
static inline uint64_t cpu_fs_get(void)
{
	uint64_t base;

	__asm__ volatile("rdfsbase %0" : "=r"(base));
	return base;
}

static inline void cpu_fs_set(uint64_t base)
{
	__asm__ volatile("wrfsbase %0" : : "r"(base));
}

static inline uint64_t cpu_user_gs_get(void)
{
	uint64_t base;

	__asm__ volatile("swapgs; rdgsbase %0; swapgs" : "=r"(base));
	return base;
}

/* Sets it; what it was. */
static inline uint64_t cpu_user_gs_swap(uint64_t base)
{
	uint64_t was;

	__asm__ volatile("swapgs; rdgsbase %0; wrgsbase %1; swapgs" : "=&r"(was) : "r"(base));
	return was;
}

static inline void cpu_user_gs_set(uint64_t base)
{
	__asm__ volatile("swapgs; wrgsbase %0; swapgs" : : "r"(base));
}

/* What the processor says of broken memory. */
struct machine_error {
	uint64_t address; /* physical; 0: it does not say */
	uint64_t status;  /* its own word for it */
	bool fetch;       /* of an instruction */
};

#define VECTOR_STATE_MAX 2816u /* bytes of x87, SSE and AVX state, as xsave writes it, with room */
/*
 * `state` is aligned to 64 and VECTOR_STATE_MAX long. The mask, edx:eax, is set here, so that the compiler does
 * not keep it in a register that it has to save.
 */
static inline void cpu_vector_save(void *state)
{
	__asm__ volatile("mov $-1, %%eax\n\t"
			 "mov %%eax, %%edx\n\t"
			 "xsave64 (%0)"
			 :
			 : "r"(state)
			 : "rax", "rdx", "memory");
}

static inline void cpu_vector_load(const void *state)
{
	__asm__ volatile("mov $-1, %%eax\n\t"
			 "mov %%eax, %%edx\n\t"
			 "xrstor64 (%0)"
			 :
			 : "r"(state)
			 : "rax", "rdx", "memory");
}

/* A state as a new thread has it; `state` zeroed by this. */
void cpu_vector_new(void *state);

/*
 * The vector registers are those of a new thread, but for the ones that `keep` has a bit for. `state` is as
 * for cpu_vector_save, and overwritten.
 */
extern uint8_t cpu_vector_clean[VECTOR_STATE_MAX];
void cpu_vector_keep(void *state, uint16_t keep);
static inline void cpu_vector_scrub(void *state, uint16_t keep)
{
	if (__builtin_expect(!keep, 1))
		cpu_vector_load(cpu_vector_clean);
	else
		cpu_vector_keep(state, keep);
}

/* What of the vector state functions keep: the control words. */
static inline void cpu_control_get(uint32_t *mxcsr, uint16_t *fcw)
{
	__asm__ volatile("stmxcsr %0\n\t"
			 "fnstcw %1"
			 : "=m"(*mxcsr), "=m"(*fcw));
}

static inline void cpu_control_set(const uint32_t *mxcsr, const uint16_t *fcw)
{
	__asm__ volatile("ldmxcsr %0\n\t"
			 "fldcw %1"
			 :
			 : "m"(*mxcsr), "m"(*fcw));
}

/* A random number of the processor's; false if it has none to give. */
bool cpu_random(uint64_t *value);

/*
 * Turns this processor's features on (write protection, NX, SMEP, SMAP, UMIP, FSGSBASE, global pages,
 * xsave), loads its descriptor tables and system-call entry. Panics, naming it, if one that
 * the kernel needs is missing. `cpu` is its entry of `cpus`.
 */
void cpu_init(struct cpu *cpu);

/*
 * Starts all other processors of `machine`, one by one. When ncpus is final, each, set up like the
 * first and on its own stack, calls entry(), which does not return. Those that do not come up in time
 * are logged, and stay away. Uses this processor's timer, and leaves it off; a VECTOR_TIMER may still
 * come.
 */
void cpu_start_others(void (*entry)(void));

/* Answers what flush_wanted asks for. Needs no lock: whoever waits for one calls it while it spins. */
void cpu_flush_requests(struct cpu *cpu);

/*
 * Physical address of the page tables with nothing but the kernel's half. Their upper 256 entries
 * never change: every other root has a copy.
 */
extern uint64_t kernel_root;

/*
 * Leaves to user mode with the registers of cpu_this()->thread; from anywhere on this stack. A
 * rip that is not in the user half becomes a protection fault of the thread.
 */
_Noreturn void cpu_leave(void);

/* Calls fn on the top of this processor's stack, all that was on it forgotten. */
_Noreturn void cpu_restart(void (*fn)(void));

/* ---- what the start code calls, on the first processor, when all of this is done; kernel/main.c ------ */

void kernel_main(void);

/* ---- what the entry code calls; kernel/enter.c ---------------------------------------------------- */

/*
 * A system call of cpu_this()->thread, with this number: of its registers, those that C does not keep
 * are saved, but rax. rflags is masked, so interrupts are off. NOW: leaves to the same thread, with the
 * result and else the registers as they were. LATER: the lock is still held; the rest of the registers is
 * saved, then enter_leave. REPLACED: leaves to the same thread, with all registers as they are saved;
 * REPLACED_LATER: the same after enter_leave. WHOLE: the
 * rest of the registers is saved, then enter_whole.
 */
enum enter_how {
	ENTER_NOW = 0,
	ENTER_LATER = 1,
	ENTER_REPLACED = 2,
	ENTER_REPLACED_LATER = 3,
	ENTER_WHOLE = 4,
};
struct enter_end {
	int64_t result;
	uint64_t how;
};
struct enter_end enter_syscall(struct regs *regs, uint64_t number);
/* Does the call. All registers are then as they are saved; not 0: after enter_leave. */
uint64_t enter_whole(void);
/* Chooses the thread to leave to, cpu_this()->thread, and gives the lock back. */
void enter_leave(void);

/*
 * From user mode: a page fault at this address; a machine error; any other trap or interrupt. regs are those of
 * cpu_this()->thread. Afterwards the entry code leaves to cpu_this()->thread.
 */
void enter_page_fault(const struct regs *regs, uint64_t address);
void enter_machine_error(const struct machine_error *error);
void enter_user(const struct regs *regs);

/*
 * A page fault in the kernel at an address of the user half, by an instruction that has a fix-up
 * (user.h): true if it can be tried again.
 */
bool enter_kernel_fault(uint64_t address, uint64_t error);

/* An interrupt while idle (in cpu_wait). */
void enter_idle_interrupt(unsigned vector);

/* An interrupt of cpu_this()->thread, one of the kernel's own, on its stack: does not come back. */
_Noreturn void enter_kernel_thread(const struct regs *regs);

#endif
