/*
 * viewload.c - views under load: two threads of one view that map, invalidate and touch at random, with an
 * oracle; and views that are hostile, or spoiled while threads are in them, beside one that is neither.
 *
 * Everything at random follows from a seed, which is said; threads make what happens in between another one
 * each time.
 */
#include "tests/guest/test.h"

#define READ_WRITE (TWZ_VIEW_READ | TWZ_VIEW_WRITE)
#define SLOTS 24u   /* that the load is on */
#define OBJECTS 7u  /* that they show; bit OBJECTS: nothing */
#define STEPS 2500u /* of each thread */
#define NOTHING (1u << OBJECTS)
#define TABLE_SLOT (TEST_SLOT + 100)
#define VIEW_BYTES sizeof(struct twz_view)

static uint64_t next(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

static volatile uint64_t *word(uint32_t slot, uint64_t n)
{
	return (uint64_t *)(test_address(slot) + TWZ_OBJ_DATA) + n;
}

/* ---- two threads, one view -------------------------------------------------------------------------- */

/*
 * What a slot may show is what it was changed to since its last invalidate that came after a change: that only
 * grows, but when an invalidate has returned. `turn` is odd while it shrinks. A change may be seen as nothing,
 * as long as it is being written.
 */
static struct {
	uint32_t lock; /* one thread changes it */
	uint32_t turn;
	uint32_t may;
} slots[SLOTS];
static struct twz_id object[OBJECTS];
static uint32_t checked, changed, wrong;

static void change(uint32_t s, uint64_t *seed)
{
	uint32_t free = 0, what = (uint32_t)(next(seed) % (OBJECTS + 1));
	struct twz_id id = what < OBJECTS ? object[what] : (struct twz_id){0};

	if (!__atomic_compare_exchange_n(&slots[s].lock, &free, 1, false, __ATOMIC_ACQUIRE,
					 __ATOMIC_RELAXED))
		return;
	__atomic_or_fetch(&slots[s].may, 1u << what | NOTHING, __ATOMIC_SEQ_CST);
	test_map(TEST_SLOT + s, id, READ_WRITE);
	__atomic_add_fetch(&slots[s].turn, 1, __ATOMIC_SEQ_CST);
	__atomic_store_n(&slots[s].may, 1u << what, __ATOMIC_SEQ_CST);
	__atomic_add_fetch(&slots[s].turn, 1, __ATOMIC_SEQ_CST);
	__atomic_add_fetch(&changed, 1, __ATOMIC_RELAXED);
	__atomic_store_n(&slots[s].lock, 0, __ATOMIC_RELEASE);
}

struct look {
	uint32_t slot;
	bool store;
	uint64_t seen; /* an object's number, from 1 */
};

static void look_at(void *arg)
{
	struct look *look = arg;

	if (look->store) /* a word that nobody looks at */
		*word(look->slot, 9) = look->slot;
	look->seen = *word(look->slot, 0);
}

static void look(uint32_t s, uint64_t *seed)
{
	struct look look = {.slot = TEST_SLOT + s, .store = next(seed) % 4 == 0};
	uint32_t before = __atomic_load_n(&slots[s].turn, __ATOMIC_SEQ_CST), may, bit;
	struct twz_fault fault = {0};

	test_attempt(&fault, look_at, &look);
	may = __atomic_load_n(&slots[s].may, __ATOMIC_SEQ_CST);
	if (before & 1 || before != __atomic_load_n(&slots[s].turn, __ATOMIC_SEQ_CST))
		return;
	bit = fault.kind ? NOTHING : 1u << (look.seen - 1);
	if (fault.kind && fault.kind != TWZ_FAULT_OBJECT)
		bit = ~0u;
	if (!(bit & may) || bit == ~0u)
		__atomic_add_fetch(&wrong, 1, __ATOMIC_RELAXED);
	__atomic_add_fetch(&checked, 1, __ATOMIC_RELAXED);
}

static void load_one(uint64_t seed)
{
	for (unsigned i = 0; i < STEPS; i++) {
		uint32_t s = (uint32_t)(next(&seed) % SLOTS);

		switch (next(&seed) % 8) {
		case 0:
		case 1:
			change(s, &seed);
			break;
		case 2: /* whatever they show: what the entries say is shown afterwards */
			SYS(view_invalidate, TEST_SLOT + s, 1 + next(&seed) % (SLOTS - s));
			break;
		default:
			look(s, &seed);
		}
	}
}

static struct twz_id with_number(uint64_t number, uint32_t kind)
{
	struct twz_id id = test_object(kind);

	test_map(TABLE_SLOT, id, READ_WRITE);
	*word(TABLE_SLOT, 0) = number;
	test_unmap(TABLE_SLOT);
	return id;
}

TEST(two_threads_of_a_view_see_what_it_showed)
{
	const uint64_t seed = 20260001;
	struct test_thread *thread[2];

	checked = changed = wrong = 0;
	for (uint32_t i = 0; i < OBJECTS; i++)
		object[i] = with_number(i + 1, i % 2 ? TWZ_OBJECT_ENDING : TWZ_OBJECT_VOLATILE);
	memset(slots, 0, sizeof(slots));
	for (uint32_t s = 0; s < SLOTS; s++)
		slots[s].may = NOTHING;
	for (unsigned i = 0; i < 2; i++)
		thread[i] = test_thread(load_one, seed + i);
	for (unsigned i = 0; i < 2; i++)
		CHECK_EQ(test_join(thread[i]), 0);
	CHECK_EQ(wrong, 0);
	CHECK(changed > STEPS / 8);
	CHECK(checked > STEPS / 2);
	for (uint32_t s = 0; s < SLOTS; s++)
		test_unmap(TEST_SLOT + s);
	for (uint32_t i = 0; i < OBJECTS; i++)
		test_delete(object[i]);
}

/* ---- hostile views ---------------------------------------------------------------------------------- */

static uint32_t over; /* those that go on till something is over look at it */

/* What stands in entries of a hostile view. */
static struct twz_id names[10];
static unsigned nnames;

static void name(struct twz_id id)
{
	names[nnames++] = id;
}

static void write_entry(struct twz_view_slot *entry, uint64_t *seed)
{
	const uint64_t epochs[] = {0, minimal.sys.epoch, minimal.sys.epoch + 1, ~0ull, next(seed)};
	const uint32_t seqs[] = {0, 1, 2, ~0u, ~0u - 1, (uint32_t)next(seed)};

	entry->id = names[next(seed) % nnames];
	if (next(seed) % 8 == 0)
		entry->id.hi ^= next(seed);
	entry->epoch = epochs[next(seed) % 5];
	entry->rights = (uint32_t)next(seed);
	entry->seq = seqs[next(seed) % 6];
}

/* Slots and places behind the program's own, so that the thread lives. */
static uint32_t some_slot(uint64_t *seed)
{
	const uint32_t all = TWZ_VIEW_SLOTS + TWZ_VIEW_PLACES;

	if (next(seed) % 2)
		return TEST_SLOT + (uint32_t)(next(seed) % 16);
	return TWZ_VIEW_RESERVED + (uint32_t)(next(seed) % (all - TWZ_VIEW_RESERVED));
}

/* In a hostile view: its entries, its header, touches of what they show. */
static void be_hostile(uint64_t seed)
{
	struct twz_view *own = view_own();

	for (unsigned i = 0; i < 1200; i++) {
		uint32_t slot = some_slot(&seed);
		/* Nowhere far off: a load there leaves a table in objects that stay, as the console. */
		uint64_t offset = next(&seed) % 8 ? TWZ_OBJ_DATA + next(&seed) % (1u << 20)
						  : next(&seed) % TWZ_PAGE;

		write_entry(&own->slot[slot], &seed);
		if (next(&seed) % 16 == 0)
			SYS(view_invalidate, slot, 1);
		if (next(&seed) % 64 == 0)
			own->magic = next(&seed);
		if (next(&seed) % 4 == 0)
			test_store(test_address(slot) + offset);
		else
			test_load(test_address(slot) + offset);
	}
}

/* In the same view, on another processor: entries change all the time. */
static void keep_changing(uint64_t seed)
{
	struct twz_view *own = view_own();

	while (!__atomic_load_n(&over, __ATOMIC_ACQUIRE))
		write_entry(&own->slot[TEST_SLOT + next(&seed) % 16], &seed);
}

/* In a view beside it, which is as good as before and after. */
static void live_on(uint64_t number)
{
	uint32_t bad = 0;

	for (uint64_t n = 1; !__atomic_load_n(&over, __ATOMIC_ACQUIRE); n++) {
		*word(TEST_SLOT, 1) = n;
		SYS(view_invalidate, TEST_SLOT, 1);
		bad += *word(TEST_SLOT, 0) != number || *word(TEST_SLOT, 1) != n;
	}
	CHECK_EQ(bad, 0);
}

TEST(a_hostile_view_harms_no_view_beside_it)
{
	const uint64_t seed = 20260002;
	struct twz_id good = with_number(77, TWZ_OBJECT_VOLATILE), victim, view, gone;
	struct test_thread *changing, *living;
	struct twz_view *table;

	gone = test_object(TWZ_OBJECT_VOLATILE);
	test_delete(gone);
	victim = test_view(TABLE_SLOT, TWZ_OBJECT_VOLATILE, &table);
	view_enter(table, TEST_SLOT, good, minimal.sys.epoch, READ_WRITE);
	over = 0;
	living = test_thread_in(victim, live_on, 77);
	for (unsigned i = 0; i < 4; i++) {
		view = test_view(TABLE_SLOT, i % 2 ? TWZ_OBJECT_ENDING : TWZ_OBJECT_VOLATILE,
				 &table);
		nnames = 0;
		name(view);
		name(minimal.sys.view);
		name(victim);
		name(gone);
		name(minimal.sys.thread);
		name(minimal.sys.console);
		name(minimal.sys.machine);
		name(minimal.sys.boot);
		name(test_object(TWZ_OBJECT_VOLATILE));
		over = 0;
		changing = test_thread_in(view, keep_changing, seed + 10 + i);
		CHECK_EQ(test_join(test_thread_in(view, be_hostile, seed + i)), 0);
		if (i == 3)
			__atomic_store_n(&over, 1, __ATOMIC_RELEASE);
		else
			SYS(thread_kill, ID(test_thread_id(changing)), 0);
		CHECK_EQ(test_join(changing), 0);
		test_unmap(TABLE_SLOT);
		test_delete(names[nnames - 1]);
		test_delete(view);
	}
	CHECK_EQ(test_join(living), 0);
	test_delete(victim);
	test_delete(good);
}

/* ---- spoiled while threads are in it ---------------------------------------------------------------- */

static uint32_t entered;

/* Its own slots stay mapped; what is bound goes on, what is not may be found or not, and nothing else. */
static void touch_till_it_is_over(uint64_t seed)
{
	__atomic_store_n(&entered, 1, __ATOMIC_RELEASE);
	while (!__atomic_load_n(&over, __ATOMIC_ACQUIRE)) {
		uint32_t slot = TEST_SLOT + (uint32_t)(next(&seed) % 10);

		if (next(&seed) % 4 == 0)
			SYS(view_invalidate, slot, 1);
		if (!test_load(test_address(slot) + TWZ_OBJ_DATA).kind)
			CHECK_EQ(*word(slot, 0), 5);
	}
}

static void deleted(struct twz_id view)
{
	test_delete(view);
}

static void emptied(struct twz_id view)
{
	CHECK_EQ(twz_rt_drop(view, 1, TWZ_OBJ_DATA / TWZ_PAGE + VIEW_BYTES / TWZ_PAGE), 0);
}

static void limited(struct twz_id view)
{
	CHECK_EQ(SYS(object_limit, ID(view), TEST_DATA_PAGE, VIEW_BYTES / TWZ_PAGE + 1,
		     TWZ_READ | TWZ_WRITE),
		 0);
}

static void only_read(struct twz_id view)
{
	CHECK_EQ(SYS(object_limit, ID(view), TEST_DATA_PAGE, VIEW_BYTES / TWZ_PAGE + 1, TWZ_WRITE),
		 0);
}

TEST(a_view_is_spoiled_while_a_thread_is_in_it)
{
	static void (*const how[])(struct twz_id view) = {deleted, emptied, limited, only_read};
	struct twz_id good = with_number(5, TWZ_OBJECT_VOLATILE);

	for (unsigned i = 0; i < 8; i++) {
		struct test_thread *thread;
		struct twz_view *table;
		struct twz_id view = test_view(
			TABLE_SLOT, i & 1 ? TWZ_OBJECT_ENDING : TWZ_OBJECT_VOLATILE, &table);

		for (uint32_t slot = TEST_SLOT; slot < TEST_SLOT + 10; slot++)
			view_enter(table, slot, good, minimal.sys.epoch, TWZ_VIEW_READ);
		test_unmap(TABLE_SLOT);
		over = entered = 0;
		thread = test_thread_in(view, touch_till_it_is_over, 20260003 + i);
		while (!__atomic_load_n(&entered, __ATOMIC_ACQUIRE))
			test_sleep(1000000);
		how[i / 2](view);
		test_sleep(20000000);
		__atomic_store_n(&over, 1, __ATOMIC_RELEASE);
		CHECK_EQ(test_join(thread), 0);
		if (how[i / 2] != deleted)
			test_delete(view);
	}
	test_delete(good);
}

static void in_sealed(uint64_t number)
{
	CHECK_EQ(*word(TEST_SLOT, 0), number);
	/* Its own slot shows what it was made from, which is gone: a view cannot name what follows from it. */
	CHECK_EQ(test_store(&view_own()->slot[TEST_SLOT]).kind, TWZ_FAULT_OBJECT);
	CHECK_EQ(SYS(view_invalidate, TEST_SLOT, 1), 0);
	CHECK_EQ(*word(TEST_SLOT, 0), number);
}

TEST(a_sealed_view_shows_the_same_for_ever)
{
	struct twz_id good = with_number(6, TWZ_OBJECT_VOLATILE), sealed = {0}, view;
	struct twz_sys_seal seal = {.size = VIEW_BYTES,
				    .type = TWZ_TYPE_VIEW,
				    .perms = TWZ_READ | TWZ_USE | TWZ_DELETE};
	struct twz_view *table;

	view = test_view(TABLE_SLOT, TWZ_OBJECT_VOLATILE, &table);
	view_enter(table, TEST_SLOT, good, minimal.sys.epoch, READ_WRITE);
	seal.src = view;
	if (!CHECK_EQ(SYS(object_seal, &seal, &sealed), 0))
		return;
	test_unmap(TABLE_SLOT);
	test_delete(view);
	CHECK_EQ(test_join(test_thread_in(sealed, in_sealed, 6)), 0);
	test_map(TABLE_SLOT, sealed, READ_WRITE);
	CHECK_EQ(test_store((void *)word(TABLE_SLOT, 0)).kind, TWZ_FAULT_RIGHT);
	test_unmap(TABLE_SLOT);
	test_delete(sealed);
	test_delete(good);
}
