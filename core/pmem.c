/*
 * pmem.c - the choice of the medium, and the kinds that are not worth a place in the hot paths.
 */
#include <cpuid.h>

#include "core/pmem.h"

/* The simulated medium takes the paths that real memory takes. */
#if TWZ_SIM
struct pmem pmem = {.kind = PMEM_CLWB};
#else
struct pmem pmem = {.kind = PMEM_CLFLUSH};
#endif

enum pmem_kind pmem_probe(void)
{
	unsigned a, b = 0, c, d;

	__get_cpuid_count(7, 0, &a, &b, &c, &d);
	return b & bit_CLWB ? PMEM_CLWB : b & bit_CLFLUSHOPT ? PMEM_CLFLUSHOPT : PMEM_CLFLUSH;
}

void pmem_use(enum pmem_kind kind)
{
	pmem.kind = kind;
}

#if !TWZ_SIM

void pmem_flush_other(const void *p, uint64_t bytes)
{
	const char *line = (const char *)((uintptr_t)p & ~(uintptr_t)(TWZ_LINE - 1));
	const char *end = (const char *)p + bytes;

	if (pmem.kind == PMEM_FILE) {
		pmem.file_flush(p, bytes);
		return;
	}
	for (; line < end; line += TWZ_LINE)
		if (pmem.kind == PMEM_CLFLUSHOPT)
			__asm__ volatile("clflushopt %0"
					 : "+m"(*(volatile char *)line)
					 :
					 : "memory");
		else
			__asm__ volatile("clflush %0" : "+m"(*(volatile char *)line) : : "memory");
}

#endif
