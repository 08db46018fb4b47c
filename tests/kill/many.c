/*
 * many.c - many processes work in one store and are killed, one after the other, at any instant and at any
 * instruction; the others go on, and find at every moment that nothing is lost.
 *
 *     many STORE KILLS SEED
 *
 * This process never has the store while others do. It starts workers, of which half open the store by themselves and
 * half are children of fork of one that did; kills one at a random instant, some operations further or while it still
 * opens the store, or after a random number of single steps; and starts another. When that is follows from what the
 * worker has done, not from a time, so that a slow machine kills at the same places. Now and then it kills all of
 * them, so that the next one mounts. What a worker finds wrong it says, and ends with 1. At the end all is looked at
 * once more. The last line says how it went.
 *
 * What must hold is the same for all:
 *   sums      the balances of all accounts in several objects, moved by transactions over two of them, are TOTAL
 *   lists     as long as they say; each node is whole; heaps are sound, and exactly what is reachable is used
 *   vectors   hold what belongs to each place
 *   maps      each key is in exactly one of the objects' maps, with the value that belongs to it
 *   names     lead to objects that are whole, or nowhere
 *   queue     each message is got once, of each producer in the order in which they were put; what was put is got,
 *             but for one message of each that was killed while it got one
 *   copies    are of one moment
 *   nobody waits for the dead, for whatever lock or page
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include "core/check.h"
#include "core/heap.h"
#include "core/map.h"
#include "rt/linux/lease.h"
#include "tests/home/moment.h"
#include "tests/home/sound.h"

#include <twz/map.h>
#include <twz/store.h>
#include <twz/vec.h>

#define BYTES (128ull << 20)
#define WORKERS 4
#define OBJECTS 3
#define ACCOUNTS 16
#define TOTAL 1000000
#define KEYS 300
#define NAMES 8
#define MESSAGES 4096    /* of a producer at most */
#define PRODUCERS 65536u /* workers, in the course of time */
#define PAGES 24         /* of the object that is copied */
#define TIMES(key) ((key)*2654435761u + 1)

struct node {
	twz_ptr(struct node) next;
	uint64_t value, twice;
};

/* The root block of each object. */
struct shared {
	uint64_t balance[ACCOUNTS];
	twz_ptr(struct node) list;
	uint64_t length;
	twz_map(uint64_t, uint64_t) map;
	twz_vec(uint64_t) vector;
};

struct message {
	uint64_t producer, number;
};

enum op {
	MOVES,
	PUSHES,
	POPS,
	MAPS,
	VECTORS,
	LOOKS_UP,
	TRIMS,
	NAMES_ONE,
	FOLLOWS,
	PUTS,
	GETS,
	STORES,
	COPIES,
	TEMPORARY,
	CHECKS,
	NOPS
};
static const char *const op_names[NOPS] = {"move",    "push",  "pop",  "map",       "vector",
					   "look up", "trim",  "name", "follow",    "put",
					   "get",     "store", "copy", "temporary", "check"};

/* What this process and the workers know of each other: memory that no kill takes. */
#define GONE (1u << 18) /* more than there are in a run */
static struct control {
	bool stop;
	uint64_t done[NOPS], killed[NOPS + 1];
	struct place {
		uint32_t op;   /* at work on it, plus 1 */
		uint32_t only; /* it is to do nothing else, plus 1; 0: anything */
		uint64_t done; /* operations */
		pid_t pid; /* of whoever works: not the one that was started, if that has forked */
	} place[WORKERS];
	uint64_t npushed;        /* producers' numbers given out */
	uint32_t put[PRODUCERS]; /* by producer: how many puts returned */
	uint8_t got[PRODUCERS][MESSAGES / 8];
	uint64_t total_got;
	uint64_t gone_ns[GONE]; /* since when a process is gone, by its number modulo GONE */
} * control;

static const char *path;
static pid_t main_pid;
static uint64_t seed;

static struct twz_obj object[OBJECTS], queue, source, holes;
static struct shared *shared[OBJECTS];
static struct place *place;
static uint64_t producer, number;

#define HOLDS(what, ...)                                                        \
	do {                                                                    \
		if (!(what)) {                                                  \
			fprintf(stderr, "%s:%d: not so: ", __FILE__, __LINE__); \
			fprintf(stderr, __VA_ARGS__);                           \
			fputc('\n', stderr);                                    \
			_exit(1);                                               \
		}                                                               \
	} while (0)

#define DONE(error, ...) HOLDS(!error, "%s: %s", #__VA_ARGS__, twz_error_name(error))

static uint64_t choose(uint64_t below)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return (seed >> 33) % below;
}

/* ---- the work --------------------------------------------------------------------------------------- */

/* Two objects in the order in which all lock. */
static void choose_two(unsigned *a, unsigned *b)
{
	*a = (unsigned)choose(OBJECTS - 1);
	*b = *a + 1 + (unsigned)choose(OBJECTS - 1 - *a);
}

static void begin_two(struct twz_tx *tx, unsigned a, unsigned b)
{
	twz_tx_begin(tx);
	twz_tx_add(tx, shared[a]);
	twz_tx_add(tx, shared[b]);
}

static void commit(struct twz_tx *tx)
{
	int error = twz_tx_commit(tx);

	DONE(error, commit);
}

static void move_amount(void)
{
	uint64_t i = choose(ACCOUNTS), j = choose(ACCOUNTS), amount = choose(100);
	struct twz_tx tx;
	unsigned a, b;

	choose_two(&a, &b);
	begin_two(&tx, a, b);
	twz_tx_set(&tx, &shared[a]->balance[i], shared[a]->balance[i] - amount);
	twz_tx_set(&tx, &shared[b]->balance[j], shared[b]->balance[j] + amount);
	commit(&tx);
}

static void push(void)
{
	struct shared *s = shared[choose(OBJECTS)];
	struct node *node = NULL;
	struct twz_tx tx;
	uint64_t old;
	int error;

	twz_tx_begin(&tx);
	twz_tx_add(&tx, s);
	old = s->list.raw;
	error = twz_alloc(&tx, &s->list, sizeof(*node), &node);
	if (!error) {
		node->next.raw = old;
		node->value = seed;
		node->twice = 2 * node->value;
		twz_tx_fresh(&tx, node, sizeof(*node));
		twz_tx_set(&tx, &s->length, s->length + 1);
	}
	commit(&tx);
}

static void pop(void)
{
	struct shared *s = shared[choose(OBJECTS)];
	struct node *node;
	struct twz_tx tx;

	twz_tx_begin(&tx);
	twz_tx_add(&tx, s);
	node = twz_get(&s->list);
	if (node) {
		heap_free(&tx, &s->list.raw);
		twz_tx_set(&tx, &s->list.raw, node->next.raw);
		twz_tx_set(&tx, &s->length, s->length - 1);
	}
	commit(&tx);
}

/* An entry goes from one object's map to another's. */
static void move_entry(void)
{
	uint64_t key = choose(KEYS), value = 0;
	struct twz_tx tx;
	unsigned a, b;

	choose_two(&a, &b);
	begin_two(&tx, a, b);
	if (choose(2)) {
		unsigned swap = a;

		a = b;
		b = swap;
	}
	if (!twz_map_get_tx(&tx, &shared[a]->map, key, &value)) {
		HOLDS(value == TIMES(key), "key %lu has %lu", key, value);
		twz_map_remove(&tx, &shared[a]->map, key);
		twz_map_put(&tx, &shared[b]->map, key, value);
	}
	commit(&tx);
}

/* Element i is TIMES(i). */
static void change_vector(void)
{
	struct shared *s = shared[choose(OBJECTS)];
	struct twz_tx tx;
	uint64_t count, last = 0;

	twz_tx_begin(&tx);
	twz_tx_add(&tx, s);
	count = twz_vec_count_tx(&tx, &s->vector);
	if (choose(500) >= count)
		twz_vec_push(&tx, &s->vector, TIMES(count));
	else if (!twz_vec_pop(&tx, &s->vector, &last))
		HOLDS(last == TIMES(count - 1), "element %lu is %lu", count - 1, last);
	commit(&tx);
}

static void trim(void)
{
	int error = twz_heap_trim(&object[choose(OBJECTS)]);

	HOLDS(!error || error == TWZ_E_BUSY, "trim: %s", twz_error_name(error));
}

/* Beside all others, without a lock. */
static void look_up(void)
{
	struct shared *s = shared[choose(OBJECTS)];
	uint64_t key, value, last = 0, n = 0;
	struct twz_map_cursor c;

	for (unsigned i = 0; i < 20; i++) {
		int error = twz_map_get(&s->map, choose(KEYS), &value);

		HOLDS(!error || error == TWZ_E_NOTFOUND, "look up: %s", twz_error_name(error));
	}
	twz_map_each(&s->map, &c, &key, &value)
	{
		HOLDS(key < KEYS && value == TIMES(key), "entry %lu: %lu", key, value);
		HOLDS(!n++ || key > last, "%lu behind %lu", key, last);
		last = key;
	}
	HOLDS(c.error == TWZ_E_NOTFOUND, "entries: %s", twz_error_name(c.error));
	n = choose(500);
	if (!twz_vec_get(&s->vector, n, &value))
		HOLDS(value == TIMES(n), "element %lu: %lu", n, value);
}

static void name_one(void)
{
	char name[16];
	struct twz_obj obj;
	int error = 0;

	snprintf(name, sizeof(name), "n%u", (unsigned)choose(NAMES));
	switch (choose(3)) {
	case 0:
		error = twz_obj_new(&(struct twz_new){.ending = true, .bytes = 4096}, &obj);
		DONE(error, new);
		*(uint64_t *)twz_obj_data(&obj) = obj.id.lo;
		twz_persist(twz_obj_data(&obj), 8);
		error = twz_name_publish(name, obj.id, TWZ_NAME_REPLACE | TWZ_NAME_DELETE);
		if (error)
			twz_obj_delete(obj.id);
		twz_obj_recycle(&obj);
		break;
	case 1:
		error = twz_name_unbind(name, TWZ_NAME_DELETE);
		break;
	default:
		error = twz_name_rename(name, "renamed", TWZ_NAME_REPLACE | TWZ_NAME_DELETE);
	}
	HOLDS(!error || error == TWZ_E_NOTFOUND || error == TWZ_E_BUSY, "name: %s",
	      twz_error_name(error));
}

/* What a name leads to is whole; or it is gone, at any moment. */
static void follow(void)
{
	volatile uint64_t is = 0;
	struct twz_obj obj;
	char name[16];
	int error;

	snprintf(name, sizeof(name), "n%u", (unsigned)choose(NAMES));
	error = twz_name_open(name, &obj);
	HOLDS(!error || error == TWZ_E_NOTFOUND, "follow: %s", twz_error_name(error));
	if (error)
		return;
	if (CATCH(is = load(twz_obj_data(&obj))))
		HOLDS(caught.kind == TWZ_FAULT_OBJECT, "follow: a fault %u", caught.kind);
	else
		HOLDS(is == obj.id.lo, "the object has %lx", is);
	twz_obj_recycle(&obj);
}

static void put_one(void)
{
	struct message message = {producer, number};
	int error;

	if (number == MESSAGES)
		return;
	error = twz_queue_put(&queue, &message, sizeof(message), 2 * 1000 * 1000);
	HOLDS(!error || error == TWZ_E_TIMEOUT, "put: %s", twz_error_name(error));
	if (!error)
		control->put[producer] = (uint32_t)++number;
}

static void take_note(const struct message *message, uint64_t *last)
{
	uint64_t p = message->producer, n = message->number;
	uint8_t bit = (uint8_t)(1u << n % 8);

	HOLDS(p < control->npushed && n < MESSAGES, "message %lu of %lu", n, p);
	HOLDS(!last || last[p] <= n, "of producer %lu message %lu comes behind %lu", p, n,
	      last[p] - 1);
	HOLDS(!(__atomic_fetch_or(&control->got[p][n / 8], bit, __ATOMIC_RELAXED) & bit),
	      "message %lu of producer %lu was got twice", n, p);
	if (last)
		last[p] = n + 1;
	__atomic_fetch_add(&control->total_got, 1, __ATOMIC_RELAXED);
}

static void get_one(void)
{
	static uint64_t last[PRODUCERS];
	struct message message;
	int64_t n = twz_queue_get(&queue, &message, sizeof(message), 2 * 1000 * 1000);

	HOLDS(n == sizeof(message) || n == TWZ_E_TIMEOUT, "get: %s", twz_error_name((int)n));
	if (n > 0)
		take_note(&message, last);
}

/* Touches of holes, and pages given back. */
static void store_somewhere(void)
{
	uint64_t page = (64ull << 20) / TWZ_PAGE + choose(64) * 3;
	uint64_t *at = (uint64_t *)(holes.base + page * TWZ_PAGE);
	int error = 0;

	if (choose(4)) {
		put(at, page);
		HOLDS(load(at) == page || !load(at), "page %lu has %lu", page, load(at));
	} else {
		error = twz_rt_drop(holes.id, page, choose(8) + 1);
	}
	HOLDS(!error || error == TWZ_E_BUSY, "drop: %s", twz_error_name(error));
}

/* One word in each of the pages, all the same. */
static void write_source(void)
{
	uint64_t *word = twz_obj_data(&source), next;
	struct twz_tx tx;

	twz_tx_begin(&tx);
	twz_tx_add(&tx, word);
	next = *word + 1;
	for (unsigned i = 0; i < PAGES; i++)
		twz_tx_set(&tx, word + i * TWZ_PAGE / 8, next);
	commit(&tx);
}

static void copy_source(void)
{
	struct twz_obj copy;
	struct twz_id id;
	uint64_t *word;
	int error;

	if (choose(2)) {
		write_source();
		return;
	}
	error = twz_obj_copy(source.id, true, &id);
	HOLDS(!error || error == TWZ_E_BUSY || error == TWZ_E_TIMEOUT, "copy: %s",
	      twz_error_name(error));
	if (error)
		return;
	error = twz_obj_open(id, &copy);
	DONE(error, open);
	word = twz_obj_data(&copy);
	for (unsigned i = 1; i < PAGES; i++)
		HOLDS(word[i * TWZ_PAGE / 8] == *word, "page %u of a copy has %lu, not %lu", i,
		      word[i * TWZ_PAGE / 8], *word);
	put(word, 0); /* a page of its own */
	error = twz_obj_delete(id);
	DONE(error, delete);
	twz_obj_recycle(&copy);
}

/* Gone with this process, however that ends. */
static void temporary(void)
{
	struct twz_obj obj;
	int error = twz_obj_new(&(struct twz_new){.temporary = true, .bytes = 4096}, &obj);

	DONE(error, temporary);
	put(twz_obj_data(&obj), 1);
	if (choose(2))
		twz_obj_delete(obj.id);
	twz_obj_recycle(&obj);
}

/* ---- what must hold --------------------------------------------------------------------------------- */

static uint64_t heap_bytes(const void *payload)
{
	return heap_size(payload) + sizeof(struct twz_block_head);
}

/* In a transaction that has them all. */
static void check_object(const struct shared *s, uint64_t *total, uint64_t *entries)
{
	uint64_t length = 0, where = 0, used = 0, reached = heap_bytes(s), bytes = 0;
	const struct node *node = twz_get(&s->list);
	int error;

	for (unsigned i = 0; i < ACCOUNTS; i++)
		*total += s->balance[i];
	for (; node; node = twz_get(&node->next), length++) {
		HOLDS(node->twice == 2 * node->value, "a node is torn");
		reached += heap_bytes(node);
	}
	HOLDS(length == s->length, "%lu nodes, not %lu", length, s->length);
	error = heap_check(s, &where);
	HOLDS(!error, "the heap at 0x%lx: %s", where, twz_error_name(error));
	error = twz_map_check_all(&s->map.map, &where, &bytes);
	HOLDS(!error, "the map at 0x%lx: %s", where, twz_error_name(error));
	reached += bytes;
	error = twz_vec_check(&s->vector, &where, &bytes);
	HOLDS(!error, "the vector at 0x%lx: %s", where, twz_error_name(error));
	error = heap_used(s, &used);
	HOLDS(!error && used == reached + bytes, "%lu bytes of the heap are used, %lu reached",
	      used, reached + bytes);
	*entries += twz_map_count(&s->map);
}

static void check_all(void)
{
	uint64_t total = 0, entries = 0;
	struct twz_tx tx;

	twz_tx_begin(&tx);
	for (unsigned i = 0; i < OBJECTS; i++)
		twz_tx_add(&tx, shared[i]);
	DONE(tx.error, locks of all);
	for (unsigned i = 0; i < OBJECTS; i++)
		check_object(shared[i], &total, &entries);
	HOLDS(total == TOTAL, "the sum is %lu", total);
	HOLDS(entries == KEYS, "%lu entries", entries);
	for (uint64_t key = 0; key < KEYS; key++) {
		unsigned n = 0;

		for (unsigned i = 0; i < OBJECTS; i++)
			n += twz_map_has(&shared[i]->map, key);
		HOLDS(n == 1, "key %lu is in %u maps", key, n);
	}
	twz_tx_abort(&tx);
}

/* ---- a worker ---------------------------------------------------------------------------------------- */

static const struct {
	void (*run)(void);
	unsigned share;
} work[NOPS] = {
	[MOVES] = {move_amount, 6},
	[PUSHES] = {push, 4},
	[POPS] = {pop, 4},
	[MAPS] = {move_entry, 6},
	[VECTORS] = {change_vector, 4},
	[LOOKS_UP] = {look_up, 2},
	[TRIMS] = {trim, 1},
	[NAMES_ONE] = {name_one, 3},
	[FOLLOWS] = {follow, 2},
	[PUTS] = {put_one, 6},
	[GETS] = {get_one, 6},
	[STORES] = {store_somewhere, 2},
	[COPIES] = {copy_source, 2},
	[TEMPORARY] = {temporary, 1},
	[CHECKS] = {check_all, 1},
};

static void open_all(void)
{
	char name[32];
	int error;

	for (unsigned i = 0; i < OBJECTS; i++) {
		snprintf(name, sizeof(name), "object%u", i);
		error = twz_name_open(name, &object[i]);
		DONE(error, open an object);
		shared[i] = twz_ptr_get(twz_heap_root(&object[i]));
	}
	error = twz_name_open("queue", &queue);
	if (!error)
		error = twz_name_open("source", &source);
	if (!error)
		error = twz_name_open("holes", &holes);
	DONE(error, open the rest);
}

static void open_store(void)
{
	int error = twz_store_open(path);

	HOLDS(!error, "%s", twz_store_error_text(error));
}

static unsigned choose_op(void)
{
	unsigned all = 0, op = 0;

	for (unsigned i = 0; i < NOPS; i++)
		all += work[i].share;
	for (uint64_t left = choose(all); left >= work[op].share; op++)
		left -= work[op].share;
	return op;
}

/* Who gave up waiting for another process (lease.h) had looked whether that lives. A second is for this test itself. */
static void nobody_waited_for_the_dead(void)
{
	static pid_t known;
	pid_t pid = lease_late();
	uint64_t since = control->gone_ns[(uint32_t)pid % GONE];

	HOLDS(pid == known || !since || now_ns() - since < 1000000000,
	      "a change waited for process %d, which was dead", (int)pid);
	known = pid;
}

static void work_once(void)
{
	unsigned op = __atomic_load_n(&place->only, __ATOMIC_RELAXED);

	op = op ? op - 1 : choose_op();
	__atomic_store_n(&place->op, op + 1, __ATOMIC_RELAXED);
	work[op].run();
	__atomic_store_n(&place->op, 0, __ATOMIC_RELAXED);
	__atomic_add_fetch(&place->done, 1, __ATOMIC_RELAXED);
	nobody_waited_for_the_dead();
	__atomic_fetch_add(&control->done[op], 1, __ATOMIC_RELAXED);
}

/* The parent may have ended before that. */
static void end_with(pid_t parent)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) || getppid() != parent)
		_exit(1);
}

/* `forked`: it is a child of one that has the store, and ends with that. */
static _Noreturn void be_worker(unsigned n, uint64_t start, bool forked)
{
	pid_t parent = getpid(), pid;
	int status;

	end_with(main_pid);
	place = &control->place[n];
	seed = start;
	open_store();
	if (forked) {
		open_all(); /* so that the child has mappings to lose */
		check_all();
		pid = fork();
		HOLDS(pid >= 0, "fork: %s", strerror(errno));
		if (pid) {
			HOLDS(waitpid(pid, &status, 0) == pid, "waitpid: %s", strerror(errno));
			if (WIFSIGNALED(status))
				kill(getpid(), WTERMSIG(status));
			_exit(WEXITSTATUS(status));
		}
		end_with(parent);
	}
	__atomic_store_n(&place->pid, getpid(), __ATOMIC_RELAXED);
	producer = __atomic_fetch_add(&control->npushed, 1, __ATOMIC_RELAXED);
	open_all();
	while (!__atomic_load_n(&control->stop, __ATOMIC_RELAXED))
		work_once();
	exit(0);
}

/* ---- the store, made and looked at in the end ------------------------------------------------------- */

static void make_object(unsigned i)
{
	char name[32];
	void *block;
	int error;

	snprintf(name, sizeof(name), "object%u", i);
	error = twz_obj_new(&(struct twz_new){.ending = true, .heap = true}, &object[i]);
	DONE(error, new);
	error = heap_alloc(NULL, sizeof(struct shared), twz_heap_root(&object[i]), &block);
	DONE(error, alloc);
	shared[i] = block;
	memset(block, 0, sizeof(struct shared));
	if (!i)
		shared[i]->balance[0] = TOTAL;
	twz_persist(block, sizeof(struct shared));
	for (uint64_t key = i; key < KEYS; key += OBJECTS) {
		error = twz_map_put(NULL, &shared[i]->map, key, TIMES(key));
		DONE(error, put);
	}
	error = twz_name_publish(name, object[i].id, 0);
	DONE(error, publish);
}

static void make_named(const char *name, uint64_t bytes, struct twz_obj *obj)
{
	int error = twz_obj_new(&(struct twz_new){.ending = true, .bytes = bytes}, obj);

	if (!error)
		error = twz_name_publish(name, obj->id, 0);
	DONE(error, make);
}

static _Noreturn void be_maker(void)
{
	int error = twz_store_make(path, BYTES);

	HOLDS(!error, "%s", twz_store_error_text(error));
	for (unsigned i = 0; i < OBJECTS; i++)
		make_object(i);
	make_named("source", PAGES * TWZ_PAGE, &source);
	make_named("holes", 0, &holes);
	make_named("queue", 0, &queue);
	error = twz_queue_make(&queue, 1024);
	DONE(error, queue);
	exit(0);
}

/* What was put and returned is got now, or was got; all but what the killed had in their hands. */
static void drain_queue(void)
{
	uint64_t lost = 0, killed = control->killed[GETS];
	struct message message;

	while (twz_queue_get(&queue, &message, sizeof(message), 0) > 0)
		take_note(&message, NULL);
	for (uint64_t p = 0; p < control->npushed; p++)
		for (uint32_t n = 0; n < control->put[p]; n++)
			lost += !(control->got[p][n / 8] & 1u << n % 8);
	HOLDS(lost <= killed, "%lu messages are lost, and %lu were killed while they got one", lost,
	      killed);
	printf("queue: %lu messages of %lu producers, %lu went with who got them\n",
	       control->total_got, control->npushed, lost);
}

static int count_name(const struct twz_name_entry *entry, void *arg)
{
	(void)entry;
	++*(uint64_t *)arg;
	return 0;
}

/* What the killed had, and what they were making or deleting, is gone: there is what has a name, and the root. */
static void nothing_is_left(void)
{
	struct twz_rt_usage usage;
	uint64_t names = 0;
	int error = twz_name_list("/", count_name, &names);

	DONE(error, list);
	home_lock();
	while ((error = store_drain(&home.store, 1000)) > 0)
		;
	home_unlock();
	DONE(error, drain);
	twz_rt_usage(&usage);
	HOLDS(usage.objects == names + 1, "%lu objects, %lu names", usage.objects, names);
}

static _Noreturn void be_last(void)
{
	place = &control->place[0];
	open_store();
	open_all();
	check_all();
	drain_queue();
	for (unsigned i = 0; i < 100; i++)
		follow();
	nothing_is_left();
	store_is_sound();
	exit(0);
}

/* ---- killing ------------------------------------------------------------------------------------------ */

static pid_t pids[WORKERS];

static void start(unsigned n)
{
	uint64_t s = seed ^ choose(~0u);
	bool forked = choose(2);

	fflush(stdout);
	pids[n] = fork();
	HOLDS(pids[n] >= 0, "fork: %s", strerror(errno));
	if (!pids[n])
		be_worker(n, s, forked);
}

static int run_alone(void (*role)(void))
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		end_with(main_pid);
		role();
	}
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

/* Has it stopped? Not if it sleeps in the host: that can be for long. */
static bool stopped(pid_t pid, int *status)
{
	bool asleep = false;

	for (unsigned i = 0;; i++) {
		pid_t found = waitpid(pid, status, WNOHANG);

		if (found)
			return found == pid && WIFSTOPPED(*status);
		if (asleep)
			return false;
		if (i > 100) {
			asleep = moment_of(pid, pid, NULL) == 'S';
			usleep(20);
		}
	}
}

/* Some instructions further, one by one, and there it ends. Signals go where they went. */
static void step_and_kill(unsigned n, unsigned steps)
{
	pid_t pid = __atomic_load_n(&control->place[n].pid, __ATOMIC_RELAXED);
	int status, signal;

	if (!pid || ptrace(PTRACE_SEIZE, pid, NULL, NULL))
		return;
	if (!ptrace(PTRACE_INTERRUPT, pid, NULL, NULL))
		while (stopped(pid, &status) && steps--) {
			signal = WSTOPSIG(status);
			if (signal == SIGTRAP || signal == SIGSTOP || status >> 16)
				signal = 0;
			if (ptrace(PTRACE_SINGLESTEP, pid, NULL, signal))
				break;
		}
	kill(pid, SIGKILL);
	if (pid != pids[n]) /* its parent hears of it when who traced it has */
		while (waitpid(pid, &status, 0) == pid && WIFSTOPPED(status))
			;
}

static void end_one(unsigned n)
{
	struct place *at = &control->place[n];
	pid_t pid = __atomic_load_n(&at->pid, __ATOMIC_RELAXED);
	int status;

	if (pid)
		kill(pid, SIGKILL);
	kill(pids[n], SIGKILL);
	do
		HOLDS(waitpid(pids[n], &status, 0) == pids[n], "waitpid: %s", strerror(errno));
	while (WIFSTOPPED(status));
	HOLDS(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "a worker ended with %x", status);
	await_gone(pid);
	control->gone_ns[(uint32_t)pid % GONE] = now_ns();
	control->killed[at->op ? at->op - 1 : NOPS]++;
	*at = (struct place){0};
}

static bool has_ended(pid_t pid)
{
	siginfo_t info = {0};

	return !waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) && info.si_pid == pid;
}

/* Until it has done so many operations more. One that ends by itself is found out by end_one. */
static void await_operations(unsigned n, uint64_t more)
{
	const uint64_t *done = &control->place[n].done;
	uint64_t end = __atomic_load_n(done, __ATOMIC_RELAXED) + more;

	while (__atomic_load_n(done, __ATOMIC_RELAXED) < end && !has_ended(pids[n]))
		usleep(20);
}

static void kill_many(uint64_t kills)
{
	uint64_t stepped = 0;

	for (unsigned n = 0; n < WORKERS; n++)
		start(n);
	for (uint64_t i = 0; i < kills;) {
		unsigned n = (unsigned)choose(WORKERS);

		/* Anywhere in it, with the same likelihood: nothing else is done meanwhile. */
		if (choose(6))
			control->place[n].only = 1 + (uint32_t)choose(NOPS);
		if (choose(4)) /* else it may still be opening the store */
			await_operations(n, choose(12));
		usleep((unsigned)choose(100));
		if (!choose(4)) {
			step_and_kill(n, (unsigned)choose(150));
			stepped++;
		}
		end_one(n);
		i++;
		if (!choose(60)) /* all of them: the next one mounts */
			for (unsigned m = 0; m < WORKERS; m++)
				if (m != n) {
					end_one(m);
					i++;
					start(m);
				}
		start(n);
	}
	control->stop = true;
	for (unsigned n = 0; n < WORKERS; n++) {
		int status;

		HOLDS(waitpid(pids[n], &status, 0) == pids[n] && !status, "a worker ended with %x",
		      status);
	}
	printf("%lu kills, %lu of them after single steps\n", kills, stepped);
}

int main(int argc, char **argv)
{
	uint64_t kills = argc == 4 ? strtoull(argv[2], NULL, 10) : 0;

	if (!kills || kills > PRODUCERS - 1000)
		return 2;
	path = argv[1];
	main_pid = getpid();
	seed = strtoull(argv[3], NULL, 10);
	control = mmap(NULL, sizeof(*control), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		       -1, 0);
	HOLDS(control != MAP_FAILED, "mmap: %s", strerror(errno));
	if (run_alone((void (*)(void))be_maker))
		return 1;
	kill_many(kills);
	if (run_alone((void (*)(void))be_last))
		return 1;
	for (unsigned i = 0; i < NOPS; i++) {
		printf("%-10s %7lu done, %5lu killed\n", op_names[i], control->done[i],
		       control->killed[i]);
		HOLDS(control->done[i], "nobody did: %s", op_names[i]);
	}
	printf("%lu killed in none of these\n", control->killed[NOPS]);
	return 0;
}
