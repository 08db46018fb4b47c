/*
 * threads.c - what two threads do together, each with a map of its own, beside one alone.
 *
 * By the clock on the wall, in many short rounds that take turns: one thread, then two. Each does the
 * same number of operations; the ratio of a round is twice the time of one, over the time of both.
 * What else runs on the machine makes the median smaller; the ratio of the fastest round of one to the
 * fastest of two says what is possible.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <time.h>

#include "bench/peers/peer.h"

#define GETS 50000 /* of a thread in a round */
#define PUTS 10000
#define ROUNDS_MAX 1001

struct worker {
	const struct peer *peer;
	struct map *map;
	pthread_barrier_t *start;
	bool puts;
	uint64_t keys; /* in the map */
	uint64_t seed; /* of what is looked up */
	double began, ended;
} __attribute__((aligned(128))); /* two threads' are not in one line, nor in a pair of lines */

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void *work(void *arg)
{
	struct worker *w = arg;

	pthread_barrier_wait(w->start);
	w->began = seconds();
	if (w->puts)
		fill(w->peer, w->map, random_key, w->keys, w->keys + PUTS, 0);
	else
		for (uint64_t i = 0; i < GETS; i++)
			expect(w->peer, w->map, random_key(random_key(w->seed + i) % w->keys));
	w->ended = seconds();
	if (w->puts)
		w->keys += PUTS;
	return NULL;
}

/* The time that the n workers from w on take, from the first one's start to the last one's end. */
static double run(struct worker *w, unsigned n, bool puts, uint64_t seed)
{
	pthread_barrier_t start;
	pthread_t thread[2];
	double began, ended;

	pthread_barrier_init(&start, NULL, n);
	for (unsigned i = 0; i < n; i++) {
		w[i].start = &start;
		w[i].puts = puts;
		w[i].seed = seed;
		if (pthread_create(&thread[i], NULL, work, &w[i]))
			die(w->peer->name, "a thread cannot be started");
	}
	for (unsigned i = 0; i < n; i++)
		pthread_join(thread[i], NULL);
	pthread_barrier_destroy(&start);
	began = w[0].began;
	ended = w[0].ended;
	if (n > 1 && w[1].began < began)
		began = w[1].began;
	if (n > 1 && w[1].ended > ended)
		ended = w[1].ended;
	return ended - began;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void measure(const char *name, struct worker *w, bool puts, unsigned rounds)
{
	static double one[ROUNDS_MAX], two[ROUNDS_MAX], ratio[ROUNDS_MAX];

	for (unsigned i = 0; i < rounds; i++) {
		one[i] = run(&w[i % 2], 1, puts, i * GETS);
		two[i] = run(w, 2, puts, i * GETS);
		ratio[i] = 2 * one[i] / two[i];
	}
	qsort(one, rounds, sizeof(double), by_value);
	qsort(two, rounds, sizeof(double), by_value);
	qsort(ratio, rounds, sizeof(double), by_value);
	printf("two_%s %.2f\ntwo_%s_fastest %.2f\n", name, ratio[rounds / 2], name,
	       2 * one[0] / two[0]);
}

void thread_it(const struct peer *p, struct map *const m[2], uint64_t keys, unsigned rounds)
{
	static struct worker w[2];

	if (!rounds || rounds > ROUNDS_MAX)
		die("usage", "too many rounds, or none");
	for (unsigned i = 0; i < 2; i++) {
		w[i] = (struct worker){.peer = p, .map = m[i], .keys = keys};
		fill(p, m[i], random_key, 0, keys, 1000);
	}
	measure("look_up", w, false, rounds);
	measure("insert", w, true, rounds);
}
