/*
 * peer_sqlite.c - SQLite: the map is a table with an integer primary key, in a database of its own, as
 * a database has one writer at a time. Prepared statements, write-ahead log, all pages in its cache.
 *
 * Durable: synchronous=FULL, each commit ends with fsync of the log. `normal`: synchronous=NORMAL, the
 * default advice with a log, which syncs at checkpoints: a power cut may take the last transactions.
 */
#include <sqlite3.h>

#include "bench/peers/peer.h"

#define SETTINGS                   \
	"PRAGMA journal_mode=WAL;" \
	"PRAGMA cache_size=-262144;"
#define TABLES                                                               \
	"CREATE TABLE map(key INTEGER PRIMARY KEY, value INTEGER NOT NULL);" \
	"CREATE TABLE cell(id INTEGER PRIMARY KEY, bytes BLOB NOT NULL);"    \
	"INSERT INTO cell VALUES(1, zeroblob(64));"

struct map {
	sqlite3 *db;
	sqlite3_stmt *begin, *commit, *put, *get, *scan, *update;
};

static void must(const struct map *m, bool ok)
{
	if (!ok)
		die("SQLite", sqlite3_errmsg(m->db));
}

static void run(struct map *m, const char *sql)
{
	must(m, !sqlite3_exec(m->db, sql, NULL, NULL, NULL));
}

static sqlite3_stmt *prepare(struct map *m, const char *sql)
{
	sqlite3_stmt *s;

	must(m, !sqlite3_prepare_v3(m->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &s, NULL));
	return s;
}

static void step(struct map *m, sqlite3_stmt *s)
{
	must(m, sqlite3_step(s) == SQLITE_DONE);
	sqlite3_reset(s);
}

static struct map *open_with(const char *path, unsigned n, bool make, const char *synchronous)
{
	struct map *m = calloc(1, sizeof(*m));
	char file[512];

	if (!m || snprintf(file, sizeof(file), "%s.%u", path, n) >= (int)sizeof(file))
		die("SQLite", "out of memory, or the path is too long");
	must(m, !sqlite3_open(file, &m->db));
	run(m, SETTINGS);
	run(m, synchronous);
	if (make)
		run(m, TABLES);
	m->begin = prepare(m, "BEGIN");
	m->commit = prepare(m, "COMMIT");
	m->put = prepare(m, "INSERT INTO map VALUES(?, ?)");
	m->get = prepare(m, "SELECT value FROM map WHERE key = ?");
	m->scan = prepare(m, "SELECT key, value FROM map ORDER BY key");
	m->update = prepare(m, "UPDATE cell SET bytes = ? WHERE id = 1");
	return m;
}

static struct map *open_full(const char *path, unsigned n, bool make)
{
	return open_with(path, n, make, "PRAGMA synchronous=FULL");
}

static struct map *open_normal(const char *path, unsigned n, bool make)
{
	return open_with(path, n, make, "PRAGMA synchronous=NORMAL");
}

static void begin(struct map *m)
{
	step(m, m->begin);
}

static void commit(struct map *m)
{
	step(m, m->commit);
}

static void put(struct map *m, uint64_t key, uint64_t value)
{
	sqlite3_bind_int64(m->put, 1, (int64_t)key);
	sqlite3_bind_int64(m->put, 2, (int64_t)value);
	step(m, m->put);
}

static bool get(struct map *m, uint64_t key, uint64_t *value)
{
	bool found;

	sqlite3_bind_int64(m->get, 1, (int64_t)key);
	found = sqlite3_step(m->get) == SQLITE_ROW;
	if (found)
		*value = (uint64_t)sqlite3_column_int64(m->get, 0);
	sqlite3_reset(m->get);
	return found;
}

static uint64_t scan(struct map *m, uint64_t *sum)
{
	uint64_t count = 0;
	int code;

	while ((code = sqlite3_step(m->scan)) == SQLITE_ROW) {
		*sum += (uint64_t)sqlite3_column_int64(m->scan, 1);
		count++;
	}
	must(m, code == SQLITE_DONE);
	sqlite3_reset(m->scan);
	return count;
}

static void update(struct map *m, const struct cell *cell)
{
	sqlite3_bind_blob(m->update, 1, cell, sizeof(*cell), SQLITE_STATIC);
	step(m, m->update);
}

/* begin and commit hold a state for reading too. */
const struct peer peers[] = {
	{"sqlite", open_full, put, begin, commit, get, scan, begin, commit, update},
	{"normal", open_normal, put, begin, commit, get, scan, begin, commit, update},
	{0},
};
