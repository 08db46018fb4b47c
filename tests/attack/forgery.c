/*
 * forgery.c - attempts with objects that pass for what the kernel trusts: keys, views, threads, devices.
 */
#include "tests/attack/attack.h"

#define READ_WRITE (TWZ_VIEW_READ | TWZ_VIEW_WRITE)
#define FORGED_SLOT (TEST_SLOT + 30)

/* ---- keys ------------------------------------------------------------------------------------------- */

struct forged {
	struct twz_key key;
	uint32_t perms;
	bool sealed;
	struct twz_id id; /* what came of it */
};

/* A KEY object with these bytes, which everybody may use. */
static int64_t forge_key(void *arg)
{
	struct forged *f = arg;
	const struct twz_sys_new new = {.type = TWZ_TYPE_KEY,
					.perms = TWZ_PERM_ALL & ~(uint32_t)TWZ_EXEC,
					.flags = TWZ_OBJECT_ENDING};
	struct twz_sys_seal seal = {
		.size = sizeof(f->key), .type = TWZ_TYPE_KEY, .perms = f->perms};
	int64_t error = SYS(object_new, &new, &seal.src);

	if (error)
		return error;
	f->id = seal.src;
	memcpy(test_map(FORGED_SLOT, seal.src, READ_WRITE) + TWZ_OBJ_DATA, &f->key, sizeof(f->key));
	if (!f->sealed)
		return 0;
	error = SYS(object_seal, &seal, &f->id);
	test_delete(seal.src);
	return error;
}

static int64_t make_under(void *arg)
{
	const struct twz_sys_new new = {.key = *(struct twz_id *)arg, .flags = TWZ_OBJECT_VOLATILE};
	struct twz_id id;
	int64_t error = SYS(object_new, &new, &id);

	if (!error)
		test_delete(id);
	return error;
}

static struct twz_key key_of(const struct user *user)
{
	struct twz_key key = {.magic = TWZ_KEY_MAGIC, .version = 1, .alg = TWZ_ALG_ED25519};

	memcpy(key.key, user->secret.key, sizeof(key.key));
	return key;
}

/* Bob's public key, in an object of hers: another ID, so it has no say. */
TEST(anothers_key_in_an_object_of_ones_own)
{
	struct scene s;
	struct forged f;
	struct twz_cap cap;

	scene_make(&s);
	for (unsigned sealed = 0; sealed < 2; sealed++) {
		f = (struct forged){.key = key_of(&s.bob),
				    .perms = TWZ_READ | TWZ_USE | TWZ_DELETE,
				    .sealed = sealed};
		CHECK_EQ(attack_as(&s.mallory, forge_key, &f), 0);
		CHECK(!twz_id_equal(f.id, s.bob.secret.id));
		cap = scene_cap(&s, TWZ_READ);
		cap.signer = f.id;
		cap_sign_blind(&cap, &s.bob);
		hand_hold(&s.context, s.object, &cap, 1);
		check_refused(&s, RIGHT_SIGNER);
		test_delete(f.id);
	}
	test_unmap(FORGED_SLOT);
	scene_end(&s);
}

/* Her own bytes as a key that anybody may write: nothing can be made under it. */
TEST(a_key_that_is_not_sealed)
{
	struct scene s;
	struct forged f;

	scene_make(&s);
	f = (struct forged){.key = key_of(&s.mallory)};
	CHECK_EQ(attack_as(&s.mallory, forge_key, &f), 0);
	CHECK_EQ(attack_as(&s.mallory, make_under, &f.id), TWZ_E_TYPE);
	test_unmap(FORGED_SLOT);
	test_delete(f.id);
	scene_end(&s);
}

/* A sealed KEY object that holds no key: what is made under it nobody can be given. */
TEST(a_key_that_holds_none)
{
	struct twz_sys_new new = {.flags = TWZ_OBJECT_VOLATILE, .perms = TWZ_DELETE};
	struct scene s;
	struct forged f;
	struct twz_cap cap;
	struct twz_id object;

	scene_make(&s);
	for (unsigned i = 0; i < 3; i++) {
		f = (struct forged){.key = key_of(&s.mallory),
				    .perms = TWZ_READ | TWZ_USE | TWZ_DELETE,
				    .sealed = true};
		f.key.magic += i == 0;
		f.key.version += i == 1;
		f.key.alg += i == 2;
		CHECK_EQ(attack_as(&s.mallory, forge_key, &f), 0);
		new.key = f.id;
		CHECK_EQ(SYS(object_new, &new, &object), 0);
		cap = cap_for(&s.mallory, object, s.context.id, TWZ_READ);
		cap_sign_by(&cap, NULL, &s.mallory);
		cap.signer = f.id;
		cap_sign_blind(&cap, &s.mallory);
		hand_hold(&s.context, object, &cap, 1);
		CHECK_EQ(rights_of(s.context.id, object), TWZ_DELETE);
		CHECK_EQ(test_run_as(s.context.id, attack_load, &object), TWZ_E_RIGHT);
		test_delete(object);
		test_delete(f.id);
	}
	test_unmap(FORGED_SLOT);
	scene_end(&s);
}

TEST(made_under_anothers_key)
{
	struct scene s;
	struct twz_cap cap;

	scene_make(&s);
	/* A public key can be read by everybody: that is not enough. */
	CHECK_EQ(attack_as(&s.mallory, attack_stat, &s.bob.secret.id), 0);
	CHECK_EQ(attack_as(&s.mallory, make_under, &s.bob.secret.id), TWZ_E_RIGHT);
	CHECK_EQ(attack_as(&s.mallory, make_under, &minimal.sys.key), TWZ_E_RIGHT);
	/* All but USE. */
	cap = cap_for(&s.bob, s.bob.secret.id, s.context.id, TWZ_PERM_ALL & ~(uint32_t)TWZ_USE);
	cap_sign_by(&cap, NULL, &s.bob);
	hand_hold(&s.context, s.bob.secret.id, &cap, 1);
	CHECK_EQ(test_run_as(s.context.id, make_under, &s.bob.secret.id), TWZ_E_RIGHT);
	/* Under what is no key. */
	CHECK_EQ(attack_as(&s.mallory, make_under, &s.mallory.context.id), TWZ_E_TYPE);
	scene_end(&s);
}

/* ---- what the kernel keeps -------------------------------------------------------------------------- */

static int64_t forge_kernels(void *arg)
{
	const uint32_t types[] = {TWZ_TYPE_THREAD, TWZ_TYPE_DEVICE, TWZ_TYPE_DEVICE + 1, ~0u};
	struct twz_sys_seal seal = {.src = *(struct twz_id *)arg, .size = 64};
	struct twz_id id;

	for (unsigned i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		for (unsigned flags = 0; flags < 3; flags++) {
			const struct twz_sys_new new = {
				.type = types[i], .perms = TWZ_PERM_ALL, .flags = flags};

			CHECK_EQ(SYS(object_new, &new, &id), TWZ_E_ARG);
		}
		seal.type = types[i];
		seal.perms = TWZ_READ;
		CHECK_EQ(SYS(object_seal, &seal, &id), TWZ_E_ARG);
	}
	return 0;
}

TEST(a_thread_or_a_device_of_ones_own_making)
{
	struct scene s;
	struct twz_id id;

	scene_make(&s);
	id = user_object(&s.mallory, TWZ_OBJECT_ENDING);
	attack_as(&s.mallory, forge_kernels, &id);
	test_delete(id);
	scene_end(&s);
}

/* The object is the caller's, with all rights that can be had; its bytes are the kernel's. */
static int64_t write_kernels(void *arg)
{
	struct twz_id id = *(struct twz_id *)arg, other = test_object(TWZ_OBJECT_VOLATILE);
	struct twz_sys_copy copy = {.dst = id,
				    .src = other,
				    .dst_page = TEST_DATA_PAGE,
				    .src_page = TEST_DATA_PAGE,
				    .pages = 1};

	CHECK_EQ(attack_load(&id), 0);
	CHECK_EQ(attack_store(&id), TWZ_E_RIGHT);
	CHECK_EQ(SYS(object_drop, ID(id), TEST_DATA_PAGE, 1), TWZ_E_RIGHT);
	CHECK_EQ(SYS(object_limit, ID(id), TEST_DATA_PAGE, 1, TWZ_READ), TWZ_E_RIGHT);
	CHECK_EQ(SYS(object_copy, &copy), TWZ_E_RIGHT);
	CHECK_EQ(SYS(right_grant, ID(id), ID(other), TWZ_WRITE), TWZ_E_RIGHT);
	test_delete(other);
	return 0;
}

static int64_t write_own_thread(void *arg)
{
	struct twz_sys_info info;

	(void)arg;
	CHECK_EQ(SYS(info, &info), 0);
	return write_kernels(&info.thread);
}

TEST(the_state_of_a_thread_written)
{
	struct user mallory;

	user_make(&mallory);
	attack_as(&mallory, write_own_thread, NULL);
	user_end(&mallory);
}

TEST(a_device_written)
{
	write_kernels(&minimal.sys.console);
	write_kernels(&minimal.sys.machine);
}

static int64_t touch_machine(void *arg)
{
	struct twz_id *machine = &minimal.sys.machine;

	(void)arg;
	CHECK_EQ(attack_stat(machine), TWZ_E_NOTFOUND);
	CHECK_EQ(attack_load(machine), TWZ_E_NOTFOUND);
	CHECK_EQ(SYS(object_delete, ID(*machine)), TWZ_E_NOTFOUND);
	CHECK_EQ(SYS(power, TWZ_POWER_OFF, 0), TWZ_E_NOTFOUND);
	CHECK_EQ(SYS(object_delete, ID(minimal.sys.console)), TWZ_E_RIGHT);
	CHECK_EQ(SYS(object_delete, ID(minimal.sys.thread)), TWZ_E_NOTFOUND);
	CHECK_EQ(SYS(thread_kill, ID(minimal.sys.thread), 0), TWZ_E_NOTFOUND);
	CHECK_EQ(SYS(object_delete, ID(minimal.sys.context)), TWZ_E_NOTFOUND);
	return 0;
}

TEST(the_machine_of_anothers)
{
	struct user mallory;

	user_make(&mallory);
	attack_as(&mallory, touch_machine, NULL);
	user_end(&mallory);
}

/* She may look at it, and no more. */
static int64_t use_machine(void *arg)
{
	struct user *mallory = arg;

	CHECK_EQ(attack_stat(&minimal.sys.machine), 0);
	CHECK_EQ(SYS(power, TWZ_POWER_OFF, 0), TWZ_E_RIGHT);
	CHECK_EQ(SYS(key_limit, ID(mallory->secret.id), 0, 0), TWZ_E_RIGHT);
	return 0;
}

TEST(the_machine_used_by_who_may_read_it)
{
	const struct twz_id machine = minimal.sys.machine;
	struct user mallory;

	user_make(&mallory);
	CHECK_EQ(SYS(right_grant, ID(machine), ID(mallory.context.id), TWZ_READ), 0);
	attack_as(&mallory, use_machine, &mallory);
	CHECK_EQ(SYS(right_grant, ID(machine), ID(mallory.context.id), 0), 0);
	user_end(&mallory);
}

/* ---- views ------------------------------------------------------------------------------------------ */

/* A view of her own shows what she likes, and gives her no right to it. */
struct own_view {
	struct scene *scene;
	struct twz_id view;
	int64_t loaded, stored;
};

static void in_view(uint64_t arg)
{
	struct own_view *v = (struct own_view *)arg;
	uint8_t *at = test_address(FORGED_SLOT) + TWZ_OBJ_DATA;
	struct twz_fault fault = test_load(at);

	v->loaded = fault.kind ? fault.error : 0;
	fault = test_store(at);
	v->stored = fault.kind ? fault.error : 0;
}

/* Ours, with one entry more. The thread is hers. */
static int64_t show_all(void *arg)
{
	struct own_view *v = arg;
	const struct twz_sys_new new = {.type = TWZ_TYPE_VIEW,
					.perms = TWZ_READ | TWZ_WRITE | TWZ_USE | TWZ_DELETE,
					.flags = TWZ_OBJECT_VOLATILE};
	struct twz_view *view;

	CHECK_EQ(SYS(object_new, &new, &v->view), 0);
	view = (void *)(test_map(FORGED_SLOT + 1, v->view, READ_WRITE) + TWZ_OBJ_DATA);
	memcpy(view, view_own(), offsetof(struct twz_view, slot));
	for (uint32_t i = 0; i < TWZ_VIEW_RESERVED; i++)
		view->slot[i] = view_own()->slot[i];
	view_enter(view, FORGED_SLOT, v->scene->object, 0,
		   TWZ_VIEW_READ | TWZ_VIEW_WRITE | TWZ_VIEW_EXEC);
	CHECK_EQ(test_join(test_thread_in(v->view, in_view, (uint64_t)v)), 0);
	test_unmap(FORGED_SLOT + 1);
	test_delete(v->view);
	return 0;
}

TEST(a_view_that_shows_more_than_is_given)
{
	struct own_view v = {.loaded = 1, .stored = 1};
	struct scene s;

	scene_make(&s);
	v.scene = &s;
	attack_as(&s.mallory, show_all, &v);
	CHECK_EQ(v.loaded, TWZ_E_NOTFOUND);
	CHECK_EQ(v.stored, TWZ_E_NOTFOUND);
	scene_end(&s);
}

static int64_t load_mapped(void *address)
{
	struct twz_fault fault = test_load(address);

	return fault.kind ? fault.error : 0;
}

/* The test has it mapped, with tables that lead to it; its threads and hers are in one view. */
TEST(a_mapping_of_anothers_in_the_same_view)
{
	struct scene s;
	uint8_t *at;

	scene_make(&s);
	at = test_map(FORGED_SLOT, s.object, READ_WRITE) + TWZ_OBJ_DATA;
	*at = 1;
	CHECK_EQ(attack_as(&s.mallory, load_mapped, at), TWZ_E_NOTFOUND);
	*at = 2;
	CHECK_EQ(attack_as(&s.mallory, load_mapped, at), TWZ_E_NOTFOUND);
	test_unmap(FORGED_SLOT);
	scene_end(&s);
}

static int64_t become(void *arg)
{
	return SYS(view_become, ID(*(struct twz_id *)arg));
}

TEST(become_what_is_no_view_or_anothers)
{
	struct scene s;
	struct twz_id view;

	scene_make(&s);
	view = test_object_of(TWZ_TYPE_VIEW, TWZ_READ | TWZ_WRITE | TWZ_DELETE,
			      TWZ_OBJECT_VOLATILE);
	CHECK_EQ(attack_as(&s.mallory, become, &view), TWZ_E_RIGHT);
	CHECK_EQ(attack_as(&s.mallory, become, &s.object), TWZ_E_NOTFOUND);
	CHECK_EQ(attack_as(&s.mallory, become, &s.mallory.context.id), TWZ_E_TYPE);
	test_delete(view);
	scene_end(&s);
}
