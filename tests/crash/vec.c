/*
 * vec.c - vectors under crashes.
 *
 * A vector of words lies in object 0, one of 12-byte elements in object 1. A script changes them, in
 * transactions of one op or several; one op alone goes without a transaction of the caller's. After a
 * crash both vectors are sound, own all that is allocated in their objects, and are as a model of
 * them: what returned has happened, the next transaction wholly or not at all.
 */
#include <stdio.h>
#include <string.h>

#include "core/heap.h"
#include "core/vec.h"
#include "tests/sim/objects.h"

#define NOPS 40u
#define NELEMENTS 64u
#define NVECS 2u

enum what { END, PUSH, POP, SET, REMOVE, RESIZE, CLEAR, GIVE_UP };

struct op {
	enum what what;
	unsigned vec;
	unsigned i; /* element, or count of RESIZE */
	bool more;  /* the next op belongs to the same transaction */
};

struct script {
	struct op run[NOPS], again[NOPS];
};

static const uint32_t element_bytes[NVECS] = {8, 12};

static struct twz_heap *heap(unsigned n)
{
	return (struct twz_heap *)(object(n) + obj_meta(object(n))->heap);
}

static struct twz_vec *vec(unsigned n)
{
	return (struct twz_vec *)(object(n) + OBJECTS_SPAN - TWZ_PAGE);
}

/* An element's bytes follow from the op's number in the script. */
static void fill(uint8_t *value, unsigned number)
{
	for (unsigned i = 0; i < 12; i++)
		value[i] = (uint8_t)(number * 16 + i + 1);
}

/* ---- the program ----------------------------------------------------------------------------- */

static bool in_transaction(const struct op *op)
{
	(void)op;
	return false;
}

static int perform_one(struct twz_tx *tx, const struct op *op, unsigned number)
{
	uint32_t bytes = element_bytes[op->vec];
	struct twz_vec *v = vec(op->vec);
	uint8_t value[12], out[12];
	int error = 0;

	fill(value, number);
	switch (op->what) {
	case PUSH:
		error = vec_push(tx, v, bytes, value);
		break;
	case POP:
		error = vec_pop(tx, v, bytes, out);
		break;
	case SET:
		error = vec_set(tx, v, bytes, op->i, value);
		break;
	case REMOVE:
		error = vec_swap_remove(tx, v, bytes, op->i);
		break;
	case RESIZE:
		error = vec_resize(tx, v, bytes, op->i);
		break;
	case CLEAR:
		error = vec_clear(tx, v, bytes);
		break;
	default:
		break;
	}
	return error;
}

/* ---- the model ------------------------------------------------------------------------------- */

struct model {
	struct {
		unsigned count;
		uint8_t value[NELEMENTS][12];
	} vec[NVECS];
};

static void model_start(struct model *m, const struct script *s)
{
	(void)s;
	memset(m, 0, sizeof(*m));
}

static void model_one(struct model *m, const struct op *op, unsigned number)
{
	unsigned *count = &m->vec[op->vec].count;
	uint8_t(*value)[12] = m->vec[op->vec].value;

	switch (op->what) {
	case PUSH:
		fill(value[(*count)++], number);
		break;
	case POP:
		--*count;
		break;
	case SET:
		fill(value[op->i], number);
		break;
	case REMOVE:
		memmove(value[op->i], value[--*count], 12);
		break;
	case RESIZE:
		if (op->i > *count)
			memset(value[*count], 0, (op->i - *count) * 12);
		*count = op->i;
		break;
	case CLEAR:
		*count = 0;
		break;
	default:
		break;
	}
}

static bool holds(const struct model *m)
{
	uint8_t out[12];

	for (unsigned n = 0; n < NVECS; n++) {
		if (vec_count(NULL, vec(n)) != m->vec[n].count)
			return false;
		for (unsigned i = 0; i < m->vec[n].count; i++)
			if (vec_get(NULL, vec(n), element_bytes[n], i, out) ||
			    memcmp(out, m->vec[n].value[i], element_bytes[n]))
				return false;
	}
	return true;
}

#include "tests/crash/script.h"

/* ---- a case ---------------------------------------------------------------------------------- */

static void setup(const void *arg)
{
	(void)arg;
	failure = NULL;
	objects_setup();
	for (unsigned n = 0; n < NVECS; n++) {
		if (heap_make(object(n), object_id(n)))
			failure = "no heap";
		heap(n)->end = OBJECTS_SPAN - TWZ_PAGE;
	}
}

/* The heap and the vector are sound, and what is allocated is the vector's. */
static const char *sound(unsigned n)
{
	uint64_t where, owned, used;

	if (heap_check(object(n), &where) || heap_used(object(n), &used))
		return "a heap is not sound";
	if (vec_check(vec(n), element_bytes[n], &where, &owned))
		return "a vector is not sound";
	return owned == used ? NULL : "what is allocated is not what the vector owns";
}

/* It can go on from there. */
static const char *use(unsigned n)
{
	uint64_t count = vec_count(NULL, vec(n));
	uint8_t value[12] = {1};

	for (unsigned i = 0; i < 9; i++)
		if (vec_push(NULL, vec(n), element_bytes[n], value))
			return "nothing can be pushed";
	if (vec_resize(NULL, vec(n), element_bytes[n], count) || sound(n))
		return "the vector is not sound after use";
	return NULL;
}

static const char *check(const void *arg, const struct sim_crash *crash)
{
	const char *wrong = failure ? failure : objects_check();

	for (unsigned n = 0; n < NVECS && !wrong; n++)
		wrong = sound(n);
	if (!wrong && !before_or_after(arg, crash))
		wrong = "the vectors are neither as before nor as after the transaction";
	for (unsigned n = 0; n < NVECS && !wrong; n++)
		wrong = use(n);
	return wrong;
}

/* ---- the list -------------------------------------------------------------------------------- */

#define PUSH_8                                                  \
	{PUSH}, {PUSH}, {PUSH}, {PUSH}, {PUSH}, {PUSH}, {PUSH}, \
	{                                                       \
		PUSH                                            \
	}

/* clang-format off */
static const struct script
one_by_one = {
	.run = {PUSH_8, {PUSH}, {SET, 0, 3}, {POP}, {PUSH}, {REMOVE, 0, 2}},
	.again = {{PUSH}, {SET, 0, 0}, {POP}},
},
odd_size = {
	.run = {{PUSH, 1}, {PUSH, 1}, {PUSH, 1}, {SET, 1, 1}, {REMOVE, 1, 0}, {PUSH, 1}},
	.again = {{PUSH, 1}, {SET, 1, 0}, {POP, 1}},
},
sizes = {
	.run = {{RESIZE, 0, 10}, {RESIZE, 0, 4}, {PUSH}, {RESIZE, 0, 30}, {CLEAR}, {PUSH}},
	.again = {{RESIZE, 0, 12}, {CLEAR}, {RESIZE, 0, 3}},
},
several = {
	.run = {
		{PUSH, 0, 0, true}, {PUSH, 1, 0, true}, {PUSH, 0}, {PUSH, 0},
		{POP, 0, 0, true}, {SET, 0, 0, true}, {RESIZE, 0, 9, true}, {PUSH, 0, 0, true}, {POP, 1},
		{CLEAR, 0, 0, true}, {PUSH, 0, 0, true}, {RESIZE, 0, 11},
	},
	.again = {{PUSH, 1, 0, true}, {RESIZE, 0, 2}, {CLEAR, 0, 0, true}, {CLEAR, 1}},
},
both = {
	.run = {
		{RESIZE, 0, 7}, {PUSH, 1}, {PUSH, 0, 0, true}, {PUSH, 0, 0, true}, {POP, 1},
		{RESIZE, 1, 20, true}, {REMOVE, 0, 0}, {CLEAR, 1, 0, true}, {REMOVE, 0, 3, true}, {SET, 0, 5},
	},
	.again = {{PUSH, 0, 0, true}, {PUSH, 1}, {POP, 0, 0, true}, {RESIZE, 1, 9}},
},
given_up = {
	.run = {
		{PUSH}, {PUSH, 0, 0, true}, {RESIZE, 0, 20, true}, {GIVE_UP},
		{PUSH}, {RESIZE, 0, 9}, {CLEAR, 0, 0, true}, {GIVE_UP}, {POP},
	},
	.again = {{RESIZE, 0, 17, true}, {GIVE_UP}, {RESIZE, 0, 18}},
};

static const struct sim_case cases[] = {
	CASE("one after the other", one_by_one, 16000),
	CASE("elements that are no words", odd_size, 12000),
	CASE("resized and cleared", sizes, 16000),
	CASE("several ops in a transaction", several, 16000),
	CASE("vectors in two objects", both, 16000),
	CASE("given up", given_up, 12000),
	CASE("torn", both, 12000, .torn = true),
	CASE("killed, alone", one_by_one, 12000, .killed = true),
	CASE("killed, in transactions", several, 12000, .killed = true),
};
/* clang-format on */

int main(int argc, char **argv)
{
	return sim_main(argc, argv, "crash_vec", cases, sizeof(cases) / sizeof(cases[0]));
}
