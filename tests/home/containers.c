/*
 * containers.c - all containers, in two objects, and what must hold of them whenever a home ends.
 *
 *     containers make        makes the objects /shelf0 and /shelf1
 *     containers run SEED    one transaction after the other, until it is ended; says "at N." now and
 *                            then: all up to N is durable
 *     containers change N    some, which follow from N; ends
 *     containers check       the checkers, and: each key is in one of the maps, with its value; what
 *                            each shelf owns is what its heap has given out; says "count N" and a sum
 *                            of all content, which is the same in both homes
 */
#include "core/heap.h"
#include "core/sum.h"
#include "tests/home/both.h"

#define SHELVES 2
#define KEYS 400
#define ITEMS_MAX 300
#define NAMES 200
#define NAME_BYTES 64
#define SAY_EVERY 16

struct item {
	uint64_t number, twice, square;
};

/* The root block of each. */
struct shelf {
	uint64_t count;                  /* of the transactions, the same in both */
	twz_map(uint32_t, uint64_t) low; /* a key of all is in one shelf's */
	twz_map(int64_t, struct item) wide;
	twz_map_ptr(uint32_t, struct shelf) other; /* leads to the other shelf */
	twz_vec(struct item) items;
	twz_dict(struct item) named; /* each by the name of its number */
	struct twz_str said;         /* "count N" */
};

static struct shelf *shelf[SHELVES];
static uint64_t seed;

static uint64_t choose(uint64_t below)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return (seed >> 33) % below;
}

static const char *path(unsigned i)
{
	return i ? "/shelf1" : "/shelf0";
}

static struct item item_of(uint64_t number)
{
	return (struct item){number, 2 * number, number * number};
}

/* Short and long in turns; the long ones begin alike. */
static uint32_t name_of(uint64_t n, char name[static NAME_BYTES])
{
	return (uint32_t)twz_format(name, NAME_BYTES,
				    n % 2 ? "%llu" : "a name that begins like many others, %llu",
				    (unsigned long long)n);
}

static uint64_t value_of(uint32_t key)
{
	return key * 0x9e3779b97f4a7c15ull;
}

static void open_all(void)
{
	struct twz_obj obj;

	for (unsigned i = 0; i < SHELVES; i++) {
		NEED(twz_name_open(path(i), &obj));
		shelf[i] = twz_ptr_get(twz_heap_root(&obj));
	}
}

static void make(void)
{
	struct twz_obj obj[SHELVES];
	struct twz_tx tx;
	void *block;

	for (unsigned i = 0; i < SHELVES; i++) {
		NEED(twz_obj_new(&(struct twz_new){.ending = true, .heap = true}, &obj[i]));
		NEED(heap_alloc(NULL, sizeof(struct shelf), twz_heap_root(&obj[i]), &block));
		memset(block, 0, sizeof(struct shelf));
		twz_persist(block, sizeof(struct shelf));
		shelf[i] = block;
	}
	for (uint32_t key = 0; key < KEYS; key++)
		NEED(twz_map_put(NULL, &shelf[0]->low, key, value_of(key)));
	twz_tx_begin(&tx);
	for (unsigned i = 0; i < SHELVES; i++)
		NEED(twz_map_put_ptr(&tx, &shelf[i]->other, i, shelf[!i]));
	NEED(twz_tx_commit(&tx));
	for (unsigned i = 0; i < SHELVES; i++)
		NEED(twz_name_publish(path(i), obj[i].id, 0));
}

/* ---- the work ------------------------------------------------------------------------------------- */

/* Moves a key to the other shelf, if it is in this one. */
static int move(struct twz_tx *tx, struct shelf *from, struct shelf *to)
{
	uint32_t key = (uint32_t)choose(KEYS);
	uint64_t value;
	int error = twz_map_get_tx(tx, &from->low, key, &value);

	if (error)
		return error == TWZ_E_NOTFOUND ? 0 : error;
	error = twz_map_remove(tx, &from->low, key);
	return error ? error : twz_map_put(tx, &to->low, key, value);
}

static int put_wide(struct twz_tx *tx, struct shelf *s)
{
	int64_t key = (int64_t)choose(200) - 100;
	int error;

	if (choose(3))
		return twz_map_put(tx, &s->wide, key, item_of(choose(1000)));
	error = twz_map_remove(tx, &s->wide, key);
	return error == TWZ_E_NOTFOUND ? 0 : error;
}

static int put_named(struct twz_tx *tx, struct shelf *s)
{
	char name[NAME_BYTES];
	uint64_t n = choose(NAMES);
	uint32_t length = name_of(n, name);
	int error;

	if (choose(3))
		return twz_dict_put(tx, &s->named, name, length, item_of(n));
	error = twz_dict_remove(tx, &s->named, name, length);
	return error == TWZ_E_NOTFOUND ? 0 : error;
}

static int change_items(struct twz_tx *tx, struct shelf *s)
{
	uint64_t count = twz_vec_count_tx(tx, &s->items);
	int error;

	if (!count || choose(ITEMS_MAX) > count)
		return twz_vec_push(tx, &s->items, item_of(seed >> 40));
	error = twz_vec_set(tx, &s->items, choose(count), item_of(seed >> 40));
	return error || choose(2) ? error : twz_vec_swap_remove(tx, &s->items, choose(count));
}

static void transact(void)
{
	unsigned i = (unsigned)choose(SHELVES);
	char text[40];
	struct twz_tx tx;

	twz_tx_begin(&tx);
	for (unsigned k = 0; k < SHELVES; k++) {
		uint64_t count = shelf[k]->count + 1;
		/* Short and long in turns: in the string, and in a block. */
		uint64_t n = twz_format(text, sizeof(text), "count %0*llu", count % 5 ? 8 : 32,
					(unsigned long long)count);

		twz_tx_set(&tx, &shelf[k]->count, count);
		NEED(twz_str_set(&tx, &shelf[k]->said, text, n));
	}
	for (unsigned n = 0; n < 3; n++)
		NEED(move(&tx, shelf[i], shelf[!i]));
	NEED(put_wide(&tx, shelf[i]));
	NEED(change_items(&tx, shelf[!i]));
	NEED(put_named(&tx, shelf[i]));
	NEED(twz_tx_commit(&tx));
}

static _Noreturn void run(void)
{
	for (;;) {
		transact();
		if (shelf[0]->count % SAY_EVERY)
			continue;
		twz_print("at %llu.\n", (unsigned long long)shelf[0]->count);
		twz_flush();
	}
}

/* ---- what must hold ------------------------------------------------------------------------------- */

static uint64_t sum = TWZ_SUM_A;

static void add(uint64_t word)
{
	sum = twz_fold(sum ^ word, TWZ_SUM_K);
}

static void check_low(struct shelf *s, uint32_t seen[KEYS])
{
	struct twz_map_cursor c;
	uint64_t value = 0, n = 0;
	uint32_t key = 0;

	twz_map_each(&s->low, &c, &key, &value)
	{
		HOLDS(key < KEYS && value == value_of(key));
		seen[key]++;
		add(key);
		n++;
	}
	HOLDS(c.error == TWZ_E_NOTFOUND && n == twz_map_count(&s->low));
	/* The same backwards. */
	for (int error = twz_map_last(&s->low, &c, &key, &value); !error;
	     error = twz_map_prev(&s->low, &c, &key, &value))
		n--;
	HOLDS(!n);
}

static bool is_item(const struct item *item)
{
	return item->twice == 2 * item->number && item->square == item->number * item->number;
}

static void check_named(struct shelf *s)
{
	struct twz_dict_cursor c;
	struct item item;
	char name[NAME_BYTES];
	uint64_t n = 0;

	twz_dict_each(&s->named, &c, &item)
	{
		HOLDS(is_item(&item) && c.length == name_of(item.number, name) &&
		      !memcmp(c.key, name, c.length));
		add(item.number);
		n++;
	}
	HOLDS(c.error == TWZ_E_NOTFOUND && n == twz_dict_count(&s->named));
}

static void check_rest(struct shelf *s, struct shelf *other)
{
	struct twz_map_cursor c;
	struct shelf *found = NULL;
	struct item item;
	char text[40];
	int64_t key = 0, last = -1000;
	int64_t length;

	twz_map_each(&s->wide, &c, &key, &item)
	{
		HOLDS(is_item(&item) && key > last);
		last = key;
		add((uint64_t)key);
		add(item.number);
	}
	for (uint64_t i = 0; i < twz_vec_count(&s->items); i++) {
		NEED(twz_vec_get(&s->items, i, &item));
		HOLDS(is_item(&item));
		add(item.number);
	}
	NEED(twz_map_get_ptr(&s->other, s == shelf[1], &found));
	HOLDS(found == other);
	length = twz_str_get(NULL, &s->said, text, sizeof(text) - 1);
	HOLDS(length >= 0);
	text[length] = 0;
	HOLDS(s->count ? length > 6 && number(text + 6) == s->count : !length);
}

/* What the containers and the root own is what the heap has given out. */
static void check_blocks(struct shelf *s)
{
	const void *obj = (void *)((uintptr_t)s & ~(TWZ_SLOT_SIZE - 1));
	uint64_t where, used, reachable = sizeof(struct twz_block_head) + heap_size(s), more;

	NEED(heap_check(obj, &where));
	NEED(twz_map_check(&s->low, &where, &more));
	reachable += more;
	NEED(twz_map_check(&s->wide, &where, &more));
	reachable += more;
	NEED(twz_map_check(&s->other, &where, &more));
	reachable += more;
	NEED(twz_vec_check(&s->items, &where, &more));
	reachable += more;
	NEED(twz_dict_check(&s->named, &where, &more));
	reachable += more;
	NEED(twz_str_check(&s->said, &where, &more));
	reachable += more;
	NEED(heap_used(obj, &used));
	HOLDS(used == reachable);
}

static void check(void)
{
	uint32_t seen[KEYS] = {0};

	for (unsigned i = 0; i < SHELVES; i++) {
		HOLDS(shelf[i]->count == shelf[0]->count);
		check_low(shelf[i], seen);
		check_named(shelf[i]);
		check_rest(shelf[i], shelf[!i]);
		check_blocks(shelf[i]);
	}
	for (unsigned key = 0; key < KEYS; key++)
		HOLDS(seen[key] == 1);
	twz_print("count %llu\nsum %llx\n", (unsigned long long)shelf[0]->count,
		  (unsigned long long)sum);
}

int main(int argc, char **argv)
{
	HOLDS(argc > 1);
	if (!strcmp(argv[1], "make")) {
		make();
		return 0;
	}
	open_all();
	if (argc > 2) {
		seed = number(argv[2]);
		if (!strcmp(argv[1], "run"))
			run();
		for (unsigned i = 0; i < 50; i++)
			transact();
		return 0;
	}
	check();
	return 0;
}
