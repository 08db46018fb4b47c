/*
 * options.c - the command line of vm.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/vm/vm.h"

#define PROCESSORS_MAX 16 /* what the kernel starts, kernel/machine.h */
#define SECONDS_MAX 1000000000u
#define MEM_MIN ((uint64_t)64 << 20)

static const char help[] =
	"usage: vm --store FILE [--kernel FILE] [--boot FILE] [--smp N] [--mem SIZE] [--icount]\n"
	"          [--accel tcg|kvm|auto] [--log FILE] [--timeout SECONDS] [--silence SECONDS]\n"
	"          [--exec COMMAND]... [--disk IMAGE] [--bios FILE] [--gdb SOCKET] [--word WORD]\n"
	"          [--monitor PIPE] [--dry-run]\n"
	"\n"
	"Runs the machine in QEMU, with the store as its persistent memory. Killing this process "
	"is\n"
	"pulling the plug. At a terminal Ctrl-A x does so too, and Ctrl-A a types a Ctrl-A.\n"
	"\n"
	"    --store FILE        the store; nobody else may have it open\n"
	"    --kernel FILE       the kernel, by default machine/kernel beside this program\n"
	"    --boot FILE         the boot archive, by default machine/boot beside this program\n"
	"    --exec COMMAND      run COMMAND instead of opening a prompt; may be repeated\n"
	"    --smp N             processors, 1 (the default) to 16\n"
	"    --mem SIZE          memory beside the store, such as 512M (the default) or 2G\n"
	"    --icount            time is counted in instructions, the same in every run\n"
	"    --accel A           tcg: in software. kvm: by the processor. auto, the default: kvm "
	"if\n"
	"                        the processor has it, else tcg\n"
	"    --log FILE          where the kernel's log goes, \"-\" is stderr. Without this, it "
	"is\n"
	"                        shown only when the kernel panics or hangs\n"
	"    --timeout SECONDS   pull the plug after so many seconds\n"
	"    --silence SECONDS   it hangs if its kernel says nothing for so long; by default 20\n"
	"    --disk IMAGE        boot a disk image by UEFI, instead of kernel and boot archive\n"
	"    --bios FILE         the firmware: by default qboot, with --disk OVMF\n"
	"    --gdb SOCKET        wait for gdb at this socket before the first instruction\n"
	"    --word WORD         a word for the kernel, such as off=NAME: switches a step off "
	"(tests)\n"
	"    --monitor PIPE      QEMU's monitor reads from PIPE.in and writes to PIPE.out "
	"(tests)\n"
	"    --dry-run           print the QEMU command\n"
	"\n"
	"exit status: what the machine was turned off with; 2 usage error; 120 the kernel "
	"panicked;\n"
	"121 it hangs; 122 QEMU ended without a word of the kernel; 124 the time-out passed; 125 "
	"the\n"
	"store cannot be used; 126 QEMU or the kernel is missing\n";

#define fail_usage(...) fail(STATUS_USAGE, __VA_ARGS__)

struct option {
	const char *name;
	const char **value; /* gets what follows; null: */
	bool *flag;         /* ... nothing follows; null too: it may be repeated, --exec */
};

/* The one that `word` is, as --NAME or --NAME=VALUE. The list ends with one without a name. */
static const struct option *find(const struct option *known, const char *word)
{
	size_t name = strcspn(word, "=");

	for (; known->name; known++)
		if (strlen(known->name) == name && !memcmp(known->name, word, name))
			return known->flag && word[name] ? NULL : known;
	return NULL;
}

static void add_command(struct options *o, const char *command)
{
	if (o->ncommands == COMMANDS_MAX)
		fail_usage("there are more than %d commands", COMMANDS_MAX);
	o->commands[o->ncommands++] = command;
}

static void take(struct options *o, int argc, char **argv)
{
	const struct option all[] = {
		{"--store", &o->store, NULL},     {"--kernel", &o->kernel, NULL},
		{"--boot", &o->boot, NULL},       {"--disk", &o->disk, NULL},
		{"--bios", &o->bios, NULL},       {"--word", &o->word, NULL},
		{"--accel", &o->accel, NULL},     {"--mem", &o->mem, NULL},
		{"--smp", &o->smp, NULL},         {"--log", &o->log, NULL},
		{"--timeout", &o->timeout, NULL}, {"--silence", &o->silence, NULL},
		{"--gdb", &o->gdb, NULL},         {"--monitor", &o->monitor, NULL},
		{"--icount", NULL, &o->icount},   {"--dry-run", NULL, &o->dry_run},
		{"--exec", NULL, NULL},           {NULL, NULL, NULL},
	};

	for (int i = 1; i < argc; i++) {
		const struct option *option = find(all, argv[i]);
		const char *value = strchr(argv[i], '=');

		if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h")) {
			fputs(help, stdout);
			exit(0);
		}
		if (!option)
			fail_usage("there is no option %s (vm --help)", argv[i]);
		if (option->flag) {
			*option->flag = true;
			continue;
		}
		if (value)
			value++;
		else if (i + 1 < argc)
			value = argv[++i];
		else
			fail_usage("%s needs a value", argv[i]);
		if (option->value)
			*option->value = value;
		else
			add_command(o, value);
	}
}

/* A whole number with a unit of `units` or none; 0 if it is none, or past `max`. */
static uint64_t parse(const char *number, const char *units, uint64_t max)
{
	unsigned long long n;
	char *end;
	int shift = 0;

	if (!isdigit((unsigned char)*number))
		return 0;
	errno = 0;
	n = strtoull(number, &end, 10);
	if (*end) {
		const char *unit = strchr(units, *end);

		if (!unit || end[1])
			return 0;
		shift = 10 * (int)(unit - units + 1);
	}
	return errno || n > max >> shift ? 0 : n << shift;
}

static void read_numbers(struct options *o)
{
	uint64_t mem = o->mem ? parse(o->mem, "KMGT", MEM_MAX) : (uint64_t)512 << 20;
	uint64_t smp = o->smp ? parse(o->smp, "", PROCESSORS_MAX) : 1;
	uint64_t timeout = o->timeout ? parse(o->timeout, "", SECONDS_MAX) : 0;
	uint64_t silence = o->silence ? parse(o->silence, "", SECONDS_MAX) : 20;

	if (mem < MEM_MIN || mem & 0xfffff)
		fail_usage("--mem takes 64M to 64G, in whole M, not '%s'", o->mem);
	if (!smp)
		fail_usage("--smp takes 1 to %d processors, not '%s'", PROCESSORS_MAX, o->smp);
	if (o->timeout && !timeout)
		fail_usage("--timeout takes a number of seconds, not '%s'", o->timeout);
	if (!silence)
		fail_usage("--silence takes a number of seconds, not '%s'", o->silence);
	o->mem_bytes = mem;
	o->processors = (unsigned)smp;
	o->timeout_s = (unsigned)timeout;
	o->silence_s = (unsigned)silence;
}

/*
 * Only where the processor itself says that it can: a /dev/kvm that opens proves nothing, and a
 * guest that is started on it may hang before its first instruction.
 */
static bool kvm_works(void)
{
	FILE *info = fopen("/proc/cpuinfo", "re");
	char word[64];
	bool found = false;
	int fd;

	if (!info)
		return false;
	while (!found && fscanf(info, "%63s", word) == 1)
		found = !strcmp(word, "vmx") || !strcmp(word, "svm");
	fclose(info);
	fd = found ? open("/dev/kvm", O_RDWR | O_CLOEXEC) : -1;
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static void choose_accel(struct options *o)
{
	const char *accel = o->accel ? o->accel : "auto";

	if (!strcmp(accel, "kvm")) {
		if (o->icount)
			fail_usage(
				"--icount counts instructions in software: not with --accel kvm");
		if (!kvm_works())
			fail_usage("--accel kvm: the processor does not report vmx or svm, or "
				   "/dev/kvm cannot be opened");
		o->kvm = true;
	} else if (!strcmp(accel, "auto")) {
		o->kvm = !o->icount && kvm_works();
	} else if (strcmp(accel, "tcg")) {
		fail_usage("--accel takes tcg, kvm or auto, not '%s'", accel);
	}
}

/* Words for the kernel, then a line for each command (abi/program.h). */
static void write_command_line(struct options *o)
{
	char *line = o->command_line;
	size_t bytes, room = sizeof(o->command_line);

	o->person = !o->ncommands && isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
	bytes = (size_t)snprintf(line, room, "%s%s%s", o->person ? "terminal" : "",
				 o->person && o->word ? " " : "", o->word ? o->word : "");
	for (int i = 0; i < o->ncommands; i++) {
		const char *command = o->commands[i];

		for (const char *c = command; *c; c++)
			if (iscntrl((unsigned char)*c))
				fail_usage("the command '%.20s' has a control character", command);
		bytes += (size_t)snprintf(line + bytes, room - bytes, "\n%s", command);
		if (bytes > TWZ_COMMAND_LINE_MAX)
			fail_usage("the commands are longer than %u bytes together",
				   TWZ_COMMAND_LINE_MAX);
	}
}

static const char *beside(const char *name)
{
	static char self[4096];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (n < 0)
		fail(STATUS_MISSING, "/proc/self/exe: %s", strerror(errno));
	self[n] = 0;
	*strrchr(self, '/') = 0;
	return text("%s/%s", self, name);
}

static void check_files(struct options *o)
{
	const char *needed[3] = {o->disk, NULL, o->bios};

	if (!o->disk) {
		if (!o->kernel)
			o->kernel = beside("machine/kernel");
		if (!o->boot)
			o->boot = beside("machine/boot");
		needed[0] = o->kernel;
		needed[1] = o->boot;
	}
	for (int i = 0; i < 3; i++)
		if (needed[i] && access(needed[i], R_OK))
			fail(STATUS_MISSING, "%s: %s", needed[i], strerror(errno));
}

void options_read(struct options *o, int argc, char **argv)
{
	*o = (struct options){0};
	take(o, argc, argv);
	if (!o->store)
		fail_usage("--store is missing (vm --help)");
	if (o->disk && (o->kernel || o->boot || o->ncommands))
		fail_usage("a disk image brings its kernel, boot archive and commands along");
	read_numbers(o);
	choose_accel(o);
	write_command_line(o);
	check_files(o);
}
