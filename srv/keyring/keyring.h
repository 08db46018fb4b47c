/*
 * keyring.h - the inside of the keyring.
 *
 * Threads of callers run in it, several at once. Logging in holds `login_lock`, as only one at a time works on a
 * passphrase and changes the keyring's context; the sessions are under `session_lock`. Order: login_lock, then
 * session_lock. A private key is open in a session, and on the stack of who logs in, and nowhere else.
 */
#ifndef SRV_KEYRING_KEYRING_H
#define SRV_KEYRING_KEYRING_H

#include <string.h>
#include <twz/keyring.h>
#include <twz/right.h>

struct lock {
	uint32_t word; /* 0 free, 1 held, 2 held and somebody may sleep */
};
void lock(struct lock *l);
void unlock(struct lock *l);

#define SECOND_NS 1000000000ull
static inline uint64_t now(void)
{
	return twz_rt_time_ns() / SECOND_NS;
}

/* ---- attempts.c: how often a passphrase may be tried, login_lock held ------------------------------- */

/* May one be tried for this name? It is counted as wrong until attempt_right. */
bool attempt(const char *name);
void attempt_right(const char *name);

/* ---- session.c -------------------------------------------------------------------------------------- */

/* The keyring's own context. Once, before anything else. */
int session_init(struct twz_id keyring);
/*
 * A session for the user's context, with the open secret of its key, for who calls. login_lock held. TWZ_E_RIGHT: the
 * context was made under another key.
 */
int session_begin(const struct twz_secret *secret, struct twz_id user,
		  const struct twz_rt_caller *caller, struct twz_session *session);
int session_end(struct twz_id session, struct twz_id caller);
/* Signs for who acts in the user's context. */
int session_sign(struct twz_id user, struct twz_cap *cap);

#endif
