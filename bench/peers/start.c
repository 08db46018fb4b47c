/*
 * start.c - how long programs take from their start to what they print.
 *
 *     start ROUNDS NAME COMMAND... [-- NAME COMMAND...]...
 *
 * Runs each command once in each round, in turn. A command prints the time, by the monotonic clock in
 * nanoseconds, when it had what it was started for; what it does afterwards is waited for and not
 * counted. Prints "NAME MICROSECONDS" for each, the median.
 */
#define _GNU_SOURCE
#include <fcntl.h>
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
	char *name, **argv;
	double took[ROUNDS];
};

static _Noreturn void die(const char *what, const char *why)
{
	fprintf(stderr, "bench peers: start: %s: %s\n", what, why);
	exit(1);
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
		die("usage", "start ROUNDS NAME COMMAND... [-- NAME COMMAND...]...");
	for (int i = 2; i < argc; i++) {
		if (n == COMMANDS)
			die("usage", "too many commands");
		command[n].name = argv[i++];
		command[n++].argv = &argv[i];
		while (i < argc && strcmp(argv[i], "--"))
			i++;
		if (i < argc)
			argv[i] = NULL;
	}
	for (unsigned i = 0; i < rounds; i++)
		for (unsigned c = 0; c < n; c++)
			command[c].took[i] = run(command[c].argv);
	for (unsigned c = 0; c < n; c++) {
		qsort(command[c].took, rounds, sizeof(double), by_value);
		printf("%s %.0f\n", command[c].name, command[c].took[rounds / 2]);
	}
	return 0;
}
