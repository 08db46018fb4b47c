/*
 * gaterace.c - attempts to go on entering bob's service when that was taken back, on another processor; and to
 * change what the kernel looks at while it does.
 *
 * A thread of mallory's enters over and over. Each time the callee counts. From the return of the call that takes
 * the right back nothing more comes in.
 */
#include "tests/attack/attack.h"

#define PUBLIC_IN_PLACE (TWZ_GATE_PUBLIC | TWZ_GATE_IN_PLACE)
#define ROUNDS 4u
#define TRIES 5u /* when it was taken back */

static struct service s;
static uint32_t entered, taken;
static int64_t refused;

static int64_t counts(uint64_t unused, uint64_t as_well)
{
	(void)unused, (void)as_well;
	__atomic_add_fetch(&entered, 1, __ATOMIC_RELEASE);
	return 0;
}

static void enters_on(uint64_t unused)
{
	(void)unused;
	for (unsigned i = 0; i < TRIES; i += __atomic_load_n(&taken, __ATOMIC_ACQUIRE))
		refused = gate_apply(&s.place, counts, 0, 0);
}

static void jumps_on(void *arg)
{
	for (unsigned i = 0; i < TRIES; i += __atomic_load_n(&taken, __ATOMIC_ACQUIRE))
		gate_apply_by_jump(arg, counts, 0, 0);
}

static int64_t jumps_until_refused(void *arg)
{
	struct twz_fault fault;

	test_attempt(&fault, jumps_on, arg);
	return (int64_t)fault.kind;
}

static void jumps_beside(uint64_t unused)
{
	(void)unused;
	refused = service_beside(&s, jumps_until_refused, &s.place);
}

/* ---- ways to take it back ------------------------------------------------------------------------------- */

static void no_gates(void)
{
	s.place.header->ngates = 0;
	gate_publish(&s.place);
}

static void not_public(void)
{
	s.place.gate->flags &= ~(uint32_t)TWZ_GATE_PUBLIC;
	gate_publish(&s.place);
}

static void lose_context(void)
{
	gate_place_lose(&s.place, &s.place.context);
}

static void lose_view(void)
{
	gate_place_lose(&s.place, &s.place.view);
}

static void no_code(void)
{
	gate_grant(s.place.code, s.place.context, 0);
}

static void no_capability(void)
{
	CHECK_EQ(twz_context_remove(&s.mallory.context, s.place.code), 0);
	context_publish(&s.mallory.context);
}

/* The thread is at it; what it takes is taken back; it comes to nothing any more, unless it was inside then. */
static void take_back(struct test_thread *thread, void (*how)(void), int64_t error)
{
	uint32_t last;

	bare_reaches(&entered, 3);
	how();
	last = __atomic_load_n(&entered, __ATOMIC_ACQUIRE);
	__atomic_store_n(&taken, 1, __ATOMIC_RELEASE);
	CHECK_EQ(test_join(thread), 0);
	CHECK(entered - last <= 1);
	CHECK_EQ(refused, error);
}

static void try_taking(uint32_t flags, void (*how)(void), int64_t error)
{
	for (unsigned i = 0; i < ROUNDS; i++) {
		entered = taken = 0;
		service_make(&s, flags);
		take_back(test_thread_as(s.hers, enters_on, 0), how, error);
		service_end(&s);
	}
}

TEST(entering_when_the_gate_is_not_there_any_more)
{
	try_taking(TWZ_GATE_PUBLIC, no_gates, TWZ_E_NOTFOUND);
	try_taking(PUBLIC_IN_PLACE, no_gates, TWZ_E_NOTFOUND);
}

TEST(entering_when_it_is_not_public_any_more)
{
	try_taking(TWZ_GATE_PUBLIC, not_public, TWZ_E_NOTFOUND);
}

TEST(entering_when_the_context_is_deleted)
{
	try_taking(TWZ_GATE_PUBLIC, lose_context, TWZ_E_NOTFOUND);
	try_taking(PUBLIC_IN_PLACE, lose_context, TWZ_E_NOTFOUND);
}

TEST(entering_when_the_view_is_deleted)
{
	try_taking(TWZ_GATE_PUBLIC, lose_view, TWZ_E_NOTFOUND);
}

TEST(entering_when_the_callee_lost_its_code)
{
	try_taking(TWZ_GATE_PUBLIC, no_code, TWZ_E_CALLEE);
}

static void try_taking_capability(void (*how)(void))
{
	struct twz_cap cap;

	entered = taken = 0;
	service_make(&s, 0);
	cap = cap_for(&s.bob, s.place.code, s.mallory.context.id, 0);
	cap.flags = TWZ_CAP_GATE;
	cap.gate_off = TWZ_OBJ_DATA;
	cap.gate_len = GATE_ENTRIES * GATE_ALIGN;
	cap.gate_align = GATE_ALIGN;
	cap_sign_by(&cap, NULL, &s.bob);
	context_add(&s.mallory.context, &cap, 1);
	context_publish(&s.mallory.context);
	take_back(test_thread_as(s.mallory.context.id, enters_on, 0), how, TWZ_E_NOTFOUND);
}

TEST(entering_when_the_capability_is_not_there_any_more)
{
	for (unsigned i = 0; i < ROUNDS; i++) {
		try_taking_capability(no_capability);
		service_end(&s);
	}
}

TEST(jumping_when_the_gate_is_not_there_any_more)
{
	for (unsigned i = 0; i < 2 * ROUNDS; i++) {
		entered = taken = 0;
		service_make(&s, i & 1 ? TWZ_GATE_IN_PLACE : 0);
		take_back(test_thread(jumps_beside, 0), no_gates, TWZ_FAULT_OBJECT);
		service_end(&s);
	}
}

/* ---- what the kernel looks at changes all the time ------------------------------------------------------- */

static struct twz_id fake;
static uint32_t over;

/* Who may write the view shows another object, and nothing, in the callee's slots. */
static void shows_others(uint64_t unused)
{
	(void)unused;
	for (uint32_t n = 0; !__atomic_load_n(&over, __ATOMIC_ACQUIRE); n++) {
		const uint32_t slot = SERVICE_SLOT + (n & 1 ? GATE_SLOT_CODE : GATE_SLOT_STACKS);
		const struct twz_id right = n & 1 ? s.place.code : s.place.stacks;
		const uint32_t rights = TWZ_VIEW_READ | TWZ_VIEW_WRITE | TWZ_VIEW_EXEC;

		test_map(slot, n & 2 ? fake : (struct twz_id){0}, rights);
		test_map(slot, right, rights);
	}
}

static int64_t enters_a_while(void *arg)
{
	const uint64_t begun = twz_rt_time_ns();
	uint32_t came = 0, wrong = 0;

	(void)arg;
	/* On a busy host it takes longer until the view is right at the right moments. */
	while (twz_rt_time_ns() - begun < BARE_SECOND_NS || (!came && bare_patient(begun))) {
		const int64_t result = gate_enter(&s.place, GATE_ADD, 1, 2, 0);

		came += result == 3;
		wrong += result != 3 && result != TWZ_E_NOTFOUND && result != TWZ_E_RIGHT &&
			 result != TWZ_E_CALLEE;
		CHECK(twz_id_equal(gate_active(), s.hers));
	}
	CHECK_EQ(wrong, 0);
	CHECK(came);
	return 0;
}

/* It is not kept from it, as it has to be trusted in place; but no crossing is lost, and nothing else. */
TEST(the_callee_s_slots_changed_all_the_time)
{
	static const uint8_t traps[] = {0x0f, 0x0b};
	struct test_thread *changes;

	over = 0;
	service_make(&s, PUBLIC_IN_PLACE);
	fake = test_object_of(TWZ_TYPE_DATA, TWZ_PERM_ALL, TWZ_OBJECT_VOLATILE);
	for (unsigned i = 0; i < GATE_ENTRIES; i++)
		memcpy(test_map(SERVICE_SLOT + GATE_SLOTS, fake, TWZ_VIEW_READ | TWZ_VIEW_WRITE) +
			       TWZ_OBJ_DATA + i * GATE_ALIGN,
		       traps, sizeof(traps));
	changes = test_thread_as(s.hers, shows_others, 0);
	CHECK_EQ(test_run_as(s.hers, enters_a_while, NULL), 0);
	__atomic_store_n(&over, 1, __ATOMIC_RELEASE);
	CHECK_EQ(test_join(changes), 0);
	test_unmap(SERVICE_SLOT + GATE_SLOTS);
	test_delete(fake);
	service_end(&s);
}
