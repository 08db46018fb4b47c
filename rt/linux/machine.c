/*
 * machine.c - what there is of a machine for a hosted program: the processes that have the store, and
 * the views that are registered in it.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "abi/syscall.h"
#include "rt/linux/home.h"

#define SECOND 1000000000ull

int twz_rt_power(uint32_t what, uint32_t status)
{
	(void)what;
	(void)status;
	return TWZ_E_ABSENT;
}

int twz_rt_memory(struct twz_rt_memory *memory)
{
	(void)memory;
	return TWZ_E_ABSENT;
}

int twz_rt_view(struct twz_id *view)
{
	(void)view;
	return TWZ_E_ABSENT;
}

/* ---- threads: processes that have the store ----------------------------------------------------- */

/* What the table has of the process with the lowest number above this one; its pid is 0: there is none. */
static struct twz_process process_behind(uint32_t number)
{
	const struct twz_process *table = home.runtime->process;
	struct twz_process found = {.pid = 0};

	for (unsigned i = 0; i < sizeof(home.runtime->process) / sizeof(*table); i++) {
		uint64_t pid = __atomic_load_n(&table[i].pid, __ATOMIC_ACQUIRE);

		/* More than a number is an entry that is being filled in. */
		if (pid <= number || pid > INT32_MAX || (found.pid && pid >= found.pid))
			continue;
		found = table[i];
		found.pid = pid;
	}
	return found;
}

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * SECOND + (uint64_t)t.tv_nsec;
}

bool process_look(uint32_t pid, uint64_t start, struct twz_rt_thread *thread)
{
	uint64_t tick = SECOND / (uint64_t)sysconf(_SC_CLK_TCK);
	unsigned long long user, system, started;
	char path[32], text[1024], state, *name, *after;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%u/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[n > 0 ? n : 0] = 0;
	name = strchr(text, '(');
	after = strrchr(text, ')'); /* behind the name, which may hold anything */
	if (!name || !after ||
	    sscanf(after + 1,
		   " %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu %*d %*d %*d %*d %*d %*d "
		   "%llu",
		   &state, &user, &system, &started) != 4 ||
	    started + 1 != start || state == 'Z' || state == 'X')
		return false;
	*thread = (struct twz_rt_thread){
		.number = pid,
		.owner = pid,
		.state = state == 'R' ? TWZ_THREAD_READY : TWZ_THREAD_SLEEPS,
		.priority = TWZ_PRIORITY_NORMAL,
		.start_ns = clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_BOOTTIME) + started * tick,
		.run_ns = (user + system) * tick};
	*after = 0;
	snprintf(thread->name, sizeof(thread->name), "%s", name + 1);
	return true;
}

int twz_rt_thread_next(struct twz_rt_thread *thread)
{
	struct twz_process process = {.pid = thread->number};
	bool found = false;

	home_lock(); /* for `thread` of the table */
	do
		process = process_behind((uint32_t)process.pid);
	while (process.pid &&
	       !(found = process_look((uint32_t)process.pid, process.start, thread)));
	home_unlock();
	if (!found)
		return TWZ_E_NOTFOUND;
	thread->id = process.thread;
	return 0;
}

/* ---- registered views --------------------------------------------------------------------------- */

int twz_rt_view_next(struct twz_id *view)
{
	uint64_t ref = 0;
	int error = 0;

	home_lock();
	if (view->lo | view->hi)
		error = store_find(&home.store, *view, &ref);
	if (!error)
		error = store_view_next(&home.store, &ref);
	if (!error)
		*view = store_record(&home.store, ref)->id;
	home_unlock();
	return error;
}
