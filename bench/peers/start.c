/*
 * start.c - how long programs take from their start to what they print.
 *
 *     start ROUNDS NAME [BEFORE... ++] COMMAND... [-- NAME [BEFORE... ++] COMMAND...]...
 *
 * Runs each command once in each round, in turn. A command prints the time, by the monotonic clock in
 * nanoseconds, when it had what it was started for; what it does afterwards is waited for and not
 * counted. BEFORE is run each time before it, and must end by SIGKILL. Prints "NAME MICROSECONDS" for
 * each, the median.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define COMMANDS 16
#define ROUNDS 1001

extern char **environ;

struct command {
	char *name, **before, **argv; /* before: or null */
	double took[ROUNDS];
};

static _Noreturn void die(const char *what, const char *why)
{
	fprintf(stderr, "bench peers: start: %s: %s\n", what, why);
	exit(1);
}

static void run_killed(char **argv)
{
	int status;
	pid_t child;

	if (posix_spawn(&child, argv[0], NULL, NULL, argv, environ))
		die(argv[0], "cannot be started");
	if (waitpid(child, &status, 0) != child || !WIFSIGNALED(status) ||
	    WTERMSIG(status) != SIGKILL)
		die(argv[0], "was not killed");
}

static double run(char **argv)
{
	posix_spawn_file_actions_t actions;
	struct timespec now;
	char text[64] = "";
	int out[2], status;
	pid_t child;

	if (pipe2(out, O_CLOEXEC))
		die(argv[0], "no pipe");
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
	clock_gettime(CLOCK_MONOTONIC, &now);
	if (posix_spawn(&child, argv[0], &actions, NULL, argv, environ))
		die(argv[0], "cannot be started");
	close(out[1]);
	if (read(out[0], text, sizeof(text) - 1) <= 0 || waitpid(child, &status, 0) != child ||
	    status)
		die(argv[0], "printed nothing, or failed");
	close(out[0]);
	posix_spawn_file_actions_destroy(&actions);
	return (double)(atoll(text) - now.tv_sec * 1000000000ll - now.tv_nsec) / 1e3;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
	static struct command command[COMMANDS];
	unsigned n = 0, rounds = argc > 1 ? (unsigned)atoi(argv[1]) : 0;

	if (argc < 4 || !rounds || rounds > ROUNDS)
		die("usage", "start ROUNDS NAME [BEFORE... ++] COMMAND... [-- NAME ...]...");
	for (int i = 2; i < argc; i++) {
		if (n == COMMANDS)
			die("usage", "too many commands");
		command[n].name = argv[i++];
		command[n++].argv = &argv[i];
		for (; i < argc && strcmp(argv[i], "--"); i++)
			if (!strcmp(argv[i], "++")) {
				argv[i] = NULL;
				command[n - 1].before = command[n - 1].argv;
				command[n - 1].argv = &argv[i + 1];
			}
		if (i < argc)
			argv[i] = NULL;
	}
	for (unsigned i = 0; i < rounds; i++)
		for (unsigned c = 0; c < n; c++) {
			if (command[c].before)
				run_killed(command[c].before);
			command[c].took[i] = run(command[c].argv);
		}
	for (unsigned c = 0; c < n; c++) {
		qsort(command[c].took, rounds, sizeof(double), by_value);
		printf("%s %.0f\n", command[c].name, command[c].took[rounds / 2]);
	}
	return 0;
}
