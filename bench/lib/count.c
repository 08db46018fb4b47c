/*
 * count.c - the single stepper.
 */
#define _GNU_SOURCE /* REG_RIP */
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <ucontext.h>

#include "bench/lib/count.h"

#define TRAP_FLAG 0x100

/* Volatile: the compiler does not see that the handler runs inside of step(). */
static volatile struct count count;
static const uint8_t *volatile previous; /* address of the last instruction that was counted */

/* Counts the instruction at p, which is about to run. */
static void look(const uint8_t *p)
{
	bool lock = false, repeat = false, operand = false, memory;
	const uint8_t *start = p;

	for (;; p++) {
		if (*p == 0xf0)
			lock = true;
		else if (*p == 0xf2 || *p == 0xf3)
			repeat = true;
		else if (*p == 0x66)
			operand = true;
		else if (*p != 0x2e && *p != 0x36 && *p != 0x3e && *p != 0x26 && *p != 0x64 &&
			 *p != 0x65 && *p != 0x67)
			break;
	}
	if ((*p & 0xf0) == 0x40) /* REX */
		p++;

	/* a4..a7, aa..af: string instructions, which trap after each repetition */
	if (repeat && start == previous && ((*p & 0xfc) == 0xa4 || (*p >= 0xaa && *p <= 0xaf)))
		return;
	previous = start;

	count.instructions++;
	memory = (p[1] & 0xc0) != 0xc0;
	if (lock || ((*p & 0xfe) == 0x86 && memory))
		count.locked++;
	if (p[0] == 0x0f && p[1] == 0x05)
		count.calls++;
	if (p[0] == 0x0f && p[1] == 0xae && !repeat) {
		unsigned op = p[2] >> 3 & 7;

		memory = (p[2] & 0xc0) != 0xc0;
		if (memory && (op == 7 || (op == 6 && operand)))
			count.flushes++; /* clflush, clflushopt; clwb */
		else if (!memory && (op == 7 || op == 6))
			count.fences++; /* sfence; mfence */
	}
}

static void trap(int signal, siginfo_t *info, void *context)
{
	(void)signal, (void)info;
	look((const uint8_t *)((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP]);
}

/*
 * Sets the trap flag, calls, clears it: what is looked at begins with the instruction behind the
 * popf that sets it and ends with the one that follows the popf that clears it.
 */
static __attribute__((noinline)) void step(void (*fn)(void *), void *arg)
{
	__asm__ volatile("movq %%rsp, %%r12\n\t"
			 "subq $128, %%rsp\n\t" /* the red zone */
			 "andq $-16, %%rsp\n\t"
			 "pushfq\n\t"
			 "orq %[flag], (%%rsp)\n\t"
			 "popfq\n\t"
			 "call *%[fn]\n\t"
			 "pushfq\n\t"
			 "andq %[mask], (%%rsp)\n\t"
			 "popfq\n\t"
			 "movq %%r12, %%rsp"
			 : "+D"(arg), [fn] "+b"(fn)
			 : [flag] "i"(TRAP_FLAG), [mask] "i"(~TRAP_FLAG)
			 : "rax", "rcx", "rdx", "rsi", "r8", "r9", "r10", "r11", "r12", "xmm0",
			   "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9",
			   "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15", "cc", "memory");
}

static void nothing(void *arg)
{
	(void)arg;
}

static struct count measure(void (*fn)(void *), void *arg)
{
	count = (struct count){0};
	previous = NULL;
	step(fn, arg);
	return count;
}

struct count count_run(void (*fn)(void *), void *arg)
{
	struct sigaction new = {.sa_sigaction = trap, .sa_flags = SA_SIGINFO}, old;
	struct count around, result;

	if (sigaction(SIGTRAP, &new, &old))
		abort();
	around = measure(nothing, NULL);
	result = measure(fn, arg);
	result.instructions -= around.instructions - 1; /* the return of `nothing` is its own */
	sigaction(SIGTRAP, &old, NULL);
	return result;
}
