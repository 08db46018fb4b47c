/*
 * right.h - the one decision: may this thread do that to this object?
 *
 * Every access to memory and every system call on an object, thread, view or context comes here. The
 * decision is core's (core/right.h), on what the kernel knows: the thread's subject, the object's
 * identity, grants, verdicts on signatures, the time. It is kept under the subject's stamp and the
 * object's serial, both of which change when the decision could be another.
 *
 * A capability whose signature is not verified yet makes the thread wait: it sleeps, and then does
 * again what it did, the system call or the instruction (RESCHEDULE_AGAIN). Whatever the caller of
 * right_check returns then is not looked at.
 *
 * Lock: the kernel's.
 */
#ifndef KERNEL_RIGHT_H
#define KERNEL_RIGHT_H

#include "abi/errors.h"
#include "abi/record.h"
#include "core/right.h"
#include "kernel/context.h"
#include "kernel/object.h"
#include "kernel/thread.h"

#define RIGHT_KEPT 4096u /* decisions, a power of two */

struct kept {
	uint64_t stamp, object; /* the subject's, the object's serial; stamp 0: none */
	uint64_t perms, unused; /* 32 bytes: the index is a shift */
};
extern struct kept right_kept[RIGHT_KEPT];

uint32_t right_decide_anew(struct subject *subject, struct object *object);

/* All that the subject may do to the object, as far as is known now: enum twz_perm. */
static inline uint32_t right_as(struct subject *subject, struct object *object)
{
	const uint64_t stamp = subject->stamp, serial = object->serial;
	const struct kept *k = &right_kept[(stamp + serial) % RIGHT_KEPT];

	if (__builtin_expect(k->stamp == stamp && k->object == serial, 1))
		return (uint32_t)k->perms;
	return right_decide_anew(subject, object);
}

static inline uint32_t right_of(const struct thread *thread, struct object *object)
{
	return right_as(thread->subject, object);
}

/* Has the running thread been put to sleep for a signature? Then it begins anew: see above. */
static inline bool right_waits(void)
{
	return cpu_this()->reschedule & RESCHEDULE_AGAIN;
}

/* What is missing may be given by something that is not verified yet: see above. */
int right_refuse(struct thread *thread, struct object *object, uint32_t want);

/*
 * 0 if it has all of `want`. An object that it has no right to is answered like one that does not
 * exist: TWZ_E_NOTFOUND; else TWZ_E_RIGHT.
 */
static inline int right_check(struct thread *thread, struct object *object, uint32_t want)
{
	uint32_t have = right_of(thread, object);

	if (__builtin_expect(!(want & ~have), 1) && have)
		return 0;
	return right_refuse(thread, object, want);
}

/*
 * May the thread enter the object at this offset, by a capability flagged GATE (core/right.h)? Or (context is
 * not null) may the context, by what it holds itself? TWZ_E_RIGHT; above: what is not verified yet. It is not
 * kept here, but good as long as the subject has its stamp.
 */
int right_may_enter(struct thread *thread, const struct context *context, struct object *object,
		    uint64_t offset);

/* The same for who acts as that subject; it is the thread that waits. */
int right_check_as(struct thread *thread, struct subject *subject, struct object *object,
		   uint32_t want);

/* Why the thread has not got `want`: enum right_why of the first that is missing. */
uint32_t right_why(const struct thread *thread, const struct object *object, uint32_t want);

/*
 * The decision with its reasons: for a context by itself, or (null) for the thread as it is. False: wait, as
 * above.
 */
bool right_explain(struct thread *thread, struct object *object, struct context *context,
		   struct right_answer *answer);

/*
 * A grant: for volatile objects, unsigned, gone with the object: the context may do so much. Replaces the
 * one before; 0 takes it away. TWZ_E_LIMIT: 64 for an object; TWZ_E_NOMEM.
 */
int right_grant(struct object *object, struct twz_id context, uint32_t perms);
/* What the context has by a grant. */
uint32_t right_granted(const struct object *object, struct twz_id context);
void right_drop_grants(struct object *object);

#endif
