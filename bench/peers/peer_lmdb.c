/*
 * peer_lmdb.c - LMDB: the map is the unnamed database of an environment of its own, as an environment
 * has one writer at a time. Writable mapping (MDB_WRITEMAP): its fastest way to write.
 *
 * Durable: a commit ends with msync, as is LMDB's default. `nosync` leaves that out (MDB_NOSYNC): a
 * power cut may take the last transactions, or the whole store, as the order of writes is the host's.
 */
#include <lmdb.h>

#include "bench/peers/peer.h"

#define BYTES ((size_t)1 << 30)

struct map {
	MDB_env *env;
	MDB_dbi dbi;
	MDB_txn *write, *read; /* write: null outside of a transaction; read: reset unless held */
	bool held;
};

static void must(int error)
{
	if (error)
		die("LMDB", mdb_strerror(error));
}

static struct map *open_with(const char *path, unsigned n, unsigned flags)
{
	struct map *m = calloc(1, sizeof(*m));
	char file[512];

	if (!m || snprintf(file, sizeof(file), "%s.%u", path, n) >= (int)sizeof(file))
		die("LMDB", "out of memory, or the path is too long");
	must(mdb_env_create(&m->env));
	must(mdb_env_set_mapsize(m->env, BYTES));
	must(mdb_env_open(m->env, file, MDB_NOSUBDIR | MDB_NOTLS | MDB_WRITEMAP | flags, 0600));
	must(mdb_txn_begin(m->env, NULL, 0, &m->write));
	must(mdb_dbi_open(m->write, NULL, MDB_INTEGERKEY, &m->dbi));
	must(mdb_txn_commit(m->write));
	m->write = NULL;
	must(mdb_txn_begin(m->env, NULL, MDB_RDONLY, &m->read));
	mdb_txn_reset(m->read);
	return m;
}

static struct map *open_synced(const char *path, unsigned n, bool make)
{
	(void)make; /* the flags of the database are set by who opens it first */
	return open_with(path, n, 0);
}

static struct map *open_nosync(const char *path, unsigned n, bool make)
{
	(void)make;
	return open_with(path, n, MDB_NOSYNC);
}

static void begin(struct map *m)
{
	must(mdb_txn_begin(m->env, NULL, 0, &m->write));
}

static void commit(struct map *m)
{
	must(mdb_txn_commit(m->write));
	m->write = NULL;
}

static void put(struct map *m, uint64_t key, uint64_t value)
{
	MDB_val k = {sizeof(key), &key}, v = {sizeof(value), &value};
	bool alone = !m->write;

	if (alone)
		begin(m);
	must(mdb_put(m->write, m->dbi, &k, &v, 0));
	if (alone)
		commit(m);
}

static void hold(struct map *m)
{
	must(mdb_txn_renew(m->read));
	m->held = true;
}

static void release(struct map *m)
{
	mdb_txn_reset(m->read);
	m->held = false;
}

static bool get(struct map *m, uint64_t key, uint64_t *value)
{
	MDB_val k = {sizeof(key), &key}, v;
	bool held = m->held;
	int error;

	if (!held)
		hold(m);
	error = mdb_get(m->read, m->dbi, &k, &v);
	if (!error)
		*value = *(const uint64_t *)v.mv_data;
	if (!held)
		release(m);
	return !error;
}

static uint64_t scan(struct map *m, uint64_t *sum)
{
	MDB_cursor *cursor;
	MDB_val k, v;
	uint64_t count = 0;

	hold(m);
	must(mdb_cursor_open(m->read, m->dbi, &cursor));
	while (!mdb_cursor_get(cursor, &k, &v, MDB_NEXT)) {
		*sum += *(const uint64_t *)v.mv_data;
		count++;
	}
	mdb_cursor_close(cursor);
	release(m);
	return count;
}

/* The value of the key that no entry has. */
static void update(struct map *m, const struct cell *cell)
{
	uint64_t key = 0;
	MDB_val k = {sizeof(key), &key}, v = {sizeof(*cell), (void *)cell};

	begin(m);
	must(mdb_put(m->write, m->dbi, &k, &v, 0));
	commit(m);
}

const struct peer peers[] = {
	{"lmdb", open_synced, put, begin, commit, get, scan, hold, release, update},
	{"nosync", open_nosync, put, begin, commit, get, scan, hold, release, update},
	{0},
};
