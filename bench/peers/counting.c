/*
 * counting.c - counts what one peer does, instruction by instruction (bench/lib/count.h): exact, and
 * the same on a busy machine. What the host's kernel does is not in it, so system calls are counted.
 */
#include "bench/lib/count.h"
#include "bench/peers/peer.h"

#define WARM 3 /* operations that are not counted: lazy binding, first touch */

struct operation {
	const struct peer *peer;
	struct map *map;
	uint64_t key;
	struct cell cell;
};

/* What calling a peer takes by itself, which is not counted. */
static void put_nothing(struct map *m, uint64_t key, uint64_t value)
{
	(void)m, (void)key, (void)value;
}

static bool get_nothing(struct map *m, uint64_t key, uint64_t *value)
{
	(void)m, (void)key, (void)value;
	return true;
}

static void update_nothing(struct map *m, const struct cell *cell)
{
	(void)m, (void)cell;
}

static const struct peer nothing = {
	.put = put_nothing,
	.get = get_nothing,
	.update = update_nothing,
};

static void put(void *arg)
{
	const struct operation *o = arg;

	o->peer->put(o->map, o->key, value_of(o->key));
}

static void get(void *arg)
{
	const struct operation *o = arg;
	uint64_t value;

	if (!o->peer->get(o->map, o->key, &value))
		die(o->peer->name, "a key is not there");
}

static void update(void *arg)
{
	struct operation *o = arg;

	o->peer->update(o->map, &o->cell);
}

/* The mean over keys number `from` on. */
static void show(const char *name, struct operation *o, void (*fn)(void *), uint64_t from,
		 uint64_t step, unsigned n)
{
	struct operation none = {.peer = &nothing};
	uint64_t around = count_run(fn, &none).instructions - 1; /* its return is the peer's */
	struct count sum = {0};

	for (unsigned i = 0; i < WARM + n; i++) {
		struct count c;

		o->key = o->cell.word[i % 8] = random_key(from + i * step);
		c = count_run(fn, o);
		if (i < WARM)
			continue;
		sum.instructions += c.instructions - around;
		sum.locked += c.locked;
		sum.flushes += c.flushes;
		sum.fences += c.fences;
		sum.calls += c.calls;
	}
	printf("%s_instructions %.2f\n%s_flushes %.2f\n%s_fences %.2f\n%s_locked %.2f\n%s_calls "
	       "%.2f\n",
	       name, (double)sum.instructions / n, name, (double)sum.flushes / n, name,
	       (double)sum.fences / n, name, (double)sum.locked / n, name, (double)sum.calls / n);
}

void count_it(const struct peer *p, struct map *m, uint64_t keys, unsigned n)
{
	struct operation o = {.peer = p, .map = m};

	fill(p, m, random_key, 0, keys, 1000);
	show("insert", &o, put, keys, 1, n);
	show("look_up", &o, get, 0, keys / (WARM + n), n);
	if (p->hold) {
		p->hold(m);
		show("look_up_held", &o, get, 0, keys / (WARM + n), n);
		p->release(m);
	}
	show("update", &o, update, 0, 1, n);
}
