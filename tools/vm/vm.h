/*
 * vm.h - the machine that a store is plugged into, as QEMU in a child of this process.
 *
 * This process holds the store's lock and hands it down to QEMU. QEMU dies with it: killing it is
 * pulling the plug. It stands between QEMU and the world:
 *
 *   standard input   -> COM1 of the machine, from the kernel's first word on
 *   COM1             -> standard output
 *   port 0xe9        -> the kernel's log (log.c)
 *   port 0x402       -> words of the kernel (enum host_word in kernel/machine.h), which give the
 *                       exit status and show that it lives
 *
 * Every error is one line on stderr, "vm: WHAT", and an exit status of enum vm_status.
 */
#ifndef TOOLS_VM_H
#define TOOLS_VM_H

#include <sys/types.h>

#include "abi/base.h"
#include "abi/program.h"

enum vm_status {
	STATUS_USAGE = 2,
	STATUS_PANIC = 120,   /* the kernel panicked */
	STATUS_HANG = 121,    /* the kernel says nothing any more */
	STATUS_DIED = 122,    /* QEMU ended, and the kernel had not said why */
	STATUS_TIMEOUT = 124, /* the time given is over */
	STATUS_STORE = 125,   /* the store cannot be used */
	STATUS_MISSING = 126, /* QEMU, the kernel or the boot archive is not there */
	STATUS_STDOUT = 141,  /* the output goes nowhere (128 + SIGPIPE) */
};

#define COMMANDS_MAX 256
#define MEM_MAX ((uint64_t)64 << 30)

struct options {
	const char *store;
	const char *kernel, *boot; /* by default beside this program */
	const char *disk;          /* boot this image by UEFI instead of kernel and boot archive */
	const char *bios;
	const char *word; /* null: none */
	const char *accel;
	const char *mem, *smp;
	const char *log; /* a file, "-" is stderr; null: kept, and shown when it is wanted */
	const char *timeout, *silence;
	const char *gdb;     /* path of a socket */
	const char *monitor; /* path of two pipes, without .in and .out */
	const char *commands[COMMANDS_MAX];
	int ncommands;
	bool icount, dry_run;

	/* What follows from them. */
	uint64_t mem_bytes;
	unsigned processors, timeout_s, silence_s;
	bool kvm;
	bool person; /* at a terminal, who is to be asked for commands */
	char command_line[TWZ_COMMAND_LINE_MAX + 1];
};

/* Says so, and ends. */
__attribute__((noreturn, format(printf, 2, 3))) void fail(int status, const char *format, ...);
__attribute__((format(printf, 1, 2))) void say(const char *format, ...);
__attribute__((format(printf, 1, 2))) char *text(const char *format, ...);

/* ---- options.c ----------------------------------------------------------------------------------- */

/* Takes the command line apart and checks it. Ends the program after --help and what makes no sense. */
void options_read(struct options *o, int argc, char **argv);

/* ---- store.c ------------------------------------------------------------------------------------- */

/*
 * Opens the store under its exclusive lock, looks whether the kernel will be able to mount it, has
 * the host allocate all of it: a store into a hole without room on the host would kill the machine.
 * Returns the descriptor that has the lock; *bytes is what the machine is to see, whole 2 MiB.
 */
int store_hold(const char *path, uint64_t *bytes);
/* What reached the file is durable. */
void store_release(void);

/* ---- qemu.c -------------------------------------------------------------------------------------- */

/* Files, as QEMU is told them. */
struct qemu_files {
	const char *store, *log, *words;
};

/* The command, ending with a null. The console is its standard input and output. */
const char **qemu_command(const struct options *o, const struct qemu_files *files,
			  uint64_t store_bytes);
void qemu_print(const char **command);

/* ---- log.c --------------------------------------------------------------------------------------- */

void log_open(const char *where); /* as in struct options */
void log_put(const char *data, size_t bytes);
void log_show(void); /* its end, on stderr, unless all of it is there */

/* ---- console.c ----------------------------------------------------------------------------------- */

/* Standard input is a terminal: keys are passed on one by one, until this program ends. */
void console_raw(void);

/*
 * Takes out what is meant for this program, in place: Ctrl-A x is *quit, Ctrl-A a is Ctrl-A. Returns
 * the bytes left.
 */
size_t console_keys(char *data, size_t bytes, bool *quit);

/*
 * What the machine writes before the UEFI stub's last words is the firmware's and goes to the log:
 * takes it out, in place. *heard, 0 at first, remembers how far these came. Returns the bytes left.
 */
size_t console_firmware(size_t *heard, char *data, size_t bytes);

/* ---- run.c --------------------------------------------------------------------------------------- */

/* Runs the machine until it ends; returns the exit status. */
int vm_run(const struct options *o, const char **command, int store_fd);

#endif
