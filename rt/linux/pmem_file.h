/*
 * pmem_file.h - the medium FILE (core/pmem.h): a mapped file that a fence writes back with msync.
 *
 * A flush notes the pages, in this thread's list, joined where they touch; the thread's next fence
 * writes them. What does not fit the list makes that fence write all of the file. So whoever takes
 * a mapping away calls pmem_file_all before: pages noted in other threads' lists are written then.
 * A write that the host refuses ends the process with a message: nothing can be promised any more.
 */
#ifndef TWZ_RT_LINUX_PMEM_FILE_H
#define TWZ_RT_LINUX_PMEM_FILE_H

#include "abi/base.h"

/* Makes FILE the medium; the whole file is mapped at `base`. No descriptor of it is needed from here on. */
void pmem_file_use(void *base, uint64_t bytes);

/* If FILE is the medium: all that was stored to the file is durable. */
void pmem_file_all(void);

#endif
