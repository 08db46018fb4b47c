/*
 * attack.h - attacks in the machine on contexts and capabilities: what they are written with.
 *
 * The programs of tests/attack/ are tests as those of tests/guest/ (test.h). A TEST is named for what it
 * tries, and passes if that fails in the right way; tests/attack/mutate.sh switches off each check of the
 * kernel and expects the test that it stands in the way of to fail.
 *
 * A test runs in the boot context. It makes users, and runs attempts as one of them:
 *
 *     static int64_t steal(void *arg)              in a thread of hers, in the test's own view: locals
 *     {                                            and globals are there, and what is mapped, as far
 *             return attack_stat(arg);             as she may touch it
 *     }
 *
 *     TEST(what_is_tried)
 *     {
 *             struct user alice;
 *
 *             user_make(&alice);
 *             CHECK_EQ(attack_as(&alice, steal, &id), TWZ_E_NOTFOUND);
 *             user_end(&alice);
 *     }
 *
 * Rules
 *   - A user is a key pair and a context under her key, which has a capability for all that is made under
 *     that key. The boot context has such a one too, so the test can do everything to what is hers.
 *   - She can do nothing to what is another's. The program's data, stack, view, shadow and the console are
 *     granted to her, else nothing could run; the objects of an attack never are.
 *   - What a test makes under a user's key is deleted before user_end, which deletes the key.
 *   - Where an attack wants what libtwz would refuse, a context is written by hand: struct by_hand.
 */
#ifndef TESTS_ATTACK_H
#define TESTS_ATTACK_H

#include <twz/right.h>

#include "core/right.h"
#include "tests/guest/gate.h"

struct user {
	struct twz_secret secret; /* open; secret.id is her key */
	struct twz_obj context;   /* mapped, for the test to edit */
};

/* A failure is a failed check. Keys are new each time. */
void user_make(struct user *user);
void user_end(struct user *user);
/* The rest of user_end, of whose context is ended. */
void user_forget(struct user *user);

/* Runs in a thread of hers until it returns; what it returned. A fault that it does not attempt ends us.
   In another context, which the test may use: test_run_as. */
int64_t attack_as(const struct user *user, int64_t (*attack)(void *arg), void *arg);

/* An object made under her key, nobody else's but by capabilities. flags: enum twz_sys_new_flags. */
struct twz_id user_object(const struct user *user, uint32_t flags);

/* A context under this user's key, without anything in it, mapped. */
void user_context(const struct user *user, struct twz_obj *context);
void context_add(const struct twz_obj *context, const struct twz_cap *chain, uint32_t count);
void context_publish(const struct twz_obj *context);
void context_end(struct twz_obj *context);

/* A capability of `from` for the object and the context, not signed. */
struct twz_cap cap_for(const struct user *from, struct twz_id object, struct twz_id context,
		       uint32_t perms);
/* Signed by `from`; as a delegation of `parent` if that is not null. */
void cap_sign_by(struct twz_cap *cap, const struct twz_cap *parent, const struct user *from);
/* The same, however deep the parent is. */
void cap_sign_deep(struct twz_cap *cap, const struct twz_cap *parent, const struct user *from);
/* Signed as it is, whatever it says. */
void cap_sign_blind(struct twz_cap *cap, const struct user *from);

/* ---- what is attempted, by whoever runs it --------------------------------------------------------- */

/* Does it exist for us? 0, TWZ_E_NOTFOUND. */
int64_t attack_stat(void *id);
/* 0, or why the touch of its data is refused. access: enum twz_view_rights, one bit. */
int64_t attack_touch(struct twz_id id, uint32_t access);
int64_t attack_load(void *id);
int64_t attack_store(void *id);

/* What a context could do to the object, by right_explain: enum twz_perm; ~0: it could not be asked. */
uint32_t rights_of(struct twz_id context, struct twz_id object);
/* Why it cannot read it, or can. */
enum right_why why_of(struct twz_id context, struct twz_id object);

/* ---- contexts by hand ------------------------------------------------------------------------------ */

#define HAND_ENTRIES 16u
#define HAND_CAPS 12u
/* The first page of a context's data. */
struct by_hand {
	struct twz_context header;
	uint8_t unused[128];
	struct twz_context_entry entry[HAND_ENTRIES];
	uint8_t unused2[256];
	struct twz_cap cap[HAND_CAPS];
};
TWZ_SIZE(struct by_hand, 4096);
#define HAND_CAP_OFF (TWZ_OBJ_DATA + offsetof(struct by_hand, cap))

/* An empty one; of what was there nothing is left. */
struct by_hand *hand_clear(const struct twz_obj *context);
/* An entry where a search for the target finds it. */
struct twz_context_entry *hand_enter(struct by_hand *hand, struct twz_id target, uint32_t kind,
				     uint32_t count, uint64_t off);
/* It holds this chain for the target and nothing else. */
struct by_hand *hand_hold(const struct twz_obj *context, struct twz_id target,
			  const struct twz_cap *chain, uint32_t count);

/* ---- what most attacks are about -------------------------------------------------------------------- */

/* Bob's object, which mallory is after, and a context of hers that is written by hand. */
struct scene {
	struct user bob, mallory;
	struct twz_obj context;
	struct twz_id object;
};
void scene_make(struct scene *scene);
void scene_end(struct scene *scene);

/* Bob lets mallory's context do that with the object, signed. */
struct twz_cap scene_cap(const struct scene *scene, uint32_t perms);

/* Mallory, in that context, has no right at all to the object: it is not there for her. `why`: explained so. */
void check_refused(const struct scene *scene, enum right_why why);
/* She can read it by these bytes of the context, and with any bit of them another has no right. */
void check_every_bit(const struct scene *scene, uint8_t *bytes, uint64_t size);
/* She can read it. */
void check_given(const struct scene *scene);

/* ---- services -------------------------------------------------------------------------------------- */

/*
 * Bob's, behind gates, and an object of his that its callees alone may touch. It is shown in slot
 * GATE_SLOT_FREE of the place in both views, and holds SERVICE_SECRET. Mallory acts in her user's context, or in
 * `hers`, which is volatile and has the program's memory alone.
 */
#define SERVICE_SLOT (TEST_SLOT + 600)
#define SERVICE_SECRET 0x5ec7e75ec7e75ec7ull
struct service {
	struct user bob, mallory;
	struct gate_place place;
	struct twz_id secret, hers;
};
void service_make(struct service *service, uint32_t flags);
void service_end(struct service *service);
uint64_t *service_secret(const struct service *service);

/*
 * Runs in a thread that is attached to the service's context and to hers, which is active, and has no right to
 * the service's: who may come in by jumps.
 */
int64_t service_beside(const struct service *service, int64_t (*attack)(void *arg), void *arg);

#endif
