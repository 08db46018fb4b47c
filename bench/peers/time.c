/*
 * time.c - times one peer, by the processor time of the process: what others do on the machine is not
 * in it, what the host's kernel and a peer's own threads do for it is.
 */
#define _GNU_SOURCE
#include <time.h>

#include "bench/peers/peer.h"

#define HELD 1000       /* look-ups of one state */
#define SHARE_SINGLE 20 /* 1 / 20 of the keys is put behind the others, each by itself */

static double nanoseconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void show(const char *name, double took, uint64_t keys)
{
	printf("%s %.2f\n", name, took / (double)keys);
}

/* As many look-ups as there are keys, anywhere among them. */
static void time_look_up(const struct peer *p, struct map *m, uint64_t (*key)(uint64_t i),
			 uint64_t keys, bool held)
{
	double began = nanoseconds();

	for (uint64_t i = 0; i < keys; i++) {
		if (held && i % HELD == 0)
			p->hold(m);
		expect(p, m, key(random_key(i) % keys));
		if (held && (i % HELD == HELD - 1 || i + 1 == keys))
			p->release(m);
	}
	show(held ? "look_up_held" : "look_up", nanoseconds() - began, keys);
}

static void time_scan(const struct peer *p, struct map *m, uint64_t (*key)(uint64_t i),
		      uint64_t keys)
{
	uint64_t sum = 0, right = 0;
	double began;

	for (uint64_t i = 0; i < keys; i++)
		right += value_of(key(i));
	began = nanoseconds();
	if (p->scan(m, &sum) != keys)
		die(p->name, "a scan did not come by all keys");
	show("scan", nanoseconds() - began, keys);
	if (sum != right)
		die(p->name, "a scan came by other values");
}

void time_insert(const struct peer *p, struct map *m, uint64_t (*key)(uint64_t i), uint64_t from,
		 uint64_t to, uint64_t batch)
{
	double began = nanoseconds();

	fill(p, m, key, from, to, batch);
	show(batch ? "insert_many" : "insert", nanoseconds() - began, to - from);
}

static void time_update(const struct peer *p, struct map *m, uint64_t n)
{
	struct cell cell = {{0}};
	double began = nanoseconds();

	for (uint64_t i = 0; i < n; i++) {
		cell.word[i % 8] = i;
		p->update(m, &cell);
	}
	show("update", nanoseconds() - began, n);
}

void time_it(const struct peer *p, struct map *m, uint64_t (*key)(uint64_t i), uint64_t keys,
	     uint64_t batch)
{
	time_insert(p, m, key, 0, keys, batch);
	if (p->hold)
		time_look_up(p, m, key, keys, true);
	time_look_up(p, m, key, keys, false);
	time_scan(p, m, key, keys);
	time_insert(p, m, key, keys, keys + keys / SHARE_SINGLE, 0);
	time_update(p, m, keys / SHARE_SINGLE);
}
