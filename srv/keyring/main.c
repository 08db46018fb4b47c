/*
 * main.c - the keyring: its calls (twz/keyring.h). init starts it in a store that has users.
 */
#include "srv/keyring/keyring.h"

#include <twz/io.h>
#include <twz/name.h>

#define STACKS 8u
#define WAITING 3u /* callers that log in at once: the other stacks are for those who sign */

enum { STATUS_FAILED = 1 };

static struct lock login_lock;
static uint32_t logging_in;

/* What the passphrase of an unknown user is tried on: it never opens. */
static struct twz_secret decoy;

void lock(struct lock *l)
{
	uint32_t seen = 0;

	if (__atomic_compare_exchange_n(&l->word, &seen, 1, false, __ATOMIC_ACQUIRE,
					__ATOMIC_RELAXED))
		return;
	while (__atomic_exchange_n(&l->word, 2, __ATOMIC_ACQUIRE))
		twz_rt_wait(&l->word, 2, ~0ull);
}

void unlock(struct lock *l)
{
	if (__atomic_exchange_n(&l->word, 0, __ATOMIC_RELEASE) == 2)
		twz_rt_wake(&l->word, 1);
}

/* ---- login --------------------------------------------------------------------------------------- */

/* A user's: his context, and his secret, sealed. */
static int find(const char *name, struct twz_id *context, struct twz_secret *secret)
{
	char path[sizeof(TWZ_SECRETS) + TWZ_USER_NAME_MAX + 1];
	struct twz_obj obj = {0};
	int error;

	twz_format(path, sizeof(path), TWZ_USERS "/%s", name);
	error = twz_name_resolve(path, context);
	twz_format(path, sizeof(path), TWZ_SECRETS "/%s", name);
	if (!error)
		error = twz_name_open(path, &obj);
	if (!error) /* somebody else's may stand there */
		error = twz_rt_may(obj.id, TWZ_READ);
	if (error)
		return error;
	memcpy(secret, twz_obj_data(&obj), sizeof(*secret));
	return twz_obj_recycle(&obj);
}

/* A name that no user has is tried like one. */
static int open_secret(const struct keyring_login *login, struct twz_id *context,
		       struct twz_secret *secret)
{
	int unknown = find(login->name, context, secret), error;

	if (unknown)
		*secret = decoy;
	error = twz_secret_unseal(secret, login->passphrase, login->bytes);
	if (error)
		return error;
	return unknown ? TWZ_E_RIGHT : twz_secret_check(secret);
}

static int log_in(const struct twz_rt_caller *caller, struct keyring_login *login)
{
	struct twz_secret secret;
	struct twz_id context;
	int error;

	if (!attempt(login->name))
		return TWZ_E_BUSY;
	error = open_secret(login, &context, &secret);
	if (!error) {
		attempt_right(login->name);
		error = session_begin(&secret, context, caller, &login->session);
	}
	twz_wipe(&secret, sizeof(secret));
	return error;
}

/* Are they what they must be? A name is one of a path, and no more. */
static bool sound(const struct keyring_login *login)
{
	const size_t n = strnlen(login->name, sizeof(login->name));

	return n && n <= TWZ_USER_NAME_MAX && login->name[0] != '.' &&
	       !memchr(login->name, '/', n) && login->bytes <= sizeof(login->passphrase);
}

static int64_t keyring_login(const struct twz_caller *from, uint64_t lo, uint64_t hi, uint64_t off)
{
	const struct twz_id buffer = {lo, hi};
	struct keyring_login login;
	struct twz_rt_caller caller;
	int error = TWZ_E_BUSY;

	if (__atomic_add_fetch(&logging_in, 1, __ATOMIC_RELAXED) <= WAITING) {
		lock(&login_lock);
		error = twz_rt_gate_caller(&caller);
		if (!error)
			error = twz_gate_read(buffer, off, sizeof(login), &login);
		if (!error)
			error = sound(&login) ? log_in(&caller, &login) : TWZ_E_RIGHT;
		unlock(&login_lock);
	}
	__atomic_sub_fetch(&logging_in, 1, __ATOMIC_RELAXED);
	if (!error) {
		error = twz_gate_write(buffer, off + offsetof(struct keyring_login, session),
				       sizeof(login.session), &login.session);
		if (error) /* nobody would know of it */
			session_end(login.session.context, from->context);
	}
	twz_wipe(&login, sizeof(login));
	return error;
}

static int64_t keyring_logout(const struct twz_caller *caller, uint64_t lo, uint64_t hi)
{
	return session_end((struct twz_id){lo, hi}, caller->context);
}

/* ---- sign ---------------------------------------------------------------------------------------- */

/*
 * For what the caller may do itself, also within the masks that it cannot leave: a program that was started so does
 * not get out by having others given what it may not have. Entering a gate is as much as executing.
 */
static int may(const struct twz_cap *cap)
{
	const uint32_t known = TWZ_CAP_DELEGATE | TWZ_CAP_KEY | TWZ_CAP_GATE;

	if (cap->flags & ~known || cap->perms & ~TWZ_PERM_ALL)
		return TWZ_E_ARG;
	return twz_rt_gate_may(cap->target,
			       cap->perms | (cap->flags & TWZ_CAP_GATE ? TWZ_EXEC : 0));
}

static int64_t keyring_sign(const struct twz_caller *caller, uint64_t lo, uint64_t hi, uint64_t off)
{
	const struct twz_id buffer = {lo, hi};
	struct twz_cap asked, cap;
	int error = twz_gate_read(buffer, off, sizeof(asked), &asked);

	if (!error)
		error = may(&asked);
	if (error)
		return error;
	cap = (struct twz_cap){.perms = asked.perms,
			       .flags = asked.flags,
			       .target = asked.target,
			       .accessor = asked.accessor,
			       .not_before = asked.not_before,
			       .expires = asked.expires,
			       .gate_off = asked.gate_off,
			       .gate_len = asked.gate_len,
			       .gate_align = asked.gate_align,
			       .serial = asked.serial};
	error = session_sign(caller->context, &cap);
	return error ? error : twz_gate_write(buffer, off, sizeof(cap), &cap);
}

TWZ_SERVICE(keyring, KEYRING_VERSION, KEYRING_CALLS)

/* ---- start --------------------------------------------------------------------------------------- */

static int make_decoy(void)
{
	uint8_t nobody[32];
	int error;

	twz_secret_new(&decoy);
	twz_rt_random(nobody, sizeof(nobody));
	error = twz_secret_seal(&decoy, nobody, sizeof(nobody), TWZ_USER_OPS, TWZ_USER_MEMORY);
	twz_wipe(nobody, sizeof(nobody));
	return error;
}

int main(void)
{
	struct twz_id context;
	int error = twz_name_resolve(TWZ_KEYRING, &context);

	if (!error)
		error = session_init(context);
	if (!error)
		error = make_decoy();
	if (!error)
		error = twz_serve(&keyring_service, context, STACKS, TWZ_GATE_PUBLIC);
	if (!error)
		twz_serve_on();
	twz_warn("keyring: %s: %s\n", TWZ_KEYRING, twz_error_text(error));
	return STATUS_FAILED;
}
