/*
 * qemu.c - the command line of QEMU.
 *
 * What starts fastest: no default devices, no display, and qboot instead of SeaBIOS, which enters
 * the kernel by PVH after 0.06 s with the same ACPI tables.
 */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "tools/vm/vm.h"

#define WORDS_MAX 80
#define OVMF "/usr/share/ovmf/OVMF.fd" /* where Debian's package ovmf has it */
#define MIB(bytes) ((unsigned long long)(bytes) >> 20)

static const char **put(const char **to, const char *first, const char *second)
{
	*to++ = first;
	if (second)
		*to++ = second;
	return to;
}

/* A path in an option with commas: each of its own is written twice. Good until the next call. */
static const char *value(const char *path)
{
	static char out[2 * PATH_MAX];
	char *to = out;

	for (; *path && to < out + sizeof(out) - 2; path++) {
		if (*path == ',')
			*to++ = ',';
		*to++ = *path;
	}
	*to = 0;
	return out;
}

static const char **put_processors(const char **to, const struct options *o)
{
	if (o->kvm) {
		to = put(to, "-accel", "kvm");
		to = put(to, "-cpu", "max");
	} else if (o->icount) {
		/* Every step of a `rep` counts: without these, memcpy is not made of such. */
		to = put(to, "-accel", "tcg");
		to = put(to, "-cpu", "max,-erms,-fsrm");
		to = put(to, "-icount", "shift=0,sleep=off");
	} else {
		to = put(to, "-accel", o->processors > 1 ? "tcg,thread=multi" : "tcg");
		to = put(to, "-cpu", "max");
	}
	return put(to, "-smp", text("%u", o->processors));
}

static const char **put_memory(const char **to, const struct options *o, const char *store,
			       uint64_t bytes)
{
	to = put(to, "-m",
		 text("%lluM,slots=2,maxmem=%lluM", MIB(o->mem_bytes), MIB(o->mem_bytes + bytes)));
	to = put(to, "-object",
		 text("memory-backend-file,id=store,share=on,mem-path=%s,size=%lluM,align=2M",
		      value(store), MIB(bytes)));
	return put(to, "-device", "nvdimm,memdev=store");
}

/* readback=0: the firmware takes a port that answers for one that it may write its own log to. */
static const char **put_channels(const char **to, const struct qemu_files *files)
{
	to = put(to, "-chardev", "stdio,id=console,signal=off");
	to = put(to, "-serial", "chardev:console");
	to = put(to, "-chardev", text("file,id=log,path=%s", value(files->log)));
	to = put(to, "-device", "isa-debugcon,iobase=0xe9,chardev=log");
	to = put(to, "-chardev", text("file,id=words,path=%s", value(files->words)));
	return put(to, "-device", "isa-debugcon,iobase=0x402,readback=0,chardev=words");
}

static const char **put_start(const char **to, const struct options *o)
{
	if (o->disk) {
		to = put(to, "-bios", o->bios ? o->bios : OVMF);
		to = put(to, "-drive",
			 text("if=none,id=disk,format=raw,readonly=on,file=%s", value(o->disk)));
		return put(to, "-device", "virtio-blk-pci,drive=disk");
	}
	to = put(to, "-bios", o->bios ? o->bios : "qboot.rom");
	to = put(to, "-kernel", o->kernel);
	to = put(to, "-initrd", o->boot);
	return put(to, "-append", o->command_line);
}

const char **qemu_command(const struct options *o, const struct qemu_files *files,
			  uint64_t store_bytes)
{
	static const char *command[WORDS_MAX];
	const char **to = command;

	to = put(to, "qemu-system-x86_64", NULL);
	to = put(to, "-nodefaults", "-no-user-config");
	to = put(to, "-display", "none");
	/* A reset ends QEMU, and run.c starts it again if the kernel said that it wants one. */
	to = put(to, "-no-reboot", NULL);
	to = put(to, "-machine", "q35,nvdimm=on");
	to = put_processors(to, o);
	to = put_memory(to, o, files->store, store_bytes);
	to = put_channels(to, files);
	to = put_start(to, o);
	if (o->gdb) {
		to = put(to, "-chardev",
			 text("socket,id=gdb,path=%s,server=on,wait=off", value(o->gdb)));
		to = put(to, "-gdb", "chardev:gdb");
		to = put(to, "-S", NULL);
	}
	if (o->monitor) {
		to = put(to, "-chardev", text("pipe,id=monitor,path=%s", value(o->monitor)));
		to = put(to, "-mon", "chardev=monitor");
	}
	*to = NULL;
	return command;
}

/* For a shell. */
void qemu_print(const char **command)
{
	for (const char **word = command; *word; word++) {
		printf("%s'", word == command ? "" : " ");
		for (const char *c = *word; *c; c++)
			if (*c == '\'')
				fputs("'\\''", stdout);
			else
				putchar(*c);
		putchar('\'');
	}
	putchar('\n');
}
