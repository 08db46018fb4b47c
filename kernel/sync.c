/* sync.c - waiting on words (sync.h). */
#include "kernel/arch/x86_64/user.h"
#include "kernel/ram.h"
#include "kernel/right.h"
#include "kernel/step.h"
#include "kernel/sync.h"
#include "kernel/syscall.h"
#include "kernel/thread.h"
#include "kernel/view.h"

#define BUCKETS 256u
#define WAKE_STEP 4u /* threads that are woken before the time is looked at */

/* Where a word is. */
struct word {
	struct object *object;
	uint64_t offset;
	bool held; /* the object, by this; else a binding of the caller's view holds it */
};

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

/* The first waiter is in the thread: most sleep on one word. The others are in a frame. */
static struct waiter *waiter_of(struct thread *t, uint32_t i)
{
	return i ? &t->waiters[i - 1] : &t->waiter;
}

static int wait_on(struct thread *t, const struct word *word)
{
	struct waiter *w;

	if (t->waits == 1) {
		uint64_t frame = ram_take();

		if (!frame)
			return TWZ_E_NOMEM;
		t->waiters = direct(frame);
	}
	w = waiter_of(t, t->waits++);
	w->thread = t;
	w->object = word->object;
	w->offset = word->offset;
	object_hold(word->object);
	word->object->sleepers++;
	list_add_last(bucket_of(word->object, word->offset), &w->link);
	return 0;
}

static inline void leave(struct waiter *w)
{
	list_remove(&w->link);
	w->object->sleepers--;
	object_release(w->object);
}

void sync_leave(struct thread *t)
{
	if (t->alarm.link)
		alarm_cancel(&t->alarm);
	if (!t->waits)
		return;
	leave(&t->waiter);
	if (__builtin_expect(t->waits > 1, 0)) {
		for (uint32_t i = 1; i < t->waits; i++)
			leave(waiter_of(t, i));
		ram_give(physical(t->waiters));
	}
	t->waits = 0;
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
		if (__builtin_expect(woken % WAKE_STEP == 0, 0) && !lock_time_left())
			break;
	}
	return woken;
}

bool sync_wake_all(struct object *object)
{
	for (unsigned i = 0; object->sleepers && i < BUCKETS; i++) {
		struct list *b = &bucket[i], *l = b->next;

		while (l && l != b) {
			struct waiter *w = list_of(l, struct waiter, link);

			l = l->next;
			if (w->object != object)
				continue;
			wake(w->thread, 0);
			if (!lock_time_left())
				return !object->sleepers;
			l = b->next; /* others of its waiters may be gone from here */
		}
	}
	return true;
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
	bool differs;        /* a word to wait on has another value */
	struct twz_sys_sync op[TWZ_SYNC_MAX];
	struct word word[TWZ_SYNC_MAX];
};

/* By address, and the same as the one before: a call often wakes and waits on one word. */
static bool as_before(const struct twz_sys_sync *op)
{
	return op->address == op[-1].address && !(op->id.lo | op->id.hi) &&
	       !(op[-1].id.lo | op[-1].id.hi) && op->op <= TWZ_SYNC_WAKE;
}

/* The call is made again: wakes that it has done are none now. How many it has woken. */
static __attribute__((noinline)) uint32_t go_on(struct call *c)
{
	const struct waking *w = &c->thread->waking;

	for (uint32_t i = 0; i < w->op && i < c->count; i++)
		if (c->op[i].op == TWZ_SYNC_WAKE)
			c->op[i].value = 0;
	if (w->op < c->count)
		c->op[w->op].value -= w->of_op;
	return w->all;
}

/* At operation i, which has woken n. If the call is made again, what it has done stays in the thread. */
static __attribute__((noinline)) int64_t break_off(struct call *c, int64_t error, uint32_t i,
						   uint32_t n, uint32_t all)
{
	struct waking *w = &c->thread->waking;

	if (error != SYSCALL_AGAIN && !right_waits())
		*w = (struct waking){0};
	else if (i >= w->op)
		*w = (struct waking){i, i == w->op ? w->of_op + n : n, all};
	return error;
}

/* Finds all words, wakes, and compares those to wait on. How many were woken. */
static int64_t do_wakes(struct call *c)
{
	uint32_t woken = 0, first_wait = c->count, value, n;
	bool differs = false;

	if (__builtin_expect(c->thread->waking.all, 0))
		woken = go_on(c);
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
				return break_off(c, error, i, 0, woken);
			c->held += word->held;
		}
		c->found = i + 1;
		if (op->op == TWZ_SYNC_WAKE) {
			n = sync_wake(word->object, word->offset, op->value);
			woken += n;
			if (__builtin_expect(n >= WAKE_STEP, 0) && n < op->value &&
			    !lock_time_left())
				return break_off(c, SYSCALL_AGAIN, i, n, woken);
			continue;
		}
		if (i < first_wait)
			first_wait = i;
		error = read_word(op, word, &value);
		if (error)
			return break_off(c, error, i, 0, woken);
		differs |= KSTEP("compare") && value != op->value;
	}
	c->first_wait = first_wait;
	c->differs = differs;
	if (__builtin_expect(c->thread->waking.all, 0))
		c->thread->waking = (struct waking){0};
	return woken;
}

/* The thread is among the waiters of every word. */
static int do_waits(const struct call *c)
{
	int error = 0;

	for (uint32_t i = c->first_wait; !error && i < c->count; i++)
		if (c->op[i].op != TWZ_SYNC_WAKE)
			error = wait_on(c->thread, &c->word[i]);
	return error;
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
	int result;

	if (c->differs || !timeout_ns)
		return c->differs ? 0 : TWZ_E_TIMEOUT;
	result = do_waits(c);
	if (result) {
		sync_leave(t);
		return result;
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
	c.count = (uint32_t)count;
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
