/*
 * scrub.c - what a crossing of a gate takes in time, of what counts as one instruction each: the scrub of the
 * vector state, the bases of FS and GS, the control words. `bench kernel` counts the rest.
 *
 * They are done in user mode, where they are the same instructions. The switch of page tables cannot be done
 * there: beside it stand switches of Linux on one processor, to a thread, which has the same page tables,
 * and to a process. A value is the median of rounds that are interleaved; times bound nothing.
 */
#define _GNU_SOURCE
#include <cpuid.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench/lib/figure.h"

#define ROUNDS 41
#define TIMES 20000u
#define TURNS 2000u
#define HWCAP2_FSGSBASE 2u /* of AT_HWCAP2: see arch/x86/include/uapi/asm/hwcap2.h of Linux */
#define CPUID_XGETBV1 4u   /* leaf 13, subleaf 1, eax: xgetbv tells what is in use */

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static int less(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static double median(double *value)
{
	qsort(value, ROUNDS, sizeof(*value), less);
	return value[ROUNDS / 2];
}

/* ---- instructions ------------------------------------------------------------------------------------ */

/* As the kernel's, for xrstor: no component is in it, so each is set to what it is at first, but for MXCSR. */
static _Alignas(64) struct {
	uint32_t x87[6], mxcsr;
	uint8_t more[2816 - 7 * sizeof(uint32_t)];
} clean = {.mxcsr = 0x1f80};

#define ALL "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7"
#define LOOP(what, ...)                                                         \
	do {                                                                    \
		for (unsigned i = 0; i < TIMES; i++)                            \
			__asm__ volatile(what                                   \
					 :                                      \
					 : __VA_ARGS__                          \
					 : "memory", ALL, "rax", "rcx", "rdx"); \
	} while (0)

static void nothing(void)
{
	LOOP("", "r"(&clean));
}

static void dirty_sse(void)
{
	LOOP("pcmpeqd %%xmm0, %%xmm0", "r"(&clean));
}

static void scrub_sse(void)
{
	LOOP("pcmpeqd %%xmm0, %%xmm0\n\tmov $7, %%eax\n\txor %%edx, %%edx\n\txrstor64 (%0)",
	     "r"(&clean));
}

__attribute__((target("avx2"))) static void dirty_avx(void)
{
	LOOP("vpcmpeqd %%ymm0, %%ymm0, %%ymm0", "r"(&clean));
}

__attribute__((target("avx2"))) static void scrub_avx(void)
{
	LOOP("vpcmpeqd %%ymm0, %%ymm0, %%ymm0\n\tmov $7, %%eax\n\txor %%edx, %%edx\n\txrstor64 "
	     "(%0)",
	     "r"(&clean));
}

__attribute__((target("avx2"))) static void zero_avx(void)
{
	LOOP("vpcmpeqd %%ymm0, %%ymm0, %%ymm0\n\tvzeroall", "r"(&clean));
}

/* Which components are in use; of those that vzeroall leaves mostly none is. */
__attribute__((target("avx2"))) static void zero_after_a_look(void)
{
	LOOP("vpcmpeqd %%ymm0, %%ymm0, %%ymm0\n\tmov $1, %%ecx\n\txgetbv\n\tvzeroall", "r"(&clean));
}

/* FS is the C library's: it is set to what it is. */
static void bases(void)
{
	LOOP("rdfsbase %%rax\n\twrfsbase %%rax\n\trdgsbase %%rdx\n\twrgsbase %%rdx", "r"(&clean));
}

static void control(void)
{
	static uint32_t words[2];

	LOOP("stmxcsr (%0)\n\tfnstcw 4(%0)\n\tldmxcsr (%0)\n\tfldcw 4(%0)", "r"(words));
}

/* Of one execution, beside an empty loop's. */
static double timed(void (*fn)(void))
{
	double begun = now();

	fn();
	return (now() - begun) / TIMES;
}

/* ---- another address space --------------------------------------------------------------------------- */

struct turns {
	uint32_t turn;
	uint32_t over;
};

static void wait_turn(struct turns *t, uint32_t mine)
{
	uint32_t seen;

	while ((seen = __atomic_load_n(&t->turn, __ATOMIC_ACQUIRE)) != mine)
		syscall(SYS_futex, &t->turn, FUTEX_WAIT, seen, NULL, NULL, 0);
}

static void give_turn(struct turns *t, uint32_t to)
{
	__atomic_store_n(&t->turn, to, __ATOMIC_RELEASE);
	syscall(SYS_futex, &t->turn, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static void *other(void *arg)
{
	struct turns *t = arg;

	for (;;) {
		wait_turn(t, 1);
		if (t->over)
			return NULL;
		give_turn(t, 0);
	}
}

/* Of one switch, of two in each turn. */
static double take_turns(struct turns *t)
{
	double begun = now();

	for (unsigned i = 0; i < TURNS; i++) {
		give_turn(t, 1);
		wait_turn(t, 0);
	}
	return (now() - begun) / TURNS / 2;
}

static double with_thread(struct turns *t)
{
	pthread_t thread;
	double took;

	if (pthread_create(&thread, NULL, other, t))
		exit(1);
	took = take_turns(t);
	t->over = 1;
	give_turn(t, 1);
	pthread_join(thread, NULL);
	return took;
}

static double with_process(struct turns *t)
{
	pid_t child = fork();
	double took;

	if (child < 0)
		exit(1);
	if (!child) {
		other(t);
		_exit(0);
	}
	took = take_turns(t);
	t->over = 1;
	give_turn(t, 1);
	waitpid(child, NULL, 0);
	return took;
}

static double switch_once(double (*with)(struct turns *t))
{
	struct turns *t =
		mmap(NULL, sizeof(*t), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	double took;

	if (t == MAP_FAILED)
		exit(1);
	took = with(t);
	munmap(t, sizeof(*t));
	return took;
}

/* ---- all of it ---------------------------------------------------------------------------------------- */

static void one_processor(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(sched_getcpu(), &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		exit(1);
}

/* What `more` takes beyond `base`. */
static const struct {
	const char *name;
	void (*base)(void), (*more)(void);
	bool avx, fsgsbase;
} parts[] = {
	{"vector state set clean, SSE in use", dirty_sse, scrub_sse, false, false},
	{"vector state set clean, AVX in use", dirty_avx, scrub_avx, true, false},
	{"the same by vzeroall, which leaves x87", dirty_avx, zero_avx, true, false},
	{"the same, when xgetbv has said that x87 is clean", dirty_avx, zero_after_a_look, true,
	 false},
	{"FS and GS read and written", nothing, bases, false, true},
	{"control words read and written", nothing, control, false, false},
};
#define PARTS (sizeof(parts) / sizeof(parts[0]))

static bool has_avx(void)
{
	unsigned a = 0, b, c, d;

	return __builtin_cpu_supports("avx2") && __get_cpuid_count(13, 1, &a, &b, &c, &d) &&
	       a & CPUID_XGETBV1;
}

static bool possible(unsigned part)
{
	return (!parts[part].avx || has_avx()) &&
	       (!parts[part].fsgsbase || getauxval(AT_HWCAP2) & HWCAP2_FSGSBASE);
}

int main(void)
{
	static double part[PARTS][ROUNDS], thread[ROUNDS], process[ROUNDS];

	one_processor();
	for (unsigned round = 0; round < ROUNDS; round++) {
		for (unsigned i = 0; i < PARTS; i++)
			if (possible(i))
				part[i][round] = timed(parts[i].more) - timed(parts[i].base);
		thread[round] = switch_once(with_thread);
		process[round] = switch_once(with_process);
	}
	for (unsigned i = 0; i < PARTS; i++)
		if (possible(i))
			figure(parts[i].name, median(part[i]), "ns", 0);
	figure("a switch to another thread, Linux", median(thread), "ns", 0);
	figure("a switch to another process, Linux", median(process), "ns", 0);
	return 0;
}
