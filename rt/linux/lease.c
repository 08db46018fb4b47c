/* lease.c - the table of leases, and recalling them (lease.h). */
#define _GNU_SOURCE
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "rt/linux/lease.h"
#include "rt/linux/slots.h"

#define LEASES (sizeof(home.runtime->lease) / sizeof(home.runtime->lease[0]))
#define TRIES 16u                /* places looked at before the table gets longer */
#define STACK_BYTES (768u << 10) /* sanitizers need much */

/* home_lock held. */
static uint32_t cursor; /* where the search for a free place goes on */
static uint32_t victim; /* where the last lease was that had to go in a full table */
static uint32_t leases_max = LEASES;
static pid_t late;

static uint32_t place_of(const struct twz_process *process)
{
	return (uint32_t)(process - home.runtime->process);
}

static uint64_t bit_of(uint32_t place)
{
	return 1ull << place;
}

static bool change(struct twz_process *process, uint32_t from, uint32_t to)
{
	return __atomic_compare_exchange_n(&process->recall, &from, to, false, __ATOMIC_ACQ_REL,
					   __ATOMIC_RELAXED);
}

static uint32_t state_of(const struct twz_process *process)
{
	return __atomic_load_n(&process->recall, __ATOMIC_ACQUIRE);
}

static uint32_t mode_of(const struct twz_lease *lease)
{
	return __atomic_load_n(&lease->mode, __ATOMIC_ACQUIRE);
}

static void set_mode(struct twz_lease *lease, uint32_t mode)
{
	__atomic_store_n(&lease->mode, mode, __ATOMIC_RELEASE);
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

pid_t lease_late(void)
{
	return late;
}

void lease_limit(uint32_t leases)
{
	leases_max = leases ? leases : LEASES;
}

/* ---- answering ---------------------------------------------------------------------------------- */

/* All signals are blocked. */
static void *answer(void *arg)
{
	struct twz_process *own = arg;

	prctl(PR_SET_NAME, "leases");
	for (;;) {
		uint32_t state = state_of(own);

		if (state == TWZ_RECALL_LATE) {
			change(own, state, TWZ_RECALL_IDLE);
		} else if (state != TWZ_RECALL_ASKED) {
			futex_wait(&own->recall, state, ~0ull);
		} else if (change(own, state, TWZ_RECALL_WORKING)) {
			/* What threads of this process did at the slots they did before they let go of this. */
			(void)__atomic_load_n(&home.runtime->lock, __ATOMIC_ACQUIRE);
			slots_recall(own->recall_ref, TWZ_LEASE_ALL);
			__atomic_store_n(&own->recall, TWZ_RECALL_IDLE, __ATOMIC_RELEASE);
			futex_wake(&own->recall, INT_MAX);
		}
	}
	return arg;
}

void lease_quiet(void)
{
	struct twz_process *own = home.process;
	uint32_t state;

	while ((state = state_of(own)) != TWZ_RECALL_IDLE && state != TWZ_RECALL_NONE) {
		if (state == TWZ_RECALL_WORKING)
			futex_wait(&own->recall, state, ~0ull);
		else
			change(own, state, TWZ_RECALL_IDLE); /* who asked gave up, or died */
	}
}

/* ---- the table ---------------------------------------------------------------------------------- */

/* The process in this place is gone, or never mapped anything. */
static void fall(uint32_t place)
{
	struct twz_runtime *rt = home.runtime;

	for (uint32_t i = 0; i < rt->leases; i++)
		if (mode_of(&rt->lease[i]) && rt->lease[i].process == place)
			set_mode(&rt->lease[i], 0);
	rt->mappers &= ~bit_of(place);
}

void lease_bury(void)
{
	struct twz_runtime *rt = home.runtime;

	for (uint32_t i = 0; i < sizeof(rt->process) / sizeof(rt->process[0]); i++)
		if (rt->mappers & bit_of(i) && process_gone(&rt->process[i]))
			fall(i);
}

/*
 * The host's number of a thread of this process that has not ended. The C library knows it and does not tell, but
 * names the thread's clock after it, as the host wants that: ~number << 3, and the kind of clock below.
 */
static pid_t number_of(pthread_t thread)
{
	clockid_t clock;

	return pthread_getcpuclockid(thread, &clock) ? 0 : (pid_t) ~(clock >> 3);
}

int lease_start(void)
{
	struct twz_process *own = home.process;
	sigset_t all, before;
	pthread_attr_t attr;
	pthread_t thread;
	int error;

	fall(place_of(own));
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_attr_init(&attr);
	if (!error) {
		pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
		pthread_attr_setstacksize(&attr, STACK_BYTES);
		error = pthread_create(&thread, &attr, answer, own);
		pthread_attr_destroy(&attr);
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (error)
		return TWZ_E_NOMEM;
	/* From now on it is seen whether this program is there; it is not waited for until the thread runs. */
	__atomic_store_n(&own->answers, (uint32_t)number_of(thread), __ATOMIC_RELEASE);
	__atomic_store_n(&own->recall, TWZ_RECALL_IDLE, __ATOMIC_RELEASE);
	home.store.recall = lease_recall;
	return 0;
}

/* A free place, or null. What is behind the last lease in use is not looked through by who recalls. */
static struct twz_lease *find_free(void)
{
	struct twz_runtime *rt = home.runtime;
	uint32_t tries = rt->leases < leases_max ? TRIES : leases_max;

	while (rt->leases && !mode_of(&rt->lease[rt->leases - 1]))
		rt->leases--;
	for (uint32_t i = 0; i < tries && i < rt->leases; i++) {
		cursor = cursor + 1 < rt->leases ? cursor + 1 : 0;
		if (!mode_of(&rt->lease[cursor]))
			return &rt->lease[cursor];
	}
	if (rt->leases >= leases_max)
		return NULL;
	set_mode(&rt->lease[rt->leases], 0); /* behind the last one lies anything */
	return &rt->lease[rt->leases++];
}

/* ---- recalling ---------------------------------------------------------------------------------- */

static struct twz_process *process_at(uint32_t place)
{
	return &home.runtime->process[place];
}

/* Its thread reads `recall_ref` only when it was asked. */
static bool ask(struct twz_process *process, uint32_t state, uint64_t ref)
{
	process->recall_ref = ref;
	if (!change(process, state, TWZ_RECALL_ASKED))
		return false;
	home.runtime->recalls++;
	futex_wake(&process->recall, INT_MAX);
	return true;
}

/* Until the process has nothing of the object any more; `asked`: it was. */
static int await(uint32_t place, uint64_t ref, bool asked)
{
	struct twz_process *process = process_at(place);
	uint64_t begun = now_ns(), limit = RECALL_NS, look = LOOK_FIRST_NS;

	for (;;) {
		uint32_t state = state_of(process);

		if (state == TWZ_RECALL_NONE)
			break;
		if (state == TWZ_RECALL_IDLE && asked)
			return 0;
		if (state == TWZ_RECALL_IDLE || state == TWZ_RECALL_LATE) {
			if (state == TWZ_RECALL_LATE)
				limit = RECALL_LATE_NS;
			asked = ask(process, state, ref);
			continue;
		}
		/* Also while it was asked by somebody who died or gave up: then it is asked after that. */
		if (futex_wait(&process->recall, state, look))
			continue;
		look = look_next(look);
		if (process_gone(process))
			break;
		if (now_ns() - begun < limit)
			continue;
		if (state == TWZ_RECALL_WORKING || change(process, state, TWZ_RECALL_LATE)) {
			late = (pid_t)process->pid;
			return TWZ_E_BUSY;
		}
	}
	fall(place);
	return 0;
}

/* Takes what the processes in these places (bits) have of the object. All are asked, then waited for. */
static int recall_from(uint64_t places, uint64_t ref)
{
	uint64_t asked = 0, left;
	int error = 0;

	for (left = places; left; left &= left - 1) {
		uint32_t place = (uint32_t)__builtin_ctzll(left);

		if (state_of(process_at(place)) == TWZ_RECALL_IDLE &&
		    ask(process_at(place), TWZ_RECALL_IDLE, ref))
			asked |= bit_of(place);
	}
	for (left = places; left; left &= left - 1) {
		uint32_t place = (uint32_t)__builtin_ctzll(left);

		if (!error)
			error = await(place, ref, asked & bit_of(place));
		else if (asked & bit_of(place))
			change(process_at(place), TWZ_RECALL_ASKED, TWZ_RECALL_IDLE);
	}
	return error;
}

/* Which other processes have leases of these kinds: bits. */
static uint64_t holders(uint64_t ref, uint32_t kinds)
{
	struct twz_runtime *rt = home.runtime;
	uint32_t mine = place_of(home.process);
	uint64_t places = 0;

	if (!(rt->mappers & ~bit_of(mine)))
		return 0;
	for (uint32_t i = 0; i < rt->leases; i++)
		if (rt->lease[i].ref == ref && mode_of(&rt->lease[i]) & kinds &&
		    rt->lease[i].process != mine)
			places |= bit_of(rt->lease[i].process);
	return places;
}

int lease_recall(uint64_t ref, uint32_t kinds)
{
	uint64_t places = holders(ref, kinds);
	int error = places ? recall_from(places, ref) : 0;

	if (!error)
		slots_recall(ref, kinds);
	return error;
}

/* In a full table: the leases have their turns to go, but for those of who does not answer. */
static struct twz_lease *make_room(void)
{
	struct twz_runtime *rt = home.runtime;
	struct twz_lease *lease;
	uint64_t silent = 0;

	for (uint32_t i = 0; i < leases_max; i++) {
		victim = (victim + 1) % leases_max;
		lease = &rt->lease[victim];
		if (mode_of(lease) && lease->process == place_of(home.process))
			slots_recall(lease->ref, TWZ_LEASE_ALL);
		else if (mode_of(lease) && !(silent & bit_of(lease->process)) &&
			 recall_from(bit_of(lease->process), lease->ref))
			silent |= bit_of(lease->process);
		if (!mode_of(lease))
			return lease;
	}
	return NULL;
}

int lease_take(uint64_t ref, uint32_t kind, uint32_t *lease)
{
	struct twz_runtime *rt = home.runtime;
	struct twz_lease *at = *lease ? &rt->lease[*lease - 1] : find_free();

	if (!at)
		at = make_room();
	if (!at)
		return TWZ_E_BUSY;
	if (!*lease) {
		at->ref = ref;
		at->process = place_of(home.process);
		*lease = (uint32_t)(at - rt->lease) + 1;
		rt->mappers |= bit_of(at->process);
	}
	set_mode(at, mode_of(at) | kind);
	return 0;
}

void lease_give(uint32_t lease)
{
	set_mode(&home.runtime->lease[lease - 1], 0);
}
