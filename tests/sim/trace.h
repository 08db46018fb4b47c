/*
 * trace.h - what the medium records and the enumerator replays; private to tests/sim.
 *
 * The trace is one stack of events. Recording pushes; whatever is pushed can be undone down to a
 * mark, or rolled back and kept, to be replayed step by step. So the run, a crash's lost words, the
 * recovery from it and a crash inside that lie on each other, and nothing is ever copied.
 */
#ifndef TWZ_TESTS_SIM_TRACE_H
#define TWZ_TESTS_SIM_TRACE_H

#include "tests/sim/sim.h"

enum event_kind { EVENT_STORE, EVENT_FLUSH, EVENT_FENCE, EVENT_NOTE, EVENT_AGAIN };

struct event {
	uint32_t kind;
	uint32_t at; /* STORE: word; FLUSH: first line */
	union {
		uint64_t old;            /* STORE */
		uint64_t lines;          /* FLUSH */
		const struct step *step; /* FENCE; null if it has none */
	};
	uint64_t new; /* STORE, NOTE */
};

enum trace_mode {
	TRACE_OFF,     /* plain stores */
	TRACE_STORES,  /* recorded, so that they can be undone: for recover and check */
	TRACE_PROGRAM, /* also plain stores are looked for at every fence: for run and again */
};

extern struct trace {
	enum trace_mode mode;
	uint64_t *word;  /* the memory */
	uint64_t *known; /* its content as far as recorded */
	uint64_t bytes;
	struct event *event;
	uint32_t n;
} trace;

/* After setup: what the memory holds now is durable. Empties the trace. */
void trace_start(void);
void trace_note(enum event_kind kind, uint64_t value);

/* Takes back the newest events down to number `mark`; `keep`: they stay for replay. */
void trace_undo(uint32_t mark, bool keep);
/* A recorded store made again. */
void trace_redo(const struct event *e);
/* A store of the enumerator itself: pushed if it changes the word. */
void trace_put(uint32_t at, uint64_t value);

/* Records plain stores that were not seen yet. */
void trace_adopt(void);
/* Offset of a word that holds something else than recorded, or -1. */
int64_t trace_stray(void);

#endif
