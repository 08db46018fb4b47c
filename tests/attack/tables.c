/*
 * tables.c - attacks with a context's own bytes: offsets, counts and tables that lead astray.
 *
 * Who may write a context writes it as she likes. What cannot be read gives nothing; and where it may
 * have been a mask, it leaves nothing.
 */
#include "tests/attack/attack.h"

#define LARGE_ENTRIES 512u /* a table of four pages, behind the page that is by hand */
#define LARGE_OFF (TWZ_OBJ_DATA + TWZ_PAGE)

/* A scene with a capability that is in order, for the attack to hide or to show. */
struct astray {
	struct scene scene;
	struct twz_cap cap;
};

static void astray_make(struct astray *a)
{
	scene_make(&a->scene);
	a->cap = scene_cap(&a->scene, TWZ_READ);
}

static struct by_hand *hold(struct astray *a)
{
	return hand_hold(&a->scene.context, a->scene.object, &a->cap, 1);
}

static struct twz_context_entry *entry_of(struct by_hand *hand)
{
	unsigned i = 0;

	while (i < HAND_ENTRIES - 1 && !hand->entry[i].kind)
		i++;
	return &hand->entry[i];
}

static uint32_t rights(const struct astray *a)
{
	return rights_of(a->scene.context.id, a->scene.object);
}

/* Nobody can run in such a context: not even its program's text is left to it. */
static void check_empty(const struct astray *a, enum right_why why)
{
	CHECK_EQ(rights(a), 0);
	CHECK_EQ(why_of(a->scene.context.id, a->scene.object), why);
}

static const uint64_t offsets[] = {
	0,
	1,
	TWZ_PAGE,
	TWZ_OBJ_DATA - sizeof(struct twz_cap),
	TWZ_OBJ_DATA,
	TWZ_OBJ_DATA + TWZ_PAGE,
	TWZ_OBJ_DATA + (1ull << 30),
	TWZ_OBJ_SIZE_MAX - sizeof(struct twz_cap),
	TWZ_OBJ_SIZE_MAX,
	HAND_CAP_OFF + (1ull << 32),
	HAND_CAP_OFF + (1ull << 40),
	HAND_CAP_OFF + (1ull << 63),
	1ull << 63,
	~0ull - sizeof(struct twz_cap),
	~0ull - sizeof(struct twz_cap) + 1,
	~0ull - 7,
	~0ull,
};
#define OFFSETS (sizeof(offsets) / sizeof(offsets[0]))

TEST(capabilities_where_there_are_none)
{
	struct astray a;
	struct by_hand *hand;

	astray_make(&a);
	hand = hold(&a);
	CHECK_EQ(rights(&a), TWZ_READ);
	for (unsigned i = 0; i < OFFSETS; i++) {
		entry_of(hand)->off = offsets[i];
		CHECK_EQ(rights(&a), 0);
		entry_of(hand)->count = 3; /* not so many that the real one is among them */
		CHECK_EQ(rights(&a), 0);
		entry_of(hand)->count = 1;
	}
	check_refused(&a.scene, RIGHT_MALFORMED);
	scene_end(&a.scene);
}

/* A table that begins near the real one may have the real entry in it, by chance of the ID. */
static uint32_t may_be_found(uint64_t table)
{
	return table - (TWZ_OBJ_DATA - TWZ_PAGE) < 2 * TWZ_PAGE ? TWZ_READ : 0;
}

TEST(tables_where_there_are_none)
{
	struct astray a;
	struct by_hand *hand;

	astray_make(&a);
	hand = hold(&a);
	for (unsigned i = 0; i < OFFSETS; i++) {
		const uint32_t wrong = ~may_be_found(offsets[i]);

		hand->header.table = offsets[i];
		CHECK_EQ(rights(&a) & wrong, 0);
		for (unsigned bits = 6; bits < 64; bits++) {
			hand->header.nentries = 1ull << bits;
			CHECK_EQ(rights(&a) & wrong, 0);
		}
		hand->header.nentries = HAND_ENTRIES;
	}
	scene_end(&a.scene);
}

/* Many more are said to be there than are: those that are count, and the search ends. */
TEST(more_in_a_run_than_there_are)
{
	struct astray a;
	struct by_hand *hand;

	astray_make(&a);
	hand = hold(&a);
	entry_of(hand)->count = ~0u;
	CHECK_EQ(rights(&a), TWZ_READ);
	entry_of(hand)->count = 0;
	check_refused(&a.scene, RIGHT_NONE);
	/* The last one in the data, cut off by its end. */
	hand = hold(&a);
	hand->cap[HAND_CAPS - 1] = a.cap;
	entry_of(hand)->off = HAND_CAP_OFF + (HAND_CAPS - 1) * sizeof(a.cap);
	CHECK_EQ(rights(&a), TWZ_READ);
	entry_of(hand)->off += sizeof(a.cap) / 2;
	check_refused(&a.scene, RIGHT_MALFORMED);
	scene_end(&a.scene);
}

TEST(a_capability_across_two_pages)
{
	const uint64_t off = TWZ_PAGE - sizeof(struct twz_cap) / 2;
	struct astray a;
	struct by_hand *hand;

	astray_make(&a);
	hand = hold(&a);
	memcpy((uint8_t *)hand + off, &a.cap, sizeof(a.cap));
	entry_of(hand)->off = TWZ_OBJ_DATA + off;
	check_refused(&a.scene, RIGHT_MALFORMED);
	scene_end(&a.scene);
}

TEST(a_capability_at_an_odd_place)
{
	struct astray a;
	struct by_hand *hand;

	astray_make(&a);
	hand = hold(&a);
	for (unsigned by = 1; by < 8; by++) {
		memcpy((uint8_t *)hand->cap + by, &a.cap, sizeof(a.cap));
		entry_of(hand)->off = HAND_CAP_OFF + by;
		CHECK_EQ(rights(&a), 0);
	}
	check_refused(&a.scene, RIGHT_MALFORMED);
	scene_end(&a.scene);
}

TEST(a_header_that_is_none)
{
	struct astray a;
	struct by_hand *hand;

	astray_make(&a);
	hand = hold(&a);
	hand->header.magic++;
	check_empty(&a, RIGHT_NONE);
	hand = hold(&a);
	hand->header.version++;
	check_empty(&a, RIGHT_NONE);
	scene_end(&a.scene);
}

/* A search begins at (lo ^ hi) mod n: with an n that is no power of two, that is somewhere. */
TEST(a_mask_lost_in_a_table_of_an_odd_size)
{
	struct astray a;
	struct by_hand *hand;
	uint64_t n = HAND_ENTRIES / 2 + 1;

	astray_make(&a);
	for (; n < HAND_ENTRIES; n++) {
		uint64_t home = (a.scene.object.lo ^ a.scene.object.hi) & (n - 1);

		hand = hold(&a);
		*entry_of(hand) = (struct twz_context_entry){0};
		hand->entry[home] = (struct twz_context_entry){.target = a.scene.object,
							       .kind = TWZ_CONTEXT_CAP,
							       .count = 1,
							       .off = HAND_CAP_OFF};
		hand->header.nentries = n;
		check_empty(&a, RIGHT_NONE);
	}
	scene_end(&a.scene);
}

/* The table in which every place from the object's on is taken, for as far as is searched and more. */
static struct twz_context_entry *crowd(struct astray *a, struct by_hand *hand)
{
	struct twz_context_entry *e = (void *)((uint8_t *)hand + TWZ_PAGE);
	uint64_t home = a->scene.object.lo ^ a->scene.object.hi;

	memset(e, 0, LARGE_ENTRIES * sizeof(*e));
	for (uint64_t i = 0; i <= RIGHT_PROBES; i++)
		e[(home + i) % LARGE_ENTRIES].kind = 3;
	hand->header.table = LARGE_OFF;
	hand->header.nentries = LARGE_ENTRIES;
	return e;
}

/* Not tried by a thread: what it needs itself, by IDs at random, may be lost in the crowd too. */
static void check_lost(const struct astray *a, enum right_why why)
{
	CHECK_EQ(why_of(a->scene.context.id, a->scene.object), why);
	CHECK_EQ(rights_of(a->scene.context.id, a->scene.object), 0);
}

TEST(behind_a_crowd_of_entries)
{
	struct astray a;
	struct twz_context_entry *e, held;
	struct by_hand *hand;

	astray_make(&a);
	hand = hold(&a);
	held = *entry_of(hand);
	e = crowd(&a, hand);
	e[((held.target.lo ^ held.target.hi) + RIGHT_PROBES) % LARGE_ENTRIES] = held;
	check_lost(&a, RIGHT_NONE);
	scene_end(&a.scene);
}

/* What gives is found, under the key; whether there is a mask for the object is not. */
TEST(a_mask_behind_a_crowd_of_entries)
{
	struct astray a;
	struct twz_id key;
	struct by_hand *hand;

	astray_make(&a);
	key = a.scene.bob.secret.id;
	hand = hold(&a);
	CHECK_EQ(rights(&a), TWZ_READ);
	crowd(&a, hand)[(key.lo ^ key.hi) % LARGE_ENTRIES] = (struct twz_context_entry){
		.target = key, .kind = TWZ_CONTEXT_CAP, .count = 1, .off = HAND_CAP_OFF};
	check_lost(&a, RIGHT_MASKED);
	scene_end(&a.scene);
}

TEST(a_mask_that_cannot_be_read)
{
	struct astray a;
	struct by_hand *hand;
	struct twz_mask *mask;

	astray_make(&a);
	for (unsigned i = 0; i < OFFSETS; i++) {
		hand = hold(&a);
		hand_enter(hand, a.scene.object, TWZ_CONTEXT_MASK, 0, offsets[i]);
		CHECK_EQ(rights(&a), 0);
	}
	/* One that is for something else. */
	hand = hold(&a);
	hand_enter(hand, a.scene.object, TWZ_CONTEXT_MASK, 0,
		   HAND_CAP_OFF + sizeof(struct twz_cap));
	mask = (void *)&hand->cap[1];
	*mask = (struct twz_mask){.target = a.scene.object, .mask = TWZ_PERM_ALL};
	CHECK_EQ(rights(&a), TWZ_READ);
	mask->target = a.scene.bob.secret.id;
	check_refused(&a.scene, RIGHT_MASKED);
	scene_end(&a.scene);
}
