/*
 * peer.h - an ordered map from words to words, as each of the peers has it. `bench peers`.
 *
 * A program of this folder is main.c with one peer: nothing of one is linked to another, so each starts
 * as it would by itself. A peer may come in several kinds, such as with and without durability.
 *
 * Rules
 *   - What fails ends the program with a message: a measurement goes on with nothing that is wrong.
 *   - A map is used by one thread at a time; two maps of a store by two threads at once.
 *   - A key is put once.
 */
#ifndef TWZ_BENCH_PEER_H
#define TWZ_BENCH_PEER_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

struct map; /* the peer's own */

struct cell {
	uint64_t word[8];
};

/* `p` or the next place behind it that is a line of the processor's own. */
static inline void *line_at(void *p)
{
	return (void *)(((uintptr_t)p + 63) & -(uintptr_t)64);
}

struct peer {
	const char *name;

	/*
	 * Map number n, 0 or 1, of the store at `path`; an empty one if `make`. Map 0 is opened first.
	 * A store is one file, or where a peer has one writer for each file, one for each map.
	 */
	struct map *(*open)(const char *path, unsigned n, bool make);

	/* Outside of begin and commit, on return it is as durable as the kind has it. */
	void (*put)(struct map *m, uint64_t key, uint64_t value);
	void (*begin)(struct map *m); /* what is put from here on is one transaction, until ... */
	void (*commit)(struct map *m);

	/* Outside of hold and release: of the state that there is at each call. */
	bool (*get)(struct map *m, uint64_t key, uint64_t *value);
	uint64_t (*scan)(struct map *m,
			 uint64_t *sum); /* all by rising keys: how many; of their values */
	/* Null if there is no such thing: get and scan are of one state, until ... */
	void (*hold)(struct map *m);
	void (*release)(struct map *m);

	/* What a map is compared with: 64 bytes beside it, at one place, as durable as what is put. */
	void (*update)(struct map *m, const struct cell *cell);
};

/* The kinds, behind the last one without a name. */
extern const struct peer peers[];

static inline _Noreturn void die(const char *what, const char *why)
{
	fprintf(stderr, "bench peers: %s: %s\n", what, why);
	exit(1);
}

/* ---- keys: the same for all ---------------------------------------------------------------------- */

/* Key number i in random order; no two are equal, none is 0 (splitmix64). */
static inline uint64_t random_key(uint64_t i)
{
	uint64_t z = (i + 1) * 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static inline uint64_t rising_key(uint64_t i)
{
	return i + 1;
}

/* Never 0, which PMDK's maps take for nothing. */
static inline uint64_t value_of(uint64_t key)
{
	return key | (uint64_t)1 << 20;
}

/* ---- what is done with a peer -------------------------------------------------------------------- */

/* Puts keys number `from` to `to` - 1, `batch` in a transaction; 0: each by itself. */
void fill(const struct peer *p, struct map *m, uint64_t (*key)(uint64_t i), uint64_t from,
	  uint64_t to, uint64_t batch);

/* Ends the program if the map does not have it. */
void expect(const struct peer *p, struct map *m, uint64_t key);

/*
 * Each prints lines "NAME VALUE".
 *
 * Times are in nanoseconds of processor time for each key. time_it fills an empty map with `keys`
 * keys, `batch` in a transaction, and does with it what a map is for; time_insert only fills.
 */
void time_it(const struct peer *p, struct map *m, uint64_t (*key)(uint64_t i), uint64_t keys,
	     uint64_t batch);
void time_insert(const struct peer *p, struct map *m, uint64_t (*key)(uint64_t i), uint64_t from,
		 uint64_t to, uint64_t batch);

/* In an empty map that is filled with `keys` keys: instructions, flushes, ..., means over `n`. */
void count_it(const struct peer *p, struct map *m, uint64_t keys, unsigned n);

/*
 * Two threads with an empty map each, which is filled with `keys` keys: how many times what one does
 * they do together, in `rounds` rounds.
 */
void thread_it(const struct peer *p, struct map *const m[2], uint64_t keys, unsigned rounds);

#endif
