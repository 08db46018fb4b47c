/*
 * cap.c - one capability (cap.h).
 */
#include "core/cap.h"
#include "core/mem.h"

void cap_hash(uint8_t hash[static CAP_HASH], const struct twz_cap *cap)
{
	crypto_hash(hash, CAP_HASH, TWZ_HASH_CAP, cap, sizeof(*cap));
}

bool cap_is_parent(const struct twz_cap *parent, const struct twz_cap *link)
{
	uint8_t hash[CAP_HASH];

	cap_hash(hash, parent);
	return !memcmp(hash, link->parent, sizeof(hash));
}

void cap_sign(struct twz_cap *cap, const struct twz_cap *parent, struct twz_id signer,
	      const uint8_t secret[static CRYPTO_SECRET])
{
	cap->magic = TWZ_CAP_MAGIC;
	cap->version = 1;
	cap->alg = TWZ_ALG_ED25519;
	cap->signer = signer;
	cap->depth = parent ? parent->depth + 1 : 0;
	memset(cap->parent, 0, sizeof(cap->parent));
	if (parent)
		cap_hash(cap->parent, parent);
	crypto_sign(cap->sig, secret, cap, CAP_SIGNED);
}

bool cap_verify(const struct twz_cap *cap, const uint8_t key[static CRYPTO_KEY])
{
	return crypto_verify(cap->sig, key, cap, CAP_SIGNED);
}
