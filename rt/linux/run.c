/*
 * run.c - programs: executables beside this one, run one at a time.
 *
 * A program gets the store by descriptor (TWZ_STORE_FD) and dies with the thread that ran it.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "rt/linux/home.h"

#define NS_MS (1000ull * 1000)
#define DRAIN_STEPS 4096 /* of what is dying, freed at once: some GiB */

extern char **environ;

/* The folder of this executable, with a '/' at its end; false if that cannot be told. */
static bool own_folder(char path[static PATH_MAX])
{
	ssize_t n = readlink("/proc/self/exe", path, PATH_MAX - 1);
	char *slash;

	if (n < 0)
		return false;
	path[n] = 0;
	slash = strrchr(path, '/');
	if (!slash)
		return false;
	slash[1] = 0;
	return true;
}

/* The path of a program; false if there is no such. */
static bool program(const char *name, char path[static PATH_MAX])
{
	struct stat st;

	if (!*name || *name == '.' || strchr(name, '/') || !own_folder(path) ||
	    strlen(path) + strlen(name) >= PATH_MAX)
		return false;
	strcat(path, name);
	return !stat(path, &st) && S_ISREG(st.st_mode) && !access(path, X_OK);
}

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / NS_MS;
}

/* Waits for the child; false if the time was over and it was killed. */
static bool await(pid_t pid, uint64_t timeout_ns, int *wstatus)
{
	uint64_t end = timeout_ns == ~0ull ? ~0ull : now_ms() + timeout_ns / NS_MS;
	int fd = timeout_ns == ~0ull ? -1 : (int)syscall(SYS_pidfd_open, pid, 0);
	bool ended = true;

	while (fd >= 0) {
		struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
		uint64_t now = now_ms(), left = now < end ? end - now : 0;

		if (poll(&poll_fd, 1, left < 1000000 ? (int)left : 1000000) > 0)
			break;
		if (now >= end) {
			kill(pid, SIGKILL);
			ended = false;
			break;
		}
	}
	if (fd >= 0)
		close(fd);
	while (waitpid(pid, wstatus, 0) < 0 && errno == EINTR)
		;
	return ended;
}

static char **environment(const char *store)
{
	static const char *const ours[] = {"TWZ_STORE=", "TWZ_STORE_FD="};
	size_t n = 0, kept = 0;
	char **env;

	while (environ[n])
		n++;
	env = calloc(n + 2, sizeof(*env));
	if (!env)
		return NULL;
	for (size_t i = 0; i < n; i++)
		if (strncmp(environ[i], ours[0], strlen(ours[0])) &&
		    strncmp(environ[i], ours[1], strlen(ours[1])))
			env[kept++] = environ[i];
	env[kept] = (char *)store;
	return env;
}

/* In the child; only calls that are safe after fork in a program with threads. */
static _Noreturn void become(const char *path, const char *const argv[], char **env, pid_t parent)
{
	struct sigaction action = {.sa_handler = SIG_DFL};

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGQUIT, &action, NULL);
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) || getppid() != parent)
		_exit(127);
	fcntl(home.image.fd, F_SETFD, 0);
	execve(path, (char *const *)argv, env);
	_exit(127);
}

/* What the program left goes, and what that takes with it: all of it, so that nobody finds it any more. */
static void clean_up(pid_t pid, int status)
{
	home_lock();
	if (pid > 0)
		self_bury(pid, status);
	while (store_drain(&home.store, DRAIN_STEPS) > 0) {
		home_unlock(); /* others have their turn */
		home_lock();
	}
	home_unlock();
}

int twz_rt_run(const char *const argv[], uint64_t timeout_ns, int *status)
{
	struct sigaction ignore = {.sa_handler = SIG_IGN}, intr, quit;
	char path[PATH_MAX], store[32], **env;
	pid_t pid, parent = getpid();
	int wstatus = 0, error;

	if (!program(argv[0], path))
		return TWZ_E_NOTFOUND;
	home_lock();
	error = home_descriptor();
	home_unlock();
	if (error)
		return error;
	snprintf(store, sizeof(store), "TWZ_STORE_FD=%d", home.image.fd);
	env = environment(store);
	/* An interrupt from the keyboard is for the program, not for who waits for it. */
	sigaction(SIGINT, &ignore, &intr);
	sigaction(SIGQUIT, &ignore, &quit);
	pid = env ? fork() : -1;
	if (!pid)
		become(path, argv, env, parent);
	free(env);
	if (pid > 0 && !await(pid, timeout_ns, &wstatus))
		*status = 124;
	else
		*status = WIFSIGNALED(wstatus) ? 128 + WTERMSIG(wstatus) : WEXITSTATUS(wstatus);
	sigaction(SIGINT, &intr, NULL);
	sigaction(SIGQUIT, &quit, NULL);
	clean_up(pid, *status);
	return pid < 0 ? TWZ_E_NOMEM : 0;
}

/* Nothing is enforced here: to run it all the same would say that it is. */
int twz_rt_run_as(const struct twz_rt_program *program, int *status)
{
	if (program->reserved || (program->flags && !(program->context.lo | program->context.hi)))
		return TWZ_E_ARG;
	if (program->context.lo | program->context.hi)
		return TWZ_E_ABSENT;
	return twz_rt_run(program->argv, program->timeout_ns, status);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static const char *const *list_programs(void)
{
	static const char *const none[] = {NULL};
	const char **names = NULL, **grown;
	struct dirent *entry;
	char path[PATH_MAX];
	size_t count = 0;
	DIR *folder = own_folder(path) ? opendir(path) : NULL;

	if (!folder)
		return none;
	while ((entry = readdir(folder))) {
		if (!program(entry->d_name, path))
			continue;
		grown = realloc(names, (count + 2) * sizeof(*names));
		if (!grown)
			break;
		names = grown;
		names[count] = strdup(entry->d_name);
		if (names[count])
			count++;
	}
	closedir(folder);
	if (!names)
		return none;
	names[count] = NULL;
	qsort(names, count, sizeof(*names), by_name);
	return names;
}

const char *const *twz_rt_programs(void)
{
	static const char *const *programs;
	const char *const *known = __atomic_load_n(&programs, __ATOMIC_ACQUIRE), *const * mine;

	if (known)
		return known;
	mine = list_programs();
	/* Another thread may have been faster: its list stays, and this one is of no more use. */
	return __atomic_compare_exchange_n(&programs, &known, mine, false, __ATOMIC_ACQ_REL,
					   __ATOMIC_ACQUIRE)
		       ? mine
		       : known;
}
