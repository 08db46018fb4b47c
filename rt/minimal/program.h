/*
 * program.h - starting programs, and bringing views back.
 *
 * A program that is started gets a view of its own, in memory: its image, a copy of the image's
 * data, a stack, the shadow, the boot object. All of it is tied to its first thread, and that to the
 * caller's: it ends at the latest with who started it. The arguments lie at the stack's end.
 *
 * A program in another context runs on memory that is still the caller's: its context is granted that, and
 * the thread is made in it.
 */
#ifndef TWZ_RT_MINIMAL_PROGRAM_H
#define TWZ_RT_MINIMAL_PROGRAM_H

#include "abi/program.h"
#include "abi/rt.h"

#define PROGRAM_STACK_BYTES ((uint64_t)8 << 20)
#define PROGRAM_STACK_HIGH ((uint64_t)(TWZ_SLOT_STACK + 1) << TWZ_SLOT_SHIFT)
#define PROGRAM_STACK_LOW (PROGRAM_STACK_HIGH - PROGRAM_STACK_BYTES) /* a guard page below */
#define PROGRAM_ARGUMENTS_MAX ((uint64_t)1 << 20) /* bytes of all arguments; then TWZ_E_LIMIT */

static inline const struct twz_boot *program_boot(void)
{
	return (const struct twz_boot *)TWZ_SLOT_DATA_AT(TWZ_SLOT_BOOT);
}

/* The entry of the boot archive, null if there is none of that name. init has none for others. */
const struct twz_boot_entry *program_find(const char *name);

/*
 * Starts it as `what` says, but for the time and the console. *thread is its first thread: its object says
 * when it has ended and with what status, and is the caller's to delete. TWZ_E_VERSION, after a message:
 * it was built for another version of the runtime; TWZ_E_DAMAGED: the image makes no sense; TWZ_E_LIMIT;
 * what twz_rt_run_as and the kernel return.
 */
int program_start(const struct twz_boot_entry *entry, const struct twz_rt_program *what,
		  struct twz_id *thread);

/*
 * Brings a registered view back: its program goes on at the function that it registered, in the view
 * as it is, with new data, stack and shadow. TWZ_E_TYPE: this is no view that can be; the rest as
 * above.
 */
int program_recover(struct twz_id view, struct twz_id *thread);

/* ---- arguments.c: what lies at the end of a new stack ------------------------------------------- */

/* Bytes, a multiple of 16; 0 if they are more than PROGRAM_ARGUMENTS_MAX. *argc of them. */
uint64_t arguments_bytes(const char *const argv[], uint64_t *argc);

/*
 * Writes them to `to`: struct twz_start with argc and argv set, the pointers, the texts. The new program sees
 * them at `address`.
 */
void arguments_write(uint8_t *to, uint64_t address, const char *const argv[], uint64_t argc);

#endif
