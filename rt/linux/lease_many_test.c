/*
 * lease_many_test.c - eight processes change pages of the same objects at random, beside a model.
 *
 * One at a time does something, in an order that the host decides, and says so in the model, which lies in
 * memory that all share; so whatever one finds at its turn must be what the model says, whoever did it. In
 * between they load what they like, so that everybody has everything mapped, in all states. Nobody has two
 * turns on end, or with one processor hardly anybody would find what another one did.
 * TWZ_SEED repeats the choices, not the order. TWZ_LONG: more of it.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "rt/linux/lease.h"
#include "tests/home/sound.h"

#define BYTES (64ull << 20)
#define PROCESSES 8
#define OBJECTS 6
#define PAGES 24 /* of an object: some are a tree, some not */
#define WORDS 2
#define TURN 4 /* operations */

struct model {
	uint32_t lock, ready, last;  /* who had the last turn, plus 1 */
	uint64_t seed, done, enough; /* operations */
	struct twz_id id[OBJECTS];
	uint64_t value[OBJECTS][PAGES][WORDS];
};

static struct model *model;
static uint64_t state_of_choice;
static struct twz_obj mapped[OBJECTS];

static unsigned choose(unsigned below)
{
	state_of_choice = state_of_choice * 6364136223846793005ull + 1442695040888963407ull;
	return (unsigned)(state_of_choice >> 33) % below;
}

static void model_lock(void)
{
	while (__atomic_exchange_n(&model->lock, 1, __ATOMIC_ACQUIRE))
		futex_wait(&model->lock, 1, 1000 * 1000);
}

static void model_unlock(void)
{
	__atomic_store_n(&model->lock, 0, __ATOMIC_RELEASE);
	futex_wake(&model->lock, 1);
}

/* ---- what one does, at its turn ------------------------------------------------------------------- */

/* The object as it is now mapped here. */
static uint8_t *page_of(unsigned i, unsigned page)
{
	if (!twz_id_equal(mapped[i].id, model->id[i])) {
		if (mapped[i].base)
			MUST(twz_obj_recycle(&mapped[i]));
		MUST(twz_obj_open(model->id[i], &mapped[i]));
	}
	return mapped[i].base + TWZ_OBJ_DATA + page * TWZ_PAGE;
}

static void look(unsigned i, unsigned page)
{
	for (unsigned w = 0; w < WORDS; w++) {
		uint64_t is = load(page_of(i, page) + w * 8), value = model->value[i][page][w];

		if (is == value)
			continue;
		fprintf(stderr, "object %u, page %u, word %u: %lu, not %lu\n", i, page, w, is,
			value);
		abort();
	}
}

static void store_word(unsigned i, unsigned page)
{
	unsigned w = choose(WORDS);
	uint64_t value = 1 + choose(1u << 30);

	look(i, page);
	put(page_of(i, page) + w * 8, value);
	model->value[i][page][w] = value;
}

/* One transaction over two objects. */
static void commit(unsigned i, unsigned k, unsigned page)
{
	uint64_t value = 1 + choose(1u << 30);
	struct twz_tx tx;

	twz_tx_begin(&tx);
	twz_tx_set(&tx, (uint64_t *)page_of(i, page), value);
	twz_tx_set(&tx, (uint64_t *)page_of(k, page), value + 1);
	if (choose(4)) {
		MUST(twz_tx_commit(&tx));
		model->value[i][page][0] = value;
		model->value[k][page][0] = value + (i != k);
		if (i == k)
			model->value[i][page][0] = value + 1;
	} else {
		twz_tx_abort(&tx);
	}
}

static void copy_pages(unsigned to, unsigned from, unsigned page)
{
	unsigned n = 1 + choose(PAGES - page);

	if (to == from)
		return;
	MUST(twz_rt_copy(model->id[to], TWZ_OBJ_DATA / TWZ_PAGE + page, model->id[from],
			 TWZ_OBJ_DATA / TWZ_PAGE + page, n));
	memcpy(model->value[to][page], model->value[from][page], n * sizeof(model->value[0][0]));
}

static void drop(unsigned i, unsigned page)
{
	unsigned n = 1 + choose(PAGES - page);

	MUST(twz_rt_drop(model->id[i], TWZ_OBJ_DATA / TWZ_PAGE + page, n));
	memset(model->value[i][page], 0, n * sizeof(model->value[0][0]));
}

/* The object goes, and a copy of another takes its part. */
static void replace(unsigned i, unsigned by)
{
	struct twz_id id;

	MUST(twz_obj_copy(model->id[by], true, &id));
	MUST(twz_obj_delete(model->id[i]));
	memcpy(model->value[i], model->value[by], sizeof(model->value[i]));
	model->id[i] = id;
}

static void seal(unsigned i)
{
	struct twz_obj obj;
	struct twz_id id;

	MUST(twz_obj_seal(model->id[i], PAGES * TWZ_PAGE, TWZ_READ, &id));
	MUST(twz_obj_open(id, &obj));
	for (unsigned page = 0; page < PAGES; page++)
		if (load(obj.base + TWZ_OBJ_DATA + page * TWZ_PAGE) != model->value[i][page][0])
			abort();
	MUST(twz_obj_delete(id));
	MUST(twz_obj_recycle(&obj));
}

static void act(void)
{
	unsigned i = choose(OBJECTS), k = choose(OBJECTS), page = choose(PAGES), what = choose(100);

	if (what < 40)
		store_word(i, page);
	else if (what < 75)
		look(i, page);
	else if (what < 82)
		commit(i, k, page);
	else if (what < 92)
		copy_pages(i, k, page);
	else if (what < 96)
		drop(i, page);
	else if (what < 99)
		replace(i, k);
	else
		seal(i);
}

/* ---- the processes -------------------------------------------------------------------------------- */

/* False when enough is done. */
static bool turn_begin(unsigned number)
{
	for (;;) {
		model_lock();
		if (model->last != number + 1 || model->done >= model->enough)
			break;
		model_unlock();
		futex_wait(&model->last, number + 1, 1000 * 1000);
	}
	if (model->done < model->enough)
		return true;
	model_unlock();
	return false;
}

static void turn_end(unsigned number)
{
	model->done += TURN;
	model->last = number + 1;
	futex_wake(&model->last, INT_MAX);
	model_unlock();
}

static _Noreturn void role_work(unsigned number)
{
	unsigned i;

	if (getenv("TWZ_LEASES"))
		lease_limit((uint32_t)atoi(getenv("TWZ_LEASES")));
	state_of_choice = model->seed + number;
	__atomic_add_fetch(&model->ready, 1, __ATOMIC_RELEASE);
	while (__atomic_load_n(&model->ready, __ATOMIC_ACQUIRE) < PROCESSES)
		sched_yield();
	while (turn_begin(number)) {
		for (i = 0; i < TURN; i++)
			act();
		turn_end(number);
		/* Whatever that shows: the object may be gone. */
		i = choose(OBJECTS);
		if (mapped[i].base && CATCH(load(mapped[i].base + TWZ_OBJ_DATA)) &&
		    caught.kind != TWZ_FAULT_OBJECT)
			abort();
	}
	_exit(0);
}

static pid_t start(unsigned number, int memory)
{
	char store[32], text[32], fd[32];
	pid_t pid;

	snprintf(store, sizeof(store), "%d", home.image.fd);
	snprintf(text, sizeof(text), "%u", number);
	snprintf(fd, sizeof(fd), "%d", memory);
	pid = fork();
	if (!pid) {
		fcntl(home.image.fd, F_SETFD, 0);
		fcntl(memory, F_SETFD, 0);
		setenv("TWZ_STORE_FD", store, 1);
		execl("/proc/self/exe", program_invocation_short_name, "work", text, fd, NULL);
		_exit(127);
	}
	return pid;
}

static void map_model(int memory)
{
	model = mmap(NULL, sizeof(*model), PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
	assert_true(model != MAP_FAILED);
}

/* `leases`: how many there is room for, together; 0: as many as the table has. */
static void run(const char *leases)
{
	int memory = memfd_create("model", MFD_CLOEXEC), status;
	uint64_t recalls = home.runtime->recalls;
	pid_t pid[PROCESSES];
	struct twz_obj obj;

	assert_int_equal(ftruncate(memory, sizeof(*model)), 0);
	map_model(memory);
	if (getenv("TWZ_SEED"))
		model->seed = strtoull(getenv("TWZ_SEED"), NULL, 10);
	else
		home_random(&model->seed, sizeof(model->seed));
	printf("TWZ_SEED=%lu\n", model->seed);
	for (unsigned i = 0; i < OBJECTS; i++) {
		MUST(twz_obj_new(&(struct twz_new){.ending = true}, &obj));
		model->id[i] = obj.id;
	}
	model->enough = getenv("TWZ_LONG") ? 100000 : 3500;
	if (leases)
		setenv("TWZ_LEASES", leases, 1);
	for (unsigned i = 0; i < PROCESSES; i++)
		pid[i] = start(i, memory);
	for (unsigned i = 0; i < PROCESSES; i++) {
		assert_int_equal(waitpid(pid[i], &status, 0), pid[i]);
		assert_int_equal(status, 0);
	}
	unsetenv("TWZ_LEASES");
	for (unsigned i = 0; i < OBJECTS; i++) {
		for (unsigned page = 0; page < PAGES; page++)
			look(i, page);
		MUST(twz_obj_delete(model->id[i]));
	}
	store_is_sound();
	recalls = home.runtime->recalls - recalls;
	printf("%lu operations, %lu recalls\n", model->done, recalls);
	assert_true(recalls > model->done / 100);
	munmap(model, sizeof(*model));
	close(memory);
}

static void many_processes_and_a_model(void **state)
{
	(void)state;
	run(NULL);
}

static void the_same_in_a_short_table(void **state)
{
	(void)state;
	run("9");
}

static int setup(void **state)
{
	(void)state;
	home_start(BYTES);
	return 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		home_test(many_processes_and_a_model),
		home_test(the_same_in_a_short_table),
	};

	if (argc > 3 && !strcmp(argv[1], "work")) {
		map_model(atoi(argv[3]));
		role_work((unsigned)atoi(argv[2]));
	}
	return cmocka_run_group_tests(tests, setup, NULL);
}
