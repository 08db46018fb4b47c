/*
 * main.c - the main of crash tests.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "tests/sim/explore.h"

#define HANG_SECONDS 20 /* of the processor's time: what else runs does not count */

static void help(const char *name)
{
	printf("usage: %s [--list | --steps] [CASE...]\n"
	       "Visits the crash states of the cases (all, if none is named), checks each.\n"
	       "  --list   the cases\n"
	       "  --steps  the steps that TWZ_STEP_OFF=kind:name can switch off\n"
	       "Environment: TWZ_STATES, TWZ_LONG, TWZ_SEED, TWZ_CRASH: see tests/sim/sim.h.\n",
	       name);
}

/*
 * The code under test crashed or hangs. The report is printed from the handler: the process is lost
 * anyhow, and the state is what matters.
 */
static void fatal(int sig)
{
	static char text[128];

	if (!explorer.doing)
		snprintf(text, sizeof(text), "the harness got signal %d (%s)", sig, strsignal(sig));
	else if (sig == SIGPROF)
		snprintf(text, sizeof(text), "%s hangs", explorer.doing);
	else
		snprintf(text, sizeof(text), "%s crashed: %s", explorer.doing, strsignal(sig));
	if (explorer.c)
		report_violation(text);
	else
		printf("%s\n", text);
	fflush(stdout);
	_exit(1);
}

static void tick(int sig)
{
	static uint64_t last;
	static int still;

	still = explorer.visited == last ? still + 1 : 0;
	last = explorer.visited;
	if (still == HANG_SECONDS)
		fatal(sig);
}

static void watch(void)
{
	static uint8_t stack[65536];
	struct sigaction action = {.sa_handler = fatal, .sa_flags = SA_ONSTACK};
	struct itimerval second = {{1, 0}, {1, 0}};

	sigaltstack(&(stack_t){.ss_sp = stack, .ss_size = sizeof(stack)}, NULL);
	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGBUS, &action, NULL);
	sigaction(SIGFPE, &action, NULL);
	sigaction(SIGILL, &action, NULL);
	sigaction(SIGABRT, &action, NULL);
	action.sa_handler = tick;
	action.sa_flags = SA_RESTART;
	sigaction(SIGPROF, &action, NULL);
	setitimer(ITIMER_PROF, &second, NULL);
}

static bool wanted(int argc, char **argv, const char *name)
{
	const char *crash = getenv("TWZ_CRASH");
	size_t length = strlen(name);

	if (crash && *crash)
		return !strncmp(crash, name, length) && crash[length] == '@';
	for (int i = 1; i < argc; i++)
		if (!strcmp(argv[i], name))
			return true;
	return argc < 2;
}

int sim_main(int argc, char **argv, const char *name, const struct sim_case *cases, size_t count)
{
	unsigned passed = 0, failed = 0;
	double seconds;

	if (argc == 2 && !strcmp(argv[1], "--help")) {
		help(name);
		return 0;
	}
	if (argc == 2 && !strcmp(argv[1], "--list")) {
		for (size_t i = 0; i < count; i++)
			printf("%s\n", cases[i].name);
		return 0;
	}
	explorer.program = argv[0];
	watch();
	for (size_t i = 0; i < count; i++) {
		if (!wanted(argc, argv, cases[i].name))
			continue;
		if (sim_explore(&cases[i]))
			passed++;
		else
			failed++;
		if (failed && getenv("TWZ_STEP_OFF"))
			break; /* caught: the mutation run asks for no more */
	}
	seconds = (double)explorer.nanoseconds / 1e9;
	printf("states: %llu distinct, %.0f a second\n", (unsigned long long)explorer.images,
	       seconds > 0 ? (double)explorer.images / seconds : 0);
	printf("%s: %u passed, %u failed\n", name, passed, failed);
	return failed || !(passed + failed);
}
