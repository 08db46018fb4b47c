/*
 * session.c - the sessions of users, with their private keys (keyring.h).
 *
 * The keyring has no lasting right to anything of a user's. To make a session's context it signs itself a capability
 * for the user's key, with the key that the passphrase has opened, and takes it back when that is done.
 */
#include "srv/keyring/keyring.h"

#define BORROWED_SECONDS 60u /* should the machine stop in between */

static struct {
	struct twz_id context; /* zero: free */
	struct twz_id user, caller;
	uint64_t until;
	struct twz_secret secret; /* open */
} sessions[TWZ_SESSIONS];

static struct lock session_lock;
static struct twz_obj keyring;

int session_init(struct twz_id context)
{
	return twz_context_open(context, &keyring);
}

/* ---- the list ------------------------------------------------------------------------------------ */

/* The context is gone, or goes now. session_lock held. */
static void forget(uint32_t i)
{
	twz_obj_delete(sessions[i].context); /* gone already: that is what was wanted */
	twz_wipe(&sessions[i], sizeof(sessions[i]));
}

/* Is it one? What has ended is wiped at the next look, which every call takes. session_lock held. */
static bool lasts(uint32_t i)
{
	struct twz_rt_stat stat;

	if (twz_id_none(sessions[i].context))
		return false;
	if (now() < sessions[i].until && !twz_obj_stat(sessions[i].context, &stat))
		return true;
	forget(i);
	return false;
}

/* A free place, or TWZ_SESSIONS. session_lock held. */
static uint32_t place(void)
{
	uint32_t free = TWZ_SESSIONS;

	for (uint32_t i = 0; i < TWZ_SESSIONS; i++)
		if (!lasts(i))
			free = i;
	return free;
}

/* ---- beginning ----------------------------------------------------------------------------------- */

/* All that was made under the secret's key, for the context. */
static int give(const struct twz_obj *context, const struct twz_secret *secret, uint64_t until)
{
	struct twz_cap cap = {.perms = TWZ_PERM_ALL,
			      .flags = TWZ_CAP_KEY,
			      .target = secret->id,
			      .accessor = context->id,
			      .expires = until};
	int error = twz_cap_sign(&cap, NULL, secret);

	if (!error)
		error = twz_context_add(context, &cap, 1);
	return error ? error : twz_context_publish(context);
}

/* What was borrowed goes back, whatever happened. */
static int take_back(const struct twz_secret *secret, int error)
{
	int failed = twz_context_remove(&keyring, secret->id);

	if (!failed)
		failed = twz_context_publish(&keyring);
	return error ? error : failed;
}

/*
 * The session's context. The keyring keeps a right to it, by a grant, so that it can see whether it is there and
 * delete it; who calls may use it.
 */
static int make(const struct twz_secret *secret, const struct twz_rt_caller *caller, uint64_t until,
		struct twz_id *id)
{
	const struct twz_context_new new = {.key = secret->id,
					    .global_mask = TWZ_PERM_ALL,
					    .temporary = true,
					    .tie = caller->thread};
	struct twz_obj obj;
	int error = twz_context_make(&new, &obj);

	if (error)
		return error;
	*id = obj.id;
	error = give(&obj, secret, until);
	if (!error)
		error = twz_right_grant(obj.id, keyring.id, TWZ_READ | TWZ_DELETE);
	if (!error)
		error = twz_right_grant(obj.id, caller->context, TWZ_USE);
	if (error)
		twz_obj_delete(obj.id);
	twz_obj_recycle(&obj);
	return error;
}

static int check_user(const struct twz_secret *secret, struct twz_id user)
{
	struct twz_rt_stat stat;
	int error = twz_obj_stat(user, &stat);

	return error ? error : twz_id_equal(stat.identity.key, secret->id) ? 0 : TWZ_E_RIGHT;
}

static int begin(const struct twz_secret *secret, struct twz_id user,
		 const struct twz_rt_caller *caller, struct twz_session *session)
{
	int error = give(&keyring, secret, now() + BORROWED_SECONDS);

	session->user = user;
	session->key = secret->id;
	session->until = now() + TWZ_SESSION_SECONDS;
	if (!error)
		error = check_user(secret, user);
	if (!error)
		error = make(secret, caller, session->until, &session->context);
	return take_back(secret, error);
}

int session_begin(const struct twz_secret *secret, struct twz_id user,
		  const struct twz_rt_caller *caller, struct twz_session *session)
{
	int error = TWZ_E_LIMIT;
	uint32_t i;

	lock(&session_lock);
	i = place();
	if (i < TWZ_SESSIONS)
		error = begin(secret, user, caller, session);
	if (!error) {
		sessions[i].context = session->context;
		sessions[i].user = user;
		sessions[i].caller = caller->context;
		sessions[i].until = session->until;
		sessions[i].secret = *secret;
	}
	unlock(&session_lock);
	return error;
}

/* ---- ending, signing ------------------------------------------------------------------------------- */

int session_end(struct twz_id session, struct twz_id caller)
{
	int error = TWZ_E_NOTFOUND;

	lock(&session_lock);
	for (uint32_t i = 0; i < TWZ_SESSIONS; i++) {
		if (!lasts(i) || !twz_id_equal(sessions[i].context, session))
			continue;
		if (!twz_id_equal(caller, session) && !twz_id_equal(caller, sessions[i].user) &&
		    !twz_id_equal(caller, sessions[i].caller))
			continue;
		forget(i);
		error = 0;
	}
	unlock(&session_lock);
	return error;
}

int session_sign(struct twz_id user, struct twz_cap *cap)
{
	int error = TWZ_E_NOTFOUND;

	lock(&session_lock);
	for (uint32_t i = 0; error && i < TWZ_SESSIONS; i++)
		if (lasts(i) && twz_id_equal(sessions[i].user, user))
			error = twz_cap_sign(cap, NULL, &sessions[i].secret);
	unlock(&session_lock);
	return error;
}
