/* check.c - transactions in a checking build (twz/tx.h). */
#define TWZ_CHECK_INSIDE 1
#include <twz/tx.h>

#include "lib/space.h"

#if TWZ_CHECK
static uint32_t parts_of(const struct twz_tx *tx, uint8_t *base[static TWZ_LOG_PARTS_MAX])
{
	for (uint32_t i = 0; i < tx->nparts; i++)
		base[i] = tx->part[i].base;
	return tx->nparts;
}

int twz_check_commit(struct twz_tx *tx)
{
	uint8_t *base[TWZ_LOG_PARTS_MAX];
	uint32_t n = parts_of(tx, base);
	int error = twz_tx_commit(tx);

	while (n)
		space_protect(base[--n]);
	return error;
}

void twz_check_abort(struct twz_tx *tx)
{
	uint8_t *base[TWZ_LOG_PARTS_MAX];
	uint32_t n = parts_of(tx, base);

	twz_tx_abort(tx);
	while (n)
		space_protect(base[--n]);
}
#endif
