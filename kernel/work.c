/* work.c - work on the store (work.h). */
#include "core/mem.h"
#include "kernel/arch/x86_64/processor.h"
#include "kernel/lock.h"
#include "kernel/syscall.h"
#include "kernel/work.h"

#define TRIES 8u

static struct work piece;    /* that is in progress */
static bool inside;          /* we are on its stack */
static struct thread *owner; /* whose it is; null: nobody's */
static bool broken;          /* it has taken a break: its owner has to ask again */
static uint64_t here, there; /* where the processor's stack goes on, and that of the piece */
bool work_at_once;
bool work_in_progress;
unsigned work_processor;

/* The piece's stack begins here, and never gets to an end. */
static void work_main(void)
{
	for (;;) {
		piece.error = piece.fn(&piece);
		work_in_progress = false;
		stack_switch(&there, here);
	}
}

void work_breathe(void)
{
	if (!inside || work_at_once || lock_time_within(piece.patience))
		return;
	stack_switch(&there, here);
}

static void finish(void)
{
	if (owner && broken) {
		owner->work = piece;
		owner->work_done = true;
	}
	if (piece.object)
		object_release(piece.object);
	if (piece.other)
		object_release(piece.other);
}

/* Goes on with the piece. SYSCALL_AGAIN: it takes a break. */
static int go_on(void)
{
	static uint32_t went_on; /* when the lock was taken that it was last gone on with under */
	struct cpu *cpu = cpu_this();

	/* At least once, so that it comes to an end; then only while there is time. */
	if (went_on == cpu->locked_at && !lock_time_left() && !work_at_once)
		return SYSCALL_AGAIN;
	went_on = cpu->locked_at;
	if (!there)
		there = stack_new(stacks[CPU_MAX].last_guard, work_main);
	inside = true;
	work_processor = cpu->number;
	stack_switch(&here, there);
	inside = false;
	if (work_in_progress)
		return SYSCALL_AGAIN;
	finish();
	return 0;
}

/* The running thread is to try again. */
static int again(void)
{
	cpu_this()->reschedule |= RESCHEDULE_AGAIN;
	return SYSCALL_AGAIN;
}

bool work_later(void)
{
	struct thread *t = cpu_this()->thread;

	if (lock_time_left() || !t || !t->object)
		return false;
	if (t->tries == TRIES) {
		t->tries = 0;
		return false;
	}
	t->tries++;
	(void)again();
	return true;
}

int work_go_on(void)
{
	return inside || !go_on() ? 0 : again();
}

static void begin(const struct work *work, struct thread *thread)
{
	piece = *work;
	if (!piece.patience)
		piece.patience = LOCK_CYCLES;
	owner = thread;
	broken = false;
	work_in_progress = true;
	if (piece.object)
		object_hold(piece.object);
	if (piece.other)
		object_hold(piece.other);
}

static bool is(const struct work *known, const struct work *asked)
{
	return known->fn == asked->fn && (!asked->object || known->object == asked->object) &&
	       (!asked->other || known->other == asked->other) &&
	       !memcmp(known->argument, asked->argument, sizeof(asked->argument));
}

bool work_was_begun(struct work *work)
{
	struct thread *t = cpu_this()->thread;

	if (work_in_progress && owner == t && is(&piece, work) && go_on()) {
		work->error = again();
		return true;
	}
	if (!t->work_done || !is(&t->work, work))
		return false;
	*work = t->work;
	t->work_done = false;
	return true;
}

int work_do(struct work *work)
{
	struct thread *t = cpu_this()->thread;

	if (!t || !t->object) { /* the kernel's own, or none has started yet */
		work_at_once = true;
		begin(work, NULL);
		(void)go_on();
		work_at_once = false;
		return piece.error;
	}
	if (work_was_begun(work))
		return work->error;
	if (work_ready())
		return SYSCALL_AGAIN;
	t->work_done = false;
	begin(work, t);
	broken = go_on();
	if (broken)
		return again();
	work->error = piece.error;
	work->done = piece.done;
	work->id = piece.id;
	return work->error;
}

void work_end(void)
{
	while (work_in_progress && go_on()) {
		lock_give();
		cpu_breathe();
		lock_take();
	}
}

bool work_for_nobody(int (*fn)(struct work *work))
{
	if (work_in_progress && go_on())
		return false;
	begin(&(struct work){.fn = fn}, NULL);
	return !go_on();
}

void work_leave(const struct thread *thread)
{
	if (owner != thread)
		return;
	owner = NULL;
	thread_work = true; /* who leaves the kernel goes on with it */
}
