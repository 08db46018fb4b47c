/*
 * kill_test.c - a program killed at a random instant, in the same epoch, costs the others nothing.
 *
 * A worker moves amounts between accounts in several objects, pushes and pops list nodes, makes and
 * removes names, and makes and drops pages, until it is killed. Then this process, which lives on in
 * the same epoch, goes on at once: all is whole, and the store is sound. TWZ_LONG: more of it.
 * TWZ_SEED repeats a run's choices, not its instants.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "core/heap.h"
#include "tests/home/sound.h"

#define BYTES (64ull << 20)
#define OBJECTS 3
#define ACCOUNTS 16
#define TOTAL 1000000

struct node {
	twz_ptr(struct node) next;
	uint64_t value, twice;
};

/* The root block of each object. */
struct shared {
	uint64_t balance[ACCOUNTS];
	twz_ptr(struct node) list;
	uint64_t length;
	uint64_t done; /* of the first: by the worker, and 1 when it begins */
};

static struct twz_obj object[OBJECTS];
static struct shared *shared[OBJECTS];
static unsigned seed = 1;

static unsigned choose(unsigned below)
{
	seed = seed * 1103515245 + 12345;
	return (seed >> 8) % below;
}

/* ---- the work ------------------------------------------------------------------------------------- */

static void transfer(void)
{
	unsigned from = choose(OBJECTS), to = choose(OBJECTS), i = choose(ACCOUNTS),
		 j = choose(ACCOUNTS), amount = choose(100);
	struct twz_tx tx;

	if (from == to)
		return;
	if (from > to) { /* one order of locking for all */
		unsigned swap = from;

		from = to;
		to = swap;
	}
	twz_tx_begin(&tx);
	twz_tx_add(&tx, shared[from]);
	twz_tx_add(&tx, shared[to]);
	twz_tx_set(&tx, &shared[from]->balance[i], shared[from]->balance[i] - amount);
	twz_tx_set(&tx, &shared[to]->balance[j], shared[to]->balance[j] + amount);
	MUST(twz_tx_commit(&tx));
}

static void push(struct shared *s)
{
	uint64_t old = s->list.raw;
	struct node *node = NULL;
	struct twz_tx tx;

	twz_tx_begin(&tx);
	twz_tx_add(&tx, s);
	if (!twz_alloc(&tx, &s->list, sizeof(*node), &node)) {
		node->next.raw = old;
		node->value = seed;
		node->twice = 2 * node->value;
		twz_tx_fresh(&tx, node, sizeof(*node));
		twz_tx_set(&tx, &s->length, s->length + 1);
	}
	MUST(twz_tx_commit(&tx));
}

static void pop(struct shared *s)
{
	struct node *node = twz_get(&s->list);
	struct twz_tx tx;

	if (!node)
		return;
	twz_tx_begin(&tx);
	twz_tx_add(&tx, s);
	heap_free(&tx, &s->list.raw);
	twz_tx_set(&tx, &s->list.raw, node->next.raw);
	twz_tx_set(&tx, &s->length, s->length - 1);
	MUST(twz_tx_commit(&tx));
}

static void name(void)
{
	char path[32];
	struct twz_obj obj;

	snprintf(path, sizeof(path), "n%u", choose(8));
	switch (choose(3)) {
	case 0:
		MUST(twz_obj_new(&(struct twz_new){.ending = true, .bytes = 4096}, &obj));
		*(uint64_t *)twz_obj_data(&obj) = 7;
		twz_persist(twz_obj_data(&obj), 8);
		MUST(twz_name_publish(path, obj.id, TWZ_NAME_REPLACE | TWZ_NAME_DELETE));
		MUST(twz_obj_recycle(&obj));
		break;
	case 1:
		twz_name_unbind(path, TWZ_NAME_DELETE);
		break;
	default:
		twz_name_rename(path, "renamed", TWZ_NAME_REPLACE | TWZ_NAME_DELETE);
	}
}

static void pages(void)
{
	uint64_t page = (256ull << 20) / 4096 + choose(64);
	struct twz_obj *obj = &object[choose(OBJECTS)];

	if (choose(3))
		*(volatile uint64_t *)(obj->base + page * 4096) = page;
	else
		MUST(twz_rt_drop(obj->id, page, choose(8)));
}

static void work(void)
{
	switch (choose(8)) {
	case 0:
		name();
		break;
	case 1:
		pages();
		break;
	case 2:
	case 3:
		push(shared[choose(OBJECTS)]);
		break;
	case 4:
		pop(shared[choose(OBJECTS)]);
		break;
	default:
		transfer();
	}
}

/* ---- what must hold ------------------------------------------------------------------------------- */

static void all_is_whole(void)
{
	uint64_t total = 0, where;
	struct twz_tx tx;

	/* Having the objects settles what the dead left in them. */
	twz_tx_begin(&tx);
	for (unsigned i = 0; i < OBJECTS; i++)
		MUST(twz_tx_add(&tx, shared[i]));
	for (unsigned i = 0; i < OBJECTS; i++) {
		struct node *node = twz_get(&shared[i]->list);
		uint64_t length = 0;

		for (unsigned j = 0; j < ACCOUNTS; j++)
			total += shared[i]->balance[j];
		for (; node; node = twz_get(&node->next), length++)
			assert_int_equal(node->twice, 2 * node->value);
		assert_int_equal(length, shared[i]->length);
		assert_int_equal(heap_check(shared[i], &where), 0);
	}
	assert_int_equal(total, TOTAL);
	twz_tx_abort(&tx);
	store_is_sound();
}

/* ---- the run -------------------------------------------------------------------------------------- */

static void open_all(void)
{
	char path[32];

	for (unsigned i = 0; i < OBJECTS; i++) {
		snprintf(path, sizeof(path), "object%u", i);
		MUST(twz_name_open(path, &object[i]));
		shared[i] = twz_ptr_get(twz_heap_root(&object[i]));
	}
}

static _Noreturn void role_work(const char *arg)
{
	seed = (unsigned)strtoul(arg, NULL, 10);
	open_all();
	for (uint64_t n = 1;; n++) {
		__atomic_store_n(&shared[0]->done, n, __ATOMIC_RELAXED);
		work();
	}
}

static pid_t start(unsigned n)
{
	char fd[32], arg[32];
	pid_t pid;

	snprintf(fd, sizeof(fd), "%d", home.image.fd);
	snprintf(arg, sizeof(arg), "%u", n);
	pid = fork();
	if (!pid) {
		fcntl(home.image.fd, F_SETFD, 0);
		setenv("TWZ_STORE_FD", fd, 1);
		execl("/proc/self/exe", program_invocation_short_name, "work", arg, NULL);
		_exit(127);
	}
	return pid;
}

/* Where it is killed, that many operations later, is anywhere in one: nobody waits for its end. */
static void kill_at(pid_t pid, uint64_t done)
{
	int status;

	while (__atomic_load_n(&shared[0]->done, __ATOMIC_RELAXED) < done) {
		assert_int_equal(waitpid(pid, &status, WNOHANG), 0);
		usleep(50);
	}
	for (unsigned n = choose(2000); n; n--)
		__atomic_load_n(&shared[0]->done, __ATOMIC_RELAXED);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void kills_cost_nothing(void **state)
{
	unsigned held = 0, rounds = getenv("TWZ_LONG") ? 5000 : 250, i;

	(void)state;
	for (i = 0; i < rounds || held <= rounds / 50; i++) { /* or it would show nothing */
		__atomic_store_n(&shared[0]->done, 0, __ATOMIC_RELAXED);
		kill_at(start(seed + i), 1 + choose(100));
		for (unsigned j = 0; j < OBJECTS; j++)
			held += obj_meta(shared[j])->log.lock != 0;
		all_is_whole();
		for (unsigned j = 0; j < 5; j++)
			work();
	}
	all_is_whole();
	printf("%u kills, %u locks were held by the dead\n", i, held);
}

static int setup(void **state)
{
	char path[32];

	(void)state;
	if (getenv("TWZ_SEED"))
		seed = (unsigned)strtoul(getenv("TWZ_SEED"), NULL, 10);
	else
		home_random(&seed, sizeof(seed));
	printf("TWZ_SEED=%u\n", seed);
	home_start(BYTES);
	for (unsigned i = 0; i < OBJECTS; i++) {
		void *block;

		MUST(twz_obj_new(&(struct twz_new){.ending = true, .heap = true}, &object[i]));
		MUST(heap_alloc(NULL, sizeof(struct shared), twz_heap_root(&object[i]), &block));
		memset(block, 0, sizeof(struct shared));
		if (!i)
			((struct shared *)block)->balance[0] = TOTAL;
		twz_persist(block, sizeof(struct shared));
		snprintf(path, sizeof(path), "object%u", i);
		MUST(twz_name_publish(path, object[i].id, 0));
	}
	open_all();
	return 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		home_test(kills_cost_nothing),
	};

	if (argc > 2 && !strcmp(argv[1], "work"))
		role_work(argv[2]);
	return cmocka_run_group_tests(tests, setup, NULL);
}
