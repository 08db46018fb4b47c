/*
 * explore.c - the enumerator: runs a case once, then visits its crash states.
 *
 * The run is recorded and rolled back. Then its trace is replayed event by event: first to visit
 * the states of every crash point (survey), then to crash again inside what follows the crash in
 * them (deepen). By then the budget left, and the number of states to share it, are known.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/sum.h"
#include "tests/sim/explore.h"

struct explorer explorer;

/* ---- sets of hashes -------------------------------------------------------------------------- */

struct set {
	uint64_t *slot; /* 0: empty */
	uint64_t n, size;
};
static struct set images;   /* of the case: hashes of images */
static struct set visited;  /* images with notes */
static struct set deepened; /* of those, the ones crashed in again */

/* By crash point of the run: how many states the survey chose from; the other pass does too. */
static uint64_t *totals;

/* True if the key is new. */
static bool set_add(struct set *set, uint64_t key)
{
	uint64_t i;

	key += !key;
	if (set->n * 2 >= set->size) {
		struct set bigger = {.size = set->size ? 2 * set->size : 4096};

		bigger.slot = calloc(bigger.size, sizeof(*bigger.slot));
		if (!bigger.slot)
			abort();
		for (i = 0; i < set->size; i++)
			if (set->slot[i])
				set_add(&bigger, set->slot[i]);
		free(set->slot);
		*set = bigger;
	}
	for (i = key & (set->size - 1); set->slot[i]; i = (i + 1) & (set->size - 1))
		if (set->slot[i] == key)
			return false;
	set->slot[i] = key;
	set->n++;
	return true;
}

static void set_clear(struct set *set)
{
	free(set->slot);
	*set = (struct set){0};
}

/* ---- the functions of the case --------------------------------------------------------------- */

static uint64_t random_state;

uint64_t sim_random(void)
{
	return random_next(&random_state);
}

void sim_note(uint64_t value)
{
	if (trace.mode != TRACE_PROGRAM)
		return;
	trace_adopt();
	trace_note(EVENT_NOTE, value);
}

static void enter(const char *doing, enum trace_mode mode)
{
	explorer.doing = doing;
	trace.mode = mode;
	random_state = explorer.seed;
	for (const char *s = explorer.c->name; *s; s++)
		random_state = (random_state ^ (uint8_t)*s) * TWZ_SUM_K;
}

static void leave(void)
{
	trace.mode = TRACE_OFF;
	explorer.doing = NULL;
}

static const char *recover(void)
{
	const char *message;

	if (!explorer.c->recover)
		return NULL;
	enter("recover", TRACE_STORES);
	message = explorer.c->recover(explorer.c->arg);
	leave();
	return message;
}

static const char *check(void)
{
	const char *message;

	if (!explorer.c->check)
		return NULL;
	enter("check", TRACE_STORES);
	message = explorer.c->check(explorer.c->arg, &explorer.crash);
	leave();
	return message;
}

static void program(const char *doing, void (*function)(const void *arg))
{
	enter(doing, TRACE_PROGRAM);
	function(explorer.c->arg);
	trace_adopt();
	leave();
}

/* ---- exploring ------------------------------------------------------------------------------- */

/* A trace to be explored: the events [from, to), the image and the oracle's note before them. */
struct path {
	uint32_t from, to;
	uint64_t hash;
	struct sim_crash crash;
	uint64_t budget;
	bool deepen;
	/* Depth 2 after a killed process: the events before this one happened, in the same power. */
	uint32_t carried;
};

static bool explore(int depth, struct path path);

/* The real recovery and the oracle, on the memory as it is. What they store is not undone. */
static bool visit(void)
{
	const char *message;

	explorer.visited++;
	explorer.deeper += explorer.depth > 1;
	message = recover();
	if (!message)
		message = check();
	if (message)
		report_violation(message);
	return !message;
}

/* What follows the crash that the memory holds is recorded, and crashed in. It is not undone. */
static bool deepen(uint64_t hash, uint64_t budget)
{
	struct path path = {.from = trace.n, .hash = hash, .crash = explorer.crash};

	if (explorer.c->killed)
		path.carried = explorer.level[0].event;
	if (recover())
		return true; /* the survey reported it */
	if (explorer.c->again) {
		trace_note(EVENT_AGAIN, 0);
		program("again", explorer.c->again);
	}
	path.to = trace.n;
	path.budget = budget;
	trace_undo(path.from, true);
	return explore(1, path);
}

static uint64_t note_mix(const struct sim_crash *crash)
{
	return twz_fold(crash->note ^ TWZ_SUM_A, TWZ_SUM_K) +
	       twz_fold(crash->note_again ^ TWZ_SUM_A, TWZ_SUM_B + crash->again);
}

/* Fewer states than this would see too little of what follows a crash. */
#define DEEP_MIN 12u

/* Deepens with the path's budget; or, if that is small, now and then with a sufficient one. */
static bool deepen_some(uint64_t key, uint64_t hash, uint64_t budget)
{
	if (!explorer.replay.on && budget < DEEP_MIN) {
		if (key % DEEP_MIN >= budget)
			return true;
		budget = DEEP_MIN;
	}
	return deepen(hash, budget);
}

/* The state that the window has chosen, unless an equal one was there before. */
static bool state(int depth, const struct path *path, uint64_t hash)
{
	uint64_t key = hash + note_mix(&path->crash);
	uint32_t mark = trace.n;
	bool good;

	if (path->deepen && explorer.c->killed)
		key += window_mix(explorer.level[0].event, 1); /* less may be durable now */
	if (!set_add(path->deepen ? &deepened : &visited, key))
		return true;
	explorer.depth = depth + 1;
	explorer.crash = path->crash;
	window_apply(&explorer.level[depth].window);
	if (path->deepen) {
		good = deepen_some(key, hash, path->budget);
	} else {
		explorer.images += set_add(&images, hash);
		good = visit();
	}
	trace_undo(mark, false);
	return good;
}

/* The states of a crash point; `share` of the budget is for them. */
static bool point(int depth, const struct path *path, uint64_t share)
{
	struct level *level = &explorer.level[depth];
	const struct replay *replay = &explorer.replay;
	uint64_t seed = explorer.seed ^ twz_fold(path->hash ^ TWZ_SUM_A, TWZ_SUM_K);

	if (replay->on && replay->at[depth].point != level->point)
		return true;
	window_build(&level->window);
	if (!depth && explorer.c->killed)
		level->total = 1;
	else if (replay->on)
		level->total = replay->at[depth].total;
	else if (path->deepen)
		level->total = totals[level->point - 1];
	else
		level->total = window_total(&level->window, share);
	if (!depth)
		totals[level->point - 1] = level->total;
	for (level->state = 0; level->state < level->total; level->state++) {
		uint64_t delta;

		if (replay->on && replay->at[depth].state != level->state)
			continue;
		delta = !depth && explorer.c->killed
				? window_pick_newest(&level->window)
				: window_pick(&level->window, level->total, level->state, seed);
		if (!state(depth, path, path->hash + delta))
			return false;
	}
	return true;
}

/*
 * Where a process is killed: where it goes over to storing, flushing or fencing, at its notes, and
 * some KILLS times amid its stores.
 */
#define KILLS 64u

static bool is_kill(const struct path *path, uint32_t i)
{
	uint32_t stride = (path->to - path->from) / KILLS + 1;
	const struct event *e = &trace.event[i];

	if (i == path->from || e->kind != e[-1].kind || e->kind == EVENT_NOTE)
		return true;
	return e->kind == EVENT_STORE && i % stride == 0;
}

/* A crash point is before this event; the end of the trace is one too. */
static bool is_point(int depth, const struct path *path, uint32_t i)
{
	enum event_kind kind;

	if (i == path->to)
		return true;
	if (!depth && explorer.c->killed)
		return is_kill(path, i);
	kind = (enum event_kind)trace.event[i].kind;
	return kind == EVENT_FENCE || kind == EVENT_NOTE || kind == EVENT_AGAIN;
}

/* What a killed process has left undone: its flushes too count for nothing, since no fence of its
 * own follows. */
static void carry(struct window *w, uint32_t end)
{
	for (uint32_t i = 0; i < end; i++) {
		const struct event *e = &trace.event[i];

		if (e->kind == EVENT_STORE)
			window_store(w, i);
		else if (e->kind == EVENT_FLUSH)
			window_flush(w, e->at, e->lines);
		else if (e->kind == EVENT_FENCE)
			window_fence(w);
	}
	window_forget_flushes(w);
}

/* Makes event number i happen. */
static void step(struct level *level, struct path *path, uint32_t i)
{
	const struct event *e = &trace.event[i];

	switch ((enum event_kind)e->kind) {
	case EVENT_STORE:
		path->hash += window_mix(e->at, e->new) - window_mix(e->at, e->old);
		trace_redo(e);
		window_store(&level->window, i);
		break;
	case EVENT_FLUSH:
		window_flush(&level->window, e->at, e->lines);
		break;
	case EVENT_FENCE:
		window_fence(&level->window);
		level->fence++;
		break;
	case EVENT_NOTE:
		if (path->crash.again)
			path->crash.note_again = e->new;
		else
			path->crash.note = e->new;
		break;
	case EVENT_AGAIN:
		path->crash.again = true;
		break;
	}
}

/*
 * The memory is as before the first event; after success, as after the last. In the survey the
 * budget is spread evenly over the points that are left; in the other pass it is for each state.
 */
static bool explore(int depth, struct path path)
{
	struct level *level = &explorer.level[depth];
	uint64_t end = explorer.visited + path.budget, left = 0;

	for (uint32_t i = path.from; i <= path.to; i++)
		left += is_point(depth, &path, i);
	if (!depth && left > explorer.points) {
		explorer.points = left;
		totals = realloc(totals, left * sizeof(*totals));
		if (!totals)
			abort();
	}
	window_reset(&level->window);
	carry(&level->window, path.carried);
	level->point = 0;
	level->fence = 1;
	for (uint32_t i = path.from; i <= path.to; i++) {
		level->event = i;
		level->next = i < path.to ? &trace.event[i] : NULL;
		if (is_point(depth, &path, i)) {
			uint64_t share = explorer.visited < end ? end - explorer.visited : 0;

			level->point++;
			if (!point(depth, &path, share / left--))
				return false;
		}
		if (level->next)
			step(level, &path, i);
	}
	return true;
}

/* ---- a case ---------------------------------------------------------------------------------- */

static uint64_t environment(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text && *text ? strtoull(text, NULL, 0) : otherwise;
}

static uint64_t budget_of(const struct sim_case *c)
{
	uint64_t budget = c->states ? c->states : SIM_STATES;
	uint64_t most = environment("TWZ_STATES", budget);

	if (c->exact || c->broken)
		return budget < 100 * SIM_STATES ? 100 * SIM_STATES : budget;
	if (most < budget)
		budget = most;
	return environment("TWZ_LONG", 0) ? SIM_LONG * budget : budget;
}

static uint64_t nanoseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* Both passes over the recorded run; what they found is in the explorer. */
static bool passes(const struct sim_case *c, struct path path)
{
	const struct replay *replay = &explorer.replay;
	uint64_t budget = path.budget;

	if (!c->flat)
		path.budget /= 2;
	if (!replay->on || replay->depth == 1)
		if (!explore(0, path))
			return false;
	if (c->flat || (replay->on && replay->depth == 1))
		return true;
	trace_undo(path.from, true);
	path.deepen = true;
	path.budget = explorer.visited < budget ? budget - explorer.visited : 0;
	if (explorer.visited)
		path.budget /= explorer.visited;
	return explore(0, path);
}

/* What is left to see when all states were good: null, or what is wrong (printed). */
static const char *after(const struct sim_case *c, uint64_t found)
{
	static char text[128];
	int64_t stray;

	trace_undo(0, false);
	stray = trace_stray();
	if (c->exact && found != c->exact)
		snprintf(text, sizeof(text), "%llu states, not exactly %llu",
			 (unsigned long long)found, (unsigned long long)c->exact);
	else if (stray >= 0)
		snprintf(text, sizeof(text), "a plain store changed offset 0x%llx of the memory",
			 (unsigned long long)stray);
	else
		return NULL;
	if (!c->broken)
		printf("  %s: FAILED: %s\n", c->name, text);
	return text;
}

bool sim_explore(const struct sim_case *c)
{
	struct path path = {.budget = budget_of(c)};
	uint64_t before = explorer.images, start;
	const char *text = getenv("TWZ_CRASH"), *fault;

	explorer.replay.on = text && *text;
	if (explorer.replay.on && !replay_parse(text, c->name, &explorer.replay)) {
		printf("  %s: TWZ_CRASH is not for this case\n", c->name);
		return false;
	}
	explorer.c = c;
	explorer.seed = environment("TWZ_SEED", 1);
	explorer.visited = explorer.deeper = explorer.points = 0;
	explorer.depth = 0;
	explorer.level[0].window.torn = c->torn;

	sim_memory(c->bytes);
	enter("setup", TRACE_OFF);
	if (c->setup)
		c->setup(c->arg);
	leave();
	trace_start();
	program("run", c->run);
	path.to = trace.n;
	trace_undo(0, true);

	start = nanoseconds();
	fault = passes(c, path) ? after(c, explorer.images - before) : "reported";
	explorer.nanoseconds += nanoseconds() - start;
	set_clear(&images);
	set_clear(&visited);
	set_clear(&deepened);
	if (c->broken) {
		printf("  %s: %s\n", c->name, fault ? "found" : "FAILED: the fault was not found");
		return fault;
	}
	if (!fault)
		printf("  %s: %llu states, %llu at depth 2, %llu crash points\n", c->name,
		       (unsigned long long)(explorer.images - before),
		       (unsigned long long)explorer.deeper, (unsigned long long)explorer.points);
	return !fault;
}
