/*
 * main.c - the program that measures one peer (peer.h); bench/peers.sh calls it.
 *
 *     PROGRAM KIND time PATH random|rising KEYS BATCH
 *     PROGRAM KIND fill PATH random|rising KEYS BATCH
 *     PROGRAM KIND count PATH KEYS N
 *     PROGRAM KIND threads PATH KEYS ROUNDS
 *     PROGRAM KIND find PATH    looks for one of the random keys that fill put, and prints the time by
 *                               the monotonic clock when it has it
 *     PROGRAM KIND hold PATH    the same, and has the store open until its input ends
 *     PROGRAM KIND die PATH     is killed in a transaction
 *
 * All make the store at PATH, but for the last three, which open it.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <string.h>
#include <time.h>

#include "bench/peers/peer.h"

void fill(const struct peer *p, struct map *m, uint64_t (*key)(uint64_t i), uint64_t from,
	  uint64_t to, uint64_t batch)
{
	for (uint64_t i = from; i < to; i++) {
		if (batch && (i - from) % batch == 0)
			p->begin(m);
		p->put(m, key(i), value_of(key(i)));
		if (batch && ((i - from) % batch == batch - 1 || i + 1 == to))
			p->commit(m);
	}
}

void expect(const struct peer *p, struct map *m, uint64_t key)
{
	uint64_t value;

	if (!p->get(m, key, &value) || value != value_of(key))
		die(p->name, "a key is not there, or has another value");
}

static void find(const struct peer *p, struct map *m)
{
	struct timespec now;

	expect(p, m, random_key(0));
	clock_gettime(CLOCK_MONOTONIC, &now);
	printf("%lld\n", (long long)now.tv_sec * 1000000000 + now.tv_nsec);
}

static void hold(const struct peer *p, struct map *m)
{
	find(p, m);
	fflush(stdout);
	while (getchar() != EOF)
		;
}

static _Noreturn void die_within(const struct peer *p, struct map *m)
{
	p->begin(m);
	p->put(m, random_key(~0ull / 2), 1);
	raise(SIGKILL);
	die(p->name, "was not killed");
}

static uint64_t number(const char *text)
{
	char *end;
	uint64_t n = strtoull(text, &end, 10);

	if (!*text || *end)
		die(text, "is not a number");
	return n;
}

static const struct peer *kind(const char *name)
{
	for (const struct peer *p = peers; p->name; p++)
		if (!strcmp(p->name, name))
			return p;
	die(name, "there is no such kind");
}

typedef uint64_t (*key_fn)(uint64_t i);

static key_fn order(const char *name)
{
	if (!strcmp(name, "random"))
		return random_key;
	if (!strcmp(name, "rising"))
		return rising_key;
	die(name, "is neither random nor rising");
}

int main(int argc, char **argv)
{
	const char *what = argc > 3 ? argv[2] : "", *path = argc > 3 ? argv[3] : "";
	const struct peer *p = argc > 3 ? kind(argv[1]) : NULL;
	bool new = strcmp(what, "find") && strcmp(what, "hold") && strcmp(what, "die");
	struct map *m[2] = {p ? p->open(path, 0, new) : NULL};

	if (argc == 7 && !strcmp(what, "time")) {
		time_it(p, m[0], order(argv[4]), number(argv[5]), number(argv[6]));
	} else if (argc == 7 && !strcmp(what, "fill")) {
		time_insert(p, m[0], order(argv[4]), 0, number(argv[5]), number(argv[6]));
	} else if (argc == 6 && !strcmp(what, "count")) {
		count_it(p, m[0], number(argv[4]), (unsigned)number(argv[5]));
	} else if (argc == 6 && !strcmp(what, "threads")) {
		m[1] = p->open(path, 1, true);
		thread_it(p, m, number(argv[4]), (unsigned)number(argv[5]));
	} else if (argc == 4 && !strcmp(what, "find")) {
		find(p, m[0]);
	} else if (argc == 4 && !strcmp(what, "hold")) {
		hold(p, m[0]);
	} else if (argc == 4 && !strcmp(what, "die")) {
		die_within(p, m[0]);
	} else {
		die("usage", "PROGRAM KIND time|fill|count|threads|find|hold|die PATH ...");
	}
	return 0;
}
