/*
 * peer_pmdk.c - PMDK's own ordered maps: rbtree_map and btree_map of its examples, in one pool. A value
 * is what these maps have for one, a persistent pointer of 16 bytes; ours stands in its offset.
 *
 * PMEM_IS_PMEM_FORCE=1 must be set: PMDK then flushes with clwb, as on persistent memory.
 */
#include <libpmemobj.h>

#include <btree_map.h>
#include <rbtree_map.h>

#include "bench/peers/peer.h"

#define BYTES ((size_t)1 << 30)
#define LAYOUT "peers"

struct root {
	TOID(struct rbtree_map) rbtree[2];
	TOID(struct btree_map) btree[2];
	uint8_t room[2 * sizeof(struct cell)]; /* a line in it */
};

struct map {
	unsigned n;
	TOID(struct rbtree_map) rbtree;
	TOID(struct btree_map) btree;
};

static PMEMobjpool *pool;
static struct root *root;

static void must(bool ok)
{
	if (!ok)
		die("PMDK", pmemobj_errormsg());
}

static struct map *open_pool(const char *path, unsigned n, bool make)
{
	static struct map map[2];

	if (!getenv("PMEM_IS_PMEM_FORCE"))
		die("PMDK", "PMEM_IS_PMEM_FORCE is not set: it would not flush with clwb");
	if (!pool) {
		pool = make ? pmemobj_create(path, LAYOUT, BYTES, 0600)
			    : pmemobj_open(path, LAYOUT);
		must(pool);
		root = pmemobj_direct(pmemobj_root(pool, sizeof(*root)));
		must(root);
	}
	map[n].n = n;
	return &map[n];
}

static void begin(struct map *m)
{
	(void)m;
	must(!pmemobj_tx_begin(pool, NULL, TX_PARAM_NONE));
}

static void commit(struct map *m)
{
	(void)m;
	pmemobj_tx_commit();
	must(!pmemobj_tx_end());
}

static int visit(uint64_t key, PMEMoid value, void *arg)
{
	uint64_t *seen = arg;

	(void)key;
	seen[0]++;
	seen[1] += value.off;
	return 0;
}

static void update(struct map *m, const struct cell *cell)
{
	struct cell *place = line_at(root->room);

	begin(m);
	must(!pmemobj_tx_add_range_direct(place, sizeof(*place)));
	*place = *cell;
	commit(m);
}

/* The functions of one kind. */
#define KIND(kind)                                                                     \
	static struct map *kind##_open(const char *path, unsigned n, bool make)        \
	{                                                                              \
		struct map *m = open_pool(path, n, make);                              \
                                                                                       \
		if (make)                                                              \
			must(!kind##_map_create(pool, &root->kind[n], NULL));          \
		m->kind = root->kind[n];                                               \
		return m;                                                              \
	}                                                                              \
                                                                                       \
	static void kind##_put(struct map *m, uint64_t key, uint64_t value)            \
	{                                                                              \
		must(!kind##_map_insert(pool, m->kind, key, (PMEMoid){.off = value})); \
	}                                                                              \
                                                                                       \
	static bool kind##_get(struct map *m, uint64_t key, uint64_t *value)           \
	{                                                                              \
		*value = kind##_map_get(pool, m->kind, key).off;                       \
		return *value;                                                         \
	}                                                                              \
                                                                                       \
	static uint64_t kind##_scan(struct map *m, uint64_t *sum)                      \
	{                                                                              \
		uint64_t seen[2] = {0};                                                \
                                                                                       \
		must(!kind##_map_foreach(pool, m->kind, visit, seen));                 \
		*sum = seen[1];                                                        \
		return seen[0];                                                        \
	}
KIND(rbtree)
KIND(btree)

const struct peer peers[] = {
	{"rbtree", rbtree_open, rbtree_put, begin, commit, rbtree_get, rbtree_scan, NULL, NULL,
	 update},
	{"btree", btree_open, btree_put, begin, commit, btree_get, btree_scan, NULL, NULL, update},
	{0},
};
