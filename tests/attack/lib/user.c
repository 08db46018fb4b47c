/* user.c - users, and attempts as one of them (attack.h). */
#include "core/cap.h"
#include "tests/attack/attack.h"

#define ATTEMPT_SLOT (TEST_SLOT + 1000)
#define ALL_RIGHTS (TWZ_VIEW_READ | TWZ_VIEW_WRITE | TWZ_VIEW_EXEC)

/* ---- capabilities and contexts ---------------------------------------------------------------------- */

struct twz_cap cap_for(const struct user *from, struct twz_id object, struct twz_id context,
		       uint32_t perms)
{
	return (struct twz_cap){.perms = perms,
				.flags = twz_id_equal(object, from->secret.id) ? TWZ_CAP_KEY : 0,
				.target = object,
				.accessor = context};
}

void cap_sign_by(struct twz_cap *cap, const struct twz_cap *parent, const struct user *from)
{
	CHECK_EQ(twz_cap_sign(cap, parent, &from->secret), 0);
}

void cap_sign_deep(struct twz_cap *cap, const struct twz_cap *parent, const struct user *from)
{
	uint8_t pair[CRYPTO_SECRET], key[CRYPTO_KEY];

	crypto_key_pair(key, pair, from->secret.seed);
	cap_sign(cap, parent, from->secret.id, pair);
}

void cap_sign_blind(struct twz_cap *cap, const struct user *from)
{
	uint8_t pair[CRYPTO_SECRET], key[CRYPTO_KEY];

	crypto_key_pair(key, pair, from->secret.seed);
	crypto_sign(cap->sig, pair, cap, CAP_SIGNED);
}

void user_context(const struct user *user, struct twz_obj *context)
{
	CHECK_EQ(twz_context_make(&(struct twz_context_new){.key = user->secret.id,
							    .global_mask = TWZ_PERM_ALL,
							    .ending = true},
				  context),
		 0);
}

void context_add(const struct twz_obj *context, const struct twz_cap *chain, uint32_t count)
{
	CHECK_EQ(twz_context_add(context, chain, count), 0);
}

void context_publish(const struct twz_obj *context)
{
	CHECK_EQ(twz_context_publish(context), 0);
}

void context_end(struct twz_obj *context)
{
	test_delete(context->id);
	CHECK_EQ(twz_obj_recycle(context), 0);
}

/* All that is made under her key. */
static void add_key(const struct user *user, const struct twz_obj *context)
{
	struct twz_cap cap = cap_for(user, user->secret.id, context->id, TWZ_PERM_ALL);

	cap_sign_by(&cap, NULL, user);
	context_add(context, &cap, 1);
	context_publish(context);
}

/* ---- users ------------------------------------------------------------------------------------------ */

/* That we run in. */
static const struct twz_obj *boot_context(void)
{
	static struct twz_obj boot;

	if (!boot.base)
		CHECK_EQ(twz_context_open(minimal.sys.context, &boot), 0);
	return &boot;
}

void user_make(struct user *user)
{
	twz_secret_new(&user->secret);
	CHECK_EQ(twz_key_make(user->secret.key, &user->secret.id), 0);
	add_key(user, boot_context());
	user_context(user, &user->context);
	add_key(user, &user->context);
	test_program(user->context.id, true);
}

void user_end(struct user *user)
{
	test_program(user->context.id, false);
	context_end(&user->context);
	user_forget(user);
}

void user_forget(struct user *user)
{
	test_delete(user->secret.id);
	CHECK_EQ(twz_context_remove(boot_context(), user->secret.id), 0);
	context_publish(boot_context());
}

struct twz_id user_object(const struct user *user, uint32_t flags)
{
	const struct twz_sys_new new = {
		.key = user->secret.id, .flags = flags, .page = TEST_DATA_PAGE, .npages = 1};
	struct twz_id id = {0};

	CHECK_EQ(SYS(object_new, &new, &id), 0);
	return id;
}

/* ---- attempts --------------------------------------------------------------------------------------- */

int64_t attack_as(const struct user *user, int64_t (*attack)(void *arg), void *arg)
{
	return test_run_as(user->context.id, attack, arg);
}

int64_t attack_stat(void *id)
{
	struct twz_id *object = id;
	struct twz_rt_stat stat;

	return SYS(object_stat, ID(*object), &stat);
}

int64_t attack_touch(struct twz_id id, uint32_t access)
{
	uint8_t *at = test_map(ATTEMPT_SLOT, id, ALL_RIGHTS) + TWZ_OBJ_DATA;
	struct twz_fault fault = access == TWZ_VIEW_WRITE  ? test_store(at)
				 : access == TWZ_VIEW_EXEC ? test_jump(at)
							   : test_load(at);

	test_unmap(ATTEMPT_SLOT);
	return fault.kind ? fault.error : 0;
}

int64_t attack_load(void *id)
{
	return attack_touch(*(struct twz_id *)id, TWZ_VIEW_READ);
}

int64_t attack_store(void *id)
{
	return attack_touch(*(struct twz_id *)id, TWZ_VIEW_WRITE);
}

/* False: it could not be asked. */
static bool explain(struct twz_id context, struct twz_id object, struct twz_rt_answer *answer)
{
	return !SYS(right_explain, ID(object), ID(context), answer);
}

uint32_t rights_of(struct twz_id context, struct twz_id object)
{
	struct twz_rt_answer answer;

	return explain(context, object, &answer) ? answer.effective : ~0u;
}

enum right_why why_of(struct twz_id context, struct twz_id object)
{
	struct twz_rt_answer answer = {0};

	CHECK(explain(context, object, &answer));
	return answer.reason[0].why;
}
