/*
 * store.h - the store that a program works in, for who uses libtwz as a library.
 *
 * Rules
 *   - A store is a file. Any number of processes of one host (up to 63) have it open at the same time, related
 *     or not; the machine has it alone, and `twz ls` and what else only reads has it while nobody writes.
 *   - A program has one store, which it opens before anything else of libtwz, and until it ends: it
 *     cannot be given back, as pointers into objects may be anywhere in the program. Who needs
 *     another one at the same time takes another process. A program that opens none works in the
 *     one that the environment names (TWZ_STORE=FILE), or ends at its first call with status 125.
 *   - These functions print nothing and end nothing: they return an error, and tell the reason in a
 *     sentence (twz_store_error_text). What was opened may fail later all the same: a touch of memory
 *     that cannot be had is a fault (twz_rt_on_fault).
 *   - Opening a store handles the signals SIGSEGV and SIGBUS from then on; what is none of its faults
 *     goes to the handlers that were there. It takes 8 TiB of addresses, which are no memory.
 *   - After fork() the child has the store, too, as a process of its own (docs/hosted.md): the
 *     transactions of its parent are not its (TWZ_E_FORKED). Other programs that it becomes have no store.
 *   - It takes one descriptor, which is the program's like any other. Who closes descriptors that it did not open
 *     (closefrom, what makes a daemon) does so before, or from then on what is not mapped yet is
 *     TWZ_E_IO, or a fault: nothing is damaged, and no other file is taken for the store.
 *   - A store's size is given once. The file is sparse: it takes as much of the disk as is used.
 */
#ifndef TWZ_STORE_H
#define TWZ_STORE_H

#include <twz/obj.h>

TWZ_C_BEGIN

/*
 * Opens the store. TWZ_E_NOTFOUND: there is no such file; TWZ_E_NOTSTORE: it is none; TWZ_E_VERSION,
 * TWZ_E_DAMAGED; TWZ_E_BUSY: after a second, the machine or a reader has it, or after ten, a process that was
 * stopped in the middle of a change; TWZ_E_LIMIT: too many processes have it, or this one has no descriptor left;
 * TWZ_E_READONLY,
 * TWZ_E_RIGHT; TWZ_E_EXISTS: this program has a store already; TWZ_E_NOMEM;
 * TWZ_E_IO. After an error it can be tried again.
 */
int twz_store_open(const char *path);

/*
 * Makes a file that holds an empty store of so many bytes (16 MiB to 16 TiB, in steps of 2 MiB), with a root
 * namespace, and opens it. Others never see half of it. TWZ_E_EXISTS: something is there already;
 * TWZ_E_ARG: not such a size; TWZ_E_FULL: the host has no room, or the limit of a file's size is less; and as above.
 */
int twz_store_make(const char *path, uint64_t bytes);

/* The one that is there, however large; else makes it. Of those that do so at the same time, one makes it. */
int twz_store_open_or_make(const char *path, uint64_t bytes);

/*
 * A sentence for a person on the error that one of these has just returned to this thread, which names the file, who
 * has it, and what to do. Good until the next of them.
 */
const char *twz_store_error_text(int error);

TWZ_C_END

#endif
