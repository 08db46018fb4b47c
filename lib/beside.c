/* beside.c - reading beside changes (beside.h). */
#include "lib/beside.h"

#define TRIES 64

/* False: it was changed all the time. *error is what `read` returned. */
static bool try(const struct twz_obj *obj, const uint64_t *generation,
		int (*read)(const struct twz_tx *tx, void *arg), void *arg, int *error)
{
	struct beside beside;

	for (int i = 0; i < TRIES; i++) {
		if (!beside_begin(&beside, obj, generation)) {
			__builtin_ia32_pause();
			continue;
		}
		*error = read(NULL, arg);
		if (beside_end(&beside))
			return true;
	}
	return false;
}

#define WAIT_NS 1000000ull
#define WAITS 10000u

/*
 * Who may not write the object cannot have it for himself: he waits for who has. One who died having it is
 * found out by settling, which needs no more than the right to read.
 */
int read_beside(const struct twz_obj *obj, const uint64_t *generation,
		int (*read)(const struct twz_tx *tx, void *arg), void *arg)
{
	const uint32_t never = 0;
	struct twz_tx tx;
	int error;

	for (unsigned i = 0; i < WAITS; i++) {
		if (try(obj, generation, read, arg, &error))
			return error;
		twz_tx_begin(&tx);
		error = twz_tx_add(&tx, obj->base);
		if (!error)
			error = read(&tx, arg);
		twz_tx_abort(&tx);
		if (error != TWZ_E_RIGHT)
			return error;
		twz_rt_settle(obj->id); /* BUSY: who has it lives */
		twz_rt_wait(&never, 0, WAIT_NS);
	}
	return TWZ_E_TIMEOUT;
}
