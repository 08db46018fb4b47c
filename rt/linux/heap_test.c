/*
 * heap_test.c - one heap in many processes, which trim it too, some of them killed: afterwards it is sound,
 * and what is used is what can be reached. And objects of their own, in which processes and threads share nothing.
 */
#define _GNU_SOURCE
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "core/pmem.h"
#include "tests/home/sound.h"

#define WORKERS 3
#define SLOTS 60
#define ROUNDS 400

/* The root block: for each worker the blocks that are its, and how far it is. */
struct table {
	uint64_t owner[WORKERS][SLOTS];
	uint64_t rounds[WORKERS];
};

static struct twz_obj object;
static struct table *table;

/* ---- workers ---------------------------------------------------------------------------------------- */

/* A block says how many words it has, whose they are, and that nobody else had them. */
static void fill(uint64_t *block, uint64_t words, uint64_t value)
{
	block[0] = words;
	for (uint64_t i = 1; i < words; i++)
		block[i] = value + i;
}

static bool is_filled(const uint64_t *block, uint64_t value)
{
	if (block[0] < 2 || block[0] > heap_size(block) / 8)
		return false;
	for (uint64_t i = 1; i < block[0]; i++)
		if (block[i] != value + i)
			return false;
	return true;
}

static uint64_t value_of(unsigned n, unsigned slot)
{
	return (n + 1) * 1000000ull + slot;
}

static uint64_t *block_of(uint64_t payload)
{
	return (uint64_t *)(object.base + payload);
}

static int work(unsigned n, unsigned seed)
{
	for (unsigned i = 0; n == WORKERS - 1 || i < ROUNDS; i++) {
		unsigned slot = (seed >> 8) % SLOTS;
		uint64_t *owner = &table->owner[n][slot], words = 2 + (seed >> 20) % 60;
		void *block = NULL;
		struct twz_tx tx;

		seed = seed * 1103515245 + 12345;
		__atomic_fetch_add(&table->rounds[n], 1, __ATOMIC_RELAXED);
		if (seed >> 16 & 15)
			words *= seed >> 20 & 7;
		words += 2;
		if ((seed >> 12 & 31) == 31)
			words += 20000;
		if ((seed >> 10 & 63) == 63)
			MUST(twz_heap_trim(&object));
		if (*owner && !is_filled(block_of(*owner), value_of(n, slot)))
			return 1;
		twz_tx_begin(&tx);
		if (*owner)
			MUST(heap_free(&tx, owner));
		if (seed >> 24 & 1) {
			MUST(heap_alloc(&tx, 8 * words, owner, &block));
			fill(block, words, value_of(n, slot));
			twz_tx_fresh(&tx, block, 8 * words);
		}
		if (seed >> 25 & 3)
			MUST(twz_tx_commit(&tx));
		else
			twz_tx_abort(&tx);
	}
	return 0;
}

static void open_it(void)
{
	MUST(twz_name_open("heap", &object));
	table = twz_ptr_get(twz_heap_root(&object));
}

static pid_t start(unsigned n, unsigned seed)
{
	char role[16], arg[16];
	pid_t pid;

	snprintf(role, sizeof(role), "%u", n);
	snprintf(arg, sizeof(arg), "%u", seed);
	pid = fork();
	if (!pid) {
		unsetenv("TWZ_STORE_FD");
		setenv("TWZ_STORE", home_path(), 1);
		execl("/proc/self/exe", program_invocation_short_name, role, arg, NULL);
		_exit(127);
	}
	return pid;
}

static void is_sound(void)
{
	uint64_t reachable, used, where;
	struct twz_tx tx;

	twz_tx_begin(&tx);
	MUST(twz_tx_add(&tx, table));
	reachable = sizeof(struct twz_block_head) + heap_size(table);
	for (unsigned n = 0; n < WORKERS; n++)
		for (unsigned slot = 0; slot < SLOTS; slot++) {
			uint64_t payload = table->owner[n][slot];

			if (!payload)
				continue;
			assert_true(is_filled(block_of(payload), value_of(n, slot)));
			reachable += sizeof(struct twz_block_head) + heap_size(block_of(payload));
		}
	assert_int_equal(heap_check(table, &where), 0);
	MUST(heap_used(table, &used));
	assert_int_equal(used, reachable);
	twz_tx_abort(&tx);
}

/* The last worker never ends by itself. */
static void many_processes_have_one_heap(void **state)
{
	pid_t pid[WORKERS];
	unsigned kills = 0;
	int status;

	(void)state;
	for (unsigned n = 0; n < WORKERS - 1; n++)
		pid[n] = start(n, n + 1);
	while (kills < 8 || table->rounds[0] < ROUNDS || table->rounds[1] < ROUNDS) {
		uint64_t before = __atomic_load_n(&table->rounds[WORKERS - 1], __ATOMIC_RELAXED);

		pid[WORKERS - 1] = start(WORKERS - 1, 100 + kills);
		while (__atomic_load_n(&table->rounds[WORKERS - 1], __ATOMIC_RELAXED) - before < 40)
			is_sound();
		kill(pid[WORKERS - 1], SIGKILL);
		assert_int_equal(waitpid(pid[WORKERS - 1], &status, 0), pid[WORKERS - 1]);
		assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
		kills++;
		is_sound();
	}
	for (unsigned n = 0; n < WORKERS - 1; n++) {
		assert_int_equal(waitpid(pid[n], &status, 0), pid[n]);
		assert_int_equal(status, 0);
	}
	is_sound();
	MUST(twz_heap_trim(&object));
	is_sound();
	store_is_sound();
}

/* ---- objects of their own --------------------------------------------------------------------------- */

extern char __data_start[],
	_end[]; /* what all threads of the program share, the runtime's included */

static size_t shared_bytes(void)
{
	return (uintptr_t)_end - (uintptr_t)__data_start;
}

/* How many bytes of it differ from the copy, which is the same from now on. Redzones are among them. */
static __attribute__((no_sanitize("address"))) size_t compare(volatile char *copy)
{
	size_t differ = 0;

	for (size_t i = 0; i < shared_bytes(); i++) {
		differ += copy[i] != __data_start[i];
		copy[i] = __data_start[i];
	}
	return differ;
}

static void allocate_and_free(const struct twz_obj *obj, unsigned rounds)
{
	uint64_t *owner = twz_heap_root(obj);

	while (rounds--) {
		struct twz_tx tx;
		void *block;

		MUST(heap_alloc(NULL, 100, owner, &block));
		MUST(heap_free(NULL, owner));
		twz_tx_begin(&tx);
		MUST(heap_alloc(&tx, 200, owner, &block));
		memset(block, 1, 200);
		twz_tx_fresh(&tx, block, 200);
		MUST(heap_free(&tx, owner));
		MUST(twz_tx_commit(&tx));
	}
}

/* From now on any system call of this thread ends the process, but for ending it. */
static void no_more_calls(void)
{
	static struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
	};
	const struct sock_fprog program = {.len = sizeof(filter) / sizeof(*filter),
					   .filter = filter};

	MUST(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	MUST(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program));
}

static volatile uint64_t noticed;

/* Without system calls; what it stored to memory that others share, it reports. */
static _Noreturn void alone(const struct twz_obj *obj)
{
	char *copy = malloc(shared_bytes());

	pmem_use(pmem_probe());
	allocate_and_free(obj, 2); /* the mappings are there */
	no_more_calls();
	compare(copy);
	noticed = 1;
	if (compare(copy) != 1)
		syscall(SYS_exit_group, 2); /* before _exit the sanitizer makes another call */
	allocate_and_free(obj, 1000);
	for (;;)
		syscall(SYS_exit_group, compare(copy) ? 1 : 0);
}

static void in_objects_of_their_own_nothing_is_shared(void **state)
{
	struct twz_obj obj;
	int status;
	pid_t pid;

	(void)state;
	MUST(twz_obj_new(&(struct twz_new){.heap = true}, &obj));
	pid = fork();
	if (!pid)
		alone(&obj);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status)); /* killed: there was a system call */
	assert_int_equal(WEXITSTATUS(status), 0);
}

static int setup(void **state)
{
	void *block;

	(void)state;
	home_start(64 << 20);
	MUST(twz_obj_new(&(struct twz_new){.heap = true}, &object));
	MUST(heap_alloc(NULL, sizeof(struct table), twz_heap_root(&object), &block));
	memset(block, 0, sizeof(struct table));
	twz_persist(block, sizeof(struct table));
	MUST(twz_name_bind("heap", object.id, 0));
	open_it();
	return 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		home_test(many_processes_have_one_heap),
		home_test(in_objects_of_their_own_nothing_is_shared),
	};

	if (argc > 2 && argv[1][0] >= '0' && argv[1][0] < '0' + WORKERS) {
		open_it();
		return work((unsigned)(argv[1][0] - '0'), (unsigned)strtoul(argv[2], NULL, 10));
	}
	return cmocka_run_group_tests(tests, setup, NULL);
}
