/*
 * control.c - what a thread does to another one that it has the right to: suspends it, looks at its
 * registers, signals it, says how important it is. Ending it is thread_kill's (syscall_thread.c).
 */
#include "core/mem.h"
#include "kernel/console.h"
#include "kernel/gate.h"
#include "kernel/step.h"
#include "kernel/sync.h"
#include "kernel/syscall.h"

/*
 * The thread that the first argument names, if the caller has the right to it. What a thread is stands in its
 * object as long as that is there: so it need not be held.
 */
static int other(struct thread *t, const struct regs *r, uint32_t want, struct thread **thread)
{
	struct object *o;
	int error = object_get(t, id_argument(r), want, &o);

	if (error)
		return error;
	*thread = o->thread;
	if (o->identity.type != TWZ_TYPE_THREAD)
		error = TWZ_E_TYPE;
	else if (!o->thread || o->thread->flags & THREAD_ENDING)
		error = TWZ_E_NOTFOUND;
	object_release(o);
	return error;
}

/*
 * On another processor it may be in the middle of something, or in a callee: until it has stopped, the call is made
 * again.
 */
int64_t sys_thread_suspend(struct thread *t, struct regs *r)
{
	struct thread *thread;
	int error = A2(r) > 1 ? TWZ_E_ARG : other(t, r, TWZ_USE, &thread);

	if (error)
		return error;
	if (!A2(r)) {
		thread_go_on(thread);
		return 0;
	}
	thread_suspend(thread);
	if (thread != t && KSTEP("suspend-stops") &&
	    (thread->flags & THREAD_RUNNING || gate_waits(thread, GATE_SUSPEND)))
		return SYSCALL_AGAIN;
	return 0;
}

/* Of one that does not run all are saved. */
int64_t sys_thread_registers(struct thread *t, struct regs *r)
{
	struct twz_registers out;
	struct thread *thread;
	int error = other(t, r, TWZ_READ, &thread);

	if (error)
		return error;
	if ((thread->flags & (THREAD_SUSPENDED | THREAD_RUNNING)) != THREAD_SUSPENDED &&
	    KSTEP("registers-stopped"))
		return TWZ_E_BUSY;
	if (gate_inside(thread) && KSTEP("gate-registers"))
		return TWZ_E_BUSY; /* they are the callee's */
	memcpy(&out, &thread->regs, offsetof(struct twz_registers, rip));
	out.rip = thread->regs.rip;
	out.rflags = thread->regs.rflags;
	out.rsp = thread->regs.rsp;
	return user_write(A2(r), &out, sizeof(out));
}

/* Delivered when it leaves the kernel: at once if it runs, else when it is its turn again. */
int64_t sys_thread_signal(struct thread *t, struct regs *r)
{
	struct thread *thread;
	int error = !A2(r) || A2(r) >= TWZ_SIGNALS ? TWZ_E_ARG : other(t, r, TWZ_USE, &thread);

	if (error)
		return error;
	thread->page->signals |= 1ull << A2(r);
	if ((KSTEP("gate-signal-waits") && gate_defers(thread, GATE_SIGNAL)) ||
	    (thread->handler->depth && KSTEP("signal-waits")) || thread->flags & THREAD_SIGNALLED)
		return 0; /* it comes after what the thread is at */
	thread->flags |= THREAD_SIGNALLED;
	if (thread->sleeps)
		sync_interrupt(thread);
	else
		thread_interrupt(thread);
	return 0;
}

/* Who runs before most others takes from them: that is for who decides on the machine. */
int64_t sys_thread_priority(struct thread *t, struct regs *r)
{
	struct thread *thread;
	int error = A2(r) >= TWZ_PRIORITIES ? TWZ_E_ARG : other(t, r, TWZ_USE, &thread);

	if (!error && A2(r) > TWZ_PRIORITY_NORMAL && A2(r) > thread->priority &&
	    KSTEP("priority-raise"))
		error = syscall_may(t, machine_id(), TWZ_USE);
	if (!error)
		thread_set_priority(thread, (uint32_t)A2(r));
	return error;
}
