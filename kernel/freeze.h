/*
 * freeze.h - copies of what others store to: the source does not change while it is copied.
 *
 * A copy takes many calls' worth of steps, and shows its source as it was when the first one began. Until the
 * last, the source is frozen: it is in no page tables, touches put it there without the right to write
 * (view.c), and who stores to it, drops pages of it or limits them waits. A sealed source needs none of this.
 *
 * A thread does one copy at a time, and what it has frozen ends with its copy or with the thread. Nobody waits
 * for an object while it has one frozen, so there are no deadlocks:
 *   - a second copy of the same source waits before it has anything;
 *   - a destination that is frozen, and a source that another copy fills, are TWZ_E_BUSY.
 *
 * READ is enough to freeze, so that is bounded. Somebody waits at most FREEZE_LIMIT_MS: then the copy is broken
 * off, and its next step gives TWZ_E_TIMEOUT. And where somebody waited, the object can be frozen again only
 * after the time for which it was: whoever copies in a loop leaves its writers half of the time.
 *
 * Lock: the kernel's.
 */
#ifndef KERNEL_FREEZE_H
#define KERNEL_FREEZE_H

#include "kernel/clock.h"
#include "kernel/list.h"

#define FREEZE_LIMIT_MS 3000u

struct object;
struct thread;

/* The copy that a thread does. */
struct freeze {
	struct object *src, *dst; /* held; null: none */
	uint64_t since;           /* cycles */
	bool wanted;              /* somebody has had to wait */
	struct list waiters;      /* threads, by `queue` */
	struct alarm alarm;       /* set while there are some */
};

/*
 * The thread begins to copy src to dst; what it copied before is over. TWZ_E_BUSY: see above. It may have to
 * wait (right_waits): then it makes its call again.
 */
int freeze_begin(struct thread *thread, struct object *dst, struct object *src);
/* It goes on with that. TWZ_E_TIMEOUT: it was broken off. */
int freeze_go_on(struct thread *thread, struct object *dst, struct object *src);
/* It is done, or copies nothing. */
void freeze_end(struct thread *thread);

/* The object is frozen, and the thread wants to change it: it waits, and then does again what it did. */
void freeze_wait(struct thread *thread, struct object *object);

#endif
