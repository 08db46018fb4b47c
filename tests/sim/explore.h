/*
 * explore.h - between the enumerator, its reports and sim_main; private to tests/sim.
 */
#ifndef TWZ_TESTS_SIM_EXPLORE_H
#define TWZ_TESTS_SIM_EXPLORE_H

#include "tests/sim/window.h"

#define DEPTH 2

extern struct explorer {
	const struct sim_case *c;
	const char *program; /* for the line that repeats a state */
	uint64_t seed;

	/* The state being visited: at depth d its crash point, and the choice there. */
	struct level {
		struct window window;
		uint32_t point;           /* number of the crash point, from 1 */
		uint32_t fence;           /* number of the fence that it is before, from 1 */
		uint32_t event;           /* number of the event that it is before */
		const struct event *next; /* that event; null: the end */
		uint64_t total, state;    /* state number `state` of `total` */
	} level[DEPTH];
	int depth; /* levels in use */
	struct sim_crash crash;
	const char *doing; /* "run", "recover", "check", "again" */

	struct replay { /* TWZ_CRASH: only this */
		bool on;
		int depth;
		struct {
			uint32_t point;
			uint64_t total, state;
		} at[DEPTH];
	} replay;

	uint64_t images;      /* distinct ones, of all cases */
	uint64_t visited;     /* states of this case */
	uint64_t deeper;      /* of those, at depth 2 */
	uint64_t points;      /* crash points of this case's run */
	uint64_t nanoseconds; /* spent on them */
} explorer;

/* A person reads this: the state being visited broke the case. */
void report_violation(const char *message);
/* Parses CASE@POINT.TOTAL.STATE[/...] into replay if it is for this case. */
bool replay_parse(const char *text, const char *name, struct replay *replay);

#endif
