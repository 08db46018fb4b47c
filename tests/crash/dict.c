/*
 * dict.c - dictionaries under crashes.
 *
 * Dictionaries of words and of 1,100 bytes lie in object 0, one of 20 bytes in object 1. A script changes
 * them, in transactions of one op or several; one op alone goes without a transaction of the caller's.
 * After a crash they are sound, own all that is allocated in their objects, and are as a model of them:
 * what returned has happened, the next transaction wholly or not at all.
 */
#include <stdio.h>
#include <string.h>

#include "core/dict.h"
#include "core/heap.h"
#include "tests/sim/objects.h"

#define NOPS 40u
#define NDICTS 3u
#define NKEYS 8u
#define BYTES_MAX 1100u

enum what { END, PUT, REMOVE, CLEAR, GIVE_UP };

struct op {
	enum what what;
	unsigned dict;
	unsigned key;
	bool more; /* the next op belongs to the same transaction */
};

struct script {
	struct op run[NOPS], again[NOPS];
};

/* In one layer, in a second and a third one, at the end of one. */
static const char *const keys[NKEYS] = {
	"a", "abcdefg", "abcdefgh", "abcdefghijklmnop", "abcdefghijklmnoq", "abcdefghijklmn",
	"b", ""};
static const uint32_t value_bytes[NDICTS] = {8, BYTES_MAX, 20};

static unsigned object_of(unsigned n)
{
	return n / 2;
}

static struct twz_heap *heap(unsigned n)
{
	return (struct twz_heap *)(object(n) + obj_meta(object(n))->heap);
}

static struct twz_dict *dict(unsigned n)
{
	return (struct twz_dict *)(object(object_of(n)) + OBJECTS_SPAN - TWZ_PAGE) + n;
}

/* A value follows from the op's number in the script. */
static void fill(uint8_t *value, unsigned number)
{
	for (unsigned i = 0; i < BYTES_MAX; i++)
		value[i] = (uint8_t)(number * 37 + i + i / 256 + 1);
}

/* ---- the program ----------------------------------------------------------------------------- */

static bool in_transaction(const struct op *op)
{
	(void)op;
	return false;
}

static int perform_one(struct twz_tx *tx, const struct op *op, unsigned number)
{
	uint32_t length = (uint32_t)strlen(keys[op->key]);
	struct twz_dict *d = dict(op->dict);
	uint8_t value[BYTES_MAX];
	int error = 0;

	fill(value, number);
	switch (op->what) {
	case PUT:
		error = dict_put(tx, d, value_bytes[op->dict], keys[op->key], length, value);
		break;
	case REMOVE: /* or there is none */
		error = dict_remove(tx, d, keys[op->key], length);
		error = error == TWZ_E_NOTFOUND ? 0 : error;
		break;
	case CLEAR:
		error = dict_clear(tx, d);
		break;
	default:
		break;
	}
	return error;
}

/* ---- the model ------------------------------------------------------------------------------- */

struct model {
	unsigned has[NDICTS][NKEYS]; /* 1 + number of the op that put it */
};

static void model_start(struct model *m, const struct script *s)
{
	(void)s;
	memset(m, 0, sizeof(*m));
}

static void model_one(struct model *m, const struct op *op, unsigned number)
{
	switch (op->what) {
	case PUT:
		m->has[op->dict][op->key] = 1 + number;
		break;
	case REMOVE:
		m->has[op->dict][op->key] = 0;
		break;
	case CLEAR:
		memset(m->has[op->dict], 0, sizeof(m->has[op->dict]));
		break;
	default:
		break;
	}
}

/* The dictionary has what the model has, and a cursor comes by so many. */
static bool holds_one(const struct model *m, unsigned n)
{
	uint8_t value[BYTES_MAX], expected[BYTES_MAX];
	struct twz_dict_cursor c;
	unsigned count = 0;

	for (unsigned i = 0; i < NKEYS; i++) {
		int error = dict_get(NULL, dict(n), value_bytes[n], keys[i],
				     (uint32_t)strlen(keys[i]), value);

		if (error != (m->has[n][i] ? 0 : TWZ_E_NOTFOUND))
			return false;
		if (error)
			continue;
		fill(expected, m->has[n][i] - 1);
		if (memcmp(value, expected, value_bytes[n]))
			return false;
		count++;
	}
	if (dict_count(NULL, dict(n)) != count)
		return false;
	dict_cursor_set(&c, NULL, dict(n), value_bytes[n]);
	for (dict_move(&c, TWZ_MAP_LAST, NULL, 0, NULL); !c.error && count;
	     dict_move(&c, TWZ_MAP_PREV, NULL, 0, NULL))
		count--;
	return c.error == TWZ_E_NOTFOUND && !count;
}

static bool holds(const struct model *m)
{
	for (unsigned n = 0; n < NDICTS; n++)
		if (!holds_one(m, n))
			return false;
	return true;
}

#include "tests/crash/script.h"

/* ---- a case ---------------------------------------------------------------------------------- */

static void setup(const void *arg)
{
	(void)arg;
	failure = NULL;
	objects_setup();
	for (unsigned n = 0; n <= object_of(NDICTS - 1); n++) {
		if (heap_make(object(n), object_id(n)))
			failure = "no heap";
		heap(n)->end = OBJECTS_SPAN - TWZ_PAGE;
	}
}

/* The heap and its dictionaries are sound, and what is allocated is theirs. */
static const char *sound(unsigned n)
{
	uint64_t where, owned, used, all = 0;

	if (heap_check(object(n), &where) || heap_used(object(n), &used))
		return "a heap is not sound";
	for (unsigned i = 0; i < NDICTS; i++) {
		if (object_of(i) != n)
			continue;
		if (dict_check(dict(i), &where, &owned))
			return "a dictionary is not sound";
		all += owned;
	}
	return all == used ? NULL : "what is allocated is not what the dictionaries own";
}

/* It can go on from there; then nothing is left. */
static const char *use(unsigned n)
{
	static const uint8_t value[BYTES_MAX];

	if (dict_put(NULL, dict(n), value_bytes[n], "abcdefghijklmnoqrstuvw", 22, value) ||
	    dict_remove(NULL, dict(n), "abcdefghijklmnoqrstuvw", 22) || dict_clear(NULL, dict(n)))
		return "a dictionary cannot be changed";
	return sound(object_of(n)) ? "a dictionary is not sound after use" : NULL;
}

static const char *check(const void *arg, const struct sim_crash *crash)
{
	const char *wrong = failure ? failure : objects_check();

	for (unsigned n = 0; n <= object_of(NDICTS - 1) && !wrong; n++)
		wrong = sound(n);
	if (!wrong && !before_or_after(arg, crash))
		wrong = "the dictionaries are neither as before nor as after the transaction";
	for (unsigned n = 0; n < NDICTS && !wrong; n++)
		wrong = use(n);
	return wrong;
}

/* ---- the list -------------------------------------------------------------------------------- */

/* clang-format off */
static const struct script
one_layer = {
	.run = {{PUT, 0, 0}, {PUT, 0, 7}, {PUT, 0, 0}, {PUT, 0, 1}, {REMOVE, 0, 0}, {REMOVE, 0, 7}},
	.again = {{PUT, 0, 6}, {REMOVE, 0, 1}, {CLEAR}},
},
/* A string that goes on alone gets a layer, and another one; they go with their last entries. */
layers = {
	.run = {
		{PUT, 0, 3}, {PUT, 0, 2}, {PUT, 0, 4}, {PUT, 0, 5}, {REMOVE, 0, 2}, {PUT, 0, 1},
		{REMOVE, 0, 3}, {REMOVE, 0, 4}, {REMOVE, 0, 5},
	},
	.again = {{PUT, 0, 4}, {PUT, 0, 2}, {REMOVE, 0, 4}},
},
in_blocks = {
	.run = {{PUT, 2, 0}, {PUT, 2, 3}, {PUT, 2, 2}, {PUT, 2, 3}, {REMOVE, 2, 2}, {PUT, 2, 0}},
	.again = {{PUT, 2, 4}, {CLEAR, 2}, {PUT, 2, 3}},
},
large = {
	.run = {{PUT, 1, 0}, {PUT, 1, 3}, {PUT, 1, 4}, {PUT, 1, 0}, {REMOVE, 1, 3}, {CLEAR, 1}},
	.again = {{PUT, 1, 2}, {PUT, 1, 2}},
},
several = {
	.run = {
		{PUT, 0, 2, true}, {PUT, 0, 3, true}, {PUT, 0, 4}, {REMOVE, 0, 3, true}, {PUT, 0, 3},
		{CLEAR, 0, 0, true}, {PUT, 0, 2}, {REMOVE, 0, 2, true}, {PUT, 0, 7, true}, {PUT, 0, 2},
		{CLEAR},
	},
	.again = {{PUT, 0, 3, true}, {PUT, 0, 4}, {CLEAR, 0, 0, true}, {CLEAR}},
},
both = {
	.run = {
		{PUT, 0, 3, true}, {PUT, 2, 3}, {PUT, 1, 3, true}, {PUT, 2, 4, true}, {REMOVE, 0, 3},
		{CLEAR, 2, 0, true}, {PUT, 0, 4}, {REMOVE, 1, 3, true}, {PUT, 2, 0},
	},
	.again = {{PUT, 0, 2, true}, {PUT, 2, 2}, {CLEAR, 0, 0, true}, {REMOVE, 2, 2}},
},
given_up = {
	.run = {
		{PUT, 0, 3}, {PUT, 0, 4, true}, {GIVE_UP}, {PUT, 1, 2, true}, {CLEAR, 0, 0, true}, {GIVE_UP},
		{PUT, 0, 4}, {REMOVE, 0, 3, true}, {REMOVE, 0, 4, true}, {GIVE_UP}, {REMOVE, 0, 3},
	},
	.again = {{PUT, 0, 2, true}, {GIVE_UP}, {PUT, 0, 2}},
};

static const struct sim_case cases[] = {
	CASE("one layer", one_layer, 8000),
	CASE("layers", layers, 12000),
	CASE("in blocks", in_blocks, 8000),
	CASE("large", large, 8000),
	CASE("several ops in a transaction", several, 8000),
	CASE("dictionaries in two objects", both, 8000),
	CASE("given up", given_up, 8000),
	CASE("torn", layers, 6000, .torn = true),
	CASE("killed, alone", layers, 8000, .killed = true),
	CASE("killed, in transactions", several, 8000, .killed = true),
};
/* clang-format on */

int main(int argc, char **argv)
{
	return sim_main(argc, argv, "crash_dict", cases, sizeof(cases) / sizeof(cases[0]));
}
