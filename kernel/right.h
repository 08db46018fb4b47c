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
#include "kernel/object.h"
#include "kernel/step.h"

struct thread;

/* All that the thread may do to the object: enum twz_perm. By defaults all threads are alike. */
static inline uint32_t right_of(const struct thread *thread, const struct object *object)
{
	(void)thread;
	return object->identity.perms;
}

/*
 * 0 if it has all of `want`. An object that it has no right to is answered like one that does not
 * exist: TWZ_E_NOTFOUND; else TWZ_E_RIGHT.
 */
static inline int right_check(const struct thread *thread, const struct object *object,
			      uint32_t want)
{
	uint32_t have = right_of(thread, object);

	if (__builtin_expect(!(want & ~have), 1) && have)
		return 0;
	if (!KSTEP("call-right"))
		return 0;
	return have ? TWZ_E_RIGHT : TWZ_E_NOTFOUND;
}

#endif
