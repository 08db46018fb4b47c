/*
 * right.h - the one decision: may this thread do that to this object?
 *
 * Every access to memory and every system call on an object comes here. In this version an object's
 * default permissions decide; contexts, capabilities and masks come in here, and nowhere else.
 */
#ifndef KERNEL_RIGHT_H
#define KERNEL_RIGHT_H

#include "abi/errors.h"
#include "abi/record.h"

struct object;
struct thread;

/* All that the thread may do to the object: enum twz_perm. */
uint32_t right_of(const struct thread *thread, const struct object *object);

/*
 * 0 if it has all of `want`. An object that it has no right to is answered like one that does not
 * exist: TWZ_E_NOTFOUND; else TWZ_E_RIGHT.
 */
int right_check(const struct thread *thread, const struct object *object, uint32_t want);

#endif
