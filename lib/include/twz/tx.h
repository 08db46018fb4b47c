/*
 * tx.h - transactions: several changes, in one object or many, become durable together or not at
 * all, whatever happens.
 *
 *     struct twz_tx tx;
 *     struct account *a, *b;
 *
 *     twz_tx_begin(&tx);
 *     twz_tx_set(&tx, &a->balance, a->balance - 10);
 *     twz_tx_set(&tx, &b->balance, b->balance + 10);
 *     error = twz_tx_commit(&tx);
 *
 * Errors are sticky, so that only commit needs to be looked at; a null from twz_tx_write must not be
 * stored to. Read what was read for the decision after twz_tx_add, which locks the object, when
 * other threads or programs change it too. The rules are in core/tx.h, what lies in the log in
 * docs/format/log.md. A struct twz_tx takes 11 KiB: mind it on the small stack of a thread.
 *
 * Outside of a transaction twz_persist makes plain stores durable.
 */
#ifndef TWZ_TX_H
#define TWZ_TX_H

#include "core/tx.h"

TWZ_C_BEGIN

/* The address type-checked: the staged copy of *p. */
#define twz_tx_open(tx, p) ((__typeof__(p))twz_tx_write(tx, p, sizeof(*(p))))

#if TWZ_CHECK
/* Ends the stores that twz_check_stores (obj.h) allows while a transaction is open. */
int twz_check_commit(struct twz_tx *tx);
void twz_check_abort(struct twz_tx *tx);
#ifndef TWZ_CHECK_INSIDE
#define twz_tx_commit(tx) twz_check_commit(tx)
#define twz_tx_abort(tx) twz_check_abort(tx)
#endif
#endif

TWZ_C_END

#endif
