/*
 * read.c - what a reader does while a commit stores in place (read.h).
 */
#include "core/read.h"
#include "core/tx.h"

#define SPINS 1000u /* looks before it sleeps: a commit of a few lines takes less */
#define ROUNDS 64u  /* sleeps: in each of them another commit may have come */

static bool is_storing(const struct twz_log_head *head, uint64_t *version)
{
	*version = __atomic_load_n(&head->storing, __ATOMIC_ACQUIRE);
	return *version > __atomic_load_n(&head->retired, __ATOMIC_ACQUIRE);
}

uint64_t twz_read_wait(const void *addr)
{
	const struct twz_log_head *head = &obj_meta(addr)->log;
	uint64_t version;

	for (unsigned round = 0; round < ROUNDS; round++) {
		for (unsigned i = 0; i < SPINS; i++) {
			if (!is_storing(head, &version))
				return version;
			__builtin_ia32_pause();
		}
		if (tx_env.stored(obj_base(addr), head, version))
			break;
	}
	return TWZ_READ_TIMEOUT;
}
