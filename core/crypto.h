/*
 * crypto.h - the kept cryptography (libsodium), behind what core needs of it.
 */
#ifndef TWZ_CORE_CRYPTO_H
#define TWZ_CORE_CRYPTO_H

#include "abi/record.h"

/* BLAKE2b of `bytes` bytes into out[out_bytes] (16 to 64); `personal` is one of TWZ_HASH_*. */
void crypto_hash(void *out, uint64_t out_bytes, const char personal[static 16], const void *data,
		 uint64_t bytes);

/* The same of a message that comes in pieces. */
struct crypto_state {
	_Alignas(64) uint8_t opaque[384];
};
void crypto_hash_begin(struct crypto_state *state, uint64_t out_bytes,
		       const char personal[static 16]);
void crypto_hash_add(struct crypto_state *state, const void *data, uint64_t bytes);
void crypto_hash_end(struct crypto_state *state, void *out, uint64_t out_bytes);

/* The ID that an identity has. */
struct twz_id crypto_id(const struct twz_identity *identity);

#endif
