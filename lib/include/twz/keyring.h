/*
 * keyring.h - the keyring: a service that signs with users' private keys and shows them to nobody.
 * docs/rights.md, "Users".
 *
 * Rules
 *   - Who knows a user's passphrase gets a session: a context in memory, made under the user's key, with a capability
 *     for all that was made under that, which the context that logged in may USE. From there programs can be run
 *     in the user's own context. The session ends when it is asked for, with the thread that logged in, or
 *     TWZ_SESSION_SECONDS after it began.
 *   - While a session of a user lasts, the keyring signs for programs that act in the user's context, what they may do
 *     themselves. When the last one ends, it wipes the private key.
 *   - A wrong passphrase and an unknown name cost the same work and have the same answer. After TWZ_LOGIN_TRIES
 *     wrong ones for a name, the next is looked at TWZ_LOGIN_SECONDS later.
 *   - Hosted there is no keyring: TWZ_E_ABSENT. TWZ_E_NOTFOUND: none serves here.
 */
#ifndef TWZ_KEYRING_H
#define TWZ_KEYRING_H

#include <twz/gate.h>
#include <twz/user.h>

TWZ_C_BEGIN

#define TWZ_SESSION_SECONDS (12u * 3600)
#define TWZ_SESSIONS 32u /* at a time */
#define TWZ_LOGIN_TRIES 5u
#define TWZ_LOGIN_SECONDS 30u
#define TWZ_PASSPHRASE_MAX 1024u

struct twz_session {
	struct twz_id context; /* the session's */
	struct twz_id user;    /* the user's own */
	struct twz_id key;     /* that both were made under */
	uint64_t until;        /* the first second in which it is over, since 1970 */
};

/*
 * A session for who knows the passphrase. TWZ_E_RIGHT: there is no such user, or another passphrase;
 * TWZ_E_BUSY: wrong ones were tried too often, or others log in at this moment: later; TWZ_E_LIMIT: there are
 * TWZ_SESSIONS, or the user has used up what there is for him; TWZ_E_ARG: the passphrase is too long.
 */
int twz_keyring_login(const char *name, const void *passphrase, uint64_t bytes,
		      struct twz_session *session);
/* By the context that logged in, the session's or the user's. TWZ_E_NOTFOUND: it is over. */
int twz_keyring_logout(struct twz_id session);

/*
 * Completes and signs a capability, a root, as twz_cap_sign does, with the key of the caller's context: it gives
 * something for what was made under that only.
 * TWZ_E_NOTFOUND: no session of this context lasts, or the caller has no right to the target; TWZ_E_RIGHT: it may not
 * do as much itself.
 */
int twz_keyring_sign(struct twz_cap *cap);

/* ---- the interface ------------------------------------------------------------------------------ */

#define KEYRING_VERSION TWZ_VERSION(1, 0)
#define KEYRING_CALLS(X) X(keyring, 0, login) X(keyring, 1, logout) X(keyring, 2, sign)
TWZ_CALLS(KEYRING_CALLS)

/* login, a buffer. The caller's thread must be one that the keyring may READ. */
struct keyring_login {
	char name[64]; /* ends with a zero */
	uint32_t bytes, reserved;
	uint8_t passphrase[TWZ_PASSPHRASE_MAX];
	struct twz_session session; /* the answer */
};
/* logout: the session's ID. sign: a buffer, struct twz_cap. */

TWZ_C_END

#endif
