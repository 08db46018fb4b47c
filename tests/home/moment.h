/*
 * moment.h - for tests: waits until another process or thread has come to something, however fast the
 * machine is and whatever else runs on it. What never comes is a hang, which ends with the whole piece.
 *
 * All is read from the host's /proc. A moment is gone when it has been seen, but for two: who sleeps until
 * the caller does something still does, and who is gone stays gone.
 */
#ifndef TESTS_HOME_MOMENT_H
#define TESTS_HOME_MOMENT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "rt/linux/sync.h"

/* From now on no sleep of this process on a word in an object ends by itself: who is not woken hangs. Or as ever. */
static inline void sleep_until_woken(bool on)
{
	sync_slice_ns = on ? 3600 * SYNC_SLICE_NS : SYNC_SLICE_NS;
}

/* Nanoseconds of a clock that goes on. */
static inline uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* What the thread does: 'R', 'S' for sleeping, 'T', 'Z' ...; 0: there is none. *faults: first touches of pages so far. */
static inline char moment_of(pid_t pid, pid_t thread, uint64_t *faults)
{
	unsigned long long n = 0;
	char path[64], state = 0;
	FILE *stat;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/stat", (int)pid, (int)thread);
	stat = fopen(path, "re");
	if (!stat)
		return 0;
	if (fscanf(stat, "%*d (%*[^)]) %c %*d %*d %*d %*d %*d %*u %llu", &state, &n) != 2)
		state = 0;
	fclose(stat);
	if (faults)
		*faults = n;
	return state;
}

/* Until the thread does that. */
static inline void await_state(pid_t pid, pid_t thread, char state)
{
	while (moment_of(pid, thread, NULL) != state)
		usleep(100);
}

/* In another thread: until the one that runs the tests waits for something. */
static inline void await_main_asleep(void)
{
	await_state(getpid(), getpid(), 'S');
}

/* Until none of it runs, whoever has still to be told: its first thread may have ended long before others. */
static inline void await_gone(pid_t pid)
{
	char path[64], state;
	long threads;
	FILE *stat;
	bool runs;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	do {
		usleep(100);
		stat = fopen(path, "re");
		if (!stat)
			return;
		runs = fscanf(stat,
			      "%*d (%*[^)]) %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u "
			      "%*d %*d %*d %*d %ld",
			      &state, &threads) == 2 &&
		       (state != 'Z' || threads > 1);
		fclose(stat);
	} while (runs);
}

/* Until a process that was started has touched so many pages for the first time: how far it has come. Or its end. */
static inline void await_faults(pid_t pid, uint64_t faults)
{
	uint64_t now = 0;
	char state;

	while ((state = moment_of(pid, pid, &now)) && state != 'Z' && now < faults)
		usleep(20);
}

#endif
