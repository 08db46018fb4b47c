/*
 * jobs.c - jobs for other processes: whoever has time takes the next one, and waits if there is none.
 *
 * Shows: a queue that processes wait at, fork, one killed in the middle.
 *
 *     cc -o jobs jobs.c $(pkg-config --cflags --libs twz)
 *
 *     ./jobs my.store give paint sweep      two jobs; they are there until somebody takes them
 *     ./jobs my.store work 3                three workers, until all jobs are done
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <twz/queue.h>
#include <twz/store.h>
#include <twz/twz.h>

#define JOB_MAX 200
#define SECOND_NS 1000000000ull

static void check(const char *what, int error)
{
	if (!error)
		return;
	fprintf(stderr, "jobs: %s: %s\n", what, twz_error_text(error));
	exit(1);
}

static void find_queue(struct twz_obj *queue)
{
	int error;

	check("/jobs", twz_name_open_or_make("/jobs", &(struct twz_new){0}, queue));
	error = twz_queue_make(queue, 64 << 10);
	if (error != TWZ_E_EXISTS)
		check("/jobs", error);
}

/* A process of its own in the same store: any number of programs could do this. */
static int work(const struct twz_obj *queue)
{
	char job[JOB_MAX + 1];
	int64_t length;

	while ((length = twz_queue_get(queue, job, JOB_MAX, SECOND_NS / 2)) > 0) {
		job[length] = 0;
		printf("%s: done\n", job);
		fflush(stdout);
	}
	return length == TWZ_E_TIMEOUT ? 0 : 1;
}

int main(int argc, char **argv)
{
	struct twz_obj queue;
	int error, status, failed = 0;

	if (argc < 4) {
		fprintf(stderr, "usage: jobs STORE give JOB... | work WORKERS\n");
		return 2;
	}
	error = twz_store_open_or_make(argv[1], 64 << 20);
	if (error) {
		fprintf(stderr, "jobs: %s\n", twz_store_error_text(error));
		return 1;
	}
	find_queue(&queue);

	if (!strcmp(argv[2], "give")) {
		for (int i = 3; i < argc; i++)
			check(argv[i], twz_queue_put(&queue, argv[i], strnlen(argv[i], JOB_MAX),
						     5 * SECOND_NS));
		return 0;
	}
	for (int i = 0; i < atoi(argv[3]); i++)
		if (fork() == 0)
			return work(&queue);
	while (wait(&status) > 0)
		failed |= status;
	return failed ? 1 : 0;
}
