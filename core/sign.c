/*
 * sign.c - making Ed25519 keys and signatures (crypto.h), by libsodium. A file of its own, because the
 * kernel's libsodium can only verify: nothing there calls this, and the linker leaves it out.
 */
#include <sodium/crypto_sign_ed25519.h>

#include "core/crypto.h"

_Static_assert(CRYPTO_SECRET == crypto_sign_ed25519_SECRETKEYBYTES, "secret key");
_Static_assert(CRYPTO_KEY == crypto_sign_ed25519_SEEDBYTES, "seed");

/* Neither fails. */
void crypto_key_pair(uint8_t key[static CRYPTO_KEY], uint8_t secret[static CRYPTO_SECRET],
		     const uint8_t seed[static CRYPTO_KEY])
{
	(void)crypto_sign_ed25519_seed_keypair(key, secret, seed);
}

void crypto_sign(uint8_t sig[static CRYPTO_SIG], const uint8_t secret[static CRYPTO_SECRET],
		 const void *message, uint64_t bytes)
{
	(void)crypto_sign_ed25519_detached(sig, NULL, message, bytes, secret);
}
