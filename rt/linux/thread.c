/*
 * thread.c - threads of a hosted program: the host's. They are no objects: their IDs are good in this program
 * only, and control of them, and of other programs, is the host's affair.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "rt/linux/home.h"

#define STACK_BYTES ((size_t)768 << 10)

enum { FREE, TAKEN, RUNS, ENDED, AWAITED }; /* a place's state */

static struct started {
	uint32_t state; /* to wait on */
	int status;
	uint64_t serial; /* which of those that had this place, from 1 */
	pthread_t host;
	int (*run)(void *arg);
	void *arg;
} started[TWZ_THREADS];

static bool change(struct started *s, uint32_t from, uint32_t to)
{
	return __atomic_compare_exchange_n(&s->state, &from, to, false, __ATOMIC_ACQ_REL,
					   __ATOMIC_RELAXED);
}

/* The place and who has it, which no other thread ever has; the process, so that it is no object's. */
static struct twz_id id_of(const struct started *s)
{
	return (struct twz_id){.lo = s->serial * TWZ_THREADS + (uint64_t)(s - started),
			       .hi = (uint64_t)getpid()};
}

static struct started *find(struct twz_id id)
{
	struct started *s = &started[id.lo % TWZ_THREADS];
	uint32_t state = __atomic_load_n(&s->state, __ATOMIC_ACQUIRE);

	if ((state != RUNS && state != ENDED) || id_of(s).lo != id.lo || id_of(s).hi != id.hi)
		return NULL;
	return s;
}

static void *begin(void *arg)
{
	struct started *s = arg;

	s->status = s->run(s->arg);
	__atomic_store_n(&s->state, ENDED, __ATOMIC_RELEASE);
	twz_rt_wake(&s->state, ~0u);
	return NULL;
}

static int start_in(struct started *s, const char *name)
{
	pthread_attr_t attributes;
	char text[16]; /* the host's limit */
	int error;

	memcpy(text, name, strnlen(name, sizeof(text) - 1) + 1);
	text[sizeof(text) - 1] = 0;
	if (pthread_attr_init(&attributes))
		return TWZ_E_NOMEM;
	error = pthread_attr_setstacksize(&attributes, STACK_BYTES);
	__atomic_store_n(&s->state, RUNS, __ATOMIC_RELEASE);
	if (!error)
		error = pthread_create(&s->host, &attributes, begin, s);
	pthread_attr_destroy(&attributes);
	if (error)
		return TWZ_E_NOMEM;
	pthread_setname_np(s->host, text);
	return 0;
}

int twz_rt_thread_start(int (*run)(void *arg), void *arg, const char *name, struct twz_id *thread)
{
	struct started *s = started;
	int error;

	while (s < started + TWZ_THREADS && !change(s, FREE, TAKEN))
		s++;
	if (s == started + TWZ_THREADS)
		return TWZ_E_LIMIT;
	s->serial++;
	s->run = run;
	s->arg = arg;
	error = start_in(s, name);
	if (error)
		__atomic_store_n(&s->state, FREE, __ATOMIC_RELEASE);
	else
		*thread = id_of(s);
	return error;
}

int twz_rt_thread_wait(struct twz_id id, uint64_t timeout_ns, int *status)
{
	uint64_t now = twz_rt_time_ns(), end = timeout_ns > ~now ? ~0ull : now + timeout_ns;
	struct started *s = find(id);

	if (!s)
		return TWZ_E_NOTFOUND;
	if (pthread_equal(s->host, pthread_self()))
		return TWZ_E_BUSY;
	while (__atomic_load_n(&s->state, __ATOMIC_ACQUIRE) == RUNS) {
		now = twz_rt_time_ns();
		if (now >= end)
			return TWZ_E_TIMEOUT;
		twz_rt_wait(&s->state, RUNS, end == ~0ull ? end : end - now);
	}
	*status = s->status;
	if (!find(id) || !change(s, ENDED, AWAITED))
		return TWZ_E_NOTFOUND; /* another one has waited for it */
	pthread_join(s->host, NULL);
	__atomic_store_n(&s->state, FREE, __ATOMIC_RELEASE);
	return 0;
}

/* Only the thread that called fork is there. */
void threads_forked(void)
{
	for (struct started *s = started; s < started + TWZ_THREADS; s++)
		s->state = FREE;
}

/* ---- what the host has other means for -------------------------------------------------------------- */

int twz_rt_thread_end(struct twz_id thread, int status)
{
	(void)thread, (void)status;
	return TWZ_E_ABSENT;
}

int twz_rt_thread_suspend(struct twz_id thread, bool on)
{
	(void)thread, (void)on;
	return TWZ_E_ABSENT;
}

int twz_rt_thread_registers(struct twz_id thread, struct twz_registers *registers)
{
	(void)thread, (void)registers;
	return TWZ_E_ABSENT;
}

int twz_rt_thread_signal(struct twz_id thread, uint32_t number)
{
	(void)thread, (void)number;
	return TWZ_E_ABSENT;
}

int twz_rt_thread_priority(struct twz_id thread, uint32_t priority)
{
	(void)thread, (void)priority;
	return TWZ_E_ABSENT;
}

int twz_rt_on_signal(twz_signal_handler handler, void *arg)
{
	(void)handler, (void)arg;
	return TWZ_E_ABSENT;
}
