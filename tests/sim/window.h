/*
 * window.h - the words that are not durable at a crash point, and the choice of what they hold.
 *
 * A window is fed the events of a trace one by one (the memory always holds the newest values). At
 * a crash point window_build lists the pending words with their values; then state number i of
 * `total` is a pure function of the window, `total`, i and a seed: so one state can be repeated
 * without the others.
 */
#ifndef TWZ_TESTS_SIM_WINDOW_H
#define TWZ_TESTS_SIM_WINDOW_H

#include "tests/sim/trace.h"

struct value {
	uint64_t value;
	uint64_t mix;  /* its share in the hash of the image */
	uint32_t when; /* position of its store in the window, 0 for the durable one */
};

struct word {
	uint32_t at;
	uint32_t line;  /* number of its line among those of the window */
	uint32_t first; /* value[first]: durable; value[first + count - 1]: the newest */
	uint32_t count; /* at least 2 */
	uint32_t pick;  /* the chosen state: value[first + pick] */
};

struct window {
	/* Stores that no fence has made durable, in program order. */
	struct pending {
		uint32_t event;
		uint64_t serial; /* grows with every event, for ever: no map below needs clearing */
	} * pending;
	uint32_t npending, capacity;
	uint64_t serial;
	uint64_t *flushed; /* by line: serial of the last flush */

	/* Since window_build. */
	struct word *word;
	struct value *value;
	uint32_t nwords, nlines;
	uint32_t *line_at;   /* by number: the line */
	uint32_t *word_slot; /* by word: its number, valid if word[number].at agrees */
	uint32_t *line_slot; /* by line: as before */
	uint64_t bytes;      /* of the memory that the maps are for */

	bool torn; /* choose only states that miss one word or one line */
};

/* Nothing is pending. Also makes the maps fit the memory. */
void window_reset(struct window *w);
void window_store(struct window *w, uint32_t event);
void window_flush(struct window *w, uint32_t line, uint64_t lines);
void window_fence(struct window *w);
/* The next fence is not of the thread that flushed. */
void window_forget_flushes(struct window *w);

void window_build(struct window *w);
/* How many states to visit if about `share` would be welcome. */
uint64_t window_total(const struct window *w, uint64_t share);
/* Chooses state i of total; returns what it adds to the hash of the image with all words newest. */
uint64_t window_pick(struct window *w, uint64_t total, uint64_t i, uint64_t seed);
uint64_t window_pick_newest(struct window *w);
/* Puts the chosen state into the memory (trace_put). */
void window_apply(const struct window *w);

/* What a word of the memory adds to the hash of the image. */
uint64_t window_mix(uint32_t at, uint64_t value);

/* Pseudo-random numbers (splitmix64). */
static inline uint64_t random_next(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

#endif
