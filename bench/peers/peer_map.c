/*
 * peer_map.c - libtwz's map, on the hosted runtime. Each map is in an object of its own with a name.
 *
 * Durable as far as the store's folder is: a fence is sfence behind clwb, in /dev/shm as with DAX.
 */
#define _GNU_SOURCE
#include "bench/peers/peer.h"
#include "tests/home/home.h"

#define BYTES ((uint64_t)1 << 30)

struct root {
	twz_map(uint64_t, uint64_t) entries;
	uint8_t room[2 * sizeof(struct cell)]; /* a line in it */
};

struct map {
	struct root *root;
	struct twz_tx tx;
	struct twz_tx *open;     /* &tx from begin to commit */
} __attribute__((aligned(128))); /* of two threads: not in one line, nor in a pair of lines */

static void must(int error)
{
	if (error)
		die("libtwz", twz_error_name(error));
}

static void make_root(const struct twz_obj *obj)
{
	struct twz_tx tx;
	void *root;

	twz_tx_begin(&tx);
	must(heap_alloc(&tx, sizeof(struct root), twz_heap_root(obj), &root));
	memset(root, 0, sizeof(struct root));
	twz_tx_fresh(&tx, root, sizeof(struct root));
	must(twz_tx_commit(&tx));
}

static struct map *open_map(const char *path, unsigned n, bool make)
{
	static struct map map[2];
	const char *name = n ? "second" : "first";
	struct twz_id id;
	struct twz_obj obj;

	if (!n && make)
		home_make(path, BYTES);
	if (!n)
		must(twz_rt_open(path));
	if (make) {
		must(twz_name_root(&id));
		must(twz_obj_new(&(struct twz_new){.ending = true, .heap = true}, &obj));
		make_root(&obj);
		must(twz_name_publish(name, obj.id, 0));
	} else {
		must(twz_name_open(name, &obj));
	}
	map[n].root = twz_ptr_get(twz_heap_root(&obj));
	return &map[n];
}

static void begin(struct map *m)
{
	twz_tx_begin(&m->tx);
	m->open = &m->tx;
}

static void commit(struct map *m)
{
	must(twz_tx_commit(&m->tx));
	m->open = NULL;
}

static void put_entry(struct map *m, uint64_t key, uint64_t value)
{
	must(twz_map_put(m->open, &m->root->entries, key, value));
}

static bool get(struct map *m, uint64_t key, uint64_t *value)
{
	return !twz_map_get(&m->root->entries, key, value);
}

static uint64_t scan(struct map *m, uint64_t *sum)
{
	struct twz_map_cursor c;
	uint64_t key, value = 0, count = 0;

	twz_map_each(&m->root->entries, &c, &key, &value)
	{
		*sum += value;
		count++;
	}
	if (c.error != TWZ_E_NOTFOUND)
		must(c.error);
	return count;
}

static void update(struct map *m, const struct cell *cell)
{
	struct cell *staged;

	twz_tx_begin(&m->tx);
	staged = twz_tx_write(&m->tx, line_at(m->root->room), sizeof(*cell));
	if (staged)
		*staged = *cell;
	must(twz_tx_commit(&m->tx));
}

const struct peer peers[] = {
	{"map", open_map, put_entry, begin, commit, get, scan, NULL, NULL, update},
	{0},
};
