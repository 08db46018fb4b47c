/*
 * ops.h - what the operations have in common; the files that hold them (ops.c, names.c, ...) list them.
 *
 * An operation draws what it needs, says in words what it does, asks the world for the outcome, which
 * changes the world, and, if `real`, does it on the system and expects that outcome. It returns false, with
 * nothing changed, if it cannot be done with the objects that were drawn: then another one is drawn.
 */
#ifndef TESTS_MODEL_OPS_H
#define TESTS_MODEL_OPS_H

#include "tests/model/model.h"

#define PAGED (1u << PLAIN | 1u << SEALED)
#define ANY (PAGED | 1u << HOLDER | 1u << GUARDED | 1u << CONTEXT) /* but namespaces */

struct op {
	bool (*run)(struct doing *d);
	unsigned weight; /* 0 ends a list */
};
extern const struct op ops_objects[], ops_names[], ops_rights[], ops_ties[];

uint64_t draw(struct doing *d, uint64_t below);
bool one_in(struct doing *d, unsigned n);
/* An object of one of these kinds (bits), at random; NOBODY if there is none. */
unsigned pick(struct doing *d, unsigned kinds);
/* A number for a new object, which is d->made then; NOBODY. */
unsigned pick_free(struct doing *d);
void say(struct doing *d, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* That is what the system must answer. */
void expect(const struct doing *d, int expected, int found);
/* A new object gets its ID into the table, and is kept if it lasts. */
void note(struct doing *d, unsigned k, struct twz_id id);
/* The object is on the system as in the world. */
void compare_one(const struct doing *d, unsigned k);

/* A word somewhere in an object. */
struct target {
	unsigned k, place, word;
};
struct target some_word(struct doing *d, unsigned k);
uint64_t *system_word(struct doing *d, struct target t);

#endif
