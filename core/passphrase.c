/*
 * passphrase.c - keys of passphrases, and what is sealed under a key (crypto.h), by libsodium. A file of its own,
 * because the kernel's libsodium has none of it: nothing there calls this, and the linker leaves it out.
 */
#include <sodium/crypto_pwhash_argon2id.h>
#include <sodium/crypto_secretbox.h>
#include <sodium/utils.h>

#include "core/crypto.h"

_Static_assert(CRYPTO_SALT == crypto_pwhash_argon2id_SALTBYTES, "salt");
_Static_assert(CRYPTO_KEY == crypto_secretbox_KEYBYTES, "key");
_Static_assert(CRYPTO_NONCE == crypto_secretbox_NONCEBYTES, "nonce");
_Static_assert(CRYPTO_MAC == crypto_secretbox_MACBYTES, "mac");

bool crypto_passphrase_key(uint8_t key[static CRYPTO_KEY], const void *passphrase, uint64_t bytes,
			   const uint8_t salt[static CRYPTO_SALT], uint64_t ops, uint64_t memory)
{
	return !crypto_pwhash_argon2id(key, CRYPTO_KEY, passphrase, bytes, salt, ops, memory,
				       crypto_pwhash_argon2id_ALG_ARGON2ID13);
}

void crypto_box(void *data, uint64_t bytes, uint8_t mac[static CRYPTO_MAC],
		const uint8_t nonce[static CRYPTO_NONCE], const uint8_t key[static CRYPTO_KEY])
{
	/* Fails only for more bytes than there are. */
	(void)crypto_secretbox_detached(data, mac, data, bytes, nonce, key);
}

bool crypto_box_open(void *data, uint64_t bytes, const uint8_t mac[static CRYPTO_MAC],
		     const uint8_t nonce[static CRYPTO_NONCE], const uint8_t key[static CRYPTO_KEY])
{
	return !crypto_secretbox_open_detached(data, data, mac, bytes, nonce, key);
}

void crypto_wipe(void *p, uint64_t bytes)
{
	sodium_memzero(p, bytes);
}
