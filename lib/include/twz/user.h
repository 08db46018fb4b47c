/*
 * user.h - users: where what is theirs is found. docs/rights.md, "Users".
 *
 * A user is made on the host (twz user), and logs in by the keyring, a service (srv/keyring/keyring.h).
 */
#ifndef TWZ_USER_H
#define TWZ_USER_H

#define TWZ_USER_NAME_MAX 32u /* bytes: a-z, 0-9, '_', '-', '.', which is not first */

/* What opening a user's private key costs in Argon2id: a machine of 64 MiB can do it. */
#define TWZ_USER_OPS 3u
#define TWZ_USER_MEMORY ((uint64_t)8 << 20)

#define TWZ_USERS "/users"     /* NAME leads to the user's context */
#define TWZ_HOMES "/home"      /* NAME: the user's namespace */
#define TWZ_SECRETS "/secrets" /* NAME: struct twz_secret, sealed, for the keyring alone */
#define TWZ_SERVICES "/srv"
#define TWZ_KEYRING TWZ_SERVICES "/keyring"

#endif
