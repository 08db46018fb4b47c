/* syscall_tie.c - the system calls on ties (syscall.h). */
#include "kernel/arch/x86_64/user.h"
#include "kernel/right.h"
#include "kernel/step.h"
#include "kernel/syscall.h"
#include "kernel/tie.h"

#define WALK_CYCLES 20000u /* a walk that found nothing for so long lets others go on */

/* The object that is tied, and what to; both held. A thread may name itself. */
static int tie_get(struct thread *t, const struct regs *r, struct object **o, struct object **to)
{
	const struct twz_id id = {.lo = A2(r), .hi = A3(r)};
	int error = object_get(t, id_argument(r), KSTEP("tie-right") ? TWZ_DELETE : 0, o);

	if (error)
		return error;
	error = object_find(id, to);
	if (error) {
		object_release(*o);
		return error;
	}
	if (*to != t->object)
		error = right_check(t, *to, 0);
	if (error) {
		object_release(*o);
		object_release(*to);
	}
	return error;
}

int64_t sys_object_tie(struct thread *t, struct regs *r)
{
	struct object *o, *to;
	int error;

	if (A4(r) >> 32 || !tie_flags_good((uint32_t)A4(r)))
		return TWZ_E_ARG;
	error = tie_get(t, r, &o, &to);
	if (error)
		return error;
	error = tie_make(o, to, (uint32_t)A4(r), t->subject->account);
	object_release(o);
	object_release(to);
	return error;
}

int64_t sys_object_untie(struct thread *t, struct regs *r)
{
	struct object *o, *to;
	int error;

	if (A4(r) & ~(uint64_t)(TWZ_TIE_KINDS | TWZ_TIE_SCOPED))
		return TWZ_E_ARG;
	error = tie_get(t, r, &o, &to);
	if (error)
		return error;
	/* Or it could outlive who started it. */
	if (o->thread && A4(r) & TWZ_TIE_SCOPED && KSTEP("untie-thread"))
		error = TWZ_E_RIGHT;
	else
		error = tie_end_gone(o, to);
	if (!error)
		error = tie_undo(o, to, (uint32_t)A4(r));
	object_release(o);
	object_release(to);
	return error > 0 ? SYSCALL_AGAIN : error;
}

/*
 * The next one whose other end the caller may know of. Where it stood when time was over, or a signature had to be
 * verified, is kept with the thread: to say it would tell what the caller may not know.
 */
static int64_t ties_step(struct thread *t, struct object *o, struct twz_sys_tie *walk)
{
	uint64_t start = cycles();
	int error;

	do {
		t->walk = *walk;
		error = tie_next(o, walk);
		if (error)
			return error;
		if (!syscall_may(t, walk->other, 0) || !KSTEP("walk-right"))
			return 0;
		if (right_waits()) {
			t->walk_of = o->serial;
			return 0;
		}
	} while (cycles() - start < WALK_CYCLES);
	t->walk = *walk;
	t->walk_of = o->serial;
	return SYSCALL_AGAIN;
}

int64_t sys_object_ties(struct thread *t, struct regs *r)
{
	struct twz_sys_tie walk;
	struct object *o;
	int64_t error = user_read(&walk, A2(r), sizeof(walk));

	if (!error)
		error = user_write(A2(r), &walk, sizeof(walk)); /* it can be written */
	if (error)
		return error;
	if (walk.in > 1)
		return TWZ_E_ARG;
	error = object_get(t, id_argument(r), 0, &o);
	if (error)
		return error;
	if (t->walk_of == o->serial)
		walk = t->walk;
	t->walk_of = 0;
	error = ties_step(t, o, &walk);
	object_release(o);
	return error || right_waits() ? error : user_write(A2(r), &walk, sizeof(walk));
}
