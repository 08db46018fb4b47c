/*
 * process.c - the table of processes that have the store, and which of them are alive (home.h).
 *
 * An entry is taken without the store's lock, as who holds that is in the table. What the host does not
 * say for sure counts as alive: to take a lock from the living is worse than to wait.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "rt/linux/home.h"

#define PROCESSES (sizeof(home.runtime->process) / sizeof(home.runtime->process[0]))

#define NO_PROCESS 0ull
#define NOT_TOLD ~0ull /* there is one, and the host does not say more */

/* What cannot be read may be there all the same: of another user, or we may have no descriptor left. */
static uint64_t start_not_told(pid_t pid)
{
	return !kill(pid, 0) || errno == EPERM ? NOT_TOLD : NO_PROCESS;
}

/* Fields of /proc/PID/stat, from 1 on, with a blank between two. */
enum { STAT_NAME = 2, STAT_STATE = 3, STAT_THREADS = 20, STAT_START = 22 };

/* Of a text that goes on behind the name, or null. */
static const char *field(const char *name_end, int n)
{
	const char *at = name_end;

	for (int i = STAT_NAME; i < n && at; i++)
		at = strchr(at + 1, ' ');
	return at ? at + 1 : NULL;
}

/* Not by scanf: it takes longer than the host to write all of the text, and is more for a handler to be in. */
static bool number(const char *name_end, int n, uint64_t *value)
{
	const char *digit = field(name_end, n), *first = digit;

	*value = 0;
	for (; digit && *digit >= '0' && *digit <= '9'; digit++)
		*value = *value * 10 + (uint64_t)(*digit - '0');
	return digit != first;
}

/*
 * Start time of a process as the host reports it, plus 1; NO_PROCESS if there is none that could still do
 * anything. No stream and no memory of the C library: a fault handler may be waiting for the store's
 * lock.
 */
static uint64_t start_of(pid_t pid)
{
	char path[32], text[1024];
	uint64_t start, threads;
	const char *after;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return start_not_told(pid);
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[n > 0 ? n : 0] = 0;
	after = strrchr(text, ')'); /* behind the name, which may hold anything */
	if (!after || !number(after, STAT_THREADS, &threads) || !number(after, STAT_START, &start))
		return start_not_told(pid);
	/* The first thread may have ended while others go on. */
	switch (*field(after, STAT_STATE)) {
	case 'Z':
		return threads < 2 ? NO_PROCESS : start + 1;
	case 'X':
		return NO_PROCESS;
	default:
		return start + 1;
	}
}

/*
 * A process that becomes another program keeps its number and its start time, and loses its threads. One that was
 * killed loses them, too, not all at the same time: a millisecond later none of them runs.
 */
static bool has_thread(pid_t pid, pid_t thread)
{
	const struct timespec moment = {.tv_nsec = 1000 * 1000};

	if (!syscall(SYS_tgkill, pid, thread, 0) || errno != ESRCH)
		return true;
	nanosleep(&moment, NULL);
	return false;
}

/* Is the process of this entry there, and still the same program? */
static bool is_there(const struct twz_process *entry, pid_t pid)
{
	uint64_t now = start_of(pid);
	uint32_t thread = __atomic_load_n(&entry->answers, __ATOMIC_ACQUIRE);

	return (now == entry->start || now == NOT_TOLD) &&
	       (!thread || has_thread(pid, (pid_t)thread));
}

/*
 * While an entry is being filled in, its `pid` is bit 63, the low 31 bits of the start time, and the
 * process: so who dies there is found out too.
 */
#define CLAIMED (1ull << 63)

static uint64_t claim(uint64_t pid, uint64_t start)
{
	return CLAIMED | (start & (LOCK_WAITERS - 1)) << 32 | pid;
}

/* May the entry be taken? `pid` as it was loaded. */
static bool entry_free(const struct twz_process *entry, uint64_t pid)
{
	uint64_t start;

	if (!pid)
		return true;
	if (!(pid & CLAIMED))
		return !is_there(entry, (pid_t)pid);
	start = start_of((pid_t)(uint32_t)pid);
	return start != NOT_TOLD && claim((uint32_t)pid, start) != pid;
}

bool process_gone(const struct twz_process *entry)
{
	uint64_t pid = __atomic_load_n(&entry->pid, __ATOMIC_ACQUIRE);

	return pid & CLAIMED || entry_free(entry, pid);
}

/* The entry of a lock word's owner, and its process; null: it is of another epoch, or has no entry any more. */
static const struct twz_process *entry_of(uint64_t word, pid_t *pid)
{
	const uint32_t owner = (uint32_t)(word & (LOCK_WAITERS - 1));
	const struct twz_process *table = home.runtime->process;

	if (word >> 32 != home.owner >> 32)
		return NULL;
	for (unsigned i = 0; i < PROCESSES; i++) {
		uint64_t known = __atomic_load_n(&table[i].pid, __ATOMIC_ACQUIRE);

		/* Of an entry that is taken over meanwhile the owner before is gone. */
		if (known && !(known & CLAIMED) && table[i].owner == owner) {
			*pid = (pid_t)known;
			return &table[i];
		}
	}
	return NULL;
}

bool owner_alive(uint64_t word)
{
	pid_t pid;
	const struct twz_process *entry = entry_of(word, &pid);

	return entry && is_there(entry, pid);
}

pid_t owner_pid(uint64_t word)
{
	pid_t pid = 0;

	entry_of(word, &pid);
	return pid;
}

/*
 * Locks are known by numbers of their own: a process's may be given out again, and a process may have been
 * another program, that left locks behind.
 */
uint32_t process_new_owner(void)
{
	uint32_t owner;

	do
		owner = (uint32_t)__atomic_add_fetch(&home.runtime->owners, 1, __ATOMIC_RELAXED) &
			(LOCK_WAITERS - 1);
	while (!owner);
	return owner;
}

/* Why the host does not say anything of this process. */
static int not_told(void)
{
	int fd = open("/", O_PATH | O_CLOEXEC);

	if (fd < 0 && errno == EMFILE) {
		home.image.host = EMFILE;
		return TWZ_E_LIMIT;
	}
	if (fd >= 0)
		close(fd);
	home.image.why = "the host does not say which processes there are: is /proc there?";
	return TWZ_E_ABSENT;
}

/* An entry is taken over as a whole by the claim, then filled in. */
int process_register(void)
{
	struct twz_process *table = home.runtime->process;
	uint64_t pid = (uint64_t)getpid(), start = start_of(getpid()), seen;

	if (start == NO_PROCESS || start == NOT_TOLD)
		return not_told();
	for (unsigned i = 0; i < PROCESSES; i++) {
		seen = __atomic_load_n(&table[i].pid, __ATOMIC_ACQUIRE);
		if (!entry_free(&table[i], seen) ||
		    !__atomic_compare_exchange_n(&table[i].pid, &seen, claim(pid, start), false,
						 __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
			continue;
		table[i].start = start;
		table[i].owner = home.info.owner;
		__atomic_store_n(&table[i].answers, 0, __ATOMIC_RELEASE);
		__atomic_store_n(&table[i].recall, TWZ_RECALL_NONE, __ATOMIC_RELEASE);
		__atomic_store_n(&table[i].pid, pid, __ATOMIC_RELEASE);
		home.process = &table[i];
		return 0;
	}
	home.image.why = "as many processes have it open as can (63): try again when one has ended";
	return TWZ_E_LIMIT;
}

void process_leave(void)
{
	__atomic_store_n(&home.process->pid, 0, __ATOMIC_RELEASE);
	home.process = NULL;
}

uint64_t process_numbers(void)
{
	char text[64]; /* "pid:[NUMBER]", its inode, which stat would have the host make */
	ssize_t n = readlink("/proc/self/ns/pid", text, sizeof(text) - 1);

	text[n > 0 ? n : 0] = 0;
	return strncmp(text, "pid:[", 5) ? 0 : strtoull(text + 5, NULL, 10);
}
