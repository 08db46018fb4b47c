/*
 * medium.c - the simulated memory and the recording of what is done to it.
 */
#define _GNU_SOURCE /* memfd_create, SEEK_DATA */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/sim/trace.h"

#define NEVENTS_MAX (1u << 28) /* address space only; pages of it that are used get memory */
#define NALIASES_MAX 64u

struct trace trace;
struct sim_count sim_count;

static int memory_fd = -1;
static struct alias {
	uint8_t *addr;
	uint64_t bytes, offset;
} aliases[NALIASES_MAX];
static unsigned naliases;

static void die(const char *what)
{
	fprintf(stderr, "sim: %s: %s\n", what, strerror(errno));
	exit(2);
}

/* ---- the memory ------------------------------------------------------------------------------ */

static void *reserve(uint64_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		die("no address space");
	return p;
}

static void *map_memory(void *addr, uint64_t bytes, uint64_t offset)
{
	void *p = mmap(addr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED_NOREPLACE,
		       memory_fd, (off_t)offset);

	if (p == MAP_FAILED)
		die("the memory cannot be mapped");
	return p;
}

void sim_unalias(void *addr)
{
	for (unsigned i = 0; i < naliases; i++) {
		if (aliases[i].addr != addr)
			continue;
		munmap(addr, aliases[i].bytes);
		aliases[i] = aliases[--naliases];
		return;
	}
}

void *sim_alias(void *addr, uint64_t bytes, uint64_t offset)
{
	if (naliases == NALIASES_MAX || offset + bytes > trace.bytes)
		die("sim_alias: too many, or outside the memory");
	aliases[naliases++] = (struct alias){addr, bytes, offset};
	return map_memory(addr, bytes, offset);
}

void *sim_memory(uint64_t bytes)
{
	while (naliases)
		sim_unalias(aliases[0].addr);
	if (memory_fd >= 0) {
		munmap(trace.word, trace.bytes);
		munmap(trace.known, trace.bytes);
		close(memory_fd);
	}
	memory_fd = memfd_create("sim", MFD_CLOEXEC);
	if (memory_fd < 0 || ftruncate(memory_fd, (off_t)bytes))
		die("no memory");
	trace.mode = TRACE_OFF;
	trace.bytes = bytes;
	trace.word = map_memory(SIM_BASE, bytes, 0);
	trace.known = reserve(bytes);
	if (!trace.event)
		trace.event = reserve(NEVENTS_MAX * sizeof(struct event));
	trace.n = 0;
	return trace.word;
}

uint64_t sim_bytes(void)
{
	return trace.bytes;
}

/* Offset of [p, p + bytes) in the memory, or -1 if it lies elsewhere. */
static int64_t locate(const void *p, uint64_t bytes)
{
	uint64_t in = (uint64_t)((const uint8_t *)p - (const uint8_t *)trace.word);

	if (in < trace.bytes && bytes <= trace.bytes - in)
		return (int64_t)in;
	for (unsigned i = 0; i < naliases; i++) {
		const struct alias *a = &aliases[i];

		in = (uint64_t)((const uint8_t *)p - a->addr);
		if (in < a->bytes && bytes <= a->bytes - in)
			return (int64_t)(a->offset + in);
	}
	return -1;
}

/* ---- the trace ------------------------------------------------------------------------------- */

static void push(struct event e)
{
	if (trace.n == NEVENTS_MAX)
		die("the trace is full");
	trace.event[trace.n++] = e;
}

void trace_put(uint32_t at, uint64_t value)
{
	uint64_t old = trace.known[at];

	trace.word[at] = value;
	if (old == value)
		return;
	trace.known[at] = value;
	push((struct event){.kind = EVENT_STORE, .at = at, .old = old, .new = value});
}

void trace_note(enum event_kind kind, uint64_t value)
{
	push((struct event){.kind = kind, .new = value});
}

void trace_undo(uint32_t mark, bool keep)
{
	for (uint32_t i = trace.n; i-- > mark;) {
		const struct event *e = &trace.event[i];

		if (e->kind == EVENT_STORE)
			trace.word[e->at] = trace.known[e->at] = e->old;
	}
	if (!keep)
		trace.n = mark;
}

void trace_redo(const struct event *e)
{
	trace.word[e->at] = trace.known[e->at] = e->new;
}

/* The next piece of the memory from *from on that has pages: true, [*from, *to). */
static bool next_piece(uint64_t *from, uint64_t *to)
{
	off_t data = lseek(memory_fd, (off_t)*from, SEEK_DATA);

	if (data < 0)
		return false;
	*from = (uint64_t)data;
	*to = (uint64_t)lseek(memory_fd, data, SEEK_HOLE);
	return true;
}

void trace_start(void)
{
	trace.n = 0;
	madvise(trace.known, trace.bytes, MADV_DONTNEED);
	for (uint64_t from = 0, to; next_piece(&from, &to); from = to)
		memcpy(trace.known + from / 8, trace.word + from / 8, to - from);
}

static void adopt(uint64_t from, uint64_t to)
{
	for (uint64_t at = from / 8; at < to / 8; at++)
		if (trace.word[at] != trace.known[at])
			trace_put((uint32_t)at, trace.word[at]);
}

void trace_adopt(void)
{
	for (uint64_t from = 0, to; next_piece(&from, &to); from = to)
		for (; from < to; from += TWZ_PAGE)
			if (memcmp(trace.word + from / 8, trace.known + from / 8, TWZ_PAGE))
				adopt(from, from + TWZ_PAGE);
}

int64_t trace_stray(void)
{
	for (uint64_t from = 0, to; next_piece(&from, &to); from = to)
		for (; from < to; from += 8)
			if (trace.word[from / 8] != trace.known[from / 8])
				return (int64_t)from;
	return -1;
}

/* ---- what core/pmem.h calls ------------------------------------------------------------------ */

void sim_store(void *p, const void *data, uint64_t bytes)
{
	const uint8_t *from = data;
	int64_t offset = trace.mode == TRACE_OFF ? -1 : locate(p, bytes);
	uint64_t to;

	if (offset < 0) {
		if (bytes == 8 && !((uintptr_t)p & 7)) {
			memcpy(&to, data, 8);
			*(volatile uint64_t *)p = to; /* one access, as in the real build */
		} else {
			memcpy(p, data, bytes);
		}
		return;
	}
	for (to = (uint64_t)offset; bytes;) {
		uint64_t skip = to & 7, n = bytes < 8 - skip ? bytes : 8 - skip;
		uint64_t value = trace.word[to / 8];

		memcpy((uint8_t *)&value + skip, from, n);
		trace_put((uint32_t)(to / 8), value);
		from += n;
		to += n;
		bytes -= n;
	}
}

bool sim_cas64(uint64_t *p, uint64_t *seen, uint64_t value)
{
	if (trace.mode == TRACE_OFF)
		return __atomic_compare_exchange_n(p, seen, value, false, __ATOMIC_SEQ_CST,
						   __ATOMIC_SEQ_CST);
	if (*p != *seen) {
		*seen = *p;
		return false;
	}
	sim_store(p, &value, 8);
	return true;
}

void sim_flush(const void *p, uint64_t bytes)
{
	uint64_t first, end;
	int64_t offset;

	if (!bytes)
		return;
	first = (uintptr_t)p / TWZ_LINE;
	end = ((uintptr_t)p + bytes - 1) / TWZ_LINE + 1;
	sim_count.flushes += end - first;
	if (trace.mode == TRACE_OFF)
		return;
	offset = locate(p, bytes);
	if (offset < 0)
		return;
	first = (uint64_t)offset / TWZ_LINE;
	end = ((uint64_t)offset + bytes - 1) / TWZ_LINE + 1;
	adopt(first * TWZ_LINE, end * TWZ_LINE);
	push((struct event){.kind = EVENT_FLUSH, .at = (uint32_t)first, .lines = end - first});
}

void sim_fence(void)
{
	sim_count.fences++;
	if (trace.mode == TRACE_OFF)
		return;
	if (trace.mode == TRACE_PROGRAM)
		trace_adopt();
	push((struct event){.kind = EVENT_FENCE, .step = step_at});
}
