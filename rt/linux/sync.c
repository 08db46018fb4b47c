/* sync.c - waiting on words, and transactions' locks (sync.h, core/tx.h). */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "core/pmem.h"
#include "core/ptr.h"
#include "core/tx.h"
#include "rt/linux/home.h"
#include "rt/linux/slots.h"
#include "rt/linux/sync.h"

#define SECOND_NS (1000ull * 1000 * 1000)
#define LOCK_TIMEOUT_NS (10 * SECOND_NS) /* then a transaction gets TWZ_E_TIMEOUT */

static uint64_t now_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * SECOND_NS + (uint64_t)t.tv_nsec;
}

/* 0, or the host's error: ETIMEDOUT, EAGAIN for another value, EINTR, EFAULT. */
static int sleep_on_word(const uint32_t *word, uint32_t value, uint64_t timeout_ns)
{
	const struct timespec timeout = {.tv_sec = (time_t)(timeout_ns / SECOND_NS),
					 .tv_nsec = (long)(timeout_ns % SECOND_NS)};

	return syscall(SYS_futex, word, FUTEX_WAIT, value, timeout_ns == ~0ull ? NULL : &timeout,
		       NULL, 0)
		       ? errno
		       : 0;
}

bool futex_wait(const uint32_t *word, uint32_t value, uint64_t timeout_ns)
{
	return sleep_on_word(word, value, timeout_ns) != ETIMEDOUT;
}

int futex_wake(const uint32_t *word, uint32_t count)
{
	long woken = syscall(SYS_futex, word, FUTEX_WAKE, count > INT_MAX ? INT_MAX : (int)count,
			     NULL, NULL, 0);

	return woken < 0 ? 0 : (int)woken;
}

/* ---- on words in objects ------------------------------------------------------------------------ */

/*
 * Sleeping ends at the latest after this, "for no reason", and the caller looks again: because the host
 * names a word by its place in the file, and a copy that is written moves a page there; because it waits
 * either for words or for input; and, before Linux 5.16, for one word only.
 */
uint64_t sync_slice_ns = SYNC_SLICE_NS;
#define SLICE_INPUT_NS (SECOND_NS / 100)
#define SLICE_ONE_NS (SECOND_NS / 1000)

/* Words in slots on which threads of this process sleep; who finds no place wakes with its slice. */
#define SLEEPERS 64u
static uintptr_t asleep[SLEEPERS];
static uint32_t nasleep;

static void sleep_note(const uint32_t *word)
{
	uintptr_t none = 0;

	if (!slots_hold((uintptr_t)word))
		return;
	__atomic_add_fetch(&nasleep, 1, __ATOMIC_SEQ_CST);
	for (uint32_t i = 0; i < SLEEPERS; i++, none = 0)
		if (__atomic_compare_exchange_n(&asleep[i], &none, (uintptr_t)word, false,
						__ATOMIC_SEQ_CST, __ATOMIC_RELAXED))
			return;
}

static void sleep_over(const uint32_t *word)
{
	uintptr_t noted = (uintptr_t)word;

	if (!slots_hold(noted))
		return;
	__atomic_sub_fetch(&nasleep, 1, __ATOMIC_SEQ_CST);
	for (uint32_t i = 0; i < SLEEPERS; i++, noted = (uintptr_t)word)
		if (__atomic_compare_exchange_n(&asleep[i], &noted, 0, false, __ATOMIC_SEQ_CST,
						__ATOMIC_RELAXED))
			return;
}

bool sync_asleep(const uint8_t *start, uint64_t bytes)
{
	if (!__atomic_load_n(&nasleep, __ATOMIC_SEQ_CST))
		return false;
	for (uint32_t i = 0; i < SLEEPERS; i++)
		if (__atomic_load_n(&asleep[i], __ATOMIC_SEQ_CST) - (uintptr_t)start < bytes)
			return true;
	return false;
}

/*
 * Who sleeps there does so by the frame that the page still has, which the image shows too. Who notes a word
 * after this looked finds nothing mapped, and waits for the store's lock.
 */
void sync_unmapped(const uint8_t *start, uint64_t bytes, uint64_t ref)
{
	struct store_run run;

	if (!sync_asleep(start, bytes))
		return;
	for (uint32_t i = 0; i < SLEEPERS; i++) {
		uint64_t at = __atomic_load_n(&asleep[i], __ATOMIC_SEQ_CST) - (uintptr_t)start;

		if (at >= bytes || store_run(&home.store, ref, at / TWZ_PAGE, 1, &run) ||
		    !run.frame)
			continue;
		at = run.frame * TWZ_PAGE + at % TWZ_PAGE;
		futex_wake((const uint32_t *)(home.image.base + at), INT_MAX);
	}
}

/* The host has no name for a word in a hole, and would not resolve a fault: the page is made. */
static void need_page(const uint32_t *word)
{
	const struct timespec pause = {.tv_nsec = SLICE_INPUT_NS};

	if (slots_hold((uintptr_t)word) && twz_rt_touch((void *)(uintptr_t)word, sizeof(*word)))
		nanosleep(&pause, NULL); /* it cannot be: the caller looks now and then */
}

int twz_rt_wait(const uint32_t *word, uint32_t value, uint64_t timeout_ns)
{
	uint64_t slice = timeout_ns;
	int error = 0;

	if (slots_hold((uintptr_t)word) && slice > sync_slice_ns)
		slice = sync_slice_ns;
	sleep_note(word);
	if (__atomic_load_n(word, __ATOMIC_ACQUIRE) == value)
		error = sleep_on_word(word, value, slice);
	sleep_over(word);
	if (error == EFAULT)
		need_page(word);
	return error != ETIMEDOUT || slice < timeout_ns ? 0 : TWZ_E_TIMEOUT;
}

int twz_rt_wake(const uint32_t *word, uint32_t count)
{
	return futex_wake(word, count);
}

/* ---- on many words ------------------------------------------------------------------------------ */

bool sync_no_waitv;
static uint32_t input_word; /* stands for stream 0; never changes */

static bool input_ready(int timeout_ms)
{
	struct pollfd fd = {.fd = 0, .events = POLLIN};

	return poll(&fd, 1, timeout_ms) >
	       0; /* at its end, or no file at all: a read says so at once */
}

int twz_rt_input(struct twz_rt_word *until)
{
	*until = (struct twz_rt_word){.word = &input_word, .value = input_word};
	return input_ready(0);
}

/* 0, or the host's error. */
static int sleep_on(const struct twz_rt_word *words, uint32_t count, uint64_t timeout_ns)
{
	uint64_t end = now_ns(CLOCK_MONOTONIC) + timeout_ns;
	const struct timespec until = {.tv_sec = (time_t)(end / SECOND_NS),
				       .tv_nsec = (long)(end % SECOND_NS)};
	struct futex_waitv waiters[TWZ_RT_WORDS];

	if (__atomic_load_n(&sync_no_waitv, __ATOMIC_RELAXED))
		return sleep_on_word(words[0].word, words[0].value, timeout_ns);
	for (uint32_t i = 0; i < count; i++)
		waiters[i] = (struct futex_waitv){
			.uaddr = (uint64_t)words[i].word, .val = words[i].value, .flags = FUTEX_32};
	if (syscall(SYS_futex_waitv, waiters, count, 0, &until, CLOCK_MONOTONIC) >= 0)
		return 0;
	if (errno == ENOSYS)
		__atomic_store_n(&sync_no_waitv, true, __ATOMIC_RELAXED);
	return errno;
}

static bool all_as_given(const struct twz_rt_word *words, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		if (__atomic_load_n(words[i].word, __ATOMIC_ACQUIRE) != words[i].value)
			return false;
	return true;
}

/* How long one sleep is at most; *input: stream 0 is among what is waited for. */
static uint64_t slice_of(const struct twz_rt_word *words, uint32_t count, bool *input)
{
	*input = false;
	for (uint32_t i = 0; i < count; i++)
		*input |= words[i].word == &input_word;
	return *input && count > 1                                              ? SLICE_INPUT_NS
	       : __atomic_load_n(&sync_no_waitv, __ATOMIC_RELAXED) && count > 1 ? SLICE_ONE_NS
										: sync_slice_ns;
}

int twz_rt_wait_many(const struct twz_rt_word *words, uint32_t count, uint64_t timeout_ns)
{
	uint64_t slice;
	bool input, woken;
	int error = 0;

	if (!count || count > TWZ_RT_WORDS)
		return TWZ_E_ARG;
	slice = slice_of(words, count, &input);
	if (slice > timeout_ns)
		slice = timeout_ns;
	for (uint32_t i = 0; i < count; i++)
		sleep_note(words[i].word);
	if (all_as_given(words, count)) {
		if (input && count == 1)
			error = input_ready((int)(slice / (SECOND_NS / 1000))) ? 0 : ETIMEDOUT;
		else
			error = sleep_on(words, count, slice);
	}
	for (uint32_t i = 0; i < count; i++)
		sleep_over(words[i].word);
	for (uint32_t i = 0; error == EFAULT && i < count; i++)
		need_page(words[i].word);
	woken = error != ETIMEDOUT || (input && input_ready(0));
	return woken || slice < timeout_ns ? 0 : TWZ_E_TIMEOUT;
}

uint64_t twz_rt_time_ns(void)
{
	return now_ns(CLOCK_REALTIME);
}

/* ---- transactions ----------------------------------------------------------------------------- */

/* Settles the object whose lock an owner holds who is gone. */
static int take_over(const void *base, const uint64_t *lock, uint64_t seen)
{
	uint64_t ref;
	int error;

	home_lock();
	error = store_find(&home.store, slots_id((uintptr_t)base), &ref);
	if (!error) {
		const struct twz_meta *meta = store_page(&home.store, ref, TWZ_OBJ_META / TWZ_PAGE);

		/* Another may have been faster: then the lock is free, or somebody else's. */
		if (meta && (meta->log.lock | LOCK_WAITERS) == (seen | LOCK_WAITERS))
			error = store_settle(&home.store, ref);
	}
	home_unlock();
	if (!error)
		futex_wake((const uint32_t *)lock, INT_MAX);
	return error;
}

/*
 * Has this process the lock, and is there nobody in it but who waits, and the thread that answers recalls?
 * Then nobody will ever unlock it: it is taken by another transaction of this thread, or was left by one
 * that ended. With more threads it cannot be told.
 */
static bool waits_for_itself(uint64_t seen, const uint64_t *lock)
{
	enum { FOLDERS = 2, THREADS = 2 }; /* links: . and .., and one for each thread */
	struct stat st;

	return (seen | LOCK_WAITERS) == (home.owner | LOCK_WAITERS) &&
	       !stat("/proc/self/task", &st) && st.st_nlink == FOLDERS + THREADS &&
	       __atomic_load_n(lock, __ATOMIC_ACQUIRE) == seen;
}

static int contended(void *base, uint64_t *lock, uint64_t seen)
{
	uint64_t end = now_ns(CLOCK_MONOTONIC) + LOCK_TIMEOUT_NS, look = LOOK_FIRST_NS;

	for (;;) {
		if (!seen)
			return 0;
		if (seen >> 32 != home.owner >> 32)
			return take_over(base, lock, seen);
		if (!(seen & LOCK_WAITERS) &&
		    !__atomic_compare_exchange_n(lock, &seen, seen | LOCK_WAITERS, false,
						 __ATOMIC_RELAXED, __ATOMIC_RELAXED))
			continue;
		seen |= LOCK_WAITERS;
		if (futex_wait((const uint32_t *)lock, (uint32_t)seen, look))
			return 0;
		look = look_next(look);
		if (waits_for_itself(seen, lock))
			return TWZ_E_NESTED;
		if (!owner_alive(seen))
			return take_over(base, lock, seen);
		if (now_ns(CLOCK_MONOTONIC) > end)
			return TWZ_E_TIMEOUT;
		seen = __atomic_load_n(lock, __ATOMIC_RELAXED);
	}
}

/* A reader may have no right to write: nobody is told that he waits, so he looks now and then. */
static int stored(const void *base, const struct twz_log_head *head, uint64_t seq)
{
	uint64_t end = now_ns(CLOCK_MONOTONIC) + LOCK_TIMEOUT_NS, look = LOOK_FIRST_NS, seen;

	while (__atomic_load_n(&head->retired, __ATOMIC_ACQUIRE) < seq) {
		seen = __atomic_load_n(&head->lock, __ATOMIC_RELAXED);
		if (!seen)
			return 0;
		if (seen >> 32 != home.owner >> 32 || !owner_alive(seen))
			return take_over(base, &head->lock, seen);
		if (now_ns(CLOCK_MONOTONIC) > end)
			return TWZ_E_TIMEOUT;
		futex_wait((const uint32_t *)&head->lock, (uint32_t)seen, look);
		look = look_next(look);
	}
	return 0;
}

static void wake(uint64_t *lock)
{
	futex_wake((const uint32_t *)lock, INT_MAX);
}

/* As twz_rt_drop, for who has the object in a transaction. */
static int drop(void *addr, uint64_t bytes)
{
	const struct twz_id id = slots_id((uintptr_t)addr);
	uint64_t ref;
	int error;

	home_lock();
	error = home_find(id, &ref);
	if (!error)
		error = store_drop(&home.store, ref, obj_offset(addr) / TWZ_PAGE, bytes / TWZ_PAGE);
	home_unlock();
	return error;
}

static struct twz_id id_of(const void *base)
{
	return slots_id((uintptr_t)base);
}

void sync_init(void)
{
	memset(asleep, 0, sizeof(asleep)); /* after a fork: threads of the parent's */
	nasleep = 0;
	tx_env = (struct tx_env){.owner = home.owner,
				 .clwb = pmem.kind == PMEM_CLWB ? home.owner : 0,
				 .contended = contended,
				 .wake = wake,
				 .stored = stored,
				 .touch = twz_rt_touch,
				 .drop = drop,
				 .id = id_of};
}
