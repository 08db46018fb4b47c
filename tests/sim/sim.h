/*
 * sim.h - the simulated medium and the enumeration of crash states.
 *
 * A test makes a memory (a memfd, sparse), or lets a case make it. While a case is explored, every
 * store to that memory through core/pmem.h is recorded, under all addresses that the memory is
 * mapped at. Outside of that, and for other addresses, pmem_store64 and its like are plain stores.
 *
 * RULES
 *   - What is to survive a crash is stored with pmem_store64, pmem_copy, pmem_zero or pmem_cas64.
 *     Plain stores (to a staged copy, a fresh block) are noticed at the flush of their line, and in
 *     run and again also at the next fence. Others cannot be lost nor undone: the end of a case
 *     finds most of them and fails it.
 *   - recover gets everything from the memory; check and again may go on with what recover left in
 *     volatile memory. All must do the same every time (sim_random, not rand; no addresses stored).
 *   - One thread.
 *
 * FAULT MODEL (core/pmem.h). Each aligned 8-byte word has a list of values that it may hold after
 * a crash: its durable value and those stored since. A fence shortens the list to what it was at
 * the last flush of the word's line: it then starts with the value flushed. Words are independent.
 *
 * CRASH POINTS are before each fence, before each sim_note and at the end: what a crash elsewhere
 * leaves is among the states of the next point. At a point all states are visited if there are few
 * (SIM_ALL_MAX, and the budget allows), all subsets of lines if those are few, else a selection:
 * nothing, everything, each line or word alone, all but one, prefixes in program order, and random
 * words. Equal images with equal notes are visited and counted once.
 *
 * For each state: recover, then check. Then, from some or all of them (the budget), recover and
 * `again` are recorded in their turn and crashed in: depth 2.
 *
 * KILLS. In a `killed` case the program dies between any two stores: the memory stays as it was,
 * and what was not durable is still not. recover and `again` go on with it, under power, and then
 * it fails. A fence of theirs does not complete a flush of the dead.
 *
 * ENVIRONMENT of a test binary
 *   TWZ_STATES=N    at most about N states for each case (default: the case's own number)
 *   TWZ_LONG=1      SIM_LONG times as many
 *   TWZ_SEED=N      another selection, and other runs where a case uses sim_random
 *   TWZ_CRASH=...   only this state, as a failure prints it
 *   TWZ_STEP_OFF=kind:name    that step (core/step.h) is switched off
 *   TWZ_STEP_REACHED=FILE     the steps that were reached are written there at the end
 */
#ifndef TWZ_TESTS_SIM_SIM_H
#define TWZ_TESTS_SIM_SIM_H

#include "abi/base.h"
#include "core/pmem.h"

/* ---- the medium ------------------------------------------------------------------------------ */

/* Places for mappings, free under all sanitizers: 1,024 slots of 1 GiB, then the memory. */
#define SIM_SLOT(n) ((uint8_t *)0x200000000000 + ((uint64_t)(n) << 30))
#define SIM_BASE ((uint8_t *)0x210000000000)

#define SIM_ALL_MAX 1024u

/*
 * A new memory of `bytes` (a multiple of the page, at most 32 GiB), all zero, mapped at SIM_BASE.
 * It replaces the one before; all aliases are gone. Ends the process if that fails.
 */
void *sim_memory(uint64_t bytes);
uint64_t sim_bytes(void);

/* Maps a piece of the memory a second time, at `addr`. All three are multiples of the page. */
void *sim_alias(void *addr, uint64_t bytes, uint64_t offset);
void sim_unalias(void *addr);

/* Since the start, everywhere: lines flushed, fences. For tests that count. */
extern struct sim_count {
	uint64_t flushes, fences;
} sim_count;

/* What core/pmem.h calls in the simulated build. */
void sim_store(void *p, const void *data, uint64_t bytes);
void sim_flush(const void *p, uint64_t bytes);
void sim_fence(void);
/* *p = value if *p is *seen; else *seen = *p. An atomic where nothing is recorded. */
bool sim_cas64(uint64_t *p, uint64_t *seen, uint64_t value);

/* ---- crash cases ----------------------------------------------------------------------------- */

/* What the oracle may know: how far the program was. */
struct sim_crash {
	uint64_t note; /* the last sim_note of run, 0 before the first */
	bool again;    /* the (second) crash was in `again`, which begins with note_again 0 */
	uint64_t note_again;
};

/*
 * A case. run is executed once, the others often; all but run may be null. A function that returns
 * a message returns null if all is well; messages are static.
 */
struct sim_case {
	const char *name;
	uint64_t bytes;  /* of the memory */
	const void *arg; /* for the functions below */
	/* Not recorded: all that it stores is durable. */
	void (*setup)(const void *arg);
	void (*run)(const void *arg);
	/* The real recovery, on what a crash left. */
	const char *(*recover)(const void *arg);
	/* The oracle. May change the memory to try it out. */
	const char *(*check)(const void *arg, const struct sim_crash *crash);
	/* What the program does after the recovery; crashed in at depth 2. */
	void (*again)(const void *arg);
	/* Says what lies at an offset of the memory, for the report. */
	void (*where)(const void *arg, uint64_t offset, char *text, size_t size);
	uint64_t states; /* budget, 0: SIM_STATES */
	uint64_t exact;  /* not 0: exactly as many distinct images must be found */
	bool flat;       /* depth 1 only */
	bool torn;       /* first crashes: only those that lose one word or line */
	bool killed;     /* no first crash: the process is killed, the power stays (KILLS) */
	bool broken;     /* a violation must be found: for tests of this harness */
};
#define SIM_STATES 2000u
#define SIM_LONG 40u

/* In run or again: everything up to here has happened, as far as the caller can know. */
void sim_note(uint64_t value);

/* The next number of a sequence that depends on TWZ_SEED and the case alone; restarted for each
 * call of setup, run, recover, again and check. */
uint64_t sim_random(void);

/* Explores one case; prints and counts. True if it passed. For use inside other test programs. */
bool sim_explore(const struct sim_case *c);

/*
 * main of a crash test: explores the cases that the arguments name (all, without), prints
 * "states: N distinct, S a second" and "NAME: P passed, F failed"; the exit status. Also
 * understands --list, --steps and --help.
 */
int sim_main(int argc, char **argv, const char *name, const struct sim_case *cases, size_t count);

#endif
