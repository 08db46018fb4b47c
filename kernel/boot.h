/*
 * boot.h - from the boot archive to the first thread.
 */
#ifndef KERNEL_BOOT_H
#define KERNEL_BOOT_H

#include "abi/base.h"

struct object;

/* Makes objects of the archive's images, and the boot object; panics if the archive is none. */
void boot_objects(void);
/*
 * Who the first thread acts as: the boot context, if the store has one that is whole; else nobody, and
 * default permissions decide.
 */
void boot_rights(void);
/* An object of the system's, held; without a system's key it is everybody's, with these permissions. */
struct object *boot_owned(uint32_t type, uint32_t perms);
/* The first thread of init, ready to run. */
void boot_start(void);

struct twz_id boot_id(void);
extern uint64_t boot_cycles; /* time stamp when init was started */

/* Is this among the words of the command line's first line? */
bool boot_word(const char *word);

#endif
