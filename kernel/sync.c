/* sync.c - waiting on words (sync.h). */
#include "kernel/arch/x86_64/user.h"
#include "kernel/heap.h"
#include "kernel/step.h"
#include "kernel/sync.h"
#include "kernel/syscall.h"
#include "kernel/thread.h"
#include "kernel/view.h"

#define BUCKETS 256u

/* Where a word is. */
struct word {
	struct object *object;
	uint64_t offset;
	bool held; /* the object, by this; else a binding of the caller's view holds it */
};

static struct cache waiters = CACHE(struct waiter);
static struct list bucket[BUCKETS];

void sync_init(void)
{
	for (unsigned i = 0; i < BUCKETS; i++)
		list_init(&bucket[i]);
}

static struct list *bucket_of(const struct object *o, uint64_t offset)
{
	return &bucket[((uint64_t)o / 64 + offset / 4) % BUCKETS];
}

static int find(struct thread *t, const struct twz_sys_sync *op, struct word *word)
{
	int error;

	if (op->address % sizeof(uint32_t) || op->op > TWZ_SYNC_WAKE)
		return TWZ_E_ARG;
	if (!(op->id.lo | op->id.hi))
		return view_object(t, op->address, &word->object, &word->offset);
	if (op->address >= TWZ_OBJ_SIZE_MAX)
		return TWZ_E_RANGE;
	error = object_get(t, op->id, TWZ_READ, &word->object);
	word->offset = op->address;
	word->held = !error;
	return error;
}

static int read_word(const struct twz_sys_sync *op, const struct word *word, uint32_t *value)
{
	const uint8_t *page;

	if (!word->held)
		return user_read32(value, op->address);
	page = word->object->medium->look(word->object, word->offset / TWZ_PAGE);
	*value = page ? __atomic_load_n((const uint32_t *)(page + word->offset % TWZ_PAGE),
					__ATOMIC_ACQUIRE)
		      : 0;
	return 0;
}

/* The first one is in the thread: most sleep on one word. */
static int wait_on(struct thread *t, const struct word *word)
{
	struct waiter *w = t->waiters ? cache_take(&waiters) : &t->waiter;

	if (!w)
		return TWZ_E_NOMEM;
	w->thread = t;
	w->object = word->object;
	w->offset = word->offset;
	w->more = t->waiters;
	t->waiters = w;
	object_hold(word->object);
	word->object->sleepers++;
	list_add_last(bucket_of(word->object, word->offset), &w->link);
	return 0;
}

void sync_leave(struct thread *t)
{
	struct waiter *w;

	if (t->alarm.link)
		alarm_cancel(&t->alarm);
	while ((w = t->waiters)) {
		t->waiters = w->more;
		list_remove(&w->link);
		w->object->sleepers--;
		object_release(w->object);
		if (w != &t->waiter)
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

void sync_interrupt(struct thread *t)
{
	if (t->waiters && KSTEP("signal-wakes"))
		wake(t, TWZ_E_INTERRUPTED);
}

static void ring(struct alarm *alarm)
{
	wake(list_of(alarm, struct thread, alarm), TWZ_E_TIMEOUT);
}

/* A call: its operations, and the words that they name, of which some are held. */
struct call {
	struct thread *thread;
	uint32_t count, found, held;
	uint32_t first_wait; /* `count`: none */
	struct twz_sys_sync op[TWZ_SYNC_MAX];
	struct word word[TWZ_SYNC_MAX];
};

/* By address, and the same as the one before: a call often wakes and waits on one word. */
static bool as_before(const struct twz_sys_sync *op)
{
	return op->address == op[-1].address && !(op->id.lo | op->id.hi) &&
	       !(op[-1].id.lo | op[-1].id.hi) && op->op <= TWZ_SYNC_WAKE;
}

/* Finds all words, and wakes. How many were woken. */
static int64_t do_wakes(struct call *c)
{
	int64_t woken = 0;

	for (uint32_t i = 0; i < c->count; i++) {
		const struct twz_sys_sync *op = &c->op[i];
		struct word *word = &c->word[i];
		int error;

		if (i && as_before(op)) {
			*word = word[-1];
		} else {
			word->held = false;
			error = find(c->thread, op, word);
			if (error)
				return error;
			c->held += word->held;
		}
		c->found++;
		if (op->op == TWZ_SYNC_WAKE)
			woken += sync_wake(word->object, word->offset, op->value);
		else if (i < c->first_wait)
			c->first_wait = i;
	}
	return woken;
}

/* 1: a word has another value; 0: the thread is among the waiters of every word. */
static int do_waits(const struct call *c)
{
	for (uint32_t i = c->first_wait; i < c->count; i++) {
		const struct twz_sys_sync *op = &c->op[i];
		uint32_t value;
		int error;

		if (op->op == TWZ_SYNC_WAKE)
			continue;
		error = read_word(op, &c->word[i], &value);
		if (!error)
			error = KSTEP("compare") && value != op->value
					? 1
					: wait_on(c->thread, &c->word[i]);
		if (error)
			return error;
	}
	return 0;
}

static void set_alarm(struct thread *t, uint64_t timeout_ns)
{
	uint64_t now = cycles(), after = clock_cycles(timeout_ns);

	if (after < CLOCK_NEVER - now) /* else it is past the end of time: no limit */
		alarm_set(&t->alarm, now + after, ring);
}

static int64_t wait(const struct call *c, uint64_t timeout_ns)
{
	struct thread *t = c->thread;
	int result = do_waits(c);

	if (!result && !timeout_ns)
		result = TWZ_E_TIMEOUT;
	if (result) {
		sync_leave(t);
		return result < 0 ? result : 0;
	}
	if (timeout_ns != ~0ull)
		set_alarm(t, timeout_ns);
	thread_sleep(t);
	return 0;
}

int64_t sys_thread_sync(struct thread *t, struct regs *regs)
{
	const uint64_t ops = regs->rdi, count = regs->rsi, timeout_ns = regs->rdx;
	struct call c;
	int64_t result;

	if (!count || count > TWZ_SYNC_MAX)
		return TWZ_E_ARG;
	c.thread = t;
	c.count = c.first_wait = (uint32_t)count;
	c.found = c.held = 0;
	result = user_read(c.op, ops, count * sizeof(c.op[0]));
	if (result)
		return result;
	result = do_wakes(&c);
	if (result >= 0 && c.first_wait < count)
		result = wait(&c, timeout_ns);
	for (uint32_t i = 0; c.held && i < c.found; i++)
		if (c.word[i].held)
			object_release(c.word[i].object);
	return result;
}
