/*
 * measure.h - what the programs of the kernel's bench share (bench/kernel.sh runs them).
 *
 * Under --icount the time stamp counter counts executed instructions, the kernel's included. A figure
 * is the median of many repetitions behind some that warm up, less what an empty measurement takes;
 * it is printed as "figure NAME VALUE". An error ends the program with a message and status 1.
 */
#ifndef TWZ_BENCH_GUEST_MEASURE_H
#define TWZ_BENCH_GUEST_MEASURE_H

#include <twz/io.h>

#include "rt/minimal/minimal.h"
#include "rt/minimal/sys.h"
#include "rt/minimal/view.h"

#define WARM 50 /* repetitions that are not counted */
#define REPEATS 401
#define OBJECT_PERMS (TWZ_READ | TWZ_WRITE | TWZ_USE | TWZ_DELETE)
#define READ_WRITE (TWZ_VIEW_READ | TWZ_VIEW_WRITE)
#define DATA_PAGE (TWZ_OBJ_DATA / TWZ_PAGE)

static inline uint64_t now(void)
{
	return __builtin_ia32_rdtsc();
}

/* The result of a call that must not fail. */
int64_t must(int64_t result, const char *what);

/* Calls fn(0), fn(1), ...; what the last `repeats` calls took. */
struct spread {
	uint64_t median, most;
};
struct spread measure(void (*fn)(unsigned i), unsigned repeats);
/* Before each call of fn comes one of `before`, which is not counted. */
struct spread measure_after(void (*before)(unsigned i), void (*fn)(unsigned i), unsigned repeats);

void figure(const char *name, uint64_t value);

struct twz_sys_usage usage_now(void);

/* ENDING or VOLATILE, tied to this program. */
struct twz_id object_new(uint32_t type, uint32_t flags, uint64_t pages);

/* Writes the entry of this program's view; returns where the data is. */
static inline void *map(uint32_t slot, struct twz_id id)
{
	view_enter(view_own(), slot, id, minimal.sys.epoch, READ_WRITE);
	return (void *)TWZ_SLOT_DATA_AT(slot);
}

/* A view with this program's text and data, and the shared object. */
struct twz_id view_new(uint32_t shared_slot, struct twz_id shared);

/* A thread of this program that never returns; in another view, in another context, if not zero. */
void thread_start(void (*fn)(uint64_t arg), uint64_t arg, struct twz_id view,
		  struct twz_id context);
/* The same, on this stack instead of one of the few that there are. */
void thread_start_on(void *stack, uint64_t bytes, void (*fn)(uint64_t arg), uint64_t arg,
		     struct twz_id view, struct twz_id context);

#endif
