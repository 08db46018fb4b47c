/*
 * start.c - what a process does to open a store: its system calls and page faults, counted (start.sh).
 *
 * The program opens stores in children, whose first thread it traces: one that mounts, one that attaches
 * beside that, and one that mounts after both were killed. Counts depend on the host a little, and not on
 * its speed: the bounds are a quarter above what they are here.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <twz/store.h>

#define MIB (1ull << 20)
#define MOST_CALLS 56  /* 44 to mount, 46 to attach */
#define MOST_FAULTS 52 /* 40 and 34 */

static unsigned passed, failed;

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "start: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void check(bool holds, const char *what, unsigned long value)
{
	passed += holds;
	failed += !holds;
	if (!holds)
		printf("FAILED: %s: %lu\n", what, value);
}

struct opener {
	pid_t pid;
	unsigned long calls, faults;
};

static unsigned long faults_now(void)
{
	struct rusage usage;

	if (getrusage(RUSAGE_THREAD, &usage))
		die("getrusage");
	return (unsigned long)usage.ru_minflt;
}

/* What is counted lies between two calls of getppid. Stays until it is killed. */
static _Noreturn void child(const char *path, int out)
{
	unsigned long faults;
	int error;

	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL))
		die("ptrace");
	raise(SIGSTOP);
	faults = faults_now();
	syscall(SYS_getppid);
	error = twz_store_open(path);
	syscall(SYS_getppid);
	faults = faults_now() - faults;
	if (error) {
		fprintf(stderr, "start: %s\n", twz_store_error_text(error));
		exit(1);
	}
	if (write(out, &faults, sizeof(faults)) != sizeof(faults))
		die("write");
	for (;;)
		pause();
}

/* Runs the child to its next system call; its number. */
static uint64_t next_call(pid_t pid)
{
	struct __ptrace_syscall_info info;
	int status, sent = 0;

	for (;;) {
		if (ptrace(PTRACE_SYSCALL, pid, NULL, (void *)(long)sent) ||
		    waitpid(pid, &status, 0) != pid)
			die("ptrace");
		if (!WIFSTOPPED(status)) {
			fprintf(stderr, "start: a store could not be opened\n");
			exit(1);
		}
		sent = WSTOPSIG(status) & 0x80 ? 0 : WSTOPSIG(status);
		if (!sent && ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info) > 0 &&
		    info.op == PTRACE_SYSCALL_INFO_ENTRY)
			return info.entry.nr;
	}
}

static struct opener open_in_child(const char *path)
{
	struct opener o = {.calls = 0};
	int pipes[2], status;

	if (pipe(pipes))
		die("pipe");
	o.pid = fork();
	if (!o.pid)
		child(path, pipes[1]);
	if (o.pid < 0 || waitpid(o.pid, &status, 0) != o.pid || !WIFSTOPPED(status) ||
	    ptrace(PTRACE_SETOPTIONS, o.pid, NULL, (void *)(long)PTRACE_O_TRACESYSGOOD))
		die("a child");
	while (next_call(o.pid) != SYS_getppid)
		;
	while (next_call(o.pid) != SYS_getppid)
		o.calls++;
	if (ptrace(PTRACE_DETACH, o.pid, NULL, NULL) ||
	    read(pipes[0], &o.faults, sizeof(o.faults)) != sizeof(o.faults))
		die("a child");
	close(pipes[0]);
	close(pipes[1]);
	return o;
}

static void end(pid_t pid)
{
	int status;

	if (kill(pid, SIGKILL) || waitpid(pid, &status, 0) != pid)
		die("kill");
}

static void check_cost(const char *what, const struct opener *o)
{
	char text[64];

	printf("start: %s: %lu system calls, %lu page faults\n", what, o->calls, o->faults);
	snprintf(text, sizeof(text), "system calls, %s", what);
	check(o->calls <= MOST_CALLS, text, o->calls);
	snprintf(text, sizeof(text), "page faults, %s", what);
	check(o->faults <= MOST_FAULTS, text, o->faults);
}

/* The store is made by a child: a process has one. */
static void make(const char *path, uint64_t bytes)
{
	pid_t pid = fork();
	int status, error;

	if (!pid) {
		error = twz_store_make(path, bytes);
		if (error)
			fprintf(stderr, "start: %s\n", twz_store_error_text(error));
		_exit(error != 0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
		die("a store");
}

static unsigned long blocks_of(const char *path)
{
	struct stat st;

	if (stat(path, &st))
		die(path);
	return (unsigned long)st.st_blocks;
}

int main(int argc, char **argv)
{
	struct opener first, second, again, large;
	unsigned long blocks;

	if (argc != 3)
		die("start STORE LARGE-STORE");
	make(argv[1], 64 * MIB);
	first = open_in_child(argv[1]);
	second = open_in_child(argv[1]);
	end(first.pid);
	end(second.pid);
	again = open_in_child(argv[1]);
	end(again.pid);
	check_cost("mounts", &first);
	check_cost("attaches", &second);
	check_cost("mounts after a kill", &again);
	check(again.calls == first.calls, "system calls that a kill makes more or fewer",
	      again.calls);

	/* As much for a store of any size, and it does not grow by being opened. */
	make(argv[2], MIB * MIB);
	blocks = blocks_of(argv[2]);
	large = open_in_child(argv[2]);
	end(large.pid);
	check_cost("mounts a large one", &large);
	check(large.calls <= first.calls, "system calls that a large store needs", large.calls);
	check(blocks_of(argv[2]) - blocks <= MIB / 512, "blocks by which a large store grew",
	      blocks_of(argv[2]) - blocks);
	printf("rt_start: %u passed, %u failed\n", passed, failed);
	return failed != 0;
}
