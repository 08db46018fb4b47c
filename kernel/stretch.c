/* stretch.c - the longest stretches (stretch.h). */
#include "kernel/log.h"
#include "kernel/stretch.h"

#if TWZ_KERNEL_STRETCH

static uint64_t longest[STRETCH_KINDS];
uint64_t stretch_longest;

void stretch_is(uint64_t kind)
{
	cpu_this()->stretch_kind = kind < STRETCH_KINDS ? kind : STRETCH_IDLE;
}

void stretch_end(void)
{
	const struct cpu *cpu = cpu_this();
	uint64_t n = cpu_locked_for();

	if (n > longest[cpu->stretch_kind])
		longest[cpu->stretch_kind] = n;
	if (n > stretch_longest)
		stretch_longest = n;
}

static void name(uint64_t kind, char to[static 32])
{
#define NAME(name, arguments) #name,
	static const char *const call[] = {TWZ_SYSCALLS(NAME)};

	if (kind < STRETCH_TRAP)
		kformat(to, 32, "%s", call[kind]);
	else if (kind < STRETCH_IDLE)
		kformat(to, 32, "vector %lu", kind - STRETCH_TRAP);
	else
		kformat(to, 32, "idle");
}

void stretch_log(void)
{
	char what[32];

	for (uint64_t kind = 0; kind < STRETCH_KINDS; kind++) {
		name(kind, what);
		if (longest[kind] && longest[kind] == stretch_longest)
			klog("stretch: longest %lu %s", longest[kind], what);
		if (longest[kind] > STRETCH_MAX)
			klog("stretch: %lu %s", longest[kind], what);
	}
}

#endif
