/*
 * meta.h - an object's meta page, changed in a transaction.
 */
#ifndef LIB_META_H
#define LIB_META_H

#include "core/ptr.h"
#include "core/tx.h"

/* The page counts from now on: it has its magic number. */
static inline int meta_begin(struct twz_tx *tx, struct twz_meta *meta)
{
	if (*(const uint64_t *)twz_tx_read(tx, &meta->magic, sizeof(meta->magic)))
		return tx->error;
	twz_tx_set(tx, (uint64_t *)&meta->version, 1);
	return twz_tx_set(tx, &meta->magic, TWZ_META_MAGIC);
}

#endif
