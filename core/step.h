/*
 * step.h - the steps that crash safety and robustness rest on, each of which tests can switch off.
 *
 * STEP(kind, name) is true. In the simulated build (TWZ_SIM) every use also registers itself, and
 * the mutation run (tests/crash/mutate.sh) switches one after the other off and expects a named
 * test to fail. The checking kernel can switch off those of the decision on rights, whose names begin
 * with "right: " (kernel/step.h). In every other build it is the constant 1 and costs nothing.
 *
 *     if (STEP("check", "node: magic") && node->magic != TWZ_NODE_MAGIC)
 *             return TWZ_E_DAMAGED;
 *
 * The kind is flush, fence, sum, check or log. Uses of one kind and name are one step: an inline
 * function in a header registers in every file that includes it, and they go off together.
 */
#ifndef TWZ_CORE_STEP_H
#define TWZ_CORE_STEP_H

#if TWZ_SIM

/* 32 bytes, and aligned to that, so that the section is an array of them. */
struct step {
	const char *kind;
	const char *name;
	const char *file;
	int line;
	unsigned char off;     /* switched off (tests/sim/step.c) */
	unsigned char reached; /* a step that no test reaches is not tested */
};

extern const struct step *step_at; /* the last one reached: what a fence is called in reports */

static inline int step_on(struct step *step)
{
	step_at = step;
	step->reached = 1;
	return !step->off;
}

#define STEP(kind, name)                                                             \
	__extension__({                                                              \
		static struct step step_here                                         \
			__attribute__((section("twz_steps"), used, aligned(32))) = { \
				kind, name, __FILE__, __LINE__, 0, 0};               \
		step_on(&step_here);                                                 \
	})

#elif TWZ_KERNEL_CHECK

_Bool step_on(const char *name);
#define STEP(kind, name) (__builtin_strncmp(name, "right: ", 7) || step_on(name))

#else
#define STEP(kind, name) 1
#endif

#endif
