/* freeze.c - sources that do not change while they are copied (freeze.h). */
#include "kernel/freeze.h"
#include "kernel/object.h"
#include "kernel/step.h"
#include "kernel/thread.h"
#include "kernel/view.h"

static uint64_t limit(const struct freeze *f)
{
	return f->since + clock_cycles(FREEZE_LIMIT_MS * 1000000ull);
}

static void again(void)
{
	cpu_this()->reschedule |= RESCHEDULE_AGAIN;
}

/* The source can be stored to again. */
static void thaw(struct freeze *f)
{
	struct object *src = f->src;
	uint64_t now = cycles();

	src->frozen = NULL;
	view_redecide(src);
	alarm_cancel(&f->alarm);
	if (f->wanted && KSTEP("freeze-rest"))
		src->rests = now + (now - f->since);
	while (!list_empty(&f->waiters)) {
		struct thread *t = list_of(f->waiters.next, struct thread, queue);

		list_remove(&t->queue);
		thread_wake(t);
	}
}

void freeze_end(struct thread *t)
{
	struct freeze *f = &t->freeze;

	if (!f->src)
		return;
	if (f->src->frozen == f)
		thaw(f);
	f->dst->fillers--;
	object_release(f->dst);
	object_release(f->src);
	f->src = f->dst = NULL;
}

static void break_off(struct freeze *f)
{
	freeze_end(list_of(f, struct thread, freeze));
}

static void ring(struct alarm *alarm)
{
	break_off(list_of(alarm, struct freeze, alarm));
}

void freeze_wait(struct thread *t, struct object *o)
{
	struct freeze *f = o->frozen;

	again();
	f->wanted = true;
	if (f == &t->freeze ||
	    cycles() >= limit(f)) { /* its own: it was called away from its copy */
		break_off(f);
		return;
	}
	if (list_empty(&f->waiters) && KSTEP("freeze-limit"))
		alarm_set(&f->alarm, limit(f), ring);
	thread_sleep(t);
	list_add_last(&f->waiters, &t->queue);
}

static void rested(struct alarm *alarm)
{
	thread_wake(list_of(alarm, struct thread, alarm));
}

int freeze_begin(struct thread *t, struct object *dst, struct object *src)
{
	struct freeze *f = &t->freeze;

	freeze_end(t);
	if (dst->frozen || (src->fillers && KSTEP("freeze-filled")))
		return TWZ_E_BUSY;
	if (src->frozen) {
		freeze_wait(t, src);
		return TWZ_E_BUSY;
	}
	if (cycles() < src->rests) {
		again();
		alarm_set(&t->alarm, src->rests, rested);
		thread_sleep(t);
		return TWZ_E_BUSY;
	}
	*f = (struct freeze){.src = src, .dst = dst, .since = cycles()};
	list_init(&f->waiters);
	object_hold(src);
	object_hold(dst);
	dst->fillers++;
	if (!object_sealed(src)) {
		src->frozen = f;
		view_renew_object(src);
	}
	return 0;
}

int freeze_go_on(struct thread *t, struct object *dst, struct object *src)
{
	const struct freeze *f = &t->freeze;

	return f->src == src && f->dst == dst ? 0 : TWZ_E_TIMEOUT;
}
