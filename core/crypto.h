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

/*
 * Ed25519 (RFC 8032), detached signatures. crypto_verify refuses, beside what is wrong, keys of small
 * order and encodings that are not the canonical ones, so that nobody but the signer can make another
 * good signature of a good one.
 */
#define CRYPTO_KEY 32u    /* bytes of a public key, and of a seed */
#define CRYPTO_SECRET 64u /* the seed, then the public key */
#define CRYPTO_SIG 64u

bool crypto_verify(const uint8_t sig[static CRYPTO_SIG], const uint8_t key[static CRYPTO_KEY],
		   const void *message, uint64_t bytes);

/* In core/sign.c: for tools and programs. The kernel signs nothing. */
void crypto_key_pair(uint8_t key[static CRYPTO_KEY], uint8_t secret[static CRYPTO_SECRET],
		     const uint8_t seed[static CRYPTO_KEY]);
void crypto_sign(uint8_t sig[static CRYPTO_SIG], const uint8_t secret[static CRYPTO_SECRET],
		 const void *message, uint64_t bytes);

/*
 * In core/passphrase.c, for tools and programs. The key of a passphrase by Argon2id: `ops` passes over `memory`
 * bytes, which it allocates. False: it could not, or they are out of bounds.
 */
#define CRYPTO_SALT 16u
bool crypto_passphrase_key(uint8_t key[static CRYPTO_KEY], const void *passphrase, uint64_t bytes,
			   const uint8_t salt[static CRYPTO_SALT], uint64_t ops, uint64_t memory);

/*
 * XSalsa20 and Poly1305 (libsodium's secretbox), in place. Opening is false if key, nonce or a byte is another,
 * and changes nothing then.
 */
#define CRYPTO_NONCE 24u
#define CRYPTO_MAC 16u
void crypto_box(void *data, uint64_t bytes, uint8_t mac[static CRYPTO_MAC],
		const uint8_t nonce[static CRYPTO_NONCE], const uint8_t key[static CRYPTO_KEY]);
bool crypto_box_open(void *data, uint64_t bytes, const uint8_t mac[static CRYPTO_MAC],
		     const uint8_t nonce[static CRYPTO_NONCE],
		     const uint8_t key[static CRYPTO_KEY]);

/* Zeros what is secret, though nobody reads it any more. */
void crypto_wipe(void *p, uint64_t bytes);

#endif
