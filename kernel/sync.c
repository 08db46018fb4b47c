/* sync.c - waiting on words (sync.h). */
#include "kernel/arch/x86_64/user.h"
#include "kernel/heap.h"
#include "kernel/sync.h"
#include "kernel/thread.h"
#include "kernel/view.h"

#define BUCKETS 256u

/* A thread that sleeps on a word. */
struct waiter {
	struct list link;    /* in the word's bucket, who came first is first */
	struct waiter *more; /* the thread's next one */
	struct thread *thread;
	struct object *object; /* held */
	uint64_t offset;
};

static struct cache waiters = CACHE(struct waiter);
static struct list bucket[BUCKETS];

static struct list *bucket_of(const struct object *o, uint64_t offset)
{
	struct list *b = &bucket[((uint64_t)o / 64 + offset / 4) % BUCKETS];

	if (!b->next)
		list_init(b);
	return b;
}

/* The word that an operation names: its object, held, and its value for WAIT. */
static int find(struct thread *t, const struct twz_sys_sync *op, struct object **object,
		uint64_t *offset, uint32_t *value)
{
	const uint8_t *page;
	int error;

	if (op->address % sizeof(uint32_t) || op->op > TWZ_SYNC_WAKE)
		return TWZ_E_ARG;
	if (!(op->id.lo | op->id.hi)) {
		error = view_object(t, op->address, object, offset);
		if (!error && op->op == TWZ_SYNC_WAIT)
			error = user_read(value, op->address, sizeof(*value));
		if (!error)
			object_hold(*object);
		return error;
	}
	if (op->address >= TWZ_OBJ_SIZE_MAX)
		return TWZ_E_RANGE;
	error = object_get(t, op->id, TWZ_READ, object);
	if (error)
		return error;
	page = (*object)->medium->look(*object, op->address / TWZ_PAGE);
	*offset = op->address;
	*value = page ? __atomic_load_n((const uint32_t *)(page + *offset % TWZ_PAGE),
					__ATOMIC_ACQUIRE)
		      : 0;
	return 0;
}

static int wait_on(struct thread *t, struct object *object, uint64_t offset)
{
	struct waiter *w = cache_take(&waiters);

	if (!w)
		return TWZ_E_NOMEM;
	w->thread = t;
	w->object = object;
	w->offset = offset;
	w->more = t->waiters;
	t->waiters = w;
	object_hold(object);
	object->sleepers++;
	list_add_last(bucket_of(object, offset), &w->link);
	return 0;
}

void sync_leave(struct thread *t)
{
	struct waiter *w;

	alarm_cancel(&t->alarm);
	while ((w = t->waiters)) {
		t->waiters = w->more;
		list_remove(&w->link);
		w->object->sleepers--;
		object_release(w->object);
		cache_give(&waiters, w);
	}
}

static void wake(struct thread *t, int64_t result)
{
	sync_leave(t);
	t->regs.rax = (uint64_t)result;
	thread_wake(t);
}

uint32_t sync_wake(struct object *object, uint64_t offset, uint32_t max)
{
	struct list *b = bucket_of(object, offset), *l = b->next;
	uint32_t woken = 0;

	while (l != b && woken < max) {
		struct waiter *w = list_of(l, struct waiter, link);

		l = l->next;
		if (w->object != object || w->offset != offset)
			continue;
		/* The thread's other waiters may be in this list too. */
		while (l != b && list_of(l, struct waiter, link)->thread == w->thread)
			l = l->next;
		wake(w->thread, 0);
		woken++;
	}
	return woken;
}

void sync_wake_all(struct object *object)
{
	for (unsigned i = 0; object->sleepers && i < BUCKETS; i++) {
		struct list *b = &bucket[i], *l = b->next;

		while (l && l != b) {
			struct waiter *w = list_of(l, struct waiter, link);

			l = l->next;
			if (w->object != object)
				continue;
			wake(w->thread, 0);
			l = b->next; /* others of its waiters may be gone from here */
		}
	}
}

static void ring(struct alarm *alarm)
{
	wake(list_of(alarm, struct thread, alarm), TWZ_E_TIMEOUT);
}

/* All WAKEs; *waits counts the others. */
static int64_t do_wakes(struct thread *t, const struct twz_sys_sync *ops, uint32_t count,
			uint32_t *waits)
{
	int64_t woken = 0;

	for (uint32_t i = 0; i < count; i++) {
		struct object *object;
		uint64_t offset;
		uint32_t value;
		int error;

		if (ops[i].op == TWZ_SYNC_WAIT) {
			++*waits;
			continue;
		}
		error = find(t, &ops[i], &object, &offset, &value);
		if (error)
			return error;
		woken += sync_wake(object, offset, ops[i].value);
		object_release(object);
	}
	return woken;
}

/* 1: a word has another value; 0: the thread is among the waiters of every word. */
static int do_waits(struct thread *t, const struct twz_sys_sync *ops, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		struct object *object;
		uint64_t offset;
		uint32_t value;
		int error;

		if (ops[i].op == TWZ_SYNC_WAKE)
			continue;
		error = find(t, &ops[i], &object, &offset, &value);
		if (error)
			return error;
		error = value != ops[i].value ? 1 : wait_on(t, object, offset);
		object_release(object);
		if (error)
			return error;
	}
	return 0;
}

int64_t sync_call(struct thread *t, uint64_t from, uint32_t count, uint64_t timeout_ns)
{
	static struct twz_sys_sync ops[TWZ_SYNC_MAX]; /* the kernel's lock is held */
	uint32_t waits = 0;
	uint64_t now, wait;
	int64_t result;

	if (!count || count > TWZ_SYNC_MAX)
		return TWZ_E_ARG;
	result = user_read(ops, from, count * sizeof(ops[0]));
	if (!result)
		result = do_wakes(t, ops, count, &waits);
	if (result < 0 || !waits)
		return result;
	result = do_waits(t, ops, count);
	if (!result && !timeout_ns)
		result = TWZ_E_TIMEOUT;
	if (result) {
		sync_leave(t);
		return result < 0 ? result : 0;
	}
	now = cycles();
	wait = clock_cycles(timeout_ns);
	if (wait < CLOCK_NEVER - now) /* else it is past the end of time: no limit */
		alarm_set(&t->alarm, now + wait, ring);
	thread_sleep(t);
	return 0;
}
