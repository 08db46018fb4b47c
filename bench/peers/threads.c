/*
 * threads.c - what two threads do together, each with a map of its own, beside one alone.
 *
 * By the clock on the wall, in many short rounds that take turns: one thread, then two. Each does the
 * same number of operations; the ratio of a round is twice the time of one, over the time of both.
 *
 * Two processors of a virtual machine are not always two: they may be halves of one core, or somebody
 * else's for a while. So each thread does a fixed piece of arithmetic, which needs nothing but a core, right
 * before and behind its operations. A round in which one of these took half as long again as it can take,
 * or a thread was without a processor for a fiftieth of its time, was not done by two processors, and says
 * nothing of the map: the second ratio is the median of the other rounds, then how many these are, in
 * percent.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <time.h>

#include "bench/peers/peer.h"

#define GETS 50000 /* of a thread in a round */
#define PUTS 10000
#define ROUNDS_MAX 1001
#define STEPS 100000 /* of the arithmetic: some 100 us */

struct worker {
	const struct peer *peer;
	struct map *map;
	unsigned *arrived, awaited; /* who is there, and how many that are to be */
	unsigned
		processor; /* its own: the host's kernel lets two that wait for one another share one */
	bool puts;
	uint64_t keys; /* in the map */
	uint64_t seed; /* of what is looked up */
	double began, ended;
	double core;             /* the time of the arithmetic, the longer one */
	double away;             /* the part of its time in which it had no processor */
} __attribute__((aligned(128))); /* two threads' are not in one line, nor in a pair of lines */

static double seconds(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Four chains, which fill a core: beside another one on the same core it takes longer. */
static double arithmetic(void)
{
	const double began = seconds(CLOCK_MONOTONIC);
	uint64_t a = 1, b = 2, c = 3, d = 4;

	for (unsigned i = 0; i < STEPS; i++) {
		a = (a ^ i) + (a >> 7);
		b = (b ^ i) + (b >> 7);
		c = (c ^ i) + (c >> 7);
		d = (d ^ i) + (d >> 7);
		__asm__ volatile("" : "+r"(a), "+r"(b), "+r"(c), "+r"(d));
	}
	return seconds(CLOCK_MONOTONIC) - began;
}

/* Nobody sleeps: all go on at the same moment. `n`: the how manieth meeting it is. */
static void meet(struct worker *w, unsigned n)
{
	__atomic_add_fetch(w->arrived, 1, __ATOMIC_ACQ_REL);
	while (__atomic_load_n(w->arrived, __ATOMIC_ACQUIRE) < n * w->awaited)
		__builtin_ia32_pause();
}

static void *work(void *arg)
{
	struct worker *w = arg;
	cpu_set_t own;
	double core, ran;

	CPU_ZERO(&own);
	CPU_SET(w->processor, &own);
	if (pthread_setaffinity_np(pthread_self(), sizeof(own), &own))
		die(w->peer->name, "a thread cannot have a processor of its own");
	meet(w, 1);
	w->core = arithmetic();
	ran = seconds(CLOCK_THREAD_CPUTIME_ID);
	w->began = seconds(CLOCK_MONOTONIC);
	if (w->puts)
		fill(w->peer, w->map, random_key, w->keys, w->keys + PUTS, 0);
	else
		for (uint64_t i = 0; i < GETS; i++)
			expect(w->peer, w->map, random_key(random_key(w->seed + i) % w->keys));
	w->ended = seconds(CLOCK_MONOTONIC);
	ran = seconds(CLOCK_THREAD_CPUTIME_ID) - ran;
	w->away = 1 - ran / (w->ended - w->began);
	meet(w, 2);
	core = arithmetic();
	if (core > w->core)
		w->core = core;
	if (w->puts)
		w->keys += PUTS;
	return NULL;
}

/*
 * The time that the n workers from w on take, from the first one's start to the last one's end. `core`: the
 * time of the arithmetic on a core that does nothing else; *whole stays if each had such a one.
 */
static double run(struct worker *w, unsigned n, bool puts, uint64_t seed, double core, bool *whole)
{
	unsigned arrived = 0;
	pthread_t thread[2];
	double began, ended;

	for (unsigned i = 0; i < n; i++) {
		w[i].arrived = &arrived;
		w[i].awaited = n;
		w[i].puts = puts;
		w[i].seed = seed;
		if (pthread_create(&thread[i], NULL, work, &w[i]))
			die(w->peer->name, "a thread cannot be started");
	}
	for (unsigned i = 0; i < n; i++)
		pthread_join(thread[i], NULL);
	began = w[0].began;
	ended = w[0].ended;
	if (n > 1 && w[1].began < began)
		began = w[1].began;
	if (n > 1 && w[1].ended > ended)
		ended = w[1].ended;
	for (unsigned i = 0; i < n; i++)
		*whole &= w[i].core < 1.5 * core && w[i].away < 0.02;
	return ended - began;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *value, unsigned n)
{
	qsort(value, n, sizeof(double), by_value);
	return value[n / 2];
}

/* `core`: the time of the arithmetic on a core that does nothing else. */
static void measure(const char *name, struct worker *w, bool puts, unsigned rounds, double core)
{
	static double ratio[ROUNDS_MAX], whole[ROUNDS_MAX];
	unsigned undisturbed = 0;

	for (unsigned i = 0; i < rounds; i++) {
		bool cores = true;
		double one = run(&w[i % 2], 1, puts, i * GETS, core, &cores),
		       two = run(w, 2, puts, i * GETS, core, &cores);

		ratio[i] = 2 * one / two;
		if (cores)
			whole[undisturbed++] = ratio[i];
	}
	printf("two_%s %.2f\ntwo_%s_share %u\n", name, median(ratio, rounds), name,
	       undisturbed * 100 / rounds);
	if (undisturbed)
		printf("two_%s_whole %.2f\n", name, median(whole, undisturbed));
}

void thread_it(const struct peer *p, struct map *const m[2], uint64_t keys, unsigned rounds)
{
	static struct worker w[2];
	double core = arithmetic();

	if (!rounds || rounds > ROUNDS_MAX)
		die("usage", "too many rounds, or none");
	for (unsigned i = 0; i < 1000; i++) {
		double again = arithmetic();

		if (again < core)
			core = again;
	}
	for (unsigned i = 0; i < 2; i++) {
		w[i] = (struct worker){.peer = p, .map = m[i], .processor = i, .keys = keys};
		fill(p, m[i], random_key, 0, keys, 1000);
	}
	measure("look_up", w, false, rounds, core);
	measure("insert", w, true, rounds, core);
}
