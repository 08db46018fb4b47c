/*
 * crypto.c - BLAKE2b, and verification of Ed25519 signatures, by libsodium.
 */
#include <sodium/crypto_generichash_blake2b.h>
#include <sodium/crypto_sign_ed25519.h>

#include "core/crypto.h"

void crypto_hash(void *out, uint64_t out_bytes, const char personal[static 16], const void *data,
		 uint64_t bytes)
{
	/* Fails only for lengths that the contract excludes. */
	(void)crypto_generichash_blake2b_salt_personal(out, out_bytes, data, bytes, NULL, 0, NULL,
						       (const unsigned char *)personal);
}

_Static_assert(sizeof(struct crypto_state) == sizeof(crypto_generichash_blake2b_state), "state");

void crypto_hash_begin(struct crypto_state *state, uint64_t out_bytes,
		       const char personal[static 16])
{
	(void)crypto_generichash_blake2b_init_salt_personal(
		(crypto_generichash_blake2b_state *)state, NULL, 0, out_bytes, NULL,
		(const unsigned char *)personal);
}

void crypto_hash_add(struct crypto_state *state, const void *data, uint64_t bytes)
{
	(void)crypto_generichash_blake2b_update((crypto_generichash_blake2b_state *)state, data,
						bytes);
}

void crypto_hash_end(struct crypto_state *state, void *out, uint64_t out_bytes)
{
	(void)crypto_generichash_blake2b_final((crypto_generichash_blake2b_state *)state, out,
					       out_bytes);
}

struct twz_id crypto_id(const struct twz_identity *identity)
{
	struct twz_id id;

	crypto_hash(&id, sizeof(id), TWZ_HASH_ID, identity, sizeof(*identity));
	return id;
}

_Static_assert(CRYPTO_SIG == crypto_sign_ed25519_BYTES, "signature");
_Static_assert(CRYPTO_KEY == crypto_sign_ed25519_PUBLICKEYBYTES, "key");

bool crypto_verify(const uint8_t sig[static CRYPTO_SIG], const uint8_t key[static CRYPTO_KEY],
		   const void *message, uint64_t bytes)
{
	return !crypto_sign_ed25519_verify_detached(sig, message, bytes, key);
}
