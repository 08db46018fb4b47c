/*
 * str.c - strings under crashes.
 *
 * Two strings lie in object 0, one in object 1. A script changes them, in transactions of one op or
 * several; one op alone goes without a transaction of the caller's. After a crash the strings are
 * sound, own all that is allocated in their objects, and are as a model of them: what returned has
 * happened, the next transaction wholly or not at all.
 */
#include <stdio.h>
#include <string.h>

#include "core/heap.h"
#include "core/str.h"
#include "tests/sim/objects.h"

#define NOPS 40u
#define NSTRS 3u
#define BYTES_MAX 8192u

enum what { END, APPEND, SET, TRUNCATE, CLEAR, GIVE_UP };

struct op {
	enum what what;
	unsigned str;
	unsigned bytes; /* of the data, or what is left */
	bool more;      /* the next op belongs to the same transaction */
};

struct script {
	struct op run[NOPS], again[NOPS];
};

static unsigned object_of(unsigned n)
{
	return n / 2;
}

static struct twz_heap *heap(unsigned n)
{
	return (struct twz_heap *)(object(n) + obj_meta(object(n))->heap);
}

static struct twz_str *str(unsigned n)
{
	return (struct twz_str *)(object(object_of(n)) + OBJECTS_SPAN - TWZ_PAGE) + n;
}

/* The data follows from the op's number in the script. */
static void fill(uint8_t *data, unsigned bytes, unsigned number)
{
	for (unsigned i = 0; i < bytes; i++)
		data[i] = (uint8_t)(number * 37 + i + i / 256 + 1);
}

/* ---- the program ----------------------------------------------------------------------------- */

static bool in_transaction(const struct op *op)
{
	(void)op;
	return false;
}

static int perform_one(struct twz_tx *tx, const struct op *op, unsigned number)
{
	static uint8_t data[BYTES_MAX];
	struct twz_str *s = str(op->str);
	int error = 0;

	fill(data, op->bytes, number);
	switch (op->what) {
	case APPEND:
		error = twz_str_append(tx, s, data, op->bytes);
		break;
	case SET:
		error = twz_str_set(tx, s, data, op->bytes);
		break;
	case TRUNCATE:
		error = twz_str_truncate(tx, s, op->bytes);
		break;
	case CLEAR:
		error = twz_str_clear(tx, s);
		break;
	default:
		break;
	}
	return error;
}

/* ---- the model ------------------------------------------------------------------------------- */

struct model {
	struct {
		unsigned length;
		uint8_t text[BYTES_MAX];
	} str[NSTRS];
};

static void model_start(struct model *m, const struct script *s)
{
	(void)s;
	memset(m, 0, sizeof(*m));
}

static void model_one(struct model *m, const struct op *op, unsigned number)
{
	unsigned *length = &m->str[op->str].length;
	uint8_t *text = m->str[op->str].text;

	switch (op->what) {
	case APPEND:
		fill(text + *length, op->bytes, number);
		*length += op->bytes;
		break;
	case SET:
		fill(text, op->bytes, number);
		*length = op->bytes;
		break;
	case TRUNCATE:
		*length = op->bytes;
		break;
	case CLEAR:
		*length = 0;
		break;
	default:
		break;
	}
}

static bool holds(const struct model *m)
{
	static uint8_t out[BYTES_MAX];

	for (unsigned n = 0; n < NSTRS; n++)
		if (twz_str_get(NULL, str(n), out, sizeof(out)) != m->str[n].length ||
		    memcmp(out, m->str[n].text, m->str[n].length))
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
	for (unsigned n = 0; n <= object_of(NSTRS - 1); n++) {
		if (heap_make(object(n), object_id(n)))
			failure = "no heap";
		heap(n)->end = OBJECTS_SPAN - TWZ_PAGE;
	}
}

/* The heap and its strings are sound, and what is allocated is theirs. */
static const char *sound(unsigned n)
{
	uint64_t where, owned, used, all = 0;

	if (heap_check(object(n), &where) || heap_used(object(n), &used))
		return "a heap is not sound";
	for (unsigned i = 0; i < NSTRS; i++) {
		if (object_of(i) != n)
			continue;
		if (twz_str_check(str(i), &where, &owned))
			return "a string is not sound";
		all += owned;
	}
	return all == used ? NULL : "what is allocated is not what the strings own";
}

/* It can go on from there. */
static const char *use(unsigned n)
{
	static const uint8_t data[700];

	if (twz_str_append(NULL, str(n), data, 30) ||
	    twz_str_append(NULL, str(n), data, sizeof(data)) || twz_str_clear(NULL, str(n)))
		return "a string cannot be changed";
	return sound(object_of(n)) ? "a string is not sound after use" : NULL;
}

static const char *check(const void *arg, const struct sim_crash *crash)
{
	const char *wrong = failure ? failure : objects_check();

	for (unsigned n = 0; n <= object_of(NSTRS - 1) && !wrong; n++)
		wrong = sound(n);
	if (!wrong && !before_or_after(arg, crash))
		wrong = "the strings are neither as before nor as after the transaction";
	for (unsigned n = 0; n < NSTRS && !wrong; n++)
		wrong = use(n);
	return wrong;
}

/* ---- the list -------------------------------------------------------------------------------- */

/* clang-format off */
static const struct script
short_ones = {
	.run = {{SET, 0, 5}, {APPEND, 0, 19}, {TRUNCATE, 0, 3}, {APPEND, 0, 4}, {CLEAR}, {SET, 1, 8}},
	.again = {{APPEND, 1, 2}, {SET, 0, 24}, {CLEAR, 1}},
},
in_blocks = {
	.run = {
		{SET, 0, 60}, {APPEND, 0, 7}, {SET, 0, 40}, {TRUNCATE, 0, 30}, {APPEND, 0, 13},
		{APPEND, 0, 90}, {TRUNCATE, 0, 24}, {APPEND, 0, 1}, {CLEAR},
	},
	.again = {{APPEND, 0, 33}, {APPEND, 0, 20}, {SET, 0, 2}},
},
large = {
	.run = {{SET, 0, 2100}, {APPEND, 0, 200}, {SET, 0, 2000}, {TRUNCATE, 0, 100}, {CLEAR}},
	.again = {{SET, 0, 2500}, {APPEND, 0, 2000}},
},
several = {
	.run = {
		{SET, 0, 60, true}, {APPEND, 0, 7, true}, {SET, 1, 9},
		{TRUNCATE, 0, 50, true}, {APPEND, 0, 30}, /* not over what counts until the commit */
		{APPEND, 0, 8, true}, {APPEND, 0, 8, true}, {TRUNCATE, 0, 88, true}, {APPEND, 0, 60},
		{CLEAR, 0, 0, true}, {APPEND, 0, 61, true}, {SET, 0, 62, true}, {TRUNCATE, 0, 40},
		{SET, 0, 10, true}, {APPEND, 0, 70},
	},
	.again = {{SET, 0, 50, true}, {CLEAR, 1}, {APPEND, 0, 40}},
},
both = {
	.run = {
		{SET, 2, 70, true}, {SET, 0, 70}, {APPEND, 1, 30, true}, {TRUNCATE, 2, 25, true}, {CLEAR},
		{APPEND, 2, 9}, {SET, 2, 1, true}, {APPEND, 0, 45},
	},
	.again = {{APPEND, 2, 50, true}, {SET, 0, 33}, {CLEAR, 0, 0, true}, {CLEAR, 2}},
},
given_up = {
	.run = {
		{SET, 0, 60}, {APPEND, 0, 9, true}, {GIVE_UP}, {APPEND, 0, 5},
		{TRUNCATE, 0, 30, true}, {APPEND, 0, 9, true}, {SET, 1, 50, true}, {GIVE_UP},
		{TRUNCATE, 0, 33}, {APPEND, 0, 40, true}, {GIVE_UP}, {APPEND, 0, 25},
	},
	.again = {{APPEND, 0, 20, true}, {GIVE_UP}, {APPEND, 0, 21}},
};

static const struct sim_case cases[] = {
	CASE("short", short_ones, 12000),
	CASE("in blocks", in_blocks, 16000),
	CASE("large", large, 12000),
	CASE("several ops in a transaction", several, 16000),
	CASE("strings in two objects", both, 16000),
	CASE("given up", given_up, 16000),
	CASE("torn", both, 12000, .torn = true),
	CASE("killed, alone", in_blocks, 12000, .killed = true),
	CASE("killed, in transactions", several, 12000, .killed = true),
};
/* clang-format on */

int main(int argc, char **argv)
{
	return sim_main(argc, argv, "crash_str", cases, sizeof(cases) / sizeof(cases[0]));
}
