/*
 * cap.h - one capability: making, signing, checking its signature. Whether it gives anything is
 * decided in core/right.h. Layout: abi/security.h, docs/format/security.md.
 */
#ifndef TWZ_CORE_CAP_H
#define TWZ_CORE_CAP_H

#include "abi/security.h"
#include "core/crypto.h"

#define CAP_SIGNED offsetof(struct twz_cap, sig) /* bytes that the signature is over */
#define CAP_HASH sizeof(((struct twz_cap *)NULL)->parent)

/* The hash by which a delegation names its parent: of the whole record, its signature included. */
void cap_hash(uint8_t hash[static CAP_HASH], const struct twz_cap *cap);

/* Is this the parent that the delegation names? */
bool cap_is_parent(const struct twz_cap *parent, const struct twz_cap *link);

/*
 * Completes and signs a capability that the caller has zeroed and filled: what it gives (perms, flags,
 * target, accessor, times, gate, serial). A delegation of `parent`, which must be complete and less than
 * TWZ_CAP_DEPTH_MAX deep, or, if that is null, a root. `signer` is the ID of the key object whose secret
 * key this is. It is not checked whether the result would give anything: attacks are made with this, too.
 */
void cap_sign(struct twz_cap *cap, const struct twz_cap *parent, struct twz_id signer,
	      const uint8_t secret[static CRYPTO_SECRET]);

/* Is the signature right under this key, which the caller has found by cap->signer? */
bool cap_verify(const struct twz_cap *cap, const uint8_t key[static CRYPTO_KEY]);

#endif
