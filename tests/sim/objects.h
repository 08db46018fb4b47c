/*
 * objects.h - a few objects in the simulated memory, without a store: for the crash tests of what
 * works inside objects (transactions, FOT, heap).
 *
 * Object n is mapped at SIM_SLOT(n + 1), and its bytes lie at n * OBJECTS_SPAN of the memory. All
 * its pages up to OBJECTS_SPAN are present. There is one process; after a crash, one of a newer
 * epoch.
 */
#ifndef TWZ_TESTS_SIM_OBJECTS_H
#define TWZ_TESTS_SIM_OBJECTS_H

#include "core/ptr.h"
#include "core/tx.h"
#include "tests/sim/sim.h"

#define NOBJECTS 3u
#define OBJECTS_SPAN ((uint64_t)8 << 20)
#define OBJECTS_BYTES (NOBJECTS * OBJECTS_SPAN)

static inline uint8_t *object(unsigned n)
{
	return SIM_SLOT(n + 1);
}

struct twz_id object_id(unsigned n);

/* Maps them, all zero, and supplies tx_env. For a case's setup. */
void objects_setup(void);

/* A new epoch; settles object `first`, then the others. Null or a message. */
const char *objects_settle(unsigned first);

/* That no object is left locked, and the log heads are sound. */
const char *objects_check(void);

/* For sim_case.where: "object 1: log + 0x8". */
void objects_where(const void *arg, uint64_t offset, char *text, size_t size);

#endif
