/*
 * pmem.h - the medium: store, flush, fence.
 *
 * The fault model (docs/format/store.md): power fails between any two stores; every aligned 8-byte
 * word that was stored since the last fence, or was not flushed after its last store, is old or new
 * (or any value that it had in between), independently of the others. A flush counts once a fence
 * of the same thread follows it.
 *
 * Mediums, chosen once by whoever opens the image (pmem_use):
 *   CLWB, CLFLUSHOPT, CLFLUSH  memory that keeps its content; the best that cpuid reports
 *   FILE                       a mapped file: a fence writes what was flushed back with msync
 *   SIM (build TWZ_SIM only)   tests/sim: records every store and enumerates crash states
 *
 * All changes to memory that outlives a crash go through these functions. Flush and fence are
 * macros so that every use is a step (step.h) with a name. A flush is of one byte or more; one of
 * 8, constant, is of an aligned word.
 */
#ifndef TWZ_CORE_PMEM_H
#define TWZ_CORE_PMEM_H

#include "abi/base.h"
#include "core/mem.h"
#include "core/step.h"

enum pmem_kind { PMEM_CLWB, PMEM_CLFLUSHOPT, PMEM_CLFLUSH, PMEM_FILE };

struct pmem {
	enum pmem_kind kind;
	void (*file_flush)(const void *p, uint64_t bytes); /* FILE only */
	void (*file_fence)(void);
	uint64_t flushes,
		fences; /* FILE only: counted there; the others count by single stepping */
};
extern struct pmem pmem; /* until pmem_use: CLFLUSH, which every processor has */

/* Best kind of this processor, by cpuid. */
enum pmem_kind pmem_probe(void);

/* Chooses the medium, before its first use. FILE: the functions were set before. */
void pmem_use(enum pmem_kind kind);

#if TWZ_SIM

/* tests/sim/sim.h */
void sim_store(void *p, const void *data, uint64_t bytes);
void sim_flush(const void *p, uint64_t bytes);
void sim_fence(void);
bool sim_cas64(uint64_t *p, uint64_t *seen, uint64_t value);

static inline void pmem_store64(uint64_t *p, uint64_t value)
{
	sim_store(p, &value, 8);
}

static inline bool pmem_cas64(uint64_t *p, uint64_t *seen, uint64_t value)
{
	return sim_cas64(p, seen, value);
}

static inline void pmem_copy(void *dst, const void *src, uint64_t bytes)
{
	sim_store(dst, src, bytes);
}

static inline void pmem_zero(void *dst, uint64_t bytes)
{
	static const uint8_t zero[4096];

	for (uint8_t *p = dst; bytes; p += sizeof(zero)) {
		uint64_t n = bytes < sizeof(zero) ? bytes : sizeof(zero);

		sim_store(p, zero, n);
		bytes -= n;
	}
}

#define pmem_flush_as(how, name, p, bytes) \
	((void)(how), (void)(STEP("flush", name) && (sim_flush(p, bytes), 1)))
#define pmem_fence_as(how, name) ((void)(how), (void)(STEP("fence", name) && (sim_fence(), 1)))

#else

/* An atomic, behind what was stored before: some words are read without a lock. */
static inline void pmem_store64(uint64_t *p, uint64_t value)
{
	__atomic_store_n(p, value, __ATOMIC_RELEASE);
}

/* *p = value if *p is *seen, else *seen = *p: an atomic, for the locks that lie in the medium. */
static inline bool pmem_cas64(uint64_t *p, uint64_t *seen, uint64_t value)
{
	return __atomic_compare_exchange_n(p, seen, value, false, __ATOMIC_ACQ_REL,
					   __ATOMIC_ACQUIRE);
}

#if TWZ_TSAN

/* Others may read it meanwhile, and find out afterwards (read.h): atomics, words where they are. */
static inline void pmem_copy(void *dst, const void *src, uint64_t bytes)
{
	uint8_t *to = (uint8_t *)dst;
	const uint8_t *from = (const uint8_t *)src;

	while (bytes) {
		uint64_t n = (uintptr_t)to % 8 || bytes < 8 ? 1 : 8, word = 0;

		memcpy(&word, from, n);
		if (n == 8)
			__atomic_store_n((uint64_t *)to, word, __ATOMIC_RELEASE);
		else
			__atomic_store_n(to, (uint8_t)word, __ATOMIC_RELEASE);
		to += n, from += n, bytes -= n;
	}
}

static inline void pmem_zero(void *dst, uint64_t bytes)
{
	static const uint8_t zero[TWZ_LINE];

	for (uint64_t n; bytes; dst = (uint8_t *)dst + n, bytes -= n) {
		n = bytes < sizeof(zero) ? bytes : sizeof(zero);
		pmem_copy(dst, zero, n);
	}
}

#else

static inline void pmem_copy(void *dst, const void *src, uint64_t bytes)
{
	memcpy(dst, src, bytes);
}

static inline void pmem_zero(void *dst, uint64_t bytes)
{
	memset(dst, 0, bytes);
}

#endif

/* Everything but CLWB, which most machines have and for which the two below are tuned. */
void pmem_flush_other(const void *p, uint64_t bytes);

static inline void pmem_flush_(enum pmem_kind kind, const void *p, uint64_t bytes)
{
	uintptr_t line = (uintptr_t)p & ~(uintptr_t)(TWZ_LINE - 1);
	uintptr_t end = (uintptr_t)p + bytes;

	if (__builtin_expect(kind != PMEM_CLWB, 0)) {
		pmem_flush_other(p, bytes);
		return;
	}
	/* The clobber keeps the compiler from moving a store behind the write-back of its line. */
	__asm__ volatile("clwb %0" : "+m"(*(volatile char *)p) : : "memory");
	if (__builtin_constant_p(bytes) && bytes == 8)
		return;
	while (line += TWZ_LINE, line < end)
		__asm__ volatile("clwb %0" : "+m"(*(volatile char *)line) : : "memory");
}

static inline void pmem_fence_(enum pmem_kind kind)
{
	if (__builtin_expect(kind == PMEM_FILE, 0))
		pmem.file_fence();
	else
		__asm__ volatile("sfence" ::: "memory");
}

#define pmem_flush_as(how, name, p, bytes) pmem_flush_(how, p, bytes)
#define pmem_fence_as(how, name) pmem_fence_(how)

#endif

/* The _as forms are for a path that has looked at pmem.kind once, for all its flushes. */
#define pmem_flush(name, p, bytes) pmem_flush_as(pmem.kind, name, p, bytes)
#define pmem_fence(name) pmem_fence_as(pmem.kind, name)

#endif
