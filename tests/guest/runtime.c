/*
 * runtime.c - the minimal runtime, from inside: programs and their ends, faults, waiting, memory, locks.
 *
 * It runs itself in roles, as programs of their own. What needs boots is `runtime register now`, then
 * `runtime lives 1` at the next, 2, 3, and from then on 3.
 */
#include <string.h>
#include <twz/twz.h>

#include "core/tx.h"

#define SECOND 1000000000ull
#define PATIENCE (200 * SECOND)
#define MUST(what) must((what), #what, __LINE__)

static unsigned passed, failed;

static void check(bool good, const char *what)
{
	if (good) {
		passed++;
		return;
	}
	failed++;
	twz_print("runtime: not so: %s\n", what);
	twz_flush();
}

static void must(int error, const char *what, int line)
{
	if (!error)
		return;
	twz_warn("runtime: line %d: %s: %s\n", line, what, twz_error_text(error));
	twz_rt_exit(99);
}

static int run(const char *role, const char *arg, uint64_t timeout_ns)
{
	const char *argv[] = {"runtime", role, arg, NULL};
	int status = -1;

	MUST(twz_run(argv, timeout_ns, &status));
	return status;
}

/* ---- ends of programs ----------------------------------------------------------------------------- */

static volatile int zero;

static __attribute__((noinline)) uint64_t deep(uint64_t n)
{
	volatile uint8_t room[1024];

	room[n % sizeof(room)] = (uint8_t)n;
	return n ? deep(n - 1) + room[0] : 0;
}

static int overflows(void *arg)
{
	return (int)deep((uint64_t)(uintptr_t)arg);
}

static int role_end(const char *how)
{
	struct twz_id thread;
	int status = 0;

	static uint32_t data[4] = {0x90909090, 0x90909090, 0x90909090, 0xc3c3c3c3};

	switch (how[0]) {
	case 'n': /* null */
		return *(volatile int *)(uintptr_t)zero;
	case 'p': /* a persistent pointer that lies outside of objects */
		return *(volatile int *)twz_ptr_get(
			&(uint64_t){1ull << TWZ_PTR_OFF_BITS | 0x400000});
	case 't': /* a store to the text */
		*(volatile uint8_t *)(uintptr_t)role_end = 0;
		return 0;
	case 'j': /* a jump into data */
		((void (*)(void))(uintptr_t)data)();
		return 0;
	case 's':
		return (int)deep(1 << 20);
	case 'i':
		__asm__ volatile("ud2");
		return 0;
	case 'd':
		__asm__ volatile("divl %0" : : "m"(zero) : "rax", "rdx");
		return 0;
	case 'b':
		__asm__ volatile("int3");
		return 0;
	case 'g': /* privileged */
		__asm__ volatile("hlt");
		return 0;
	case 'c': /* an address that none can be */
		return *(volatile int *)(0x8000000000000000ull + (unsigned)zero);
	case 'o': /* of the stack of a thread that is not the first */
		MUST(twz_rt_thread_start(overflows, (void *)(1 << 20), "deep", &thread));
		MUST(twz_rt_thread_wait(thread, ~0ull, &status));
		return status;
	case 'w':
		twz_rt_wait(&(uint32_t){0}, 0, ~0ull);
		return 0;
	case 'l':
		for (;;)
			;
	}
	return how[0] - '0';
}

static void ends(void)
{
	check(run("end", "7", ~0ull) == 7, "a program's status is what main returned");
	check(run("end", "0", ~0ull) == 0, "and 0 is 0");
	check(run("end", "null", ~0ull) == 139, "a null pointer ends by signal 11");
	check(run("end", "pointer", ~0ull) == 139, "a pointer read outside of objects does too");
	check(run("end", "text", ~0ull) == 139, "a store to the text does too");
	check(run("end", "jump", ~0ull) == 139, "a jump into data does too");
	check(run("end", "stack", ~0ull) == 139, "a stack that is used up does too");
	check(run("end", "illegal", ~0ull) == 132, "an illegal instruction: signal 4");
	check(run("end", "divide", ~0ull) == 136, "a division by zero: signal 8");
	check(run("end", "break", ~0ull) == 133, "a breakpoint: signal 5");
	check(run("end", "general", ~0ull) == 139, "a privileged instruction: signal 11");
	check(run("end", "canonical", ~0ull) == 139, "an address that cannot be: signal 11");
	check(run("end", "wait", SECOND / 10) == 124, "what sleeps is ended when its time is over");
	check(run("end", "loop", SECOND / 10) == 124, "what runs is, too");
}

/* ---- faults --------------------------------------------------------------------------------------- */

static struct twz_fault seen;
static unsigned faults;
static struct twz_obj inner;

/* Gives the page back; clobbers vector registers; and touches what faults itself. */
static bool repair(const struct twz_fault *fault, void *arg)
{
	seen = *fault;
	faults++;
	__asm__ volatile("vpxor %%ymm0, %%ymm0, %%ymm0\n\tvpxor %%ymm7, %%ymm7, %%ymm7" ::
				 : "memory");
	if (faults == 1 && inner.base)
		*(volatile uint8_t *)twz_obj_data(&inner) = 1;
	if (fault->object.lo == inner.id.lo)
		return !twz_rt_drop(inner.id, TWZ_OBJ_DATA / TWZ_PAGE, 1);
	return !twz_rt_drop(*(const struct twz_id *)arg, TWZ_OBJ_DATA / TWZ_PAGE, 1);
}

static struct twz_obj guarded(void)
{
	struct twz_obj obj;

	MUST(twz_obj_new(&(struct twz_new){.ending = true}, &obj));
	MUST(twz_rt_limit(obj.id, TWZ_OBJ_DATA / TWZ_PAGE, 1, TWZ_WRITE));
	return obj;
}

static void handlers(void)
{
	struct twz_obj obj = guarded();
	uint64_t before[4] = {1, 2, 3, 4}, after[4];
	uint8_t *data = twz_obj_data(&obj);

	inner = guarded();
	twz_rt_on_fault(repair, &obj.id);
	__asm__ volatile("vmovdqu %1, %%ymm7\n\t"
			 "movb $5, (%2)\n\t"
			 "vmovdqu %%ymm7, %0"
			 : "=m"(after)
			 : "m"(before), "r"(data)
			 : "xmm7", "memory");
	twz_rt_on_fault(NULL, NULL);
	check(faults == 2, "a handler can fault itself, and is asked for that too");
	check(seen.kind == TWZ_FAULT_RIGHT && seen.error == TWZ_E_RIGHT,
	      "a limit is a fault of right");
	check(seen.access == TWZ_VIEW_WRITE && seen.offset == TWZ_OBJ_DATA,
	      "it says what was wanted");
	check(*data == 5, "the instruction is tried again");
	check(!memcmp(before, after, sizeof(before)), "the vector registers are as before");
	MUST(twz_obj_delete(obj.id));
	MUST(twz_obj_delete(inner.id));
}

static void probes(void)
{
	struct twz_obj obj = guarded();
	struct twz_tx tx;

	twz_tx_begin(&tx);
	check(!twz_tx_write(&tx, twz_obj_data(&obj), 8), "what cannot be written cannot be staged");
	check(twz_tx_commit(&tx) == TWZ_E_RIGHT, "the transaction says why");
	MUST(twz_obj_delete(obj.id));
}

/* ---- waiting, locks ------------------------------------------------------------------------------- */

static int role_wake(const char *id_text)
{
	struct twz_obj obj;
	uint32_t *word;
	struct twz_id id;

	MUST(twz_id_parse(id_text, &id));
	MUST(twz_obj_open(id, &obj));
	word = twz_obj_data(&obj);
	__atomic_store_n(word, 1, __ATOMIC_RELEASE);
	twz_rt_wake(word, 1);
	return twz_rt_wait(word, 1, SECOND / 50) == TWZ_E_TIMEOUT ? 0 : 1;
}

/* Ends in the middle of a transaction. */
static int role_lock(const char *id_text)
{
	struct twz_obj obj;
	struct twz_tx tx;
	struct twz_id id;

	MUST(twz_id_parse(id_text, &id));
	MUST(twz_obj_open(id, &obj));
	twz_tx_begin(&tx);
	MUST(twz_tx_set(&tx, twz_obj_data(&obj), 77));
	return 0;
}

/* Ends between its stores in place and the mark that they are done. */
static int role_storing(const char *id_text)
{
	struct twz_obj obj;
	struct twz_tx tx;
	struct twz_id id;

	MUST(twz_id_parse(id_text, &id));
	MUST(twz_obj_open(id, &obj));
	twz_tx_begin(&tx);
	MUST(twz_tx_set(&tx, twz_obj_data(&obj), 79));
	MUST(twz_tx_commit(&tx));
	twz_tx_begin(&tx);
	MUST(twz_tx_add(&tx, obj.base));
	obj_meta(obj.base)->log.retired--;
	return 0;
}

static void waiting(void)
{
	uint64_t start = twz_rt_time_ns();
	char text[TWZ_ID_TEXT];
	struct twz_obj obj;
	uint32_t word = 3;

	check(twz_rt_wait(&word, 3, SECOND / 20) == TWZ_E_TIMEOUT, "waiting ends with its time");
	check(twz_rt_time_ns() - start >= SECOND / 20, "and not before");
	check(!twz_rt_wait(&word, 4, ~0ull), "there is nothing to wait for when the value differs");
	check(twz_rt_wake(&word, 5) == 0, "nobody waits there");
	MUST(twz_obj_new(&(struct twz_new){.ending = true}, &obj));
	twz_id_text(obj.id, text);
	check(run("wake", text, ~0ull) == 0, "a word in an object is one word for all programs");
	check(*(uint32_t *)twz_obj_data(&obj) == 1, "what another stored is there");
	MUST(twz_obj_delete(obj.id));
}

static void dead_owners(void)
{
	char text[TWZ_ID_TEXT];
	struct twz_obj obj;
	struct twz_tx tx;

	MUST(twz_obj_new(&(struct twz_new){.ending = true, .bytes = 8}, &obj));
	twz_id_text(obj.id, text);
	check(run("lock", text, ~0ull) == 0, "a program can end within a transaction");
	check(obj_meta(obj.base)->log.lock != 0, "which leaves its lock");
	twz_tx_begin(&tx);
	MUST(twz_tx_set(&tx, (uint64_t *)twz_obj_data(&obj) + 1, 78));
	check(!twz_tx_commit(&tx), "the next one settles the object");
	check(*(uint64_t *)twz_obj_data(&obj) == 0, "the dead one's change is nowhere");
	check(((uint64_t *)twz_obj_data(&obj))[1] == 78, "the other's is there");
	MUST(twz_obj_delete(obj.id));
}

static void dead_writers(void)
{
	char text[TWZ_ID_TEXT];
	uint64_t version, word;
	struct twz_obj obj;

	MUST(twz_obj_new(&(struct twz_new){.ending = true, .bytes = 8}, &obj));
	twz_id_text(obj.id, text);
	check(run("storing", text, ~0ull) == 0, "a program can end while it stores in place");
	check(obj_meta(obj.base)->log.storing > obj_meta(obj.base)->log.retired,
	      "as its head says");
	do {
		version = twz_read_begin(obj.base);
		word = twz_read_word(twz_obj_data(&obj));
	} while (twz_read_again(obj.base, version));
	check(!twz_read_error(version) && word == 79, "who reads settles the object, and goes on");
	check(!obj_meta(obj.base)->log.lock, "which is free then");
	MUST(twz_obj_delete(obj.id));
}

static uint64_t pages_of(const struct twz_obj *obj)
{
	struct twz_rt_stat stat;

	MUST(twz_obj_stat(obj->id, &stat));
	return stat.npages;
}

static void heaps(void)
{
	const uint64_t bytes = 1 << 20;
	struct twz_obj obj;
	uint64_t before;
	void *block;

	for (int temporary = 0; temporary < 2; temporary++) {
		MUST(twz_obj_new(&(struct twz_new){.ending = !temporary,
						   .temporary = temporary,
						   .heap = true},
				 &obj));
		before = pages_of(&obj);
		MUST(heap_alloc(NULL, bytes, twz_heap_root(&obj), &block));
		memset(block, 1, bytes);
		MUST(heap_free(NULL, twz_heap_root(&obj)));
		check(pages_of(&obj) >= before + bytes / TWZ_PAGE, "freed blocks keep their pages");
		MUST(twz_heap_trim(&obj));
		check(pages_of(&obj) < before + 8, "a heap that is trimmed gives them back");
		MUST(heap_alloc(NULL, bytes, twz_heap_root(&obj), &block));
		memset(block, 2, bytes);
		MUST(twz_obj_delete(obj.id));
	}
}

/* ---- memory --------------------------------------------------------------------------------------- */

static int role_volatile(const char *arg)
{
	const struct twz_rt_new new = {.perms = TWZ_READ | TWZ_WRITE | TWZ_DELETE,
				       .flags = TWZ_NEW_VOLATILE,
				       .npages = 4,
				       .page = TWZ_OBJ_DATA / TWZ_PAGE};
	struct twz_obj obj;
	struct twz_id id;

	(void)arg;
	MUST(twz_rt_create(&new, &id));
	MUST(twz_obj_open(id, &obj));
	memset(twz_obj_data(&obj), 1, 4 * TWZ_PAGE);
	check(twz_rt_keep(id) == TWZ_E_TYPE, "what is volatile cannot be kept");
	return failed != 0;
}

static void some_programs(struct twz_rt_memory *memory, struct twz_rt_usage *store)
{
	for (unsigned i = 0; i < 5; i++) {
		check(!run("volatile", "", ~0ull), "a program has memory of its own");
		check(run("end", "null", ~0ull) == 139, "it ends");
	}
	MUST(twz_rt_memory(memory));
	MUST(twz_rt_usage(store));
}

static void nothing_is_left(void)
{
	struct twz_rt_memory before, after;
	struct twz_rt_usage store_before, store_after;

	some_programs(&before, &store_before); /* this program's own pages are made then */
	some_programs(&after, &store_after);
	check(after.used == before.used, "programs that ended leave no frame");
	check(after.objects == before.objects && after.views == before.views &&
		      after.threads == before.threads,
	      "and no object, view or thread");
	check(store_after.objects == store_before.objects && store_after.used == store_before.used,
	      "and nothing in the store");
}

static int role_arguments(const char *arg)
{
	return strlen(arg) == 60000 && strspn(arg, "x") == 60000 ? 0 : 1;
}

static void programs(void)
{
	static char text[1 << 21];
	const char *argv[] = {"runtime", "arguments", text, NULL};
	int status;

	memset(text, 'x', 60000);
	check(run("arguments", text, ~0ull) == 0, "arguments of 60,000 bytes arrive");
	memset(text, 'x', sizeof(text) - 1);
	check(twz_run(argv, ~0ull, &status) == TWZ_E_LIMIT, "of 2 MiB they are refused");
	argv[0] = "nobody";
	check(twz_run(argv, ~0ull, &status) == TWZ_E_NOTFOUND, "an unknown program is not found");
	check(twz_store_open("x") == TWZ_E_ABSENT, "the machine has its store");
	check(twz_store_make("x", 1ull << 30) == TWZ_E_ABSENT, "and makes no other");
}

/* ---- lifetimes ------------------------------------------------------------------------------------ */

static bool there(struct twz_id id)
{
	struct twz_rt_stat stat;
	int error = twz_obj_stat(id, &stat);

	if (error != TWZ_E_NOTFOUND)
		MUST(error);
	return !error;
}

/* What goes in the background takes its time; so long only if it hangs. */
static bool goes(struct twz_id id)
{
	const uint64_t end = twz_rt_time_ns() + PATIENCE;

	while (there(id) && twz_rt_time_ns() < end)
		twz_rt_wait(&(uint32_t){0}, 0, SECOND / 100);
	return !there(id);
}

static uint32_t tie_of(struct twz_id object, struct twz_id to)
{
	struct twz_rt_tie tie = {{0, 0}, 0, 0};
	int error;

	while (!(error = twz_ties(object, &tie)))
		if (!tie.in && twz_id_equal(tie.other, to))
			return tie.kinds;
	check(error == TWZ_E_NOTFOUND, "a walk of ties has an end");
	return 0;
}

static struct twz_obj make(struct twz_new what)
{
	struct twz_obj obj;

	what.bytes = TWZ_PAGE;
	MUST(twz_obj_new(&what, &obj));
	return obj;
}

/* Makes what is to end with it, and says in the object `arg` what. */
static int role_temporary(const char *arg)
{
	struct twz_id id, self, *note;
	struct twz_obj obj;

	MUST(twz_id_parse(arg, &id));
	MUST(twz_obj_open(id, &obj));
	note = twz_obj_data(&obj);
	MUST(twz_rt_self(&self));
	note[0] = make((struct twz_new){.temporary = true}).id;
	note[1] = make((struct twz_new){.tie = self, .tie_flags = TWZ_TIE_ENDING}).id;
	note[2] = make((struct twz_new){.ending = true, .tie = note[0]}).id;
	check(tie_of(note[0], self) == TWZ_TIE_SCOPED, "what is temporary is tied to its thread");
	check(tie_of(note[1], self) == TWZ_TIE_PLAIN, "and what was asked for");
	return failed ? 1 : role_end("null");
}

static void temporary(void)
{
	struct twz_obj obj = make((struct twz_new){.temporary = true}), noted;
	struct twz_id self, *note;
	char text[TWZ_ID_TEXT];

	MUST(twz_rt_self(&self));
	check(tie_of(obj.id, self) == TWZ_TIE_SCOPED, "the thread that it is tied to");
	MUST(twz_obj_delete(obj.id));
	check(!there(obj.id), "what is temporary can be deleted");
	MUST(twz_obj_recycle(&obj));
	noted = make((struct twz_new){.ending = true});
	note = twz_obj_data(&noted);
	twz_id_text(noted.id, text);
	check(run("temporary", text, ~0ull) == 139, "a program with temporary objects crashes");
	for (unsigned i = 0; i < 3; i++)
		check(goes(note[i]), "which go with it");
	MUST(twz_obj_delete(noted.id));
	MUST(twz_obj_recycle(&noted));
}

static void ties(void)
{
	struct twz_obj a = make((struct twz_new){.heap = false}), ending, b;
	const struct twz_rt_new odd[] = {{.flags = 16},
					 {.flags = TWZ_NEW_TIE_ENDING},
					 {.flags = TWZ_NEW_TIED},
					 {.flags = TWZ_NEW_TIED, .tie = {1, 2}}};
	struct twz_id id;

	for (unsigned i = 0; i < sizeof(odd) / sizeof(odd[0]); i++)
		check(twz_rt_create(&odd[i], &id) < 0, "odd flags are refused");
	b = make((struct twz_new){.tie = a.id});
	check(tie_of(b.id, a.id) == TWZ_TIE_PLAIN, "a tie is made with the object");
	MUST(twz_obj_delete(b.id));
	check(tie_of(b.id, a.id) == (TWZ_TIE_PLAIN | TWZ_TIE_MARKED), "it is marked, and stays");
	MUST(twz_untie(b.id, a.id, 0));
	check(!there(b.id), "until it is untied");
	MUST(twz_obj_recycle(&b));
	ending = make((struct twz_new){.ending = true});
	check(twz_tie(a.id, ending.id, 0) == TWZ_E_ARG, "what lasts to what ends");
	MUST(twz_tie(a.id, ending.id, TWZ_TIE_ENDING));
	MUST(twz_obj_delete(ending.id));
	MUST(twz_obj_recycle(&ending));
	check(goes(a.id), "by name");
	MUST(twz_obj_recycle(&a));
}

static void holds(void)
{
	struct twz_obj holder = make((struct twz_new){.heap = false});
	struct twz_obj held = make((struct twz_new){.heap = false});
	twz_ptr(uint64_t) *pointer = twz_obj_data(&holder);

	MUST(twz_set(pointer, (uint64_t *)twz_obj_data(&held)));
	MUST(twz_hold(pointer));
	check(tie_of(held.id, holder.id) == TWZ_TIE_HOLD, "a pointer holds");
	MUST(twz_obj_delete(held.id));
	*twz_get(pointer) = 5;
	check(there(held.id), "what was deleted");
	MUST(twz_unhold(pointer));
	check(!there(held.id), "until it does not any more");
	check(twz_unhold(pointer) == TWZ_E_NOTFOUND, "which it did once");
	MUST(twz_obj_delete(holder.id));
	MUST(twz_obj_recycle(&held));
	MUST(twz_obj_recycle(&holder));
}

/* ---- registered views ----------------------------------------------------------------------------- */

#define NAME "runtime-registered"

struct kept {
	twz_ptr(uint64_t) other; /* in another object */
	uint64_t boots;
};

/* At each boot: finds all as it was, at the same address; counts. */
static void again(uint64_t arg)
{
	struct kept *kept = (struct kept *)arg;
	uint64_t *other = twz_get(&kept->other);
	struct twz_obj obj;
	struct twz_tx tx;

	check(*other == 42, "a pointer into another object leads there");
	MUST(twz_name_open(NAME, &obj));
	check(twz_obj_data(&obj) == kept, "what was mapped is where it was");
	twz_tx_begin(&tx);
	twz_tx_set(&tx, &kept->boots, kept->boots + 1);
	MUST(twz_tx_commit(&tx));
	twz_warn("runtime: brought back, boot %llu, %u failed\n", (unsigned long long)kept->boots,
		 failed);
	if (kept->boots == 3)
		MUST(twz_rt_unregister());
}

static int role_register(const char *arg)
{
	struct twz_obj first, second;
	struct kept *kept;

	(void)arg;
	MUST(twz_obj_new(&(struct twz_new){.bytes = sizeof(*kept)}, &first));
	MUST(twz_obj_new(&(struct twz_new){.bytes = 8}, &second));
	kept = twz_obj_data(&first);
	*(uint64_t *)twz_obj_data(&second) = 42;
	twz_persist(twz_obj_data(&second), 8);
	MUST(twz_set(&kept->other, (uint64_t *)twz_obj_data(&second)));
	twz_persist(kept, sizeof(*kept));
	MUST(twz_name_bind(NAME, first.id, 0));
	MUST(twz_rt_register(again, 0));
	MUST(twz_rt_register(again, (uint64_t)kept));
	*(volatile uint64_t *)twz_obj_data(&second) = 42; /* all is there still */
	check(*twz_get(&kept->other) == 42, "after a become all is as before");
	return failed != 0;
}

static int role_lives(const char *boots)
{
	const uint64_t end = twz_rt_time_ns() + PATIENCE;
	const volatile uint64_t *kept;
	struct twz_obj obj;
	struct twz_id id = {0, 0};
	int error;

	MUST(twz_name_open(NAME, &obj));
	kept = &((struct kept *)twz_obj_data(&obj))->boots;
	while (*kept != (uint64_t)(boots[0] - '0') && twz_rt_time_ns() < end)
		twz_rt_wait(&(uint32_t){0}, 0, SECOND / 100); /* it is brought back meanwhile */
	check(*kept == (uint64_t)(boots[0] - '0'), "boots");
	error = twz_rt_view_next(&id);
	check(error == (boots[0] < '3' ? 0 : TWZ_E_NOTFOUND),
	      "a view is registered while it should");
	return failed != 0;
}

/* ---- */

static void random_numbers(void)
{
	uint8_t a[5000], b[5000];

	twz_rt_random(a, sizeof(a));
	twz_rt_random(b, sizeof(b));
	check(memcmp(a, b, sizeof(a)) != 0, "random numbers differ");
	check(memcmp(a, a + 2500, 2500) != 0, "and do not repeat");
}

static int all(const char *only)
{
	static const struct {
		const char *name;
		void (*run)(void);
	} parts[] = {{"ends", ends},
		     {"handlers", handlers},
		     {"probes", probes},
		     {"waiting", waiting},
		     {"dead-owners", dead_owners},
		     {"dead-writers", dead_writers},
		     {"heaps", heaps},
		     {"programs", programs},
		     {"temporary", temporary},
		     {"ties", ties},
		     {"holds", holds},
		     {"nothing-is-left", nothing_is_left},
		     {"random-numbers", random_numbers}};

	for (unsigned i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (!*only || !strcmp(parts[i].name, only))
			parts[i].run();
	twz_print("runtime: %u passed, %u failed\n", passed, failed);
	return failed != 0;
}

/* ROLE ARGUMENT; or nothing or `--report ID` (run/tests.c) for all tests; or `only` and one. */
int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(const char *arg);
	} roles[] = {{"end", role_end},
		     {"wake", role_wake},
		     {"lock", role_lock},
		     {"storing", role_storing},
		     {"volatile", role_volatile},
		     {"temporary", role_temporary},
		     {"arguments", role_arguments},
		     {"register", role_register},
		     {"lives", role_lives},
		     {"only", all}};

	for (unsigned i = 0; argc > 2 && i < sizeof(roles) / sizeof(roles[0]); i++)
		if (!strcmp(argv[1], roles[i].name))
			return roles[i].run(argv[2]);
	return all("");
}
