/*
 * stub.c - starts the kernel on a machine whose firmware is UEFI.
 *
 * The kernel has one protocol, PVH: loaded where its headers say, entered in 32-bit protected mode
 * without paging, with the address of a start info. The stub loads kernel, boot archive and command
 * line from the volume that it was loaded from, makes that start info of what UEFI says, takes leave
 * of the firmware and switches modes.
 *
 * Compiled for Windows, as UEFI wants: clang -target x86_64-unknown-windows, lld-link.
 */
#include "abi/program.h"
#include "tools/uefi/efi.h"
#include "tools/uefi/stub.h"

#define PAGE 4096u
#define BELOW_4G 0xffffffffull

/* Xen's public header start_info.h. */
#define START_MAGIC 0x336ec578u
struct start_info {
	uint32_t magic;
	uint32_t version;
	uint32_t flags;
	uint32_t nmodules;
	uint64_t modules;
	uint64_t command_line;
	uint64_t rsdp;
	uint64_t map;
	uint32_t map_count;
	uint32_t reserved;
};

struct start_module {
	uint64_t start, bytes, command_line, reserved;
};

enum start_memory {
	START_RAM = 1,
	START_RESERVED = 2,
	START_ACPI = 3,
	START_NVS = 4,
	START_UNUSABLE = 5,
	START_PMEM = 7,
};
struct start_range {
	uint64_t start, bytes;
	uint32_t type;
	uint32_t reserved;
};

#define RANGES_MAX 1024u

/* What the kernel gets, in pages below 4 GiB. */
struct start {
	struct start_info info;
	struct start_module module;
	struct start_range map[RANGES_MAX];
	char command_line[TWZ_COMMAND_LINE_MAX + 1];
};

/* ELF64, as far as it is looked at. */
struct elf {
	uint8_t magic[4], class, data, rest[10];
	uint16_t type, machine;
	uint32_t version;
	uint64_t entry, headers, sections;
	uint32_t flags;
	uint16_t bytes, header_bytes, nheaders;
};
struct elf_header {
	uint32_t type, flags;
	uint64_t offset, virtual, physical, file_bytes, memory_bytes, align;
};
#define ELF_LOAD 1
#define ELF_NOTE 4
struct elf_note {
	uint32_t name_bytes, value_bytes, type;
	char name[4]; /* "Xen" */
	uint64_t value;
};
#define XEN_PHYS32_ENTRY 18

struct file {
	uint8_t *data; /* whole pages */
	uint64_t bytes;
};

static struct efi_system *efi;

/* The compiler calls these. */
void *memcpy(void *to, const void *from, size_t n);
void *memset(void *to, int value, size_t n);

void *memcpy(void *to, const void *from, size_t n)
{
	void *start = to;

	__asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(n) : : "memory");
	return start;
}

void *memset(void *to, int value, size_t n)
{
	void *start = to;

	__asm__ volatile("rep stosb" : "+D"(to), "+c"(n) : "a"(value) : "memory");
	return start;
}

static bool equal(const void *a, const void *b, size_t n)
{
	const uint8_t *x = a, *y = b;

	while (n && *x == *y)
		x++, y++, n--;
	return !n;
}

/* Says why, and stays: what the firmware would do next would wipe it away. */
static _Noreturn void stop(const efi_char *why)
{
	efi->out->write(efi->out, u"Twizzler cannot start: ");
	efi->out->write(efi->out, why);
	efi->out->write(efi->out, u"\r\n");
	for (;;)
		__asm__ volatile("hlt");
}

static void *pages(enum efi_memory type, uint64_t bytes)
{
	uint64_t at = BELOW_4G;

	if (efi->boot->allocate(EFI_BELOW, type, (bytes + PAGE - 1) / PAGE, &at))
		stop(u"there is not enough memory below 4 GiB");
	return (void *)at;
}

/* ---- files --------------------------------------------------------------------------------------- */

static struct efi_file *open_volume(efi_handle image)
{
	static const struct efi_guid loaded_image = EFI_LOADED_IMAGE, file_system = EFI_FILE_SYSTEM;
	struct efi_loaded_image *loaded;
	struct efi_volume *volume;
	struct efi_file *root;

	if (efi->boot->protocol(image, &loaded_image, (void **)&loaded) ||
	    efi->boot->protocol(loaded->device, &file_system, (void **)&volume) ||
	    volume->open(volume, &root))
		stop(u"the volume that it was loaded from cannot be read");
	return root;
}

/* All of it, in pages of its own; false if there is no such file. */
static bool load(struct efi_file *root, const efi_char *name, struct file *file)
{
	struct efi_file *opened;
	uint64_t done = 0;

	if (root->open(root, &opened, name, EFI_READ, 0))
		return false;
	if (opened->set_position(opened, EFI_END) || opened->position(opened, &file->bytes) ||
	    opened->set_position(opened, 0))
		stop(u"a file has no end");
	file->data = pages(EFI_LOADER_DATA, file->bytes + 1);
	while (done < file->bytes) {
		uint64_t n = file->bytes - done;

		if (opened->read(opened, &n, file->data + done) || !n)
			stop(u"a file cannot be read");
		done += n;
	}
	return true;
}

/* ---- the kernel ---------------------------------------------------------------------------------- */

static bool inside(const struct file *file, uint64_t offset, uint64_t bytes)
{
	return offset <= file->bytes && bytes <= file->bytes - offset;
}

static uint32_t entry_in_notes(const struct file *file, const struct elf_header *header)
{
	uint64_t at = header->offset, end = at + header->file_bytes;

	while (end - at >= sizeof(struct elf_note)) {
		const struct elf_note *note = (const void *)(file->data + at);

		if (note->type == XEN_PHYS32_ENTRY && note->name_bytes == 4 &&
		    note->value_bytes == 8 && equal(note->name, "Xen", 4))
			return (uint32_t)note->value;
		at += 12 + ((note->name_bytes + 3) & ~3ull) + ((note->value_bytes + 3) & ~3ull);
		if (at > end)
			break;
	}
	return 0;
}

/* The firmware must not use that memory itself. */
static void load_part(const struct file *file, const struct elf_header *header)
{
	uint64_t start = header->physical & ~(uint64_t)(PAGE - 1);
	uint64_t end = header->physical + header->memory_bytes;

	if (header->file_bytes > header->memory_bytes || end > BELOW_4G ||
	    efi->boot->allocate(EFI_AT, EFI_LOADER_DATA, (end - start + PAGE - 1) / PAGE, &start))
		stop(u"the kernel's place in memory is taken");
	memcpy((void *)header->physical, file->data + header->offset, header->file_bytes);
	memset((void *)(header->physical + header->file_bytes), 0,
	       header->memory_bytes - header->file_bytes);
}

/* Puts the kernel where it is linked; returns its entry. */
static uint32_t place(const struct file *file)
{
	const struct elf *elf = (const void *)file->data;
	uint32_t entry = 0;

	if (file->bytes < sizeof(*elf) || !equal(elf->magic, "\177ELF", 4) || elf->class != 2 ||
	    elf->header_bytes != sizeof(struct elf_header) ||
	    !inside(file, elf->headers, (uint64_t)elf->nheaders * sizeof(struct elf_header)))
		stop(u"the kernel is no ELF64 file");
	for (int i = 0; i < elf->nheaders; i++) {
		const struct elf_header *header =
			(const struct elf_header *)(file->data + elf->headers) + i;

		if (!inside(file, header->offset, header->file_bytes))
			stop(u"the kernel's file was cut short");
		if (header->type == ELF_LOAD)
			load_part(file, header);
		if (header->type == ELF_NOTE && !entry)
			entry = entry_in_notes(file, header);
	}
	if (!entry)
		stop(u"the kernel has no PVH entry");
	return entry;
}

/* ---- the start info ------------------------------------------------------------------------------ */

static uint64_t find_rsdp(void)
{
	static const struct efi_guid acpi = EFI_ACPI_20;

	for (uint64_t i = 0; i < efi->nentries; i++)
		if (equal(&efi->entries[i].guid, &acpi, sizeof(acpi)))
			return (uint64_t)efi->entries[i].table;
	stop(u"the firmware has no ACPI 2.0 tables");
}

/* Firmware that is left behind is free memory; the kernel keeps off what the start info leads to. */
static uint32_t start_type(uint32_t type)
{
	switch (type) {
	case EFI_LOADER_CODE:
	case EFI_LOADER_DATA:
	case EFI_BOOT_CODE:
	case EFI_BOOT_DATA:
	case EFI_FREE:
		return START_RAM;
	case EFI_UNUSABLE:
		return START_UNUSABLE;
	case EFI_ACPI_TABLES:
		return START_ACPI;
	case EFI_ACPI_NVS:
		return START_NVS;
	case EFI_PERSISTENT:
		return START_PMEM;
	default:
		return START_RESERVED;
	}
}

static bool add_range(struct start *start, const struct efi_range *from)
{
	struct start_range *last = start->map + start->info.map_count - 1;
	uint64_t bytes = from->pages * PAGE;
	uint32_t type = start_type(from->type);

	if (start->info.map_count && last->type == type &&
	    last->start + last->bytes == from->start) {
		last->bytes += bytes;
		return true;
	}
	if (start->info.map_count == RANGES_MAX)
		return false;
	start->map[start->info.map_count++] =
		(struct start_range){.start = from->start, .bytes = bytes, .type = type};
	return true;
}

/*
 * The last calls of the firmware: exit_boot takes the key of the map only if that is still the map,
 * and after a first failure nothing but another map may be asked for.
 */
static void leave(efi_handle image, struct start *start)
{
	static uint8_t room[RANGES_MAX * 64] __attribute__((aligned(8)));
	uint64_t bytes, key, step;
	uint32_t version;

	efi->out->write(efi->out, u"" STUB_LAST_WORDS);
	do {
		bytes = sizeof(room);
		if (efi->boot->memory_map(&bytes, (void *)room, &key, &step, &version))
			stop(u"the firmware gives no memory map");
		start->info.map_count = 0;
		for (uint64_t at = 0; at < bytes; at += step)
			if (!add_range(start, (void *)(room + at)))
				stop(u"the firmware's memory map is too long");
	} while (efi->boot->exit_boot(image, key));
}

static void fill(struct start *start, const struct file *boot)
{
	start->info = (struct start_info){
		.magic = START_MAGIC,
		.version = 1,
		.nmodules = 1,
		.modules = (uint64_t)&start->module,
		.command_line = (uint64_t)start->command_line,
		.rsdp = find_rsdp(),
		.map = (uint64_t)start->map,
	};
	start->module = (struct start_module){.start = (uint64_t)boot->data, .bytes = boot->bytes};
}

/* ---- to 32 bits ---------------------------------------------------------------------------------- */

/*
 * handoff(entry, start info): is copied below 4 GiB, where addresses without paging are the same. It
 * writes to itself.
 */
extern const uint8_t handoff[], handoff_end[];
__asm__("	.text\n"
	"	.globl handoff, handoff_end\n"
	"handoff:\n"
	"	cli\n"
	"	mov %ecx, %esi\n"
	"	mov %edx, %ebx\n"
	"	lea handoff_gdt(%rip), %rax\n"
	"	mov %rax, handoff_gdt_pointer + 2(%rip)\n"
	"	lgdt handoff_gdt_pointer(%rip)\n"
	"	lea handoff_32(%rip), %rax\n"
	"	push $8\n"
	"	push %rax\n"
	"	lretq\n"
	"	.code32\n"
	"handoff_32:\n"
	"	mov $16, %eax\n"
	"	mov %eax, %ds\n"
	"	mov %eax, %es\n"
	"	mov %eax, %ss\n"
	"	mov %cr0, %eax\n"
	"	and $0x7fffffff, %eax\n" /* paging off, and with it long mode */
	"	mov %eax, %cr0\n"
	"	mov $0xc0000080, %ecx\n" /* EFER */
	"	rdmsr\n"
	"	and $0xfffffeff, %eax\n"
	"	wrmsr\n"
	"	xor %eax, %eax\n"
	"	mov %eax, %cr4\n"
	"	mov $0x11, %eax\n" /* protected mode */
	"	mov %eax, %cr0\n"
	"	jmp *%esi\n"
	"	.balign 8\n"
	"handoff_gdt:\n"
	"	.quad 0, 0x00cf9b000000ffff, 0x00cf93000000ffff\n" /* flat code, flat data */
	"handoff_gdt_pointer:\n"
	"	.word 23\n"
	"	.quad 0\n"
	"handoff_end:\n"
	"	.code64\n");

efi_status EFI stub(efi_handle image, struct efi_system *system);

efi_status EFI stub(efi_handle image, struct efi_system *system)
{
	struct file kernel, boot, line;
	struct efi_file *root;
	struct start *start;
	void (*go)(uint64_t entry, struct start * start);
	uint32_t entry;

	efi = system;
	root = open_volume(image);
	if (!load(root, u"" STUB_KERNEL, &kernel))
		stop(u"" STUB_KERNEL u" is missing");
	if (!load(root, u"" STUB_BOOT, &boot))
		stop(u"" STUB_BOOT u" is missing");
	start = pages(EFI_LOADER_DATA, sizeof(*start));
	memset(start, 0, sizeof(*start));
	if (load(root, u"" STUB_COMMAND_LINE, &line)) {
		if (line.bytes > TWZ_COMMAND_LINE_MAX)
			stop(u"the command line is too long");
		memcpy(start->command_line, line.data, line.bytes);
	}
	fill(start, &boot);
	entry = place(&kernel);
	go = pages(EFI_LOADER_CODE, PAGE);
	memcpy((void *)go, handoff, (size_t)(handoff_end - handoff));
	leave(image, start);
	go(entry, start);
	__builtin_unreachable();
}
