/* queue_test.c - queues of messages: order, bounds, waiting, hostile ones. */
#define _GNU_SOURCE
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "tests/home/home.h"
#include "tests/home/moment.h"

#define MS 1000000ull
#define LONG (300000 * MS) /* only who hangs waits that long */

static struct twz_obj queue_of(uint64_t bytes)
{
	struct twz_obj obj;

	MUST(twz_obj_new(&(struct twz_new){0}, &obj));
	MUST(twz_queue_make(&obj, bytes));
	return obj;
}

static void made_once(void **state)
{
	struct twz_obj obj, queue = queue_of(100);
	struct twz_io io;
	uint64_t value;
	char c;

	(void)state;
	assert_int_equal(twz_queue_make(&queue, 100), TWZ_E_EXISTS);
	MUST(twz_obj_new(&(struct twz_new){0}, &obj));
	assert_int_equal(twz_queue_make(&obj, 0), TWZ_E_ARG);
	assert_int_equal(twz_queue_make(&obj, TWZ_QUEUE_CAPACITY_MAX + 1), TWZ_E_ARG);
	assert_int_equal(twz_queue_put(&obj, "x", 1, 0), TWZ_E_TYPE);
	assert_int_equal(twz_queue_get(&obj, &c, 1, 0), TWZ_E_TYPE);
	MUST(twz_io_open(&queue, 0, &io));
	MUST(twz_io_ioctl(&io, TWZ_IO_CAPACITY, &value));
	assert_int_equal(value, 104);
	MUST(twz_io_ioctl(&io, TWZ_IO_SIZE, &value));
	assert_int_equal(value, 0);
	assert_int_equal(twz_io_ioctl(&io, TWZ_IO_CUT, &value), TWZ_E_ABSENT);
}

/* Messages of all lengths go round the ring, and come in order. */
static void first_in_first_out(void **state)
{
	struct twz_obj queue = queue_of(1000);
	uint64_t in = 0, out = 0;
	uint8_t data[400], got[400];

	(void)state;
	while (out < 1200) {
		uint64_t bytes = 1 + in * 37 % 390;

		memset(data, (int)in, sizeof(data));
		if (in < 1200 && !twz_queue_put(&queue, data, bytes, 0)) {
			in++;
			continue;
		}
		bytes = 1 + out * 37 % 390;
		memset(data, (int)out, sizeof(data));
		assert_int_equal(twz_queue_get(&queue, got, sizeof(got), 0), bytes);
		assert_memory_equal(got, data, bytes);
		out++;
	}
	assert_int_equal(twz_queue_get(&queue, got, sizeof(got), 0), TWZ_E_TIMEOUT);
}

static void bounds(void **state)
{
	struct twz_obj queue = queue_of(64), large = queue_of(1 << 20);
	static uint8_t much[TWZ_QUEUE_MESSAGE_MAX + 1];
	char text[64];

	(void)state;
	assert_int_equal(twz_queue_put(&queue, text, 0, 0), TWZ_E_ARG);
	assert_int_equal(twz_queue_put(&queue, text, 57, 0), TWZ_E_RANGE);
	MUST(twz_queue_put(&queue, text, 56, 0));
	assert_int_equal(twz_queue_put(&queue, text, 1, 0), TWZ_E_TIMEOUT);
	assert_int_equal(twz_queue_put(&queue, text, 1, 5 * MS), TWZ_E_TIMEOUT);
	assert_int_equal(twz_queue_get(&queue, text, 55, 0), TWZ_E_RANGE);
	assert_int_equal(twz_queue_get(&queue, text, 56, 0), 56);
	assert_int_equal(twz_queue_get(&queue, text, 64, 5 * MS), TWZ_E_TIMEOUT);
	assert_int_equal(twz_queue_put(&large, much, sizeof(much), 0), TWZ_E_RANGE);
	MUST(twz_queue_put(&large, much, sizeof(much) - 1, 0));
	assert_int_equal(twz_queue_get(&large, much, sizeof(much), 0), sizeof(much) - 1);
}

static void used_as_io(void **state)
{
	struct twz_obj queue = queue_of(4096);
	struct twz_io io;
	char text[16];

	(void)state;
	MUST(twz_io_open(&queue, TWZ_IO_NOWAIT, &io));
	assert_int_equal(twz_io_poll(&io), TWZ_IO_WRITABLE);
	assert_int_equal(twz_io_read(&io, text, sizeof(text)), TWZ_E_BUSY);
	assert_int_equal(twz_io_write(&io, "one", 3), 3);
	assert_int_equal(twz_io_write(&io, "two", 3), 3);
	assert_int_equal(twz_io_poll(&io), TWZ_IO_READABLE | TWZ_IO_WRITABLE);
	assert_int_equal(twz_io_read(&io, text, sizeof(text)), 3);
	assert_memory_equal(text, "one", 3);
	while (twz_io_write(&io, text, sizeof(text)) > 0)
		;
	assert_int_equal(twz_io_write(&io, text, sizeof(text)), TWZ_E_BUSY);
	assert_int_equal(twz_io_poll(&io), TWZ_IO_READABLE);
}

/* ---- with a type, in transactions ---------------------------------------------------------------- */

struct job {
	uint64_t number;
	char what[12];
};

static void with_a_type(void **state)
{
	struct job job = {.what = "dig"}, got = {0};
	twz_queue_of(struct job) jobs;
	twz_queue_of(uint16_t) numbers;
	uint64_t where;

	(void)state;
	MUST(twz_obj_new(&(struct twz_new){0}, &jobs.obj));
	MUST(twz_queue_make_of(&jobs, 3));
	for (job.number = 0; job.number < 3; job.number++)
		MUST(twz_queue_send(&jobs, job, 0));
	assert_int_equal(twz_queue_send(&jobs, job, 0), TWZ_E_TIMEOUT);
	MUST(twz_queue_check(&jobs.obj, &where));
	MUST(twz_queue_receive(&jobs, &got, 0));
	assert_int_equal(got.number, 0);
	assert_string_equal(got.what, "dig");
	/* Another type: what is there stays. */
	numbers.obj = jobs.obj;
	assert_int_equal(twz_queue_receive(&numbers, &(uint16_t){0}, 0), TWZ_E_TYPE);
	MUST(twz_queue_receive(&jobs, &got, 0));
	assert_int_equal(got.number, 1);
	MUST(twz_queue_receive(&jobs, &got, 0));
	MUST(twz_queue_send(&numbers, 7, 0));
	assert_int_equal(twz_queue_receive(&jobs, &got, 0), TWZ_E_TYPE);
	assert_int_equal(twz_queue_receive(&jobs, &got, 5 * MS), TWZ_E_TYPE);
}

/* A message goes from one queue into another, and a word of a third object is counted, or nothing happens. */
static void in_a_transaction(void **state)
{
	struct twz_obj from = queue_of(64), to = queue_of(64), other = queue_of(64);
	uint64_t *word = (uint64_t *)twz_obj_data(&other) + 512, where;
	char text[8];
	struct twz_tx tx;

	(void)state;
	MUST(twz_queue_put(&from, "one", 3, 0));
	MUST(twz_queue_put(&from, "two", 3, 0));
	for (unsigned commit = 0; commit < 2; commit++) {
		twz_tx_begin(&tx);
		assert_int_equal(twz_queue_get_tx(&tx, &to, text, 8), TWZ_E_BUSY);
		assert_int_equal(twz_queue_get_tx(&tx, &from, text, 2), TWZ_E_RANGE);
		assert_int_equal(twz_queue_get_exact_tx(&tx, &from, text, 4), TWZ_E_TYPE);
		assert_int_equal(twz_queue_get_tx(&tx, &from, text, 8), 3);
		assert_memory_equal(text, "one", 3);
		MUST(twz_queue_put_tx(&tx, &to, text, 3));
		MUST(twz_queue_put_tx(&tx, &to, "three", 5));
		MUST(twz_queue_get_exact_tx(&tx, &to, text, 3));
		assert_int_equal(twz_queue_put_tx(&tx, &to, text, 57), TWZ_E_RANGE);
		assert_int_equal(twz_queue_put_tx(&tx, &to, text, 0), TWZ_E_ARG);
		twz_tx_set(&tx, word, *word + 1);
		if (commit)
			MUST(twz_tx_commit(&tx));
		else
			twz_tx_abort(&tx);
		MUST(twz_queue_check(&to, &where));
	}
	assert_int_equal(*word, 1);
	assert_int_equal(twz_queue_get(&to, text, 8, 0), 5);
	assert_memory_equal(text, "three", 5);
	assert_int_equal(twz_queue_get(&from, text, 8, 0), 3);
	assert_memory_equal(text, "two", 3);
	assert_int_equal(twz_queue_get(&from, text, 8, 0), TWZ_E_TIMEOUT);
}

/* What is put in a transaction wakes who waits behind the commit. */
static void *put_in_a_transaction(void *queue)
{
	struct twz_tx tx;

	await_main_asleep();
	twz_tx_begin(&tx);
	MUST(twz_queue_put_tx(&tx, queue, "tx", 2));
	MUST(twz_tx_commit(&tx));
	twz_queue_wake(queue);
	return NULL;
}

static void waking_behind_the_commit(void **state)
{
	struct twz_obj queue = queue_of(64);
	pthread_t thread;
	char text[8];

	(void)state;
	sleep_until_woken(true);
	assert_int_equal(pthread_create(&thread, NULL, put_in_a_transaction, &queue), 0);
	assert_int_equal(twz_queue_get(&queue, text, 8, LONG), 2);
	pthread_join(thread, NULL);
	sleep_until_woken(false);
}

/* ---- beside a model ------------------------------------------------------------------------------ */

#define MODEL_RING 2048u
#define MODEL_MAX 1024u

struct model {
	uint64_t first, n, used;
	uint16_t
		bytes[MODEL_MAX]; /* of message i, at i mod MODEL_MAX; the content follows from i */
};

static uint64_t sequence;

static uint64_t random_below(uint64_t n)
{
	sequence = sequence * 6364136223846793005ull + 1442695040888963407ull;
	return (sequence >> 33) % n;
}

static void content(uint8_t *out, uint64_t number, uint64_t bytes)
{
	for (uint64_t i = 0; i < bytes; i++)
		out[i] = (uint8_t)(number * 29 + i);
}

static void model_put(struct twz_tx *tx, const struct twz_obj *queue, struct model *m)
{
	uint64_t bytes = 1 + random_below(random_below(4) ? 40 : 600), number = m->first + m->n;
	bool room = m->used + twz_queue_room(bytes) <= MODEL_RING;
	uint8_t data[600];
	int error;

	content(data, number, bytes);
	error = tx ? twz_queue_put_tx(tx, queue, data, bytes)
		   : twz_queue_put(queue, data, bytes, 0);
	assert_int_equal(error, room ? 0 : tx ? TWZ_E_BUSY : TWZ_E_TIMEOUT);
	if (!room)
		return;
	m->bytes[number % MODEL_MAX] = (uint16_t)bytes;
	m->used += twz_queue_room(bytes);
	m->n++;
}

static void model_get(struct twz_tx *tx, const struct twz_obj *queue, struct model *m)
{
	uint64_t bytes = m->bytes[m->first % MODEL_MAX];
	uint8_t data[600], expected[600];
	int64_t n = tx ? twz_queue_get_tx(tx, queue, data, sizeof(data))
		       : twz_queue_get(queue, data, sizeof(data), 0);

	assert_int_equal(n, m->n ? (int64_t)bytes : tx ? TWZ_E_BUSY : TWZ_E_TIMEOUT);
	if (!m->n)
		return;
	content(expected, m->first, bytes);
	assert_memory_equal(data, expected, bytes);
	m->used -= twz_queue_room(bytes);
	m->first++;
	m->n--;
}

static void model_op(struct twz_tx *tx, const struct twz_obj *queue, struct model *m)
{
	if (random_below(2))
		model_put(tx, queue, m);
	else
		model_get(tx, queue, m);
}

/* Messages at random, alone and some in a transaction, which may be given up. */
static void beside_a_model(void **state)
{
	static struct model m, after;
	struct twz_obj queue = queue_of(MODEL_RING);
	uint64_t where;

	(void)state;
	sequence = getenv("TWZ_SEED") ? strtoull(getenv("TWZ_SEED"), NULL, 10) : 7;
	print_message("TWZ_SEED=%llu\n", (unsigned long long)sequence);
	for (unsigned round = 0; round < (getenv("TWZ_LONG") ? 20000 : 1000); round++) {
		uint64_t ops = random_below(2) ? 0 : 1 + random_below(4);
		bool commit = random_below(4) != 0;
		struct twz_tx tx;

		if (!ops) {
			model_op(NULL, &queue, &m);
		} else {
			after = m;
			twz_tx_begin(&tx);
			while (ops--)
				model_op(&tx, &queue, &after);
			if (commit)
				MUST(twz_tx_commit(&tx));
			else
				twz_tx_abort(&tx);
			m = commit ? after : m;
		}
		MUST(twz_queue_check(&queue, &where));
	}
	assert_true(m.first > 500);
}

/* ---- waiting ------------------------------------------------------------------------------------- */

static void *put_later(void *queue)
{
	await_main_asleep();
	MUST(twz_queue_put(queue, "late", 4, 0));
	return NULL;
}

static void *get_later(void *queue)
{
	char text[64];

	await_main_asleep();
	assert_true(twz_queue_get(queue, text, sizeof(text), 0) > 0);
	return NULL;
}

static void readers_and_writers_wait(void **state)
{
	struct twz_obj queue = queue_of(64);
	pthread_t thread;
	char text[64];

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, put_later, &queue), 0);
	assert_int_equal(twz_queue_get(&queue, text, sizeof(text), ~0ull), 4);
	pthread_join(thread, NULL);
	MUST(twz_queue_put(&queue, text, 56, 0));
	assert_int_equal(pthread_create(&thread, NULL, get_later, &queue), 0);
	MUST(twz_queue_put(&queue, text, 56, ~0ull));
	pthread_join(thread, NULL);
}

/* A program that died having the queue: it is whole, and free. */
static int role_die(const char *path)
{
	struct twz_obj queue;
	struct twz_tx tx;

	MUST(twz_name_open(path, &queue));
	MUST(twz_queue_put(&queue, "before", 6, 0));
	twz_tx_begin(&tx);
	MUST(twz_tx_add(&tx, queue.base));
	raise(SIGKILL);
	return 0;
}

static void who_dies_leaves_it_free(void **state)
{
	struct twz_obj queue = queue_of(64);
	char text[16];

	(void)state;
	MUST(twz_name_bind("/queue", queue.id, 0));
	assert_int_equal(program_run("die", "/queue"), 128 + SIGKILL);
	assert_int_equal(twz_queue_get(&queue, text, sizeof(text), 0), 6);
	MUST(twz_queue_put(&queue, text, 6, 0));
}

/* ---- processes that know of each other only the store -------------------------------------------- */

#define PRODUCERS 2u
#define WORKERS 3u
#define JOBS 50u /* of each producer */
#define STOP (~0u)

struct result {
	uint32_t worker, job;
};
typedef twz_queue_of(uint32_t) jobs_t;
typedef twz_queue_of(struct result) results_t;

/* This executable as a process of its own, which opens the store by its name. */
static pid_t start(const char *role, unsigned number)
{
	char text[16];
	pid_t pid;

	snprintf(text, sizeof(text), "%u", number);
	pid = fork();
	assert_true(pid >= 0);
	if (pid)
		return pid;
	setenv("TWZ_STORE", home_path(), 1);
	execl("/proc/self/exe", program_invocation_short_name, role, text, NULL);
	_exit(127);
}

static int end_of(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int role_produce(const char *number)
{
	uint32_t first = (uint32_t)atoi(number) * JOBS;
	jobs_t jobs;

	MUST(twz_name_open("/jobs", &jobs.obj));
	for (uint32_t i = 0; i < JOBS; i++)
		MUST(twz_queue_send(&jobs, first + i, LONG));
	return 0;
}

/* Takes a job and puts its result, both or neither. TWZ_E_BUSY: there is none, or no room. */
static int work(jobs_t *jobs, results_t *results, uint32_t worker, uint32_t *job)
{
	struct twz_tx tx;
	int error;

	twz_tx_begin(&tx);
	error = twz_queue_receive_tx(&tx, jobs, job);
	if (!error && *job != STOP)
		error = twz_queue_send_tx(&tx, results, ((struct result){worker, *job}));
	if (error) {
		twz_tx_abort(&tx);
		return error;
	}
	MUST(twz_tx_commit(&tx));
	twz_queue_wake(&jobs->obj);
	twz_queue_wake(&results->obj);
	return 0;
}

static int role_work(const char *number)
{
	struct twz_event events[2];
	results_t results;
	uint32_t job = 0;
	jobs_t jobs;
	int error;

	MUST(twz_name_open("/jobs", &jobs.obj));
	MUST(twz_name_open("/results", &results.obj));
	MUST(twz_event_of(&jobs.obj, TWZ_EVENT_READ, &events[0]));
	MUST(twz_event_of(&results.obj, TWZ_EVENT_WRITE, &events[1]));
	while (job != STOP) {
		error = work(&jobs, &results, (uint32_t)atoi(number), &job);
		if (error == TWZ_E_BUSY)
			error = twz_event_wait(events, 1, LONG) > 0 &&
						twz_event_wait(events + 1, 1, LONG) > 0
					? 0
					: TWZ_E_TIMEOUT;
		MUST(error);
	}
	return 0;
}

/* All results, each once; what one worker did of one producer's jobs in their order. */
static void take_results(results_t *results, pid_t to_be_killed)
{
	uint32_t last[WORKERS][PRODUCERS] = {{0}}, *before;
	uint8_t seen[PRODUCERS * JOBS] = {0};
	struct result result = {0};

	for (unsigned i = 0; i < PRODUCERS * JOBS; i++) {
		MUST(twz_queue_receive(results, &result, LONG));
		assert_true(result.worker < WORKERS && result.job < PRODUCERS * JOBS);
		assert_int_equal(seen[result.job]++, 0);
		before = &last[result.worker][result.job / JOBS];
		assert_true(result.job + 1 > *before);
		*before = result.job + 1;
		if (i == PRODUCERS * JOBS / 3)
			kill(to_be_killed, SIGKILL);
	}
	assert_int_equal(twz_queue_receive(results, &result, 0), TWZ_E_TIMEOUT);
}

/* They wait for each other by the store alone; one is killed, and nothing is lost or done twice. */
static void processes_wait_for_each_other(void **state)
{
	pid_t worker[WORKERS], producer[PRODUCERS];
	results_t results;
	jobs_t jobs;

	(void)state;
	MUST(twz_obj_new(&(struct twz_new){0}, &jobs.obj));
	MUST(twz_queue_make_of(&jobs, 5));
	MUST(twz_name_bind("/jobs", jobs.obj.id, 0));
	MUST(twz_obj_new(&(struct twz_new){0}, &results.obj));
	MUST(twz_queue_make_of(&results, 3));
	MUST(twz_name_bind("/results", results.obj.id, 0));
	for (unsigned i = 0; i < WORKERS; i++)
		worker[i] = start("work", i);
	for (unsigned i = 0; i < PRODUCERS; i++)
		producer[i] = start("produce", i);
	take_results(&results, worker[0]);
	for (unsigned i = 0; i < PRODUCERS; i++)
		assert_int_equal(end_of(producer[i]), 0);
	for (unsigned i = 1; i < WORKERS; i++)
		MUST(twz_queue_send(&jobs, STOP, LONG));
	assert_int_equal(end_of(worker[0]), 128 + SIGKILL);
	for (unsigned i = 1; i < WORKERS; i++)
		assert_int_equal(end_of(worker[i]), 0);
}

static void queues_that_lie(void **state)
{
	struct twz_obj obj = queue_of(64);
	struct twz_queue *queue = twz_obj_data(&obj), good;
	uint64_t *ring = (uint64_t *)((uint8_t *)queue + TWZ_QUEUE_RING), value, where;
	struct twz_io io;
	char text[64];

	(void)state;
	MUST(twz_queue_put(&obj, text, 8, 0));
	MUST(twz_io_open(&obj, 0, &io));
	good = *queue;
#define BAD(statement, expected)                                                               \
	do {                                                                                   \
		statement;                                                                     \
		assert_int_equal(twz_queue_put(&obj, text, 1, 0), expected);                   \
		assert_int_equal(twz_queue_get(&obj, text, 64, 0), expected);                  \
		assert_int_equal(twz_io_poll(&io), expected);                                  \
		assert_int_equal(twz_io_ioctl(&io, TWZ_IO_SIZE, &value), expected);            \
		assert_int_equal(twz_queue_check(&obj, &where), expected);                     \
		queue->magic = good.magic, queue->version = good.version;                      \
		queue->capacity = good.capacity, queue->put = good.put, queue->got = good.got; \
	} while (0)
	BAD(queue->magic++, TWZ_E_TYPE);
	BAD(queue->version++, TWZ_E_VERSION);
	BAD(queue->capacity = 0, TWZ_E_DAMAGED);
	BAD(queue->capacity = 63, TWZ_E_DAMAGED);
	BAD(queue->capacity = ~7ull, TWZ_E_DAMAGED);
	BAD(queue->put += 64, TWZ_E_DAMAGED);
	BAD(queue->put += 1, TWZ_E_DAMAGED);
	BAD(queue->got += 16 + 8, TWZ_E_DAMAGED);
#undef BAD
	for (unsigned i = 0; i < 4; i++) {
		static const uint64_t lengths[] = {0, 9, ~0ull, TWZ_QUEUE_MESSAGE_MAX + 1};

		ring[0] = lengths[i];
		assert_int_equal(twz_queue_get(&obj, text, 64, 0), TWZ_E_DAMAGED);
		assert_int_equal(twz_queue_check(&obj, &where), TWZ_E_DAMAGED);
		assert_int_equal(where, TWZ_OBJ_DATA + TWZ_QUEUE_RING);
	}
	ring[0] = 8;
	MUST(twz_queue_put(&obj, text, 8, 0));
	ring[2] = 9;
	assert_int_equal(twz_queue_check(&obj, &where), TWZ_E_DAMAGED);
	assert_int_equal(where, TWZ_OBJ_DATA + TWZ_QUEUE_RING + 16);
	ring[2] = 8;
	MUST(twz_queue_check(&obj, &where));
	assert_int_equal(twz_queue_get(&obj, text, 64, 0), 8);
}

/* Any words anywhere: an answer or an error, never a fault. */
static void queues_at_random(void **state)
{
	uint64_t seed = getenv("TWZ_SEED") ? strtoull(getenv("TWZ_SEED"), NULL, 10) : 7;
	struct twz_obj obj = queue_of(256);
	uint64_t *words = twz_obj_data(&obj);
	static uint8_t text[TWZ_QUEUE_MESSAGE_MAX];
	unsigned good = 0;

	(void)state;
	for (unsigned i = 0; i < 2000; i++) {
		uint64_t *at, r = seed = seed * 6364136223846793005ull + 1442695040888963407ull;

		at = r >> 63 ? &words[r >> 33 & 7] : &words[TWZ_QUEUE_RING / 8 + (r >> 33 & 31)];
		seed = seed * 6364136223846793005ull + 1442695040888963407ull;
		if (i % 3 == 0)
			*at = seed >> 62 ? *at ^ 1ull << (seed >> 55 & 63) : seed >> 40;
		good += !twz_queue_put(&obj, text, 1 + (seed >> 33 & 63), 0);
		good += twz_queue_get(&obj, text, seed >> 33 & 127, 0) > 0;
		if (i % 16 == 0) {
			struct twz_queue *queue = twz_obj_data(&obj);

			*queue = (struct twz_queue){
				.magic = TWZ_QUEUE_MAGIC, .version = 1, .capacity = 256};
		}
	}
	assert_in_range(good, 100, 3900);
}

static int setup(void **state)
{
	(void)state;
	home_start(64 << 20);
	return 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		home_test(made_once),
		home_test(first_in_first_out),
		home_test(bounds),
		home_test(used_as_io),
		home_test(with_a_type),
		home_test(in_a_transaction),
		home_test(waking_behind_the_commit),
		home_test(beside_a_model),
		home_test(readers_and_writers_wait),
		home_test(who_dies_leaves_it_free),
		home_test(processes_wait_for_each_other),
		home_test(queues_that_lie),
		home_test(queues_at_random),
	};

	if (argc > 2 && !strcmp(argv[1], "die"))
		return role_die(argv[2]);
	if (argc > 2 && !strcmp(argv[1], "produce"))
		return role_produce(argv[2]);
	if (argc > 2 && !strcmp(argv[1], "work"))
		return role_work(argv[2]);
	return cmocka_run_group_tests(tests, setup, NULL);
}
