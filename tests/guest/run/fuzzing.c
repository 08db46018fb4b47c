/*
 * fuzzing.c - system calls at random: of several threads, with arguments from a pool of values that
 * are odd and IDs that live.
 *
 *     fuzzing CALLS [SEED]
 *
 * The calls are made by children, programs whose views, memory and threads may be ruined by them; one
 * after the other, until there were CALLS. After each the machine must still work. A child's seed
 * repeats what its threads ask for, but not how they interleave. Never called: power.
 *
 * Among what they have are contexts, of a key that the parent makes: some sound, some damaged, with
 * capabilities that are good, forged or for others. Threads go over to them, and mostly can go on there,
 * as what the program stands on is granted to them. One that ended is followed by another.
 *
 * A child shares one object with its parent: the key, how many calls it made, and the IDs of all that it
 * made and that does not end with it. The kernel writes them there in the call that makes the object,
 * so that the parent can delete them however the child ends.
 */
#include <twz/right.h>

#include "tests/guest/bare.h"

#define WORKERS 3u
#define CHILD_CALLS 20000u
#define CHILD_NS (20 * BARE_SECOND_NS)
#define STALLED_NS (BARE_SECOND_NS / 2)
#define MADE_MAX 16384u

struct report {
	struct twz_secret owner;
	uint64_t calls;
	uint64_t wrong; /* a result that no call can have; 0: none */
	uint64_t good;  /* calls that succeeded */
	uint32_t made;
	uint32_t reserved;
	struct twz_id id[MADE_MAX];
};
#define REPORT ((struct report *)(test_address(TEST_SLOT + 500) + TWZ_OBJ_DATA))

/* ---- random values --------------------------------------------------------------------------------- */

#define OBJECTS 24u
#define THREADS 12u
#define STACK_BYTES 4096u
#define CONTEXTS 6u
#define SCRATCH (TEST_SLOT + 100) /* and the objects behind it, one slot each */
#define CONTEXT_SLOT (TEST_SLOT + 200)

struct worker {
	uint64_t random;
	struct twz_sys_sync op[TWZ_SYNC_MAX];
	uint8_t room[4096];
};
static struct worker worker[WORKERS];
static struct twz_id object[OBJECTS], thread[THREADS], context[CONTEXTS];
static struct twz_id own[4]; /* view, data, stack, shadow */
static uint8_t stacks[THREADS][STACK_BYTES] __attribute__((aligned(64)));

static uint64_t next(struct worker *w)
{
	w->random ^= w->random << 13;
	w->random ^= w->random >> 7;
	w->random ^= w->random << 17;
	return w->random * 0x2545f4914f6cdd1d >> 11;
}

static uint64_t below(struct worker *w, uint64_t n)
{
	return next(w) % n;
}

static bool one_in(struct worker *w, uint64_t n)
{
	return !below(w, n);
}

/* Mostly an object of the pool. */
static struct twz_id any_id(struct worker *w)
{
	if (one_in(w, 500))
		return own[below(w, 4)];
	if (one_in(w, 50))
		return (struct twz_id){.lo = below(w, 3), .hi = next(w)};
	if (one_in(w, 12))
		return thread[below(w, THREADS)];
	if (one_in(w, 16))
		return context[below(w, CONTEXTS)];
	if (one_in(w, 100))
		return REPORT->owner.id;
	return object[below(w, OBJECTS)];
}

static uint64_t odd_address(struct worker *w)
{
	static const uint64_t odd[] = {0,
				       1,
				       TWZ_PAGE - 1,
				       (1ull << 47) - 8,
				       (1ull << 47) - 1,
				       1ull << 47,
				       1ull << 63,
				       0xffff800000000000,
				       0xffffffff80100000,
				       ~0ull,
				       ~0ull - 63,
				       (1ull << 46) - 4,
				       TWZ_SLOT_DATA_AT(TWZ_SLOT_TEXT)};

	return odd[below(w, sizeof(odd) / sizeof(odd[0]))];
}

/* In the objects that are mapped, for reading or writing; never in what the child stands on. */
static uint64_t any_address(struct worker *w)
{
	uint64_t page =
		one_in(w, 10) ? below(w, TWZ_SLOT_SIZE / TWZ_PAGE) : TEST_DATA_PAGE + below(w, 8);
	uint64_t at = one_in(w, 3) ? below(w, TWZ_PAGE) : below(w, TWZ_PAGE / 64) * 64;

	if (one_in(w, 16))
		return odd_address(w);
	return (uint64_t)test_address(SCRATCH + (uint32_t)below(w, OBJECTS)) + page * TWZ_PAGE + at;
}

/* Where a call reads its structure or leaves its result: mostly the worker's own room. */
static void *room(struct worker *w)
{
	return one_in(w, 10) ? (void *)any_address(w) : w->room;
}

static uint64_t any_page(struct worker *w)
{
	static const uint64_t odd[] = {
		0, 1, 2, 511, 512, 513, 262143, 262144, (1u << 28) - 1, 1u << 28, ~0ull};

	if (one_in(w, 6))
		return odd[below(w, sizeof(odd) / sizeof(odd[0]))];
	return below(w, one_in(w, 4) ? 2048 : 24) + (one_in(w, 2) ? TEST_DATA_PAGE : 1);
}

static uint64_t any_count(struct worker *w)
{
	static const uint64_t odd[] = {0, 1, 512, 513, 1024, ~0ull, ~0ull - 1, 1ull << 63};

	if (one_in(w, 10))
		return odd[below(w, sizeof(odd) / sizeof(odd[0]))];
	return below(w, one_in(w, 16) ? 700 : 12);
}

static uint32_t any_slot(struct worker *w)
{
	if (one_in(w, 100))
		return (uint32_t)next(w);
	return SCRATCH + (uint32_t)below(w, OBJECTS);
}

static uint32_t any_perms(struct worker *w)
{
	return (one_in(w, 4) ? (uint32_t)below(w, 32) : TEST_PERMS | TWZ_EXEC) | TWZ_DELETE;
}

static uint32_t any_tie(struct worker *w)
{
	return (uint32_t)below(w, one_in(w, 50) ? 64 : 16);
}

/* ---- the calls ------------------------------------------------------------------------------------- */

/* Where an ID is to be written that the parent must know. Null: there is no room for more. */
static struct twz_id *made(void)
{
	uint32_t n = __atomic_fetch_add(&REPORT->made, 1, __ATOMIC_RELAXED);

	return n < MADE_MAX ? &REPORT->id[n] : NULL;
}

/* If it was made it is in the pool from now on, and what was there is mostly deleted. */
static int64_t enter(struct worker *w, const struct twz_id *id, int64_t result)
{
	uint32_t n = (uint32_t)below(w, OBJECTS);

	if (result)
		return result;
	if (!one_in(w, 8))
		SYS(object_delete, ID(object[n]));
	object[n] = *id;
	test_enter(SCRATCH + n, *id, one_in(w, 8) ? (uint32_t)below(w, 32) : 7);
	return SYS(view_invalidate, SCRATCH + n, 1);
}

static int64_t do_new(struct worker *w)
{
	struct twz_sys_new new = {.type = one_in(w, 4) ? (uint32_t)below(w, 9) : TWZ_TYPE_DATA,
				  .perms = any_perms(w),
				  .flags = (uint32_t)below(w, one_in(w, 20) ? 8 : 3)};
	struct twz_id *to;

	if (one_in(w, 3)) {
		new.page = any_page(w);
		new.npages = any_count(w);
	}
	if (one_in(w, 4)) {
		new.tie = any_id(w);
		new.tie_flags = any_tie(w);
	}
	if (one_in(w, 4))
		new.key = one_in(w, 20) ? any_id(w) : REPORT->owner.id;
	if (one_in(w, 20))
		return SYS(object_new, odd_address(w), w->room);
	if (one_in(w, 20))
		return SYS(object_new, &new, odd_address(w));
	to = made();
	if (!to)
		return TWZ_E_LIMIT;
	return enter(w, to, SYS(object_new, &new, to));
}

/* A view with what the child's has, so that it can be gone on in. */
static int64_t do_new_view(struct worker *w)
{
	const struct twz_sys_new new = {
		.type = TWZ_TYPE_VIEW, .perms = TEST_PERMS, .flags = (uint32_t)below(w, 3)};
	struct twz_id *to = made();
	struct twz_sys_copy copy = {.src = own[0],
				    .dst_page = TEST_DATA_PAGE,
				    .src_page = TEST_DATA_PAGE,
				    .pages = sizeof(struct twz_view) / TWZ_PAGE + 1};
	int64_t result;

	if (!to)
		return TWZ_E_LIMIT;
	result = SYS(object_new, &new, to);
	if (result)
		return result;
	copy.dst = *to;
	SYS(object_copy, &copy);
	return enter(w, to, 0);
}

static int64_t do_copy(struct worker *w)
{
	struct twz_sys_copy *copy = (void *)w->room;

	*copy = (struct twz_sys_copy){.dst = any_id(w),
				      .src = any_id(w),
				      .dst_page = any_page(w),
				      .src_page = any_page(w),
				      .pages = any_count(w),
				      .reserved = one_in(w, 100)};
	if (one_in(w, 8))
		copy->src = copy->dst;
	if (one_in(w, 8))
		copy->src_page = copy->dst_page;
	return SYS(object_copy, one_in(w, 20) ? (void *)any_address(w) : copy);
}

static int64_t do_drop(struct worker *w)
{
	struct twz_id id = any_id(w);

	return SYS(object_drop, ID(id), any_page(w), any_count(w));
}

static int64_t do_limit(struct worker *w)
{
	struct twz_id id = any_id(w);

	return SYS(object_limit, ID(id), any_page(w), any_count(w), below(w, 9));
}

static int64_t do_seal(struct worker *w)
{
	const struct twz_sys_seal seal = {.src = any_id(w),
					  .size = one_in(w, 4) ? next(w) : below(w, 20000),
					  .type = (uint32_t)below(w, 9),
					  .perms = any_perms(w)};
	struct twz_id *to = made();

	if (!to || one_in(w, 20))
		return SYS(object_seal, odd_address(w), w->room);
	return enter(w, to, SYS(object_seal, &seal, to));
}

static int64_t on_object(struct worker *w)
{
	struct twz_id id = any_id(w);

	switch (below(w, 8)) {
	case 0:
		return one_in(w, 4) ? SYS(object_delete, ID(id)) : 0;
	case 1:
		return SYS(object_keep, ID(id));
	case 2:
		return SYS(object_stat, ID(id), room(w));
	case 3:
		return SYS(object_sync, ID(id));
	case 4:
		return SYS(object_settle, ID(id));
	case 5:
		return SYS(root_set, ID(id));
	case 6:
		return SYS(view_register, ID(id), below(w, 3));
	default:
		return one_in(w, 20) ? SYS(view_become, ID(id)) : 0;
	}
}

static int64_t do_tie(struct worker *w)
{
	struct twz_id id = any_id(w), to = any_id(w);
	struct twz_sys_tie *walk = (void *)w->room;

	if (one_in(w, 4))
		return SYS(object_untie, ID(id), ID(to), any_tie(w));
	if (!one_in(w, 4))
		return SYS(object_tie, ID(id), ID(to), any_tie(w));
	*walk = (struct twz_sys_tie){.in = (uint32_t)below(w, one_in(w, 20) ? 3 : 2)};
	if (one_in(w, 2))
		walk->other = to;
	return SYS(object_ties, ID(id), one_in(w, 20) ? (void *)any_address(w) : walk);
}

static int64_t do_touch(struct worker *w)
{
	return SYS(object_touch, any_address(w), one_in(w, 8) ? any_count(w) % 512 * 512 : 1);
}

static int64_t on_view(struct worker *w)
{
	uint32_t slot = SCRATCH + (uint32_t)below(w, OBJECTS);

	if (one_in(w, 2))
		test_enter(slot, one_in(w, 4) ? any_id(w) : object[slot - SCRATCH],
			   one_in(w, 4) ? (uint32_t)below(w, 32) : 7);
	return SYS(view_invalidate, any_slot(w), one_in(w, 300) ? next(w) : below(w, 4));
}

/* ---- contexts --------------------------------------------------------------------------------------- */

/* What is in a context: a capability for the key, a delegation of another one for one of its objects. */
struct holds {
	struct twz_context head;
	struct twz_context_entry table[8];
	struct twz_mask mask;
	uint64_t to_caps[4];
	struct twz_cap key, link, root;
};
static struct holds sound[CONTEXTS];

static struct twz_id any_context(struct worker *w)
{
	return one_in(w, 30) ? any_id(w) : context[below(w, CONTEXTS)];
}

static void hold(struct holds *h, struct twz_id target, uint32_t kind, uint32_t count, uint64_t at)
{
	uint64_t i = target.lo ^ target.hi;

	while (h->table[i % 8].kind)
		i++;
	h->table[i % 8] = (struct twz_context_entry){target, kind, count, TWZ_OBJ_DATA + at};
}

/* Signed, for this context; its delegations are of capabilities of the next one, of the same owner. */
static void make_sound(struct worker *w, uint32_t n)
{
	const struct twz_secret *owner = &REPORT->owner;
	struct holds *h = &sound[n];

	h->head = (struct twz_context){.magic = TWZ_CONTEXT_MAGIC,
				       .version = 1,
				       .global_mask = TWZ_PERM_ALL,
				       .table = TWZ_OBJ_DATA + offsetof(struct holds, table),
				       .nentries = 8};
	h->key = h->root = (struct twz_cap){.perms = any_perms(w),
					    .flags = TWZ_CAP_KEY | TWZ_CAP_DELEGATE,
					    .target = owner->id,
					    .accessor = context[n]};
	h->root.accessor = context[(n + 1) % CONTEXTS];
	h->link = h->root;
	h->link.accessor = context[n];
	twz_cap_sign(&h->key, NULL, owner);
	twz_cap_sign(&h->root, NULL, owner);
	twz_cap_sign(&h->link, &h->root, owner);
	h->mask = (struct twz_mask){.target = object[0], .mask = any_perms(w)};
	hold(h, owner->id, TWZ_CONTEXT_CAP, n % 3 ? 1 : 3, offsetof(struct holds, key));
	hold(h, object[1], TWZ_CONTEXT_CAP, 2, offsetof(struct holds, link));
	hold(h, object[0], TWZ_CONTEXT_MASK, 1, offsetof(struct holds, mask));
}

static void damage(struct worker *w, struct holds *h)
{
	uint64_t *word = (uint64_t *)h;

	for (uint64_t i = below(w, 4); i < 4; i++) {
		uint64_t *at = &word[below(w, one_in(w, 2) ? 48 : sizeof(*h) / 8)];

		switch (below(w, 5)) {
		case 0:
			*at = below(w, 3);
			break;
		case 1:
			*at ^= 1ull << below(w, 64);
			break;
		case 2:
			*at = odd_address(w);
			break;
		case 3: /* what is elsewhere: another's record or part of one, an entry twice */
			*at = ((uint64_t *)&sound[below(w, CONTEXTS)])[below(w, sizeof(*h) / 8)];
			break;
		default:
			*at = next(w);
		}
	}
}

struct writing {
	void *to;
	const struct holds *from;
};

static void write(void *arg)
{
	const struct writing *writing = arg;

	memcpy(writing->to, writing->from, sizeof(*writing->from));
}

/* Maybe it counts from now on, if it is not damaged so that nobody can go on in it. */
static int64_t do_write_context(struct worker *w)
{
	uint32_t n = (uint32_t)below(w, CONTEXTS);
	struct holds *h = (void *)w->room;
	struct writing writing = {test_address(CONTEXT_SLOT + n) + TWZ_OBJ_DATA, h};
	struct twz_fault fault;

	*h = sound[n];
	if (one_in(w, 3))
		h->head.flags = TWZ_CONTEXT_UNDETACHABLE;
	if (one_in(w, 2))
		damage(w, h);
	test_attempt(&fault, write, &writing);
	return SYS(context_publish, ID(context[n]));
}

/* In place of what was there, with grants of what the program stands on. */
static void new_context(struct worker *w, uint32_t n)
{
	const struct twz_sys_new new = {.type = TWZ_TYPE_CONTEXT,
					.perms = one_in(w, 4) ? TWZ_USE | TWZ_DELETE : TEST_PERMS,
					.flags = (uint32_t)below(w, 3),
					.key = REPORT->owner.id,
					.page = TEST_DATA_PAGE,
					.npages = one_in(w, 8) ? 2000 : 1};
	struct twz_id *to = made();

	if (!to || SYS(object_new, &new, to))
		return;
	SYS(object_delete, ID(context[n]));
	context[n] = *to;
	for (unsigned i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		SYS(right_grant, ID(own[i]), ID(context[n]), TWZ_READ | TWZ_WRITE);
	test_enter(CONTEXT_SLOT + n, context[n], TWZ_VIEW_READ | TWZ_VIEW_WRITE);
	SYS(view_invalidate, CONTEXT_SLOT + n, 1);
}

/* All of them, sound: the first time. */
static void make_contexts(struct worker *w)
{
	struct twz_fault fault;

	for (uint32_t n = 0; n < CONTEXTS; n++)
		new_context(w, n);
	for (uint32_t n = 0; n < CONTEXTS; n++) {
		struct writing writing = {test_address(CONTEXT_SLOT + n) + TWZ_OBJ_DATA, &sound[n]};

		make_sound(w, n);
		test_attempt(&fault, write, &writing);
	}
}

static int64_t do_context(struct worker *w)
{
	struct twz_id id = any_context(w), other = one_in(w, 3) ? any_context(w) : any_id(w);

	switch (below(w, 9)) {
	case 0:
	case 1:
		return SYS(context_attach, ID(id), below(w, one_in(w, 8) ? 4 : 2));
	case 2:
		return SYS(context_detach, ID(id));
	case 3:
	case 4:
		return SYS(context_switch, ID(id));
	case 5:
		return SYS(context_publish, ID(id));
	case 6:
		return SYS(right_grant, ID(other), ID(id), any_perms(w) & (uint32_t)next(w));
	case 7:
		if (one_in(w, 4))
			id = (struct twz_id){0};
		return SYS(right_explain, ID(other), ID(id), room(w));
	default:
		if (!one_in(w, 30))
			return do_write_context(w);
		new_context(w, (uint32_t)below(w, CONTEXTS));
		return 0;
	}
}

/* ---- threads --------------------------------------------------------------------------------------- */

static void comes_and_goes(uint64_t rounds)
{
	for (uint64_t i = 0; i < rounds % 256; i++) /* it may be an address */
		__builtin_ia32_pause();
	bare_end((uint32_t)rounds);
}

static void sleeps(uint64_t address)
{
	const struct twz_sys_sync op = {.address = address};

	SYS(thread_sync, &op, 1, BARE_SECOND_NS);
	bare_end(0);
}

static int64_t do_thread(struct worker *w)
{
	uint32_t n = (uint32_t)below(w, THREADS);
	struct twz_sys_thread new = {.entry = one_in(w, 2) ? (uint64_t)comes_and_goes
							   : (uint64_t)sleeps,
				     .stack = (uint64_t)stacks[n] + STACK_BYTES - 8,
				     .arg = one_in(w, 2) ? below(w, 200) : any_address(w) & ~3ull,
				     .flags = (uint32_t)below(w, one_in(w, 20) ? 4 : 2),
				     .reserved = one_in(w, 100),
				     .name = "fuzzed"};
	struct twz_id id;
	int64_t result;

	SYS(object_delete, ID(thread[n])); /* there are never many */
	if (one_in(w, 8))
		new.view = any_id(w);
	if (one_in(w, 4)) {
		new.context = any_context(w);
		new.flags |= one_in(w, 2) ? TWZ_THREAD_UNDETACHABLE : 0;
	}
	if (one_in(w, 8))
		new.tie[below(w, TWZ_THREAD_TIES)] = any_id(w);
	if (one_in(w, 50))
		new.entry = odd_address(w) | 1ull << 47; /* never a start that ends in a message */
	if (one_in(w, 50))
		new.fs_base = next(w);
	result = SYS(thread_new, &new, &id);
	if (!result)
		thread[n] = id;
	return result;
}

static int64_t on_thread(struct worker *w)
{
	struct twz_id id = one_in(w, 20) ? any_id(w) : thread[below(w, THREADS)];

	switch (below(w, 8)) {
	case 0:
		return SYS(thread_kill, ID(id), next(w));
	case 5:
		return SYS(thread_suspend, ID(id), below(w, one_in(w, 20) ? 4 : 2));
	case 6:
		return one_in(w, 2) ? SYS(thread_registers, ID(id), room(w))
				    : SYS(thread_signal, ID(id), below(w, 66));
	case 7:
		return SYS(thread_priority, ID(id), below(w, 5));
	case 1:
		memcpy(w->room, &id, sizeof(id));
		return SYS(thread_next, room(w));
	case 2:
		return SYS(thread_segment, odd_address(w));
	case 3:
		return SYS(thread_resume, odd_address(w));
	default:
		return one_in(w, 2000) ? SYS(thread_exit, next(w), below(w, 2)) : 0;
	}
}

static int64_t do_sync(struct worker *w)
{
	static const uint64_t times[] = {0, 0, 1, 1000, 20000, 100000, 1000000, ~0ull};
	uint64_t time = one_in(w, 200) ? ~0ull - below(w, 2) : times[below(w, 7)];
	uint32_t n = 1 + (uint32_t)below(w, one_in(w, 4) ? TWZ_SYNC_MAX : 4);

	for (uint32_t i = 0; i < n; i++) {
		w->op[i] = (struct twz_sys_sync){.address = any_address(w) & ~3ull,
						 .value = (uint32_t)below(w, 2),
						 .op = (uint32_t)below(w, 2)};
		if (one_in(w, 3)) {
			w->op[i].id = any_id(w);
			w->op[i].address &= TWZ_SLOT_SIZE - 1;
		}
		if (one_in(w, 200))
			w->op[i].address = next(w);
		if (one_in(w, 200))
			w->op[i].op = (uint32_t)next(w);
	}
	return SYS(thread_sync, one_in(w, 100) ? (void *)any_address(w) : w->op,
		   one_in(w, 100) ? next(w) : n, time);
}

/* ---- memory, the rest ------------------------------------------------------------------------------ */

static int64_t touch(struct worker *w)
{
	/* What is no address at all is an exception, with which the runtime ends the program. */
	uint8_t *address = (uint8_t *)(any_address(w) & ((1ull << 47) - 1));

	if (one_in(w, 2))
		test_store(address);
	else
		test_load(address);
	return 0;
}

static int64_t ask(struct worker *w)
{
	switch (below(w, 8)) {
	case 0:
		return SYS(self, 0);
	case 1:
		return SYS(info, room(w));
	case 2:
		return one_in(w, 20) ? SYS(usage, room(w)) : 0;
	case 3:
		return SYS(clock, 0) > 0 ? 0 : TWZ_E_IO;
	case 4:
		return SYS(random, room(w), any_count(w));
	case 5:
		return SYS(console_write, odd_address(w) | 1ull << 47, any_count(w));
	case 6:
		return SYS(console_read, room(w), any_count(w));
	default:
		memset(w->room, 0, sizeof(struct twz_id));
		return SYS(view_next, room(w));
	}
}

/* A number that is none, or a call with nothing but odd values; not one that would only end us. */
static int64_t anything(struct worker *w)
{
	uint64_t number = one_in(w, 4) ? next(w) : TWZ_SYS_FIRST + below(w, TWZ_SYS_COUNT + 4);

	switch (number) {
	case TWZ_SYS(power):
	case TWZ_SYS(thread_exit):
	case TWZ_SYS(thread_handler):
	case TWZ_SYS(console_write):
	case TWZ_SYS(clock):
		return 0;
	case TWZ_SYS(view_invalidate): /* of everything, text and stack too: they come back */
		return SYS(view_invalidate, 0, TWZ_VIEW_SLOTS + TWZ_VIEW_PLACES);
	default:
		return sys_call(number, odd_address(w), odd_address(w), odd_address(w),
				odd_address(w), odd_address(w), odd_address(w));
	}
}

static int64_t call(struct worker *w)
{
	static int64_t (*const calls[])(struct worker *) = {
		do_new,    do_copy,   do_copy,    do_copy,    do_drop,    do_limit, on_object,
		on_object, on_object, on_view,    on_view,    do_touch,   do_touch, do_thread,
		on_thread, do_sync,   do_sync,    touch,      touch,      touch,    touch,
		ask,       anything,  do_context, do_context, do_context, do_tie,   do_tie};

	if (one_in(w, 300))
		return do_new_view(w);
	if (one_in(w, 100))
		return do_seal(w); /* it takes as long as a hundred others */
	return calls[below(w, sizeof(calls) / sizeof(calls[0]))](w);
}

static void work(uint64_t n)
{
	struct worker *w = &worker[n];

	while (__atomic_fetch_add(&REPORT->calls, 1, __ATOMIC_RELAXED) < CHILD_CALLS) {
		int64_t result = call(w);

		if (result >= 0)
			__atomic_fetch_add(&REPORT->good, 1, __ATOMIC_RELAXED);
		else if (result < TWZ_E_INTERRUPTED)
			REPORT->wrong = (uint64_t)result;
	}
}

/* ---- the child ------------------------------------------------------------------------------------- */

/* What the calls made of us: there is nothing to say about it. */
static bool ruined(const struct twz_fault *fault, void *arg)
{
	(void)fault, (void)arg;
	SYS(thread_exit, 1, true);
	return false;
}

/* For each that ended another one goes on. */
static void follow(struct test_thread *of[static WORKERS])
{
	for (unsigned i = 0; i < WORKERS; i++) {
		if (bare_look(test_thread_id(of[i])).state != TWZ_THREAD_ENDED)
			continue;
		test_join(of[i]);
		of[i] = test_thread(work, i);
	}
}

static int child(const char *report, uint64_t seed)
{
	struct worker first = {.random = seed | 1};
	struct test_thread *of[WORKERS];
	uint64_t seen, now;
	struct twz_id id;

	if (twz_id_parse(report, &id))
		return 2;
	test_map(TEST_SLOT + 500, id, TWZ_VIEW_READ | TWZ_VIEW_WRITE);
	own[0] = minimal.sys.view;
	own[1] = view_own()->slot[TWZ_SLOT_DATA].id;
	own[2] = view_own()->slot[TWZ_SLOT_STACK].id;
	own[3] = view_own()->slot[TWZ_SLOT_SHADOW].id;
	for (unsigned i = 0; i < 2 * OBJECTS; i++)
		do_new(&first);
	make_contexts(&first);
	for (unsigned i = 0; i < WORKERS; i++) {
		worker[i].random = next(&first) | 1;
		of[i] = test_thread(work, i);
	}
	twz_rt_on_fault(ruined, NULL);
	do {
		seen = __atomic_load_n(&REPORT->calls, __ATOMIC_RELAXED);
		test_sleep(STALLED_NS / 10);
		now = __atomic_load_n(&REPORT->calls, __ATOMIC_RELAXED);
		for (unsigned i = 0; i < 10 && now == seen; i++) {
			follow(of);
			test_sleep(STALLED_NS / 10);
			now = __atomic_load_n(&REPORT->calls, __ATOMIC_RELAXED);
		}
	} while (now != seen && now < CHILD_CALLS);
	return 0;
}

/* ---- the parent ------------------------------------------------------------------------------------ */

/* A new key, which everybody may use and delete: nobody has to be given that. */
static int64_t make_owner(struct twz_secret *owner)
{
	struct twz_id source = test_object_of(TWZ_TYPE_KEY, TEST_PERMS, TWZ_OBJECT_ENDING);
	const struct twz_sys_seal seal = {.src = source,
					  .size = sizeof(struct twz_key),
					  .type = TWZ_TYPE_KEY,
					  .perms = TWZ_READ | TWZ_USE | TWZ_DELETE};
	struct twz_key *key = (void *)(test_map(TEST_SLOT, source, TWZ_VIEW_READ | TWZ_VIEW_WRITE) +
				       TWZ_OBJ_DATA);
	int64_t error;

	twz_secret_new(owner);
	*key = (struct twz_key){.magic = TWZ_KEY_MAGIC, .version = 1, .alg = TWZ_ALG_ED25519};
	memcpy(key->key, owner->key, sizeof(key->key));
	test_unmap(TEST_SLOT);
	error = SYS(object_seal, &seal, &owner->id);
	test_delete(source);
	return error;
}

/* The machine still does what it should. */
static bool works(void)
{
	struct twz_id id = {0}, other = {0};
	const struct twz_sys_new new = {.perms = TEST_PERMS, .flags = TWZ_OBJECT_ENDING};
	struct twz_sys_copy copy = {
		.dst_page = TEST_DATA_PAGE, .src_page = TEST_DATA_PAGE, .pages = 1};
	volatile uint64_t *at;
	bool good;

	if (SYS(object_new, &new, &id) || SYS(object_new, &new, &other))
		return false;
	at = (void *)(test_map(TEST_SLOT, id, TWZ_VIEW_READ | TWZ_VIEW_WRITE) + TWZ_OBJ_DATA);
	*at = 42;
	copy.dst = other;
	copy.src = id;
	good = !SYS(object_copy, &copy) && !SYS(object_sync, ID(other));
	at = (void *)(test_map(TEST_SLOT, other, TWZ_VIEW_READ | TWZ_VIEW_WRITE) + TWZ_OBJ_DATA);
	good = good && *at == 42;
	test_unmap(TEST_SLOT);
	return !SYS(object_delete, ID(id)) && !SYS(object_delete, ID(other)) && good;
}

static void delete_object(struct twz_id id)
{
	const uint64_t begun = twz_rt_time_ns();
	int64_t error = SYS(object_delete, ID(id));

	while (error == TWZ_E_BUSY && bare_patient(begun)) {
		test_sleep(1000000);
		error = SYS(object_delete, ID(id));
	}
	if (error && error != TWZ_E_NOTFOUND)
		test_say("fuzzing: %016llx%016llx cannot be deleted: %s", (unsigned long long)id.hi,
			 (unsigned long long)id.lo, twz_error_text((int)error));
}

/* Or circles of ties would hold each other. */
static void untie(struct twz_id id)
{
	struct twz_sys_tie walk = {0};

	while (!SYS(object_ties, ID(id), &walk) && !walk.in &&
	       !SYS(object_untie, ID(id), ID(walk.other),
		    walk.kinds & (TWZ_TIE_KINDS | TWZ_TIE_SCOPED)))
		walk = (struct twz_sys_tie){0};
}

/* What the child left behind goes, keys after what is made under them; a program may still be ending. */
static void clean_up(struct report *report, struct twz_id root)
{
	uint32_t n = report->made < MADE_MAX ? report->made : MADE_MAX;

	if (root.lo | root.hi)
		CHECK_EQ(SYS(root_set, ID(root)), 0);
	untie(report->owner.id);
	for (uint32_t i = 0; i < n; i++)
		untie(report->id[i]);
	while (n--)
		delete_object(report->id[n]);
	delete_object(report->owner.id);
}

static int run(struct twz_id id, uint64_t seed, uint64_t *calls, uint64_t *good)
{
	struct report *report = REPORT;
	struct twz_sys_info info;
	char text[TWZ_ID_TEXT], number[32];
	const char *argv[] = {"fuzzing", "child", text, number, NULL}, *wrong;
	int status, error;

	SYS(info, &info);
	memset(report, 0, sizeof(*report));
	CHECK_EQ(make_owner(&report->owner), 0);
	twz_id_text(id, text);
	twz_format(number, sizeof(number), "%llu", (unsigned long long)seed);
	error = twz_run(argv, CHILD_NS, &status);
	clean_up(report, info.root);
	*calls += report->calls;
	*good += report->good;
	wrong = error           ? twz_error_text(error)
		: !works()      ? "afterwards the machine does not work"
		: report->wrong ? "a call has a result that it cannot have"
				: NULL;
	if (wrong)
		test_say("fuzzing: child %s: %s (%lld)", number, wrong, (long long)report->wrong);
	return wrong != NULL;
}

static uint64_t number_of(const char *text)
{
	uint64_t n = 0;

	while (*text >= '0' && *text <= '9')
		n = n * 10 + (uint64_t)(*text++ - '0');
	return n;
}

int main(int argc, char **argv)
{
	uint64_t wanted, seed, calls = 0, good = 0, children = 0;
	struct twz_id id;
	int status = 0;

	if (argc == 4 && !strcmp(argv[1], "child"))
		return child(argv[2], number_of(argv[3]));
	wanted = argc > 1 ? number_of(argv[1]) : 0;
	if (!wanted || argc > 3) {
		twz_warn("usage: fuzzing CALLS [SEED]\n");
		return 2;
	}
	seed = argc > 2 ? number_of(argv[2]) : 0;
	if (!seed)
		SYS(random, &seed, 4);
	test_say("fuzzing: seed %llu", (unsigned long long)seed);
	id = test_object(TWZ_OBJECT_VOLATILE);
	test_map(TEST_SLOT + 500, id, TWZ_VIEW_READ | TWZ_VIEW_WRITE);
	while (!status && calls < wanted)
		status = run(id, seed + children++, &calls, &good);
	test_say("fuzzing: %llu calls, %llu of them good, by %llu children",
		 (unsigned long long)calls, (unsigned long long)good, (unsigned long long)children);
	test_unmap(TEST_SLOT + 500);
	test_delete(id);
	return status;
}
