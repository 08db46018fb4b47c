/* pmem_file.c - flush and fence for a mapped file (pmem_file.h). */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/pmem.h"
#include "rt/linux/pmem_file.h"

#define RANGES 64

struct range {
	uintptr_t start, end; /* page aligned */
};
static __thread struct {
	unsigned count;
	bool all; /* more than the list holds */
	struct range range[RANGES];
} pending;

static struct range whole; /* the file as it is mapped */

static _Noreturn void refuse(const char *call)
{
	dprintf(2,
		"twizzler: the store cannot be written (%s: %s); what was not made durable "
		"before is uncertain\n",
		call, strerror(errno));
	_exit(125);
}

void pmem_file_all(void)
{
	if (pmem.kind == PMEM_FILE && msync((void *)whole.start, whole.end - whole.start, MS_SYNC))
		refuse("msync");
}

static void file_flush(const void *p, uint64_t bytes)
{
	uintptr_t start = (uintptr_t)p & ~(uintptr_t)(TWZ_PAGE - 1);
	uintptr_t end = ((uintptr_t)p + bytes + TWZ_PAGE - 1) & ~(uintptr_t)(TWZ_PAGE - 1);

	__atomic_add_fetch(&pmem.flushes, 1, __ATOMIC_RELAXED);
	for (unsigned i = 0; i < pending.count; i++) {
		struct range *r = &pending.range[i];

		if (start > r->end || end < r->start)
			continue;
		if (start < r->start)
			r->start = start;
		if (end > r->end)
			r->end = end;
		return;
	}
	if (pending.count == RANGES)
		pending.all = true;
	else
		pending.range[pending.count++] = (struct range){start, end};
}

static void file_fence(void)
{
	__atomic_add_fetch(&pmem.fences, 1, __ATOMIC_RELAXED);
	if (pending.all)
		pmem_file_all();
	for (unsigned i = 0; i < pending.count && !pending.all; i++) {
		const struct range *r = &pending.range[i];

		if (msync((void *)r->start, r->end - r->start, MS_SYNC))
			refuse("msync");
	}
	pending.count = 0;
	pending.all = false;
}

void pmem_file_use(void *base, uint64_t bytes)
{
	whole = (struct range){(uintptr_t)base, (uintptr_t)base + bytes};
	pmem.file_flush = file_flush;
	pmem.file_fence = file_fence;
	pmem_use(PMEM_FILE);
}
