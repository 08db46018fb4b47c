/*
 * program.h - programs of the machine: their image, where things are in their view, the boot
 * archive. docs/format/program.md.
 *
 * A program image is the data of a sealed object: what is loaded, page by page, so that it is mapped
 * and not read. Its text (code and constants, and this header before them) is mapped as it is, in
 * slot TWZ_SLOT_TEXT; a program gets a copy of its data, copy-on-write, in slot TWZ_SLOT_DATA.
 */
#ifndef TWZ_ABI_PROGRAM_H
#define TWZ_ABI_PROGRAM_H

#include "abi/base.h"
#include "abi/object.h"
#include "abi/record.h"

/* Slots of a view that are not for objects which a program opens (TWZ_VIEW_RESERVED of them). */
enum twz_slot {
	TWZ_SLOT_NULL = 0,
	TWZ_SLOT_TEXT = 1,
	TWZ_SLOT_DATA = 2,
	TWZ_SLOT_STACK = 3,    /* stack of the first thread, arguments at its end */
	TWZ_SLOT_VIEW = 4,     /* the view itself */
	TWZ_SLOT_SHADOW = 5,   /* rows of the shadow */
	TWZ_SLOT_BOOT = 6,     /* the boot object */
	TWZ_SLOT_WINDOW = 7,   /* where a program that starts another has the other's objects */
	TWZ_SLOT_CONSOLE = 8,  /* the console, which a program maps for itself */
	TWZ_SLOT_GATE = 9,     /* stacks of those who enter the program by its gate */
	TWZ_SLOT_LIBRARY = 10, /* and up to 15: libraries that are objects of their own */
};
#define TWZ_SLOT_DATA_AT(slot) (((uint64_t)(slot) << TWZ_SLOT_SHIFT) + TWZ_OBJ_DATA)

#define TWZ_PROGRAM_MAGIC 0x6d676f72707a7774ull /* "twzprogm" */
struct twz_program {
	uint64_t magic;
	uint32_t version;    /* 1 */
	uint32_t rt_version; /* TWZ_RT_VERSION that it was built with */
	uint64_t entry;      /* address in the text; rdi: see struct twz_start */
	uint64_t recovery;   /* address in the text that a recovered view is entered at; 0: none */
	uint32_t text_pages; /* this header included */
	uint32_t data_pages; /* behind the text in the image: initialised data */
	uint32_t zero_pages; /* behind those in memory */
	uint32_t reserved;
};
TWZ_SIZE(struct twz_program, 48);

/*
 * A library that is an object of its own, linked to a slot of its own: text and constants, no data. This lies at
 * the start of the slot's data, entries behind it, one for each function that programs may call: a
 * place at which execution can enter.
 */
#define TWZ_LIBRARY_MAGIC 0x797262696c7a7774ull /* "twzlibry" */
#define TWZ_LIBRARY_ENTRY 16u                   /* bytes of an entry */
struct twz_library {
	uint64_t magic;
	uint32_t version; /* 1 */
	uint32_t pages;   /* this header included */
	uint64_t address; /* that it is linked to: the data of a slot */
	uint32_t entries; /* how many */
	uint32_t reserved;
};
TWZ_SIZE(struct twz_library, 32);
/* In the library, beside the function: its entry. Who calls the function from outside calls that. */
#define TWZ_LIBRARY_FUNCTION(name)                    \
	__asm__(".pushsection .entries, \"ax\"\n\t"   \
		".balign 16, 0xcc\n\t"                \
		".globl entry_" #name "\n"            \
		"entry_" #name ":\tjmp " #name "\n\t" \
		".balign 16, 0xcc\n\t"                \
		".popsection")

/* At the stack's high end, where rdi and rsp point to at the start: what a program is started with. */
struct twz_start {
	uint64_t argc;
	uint64_t argv; /* address in this view: argc + 1 pointers, the last null */
	uint32_t
		recovered; /* 1: entered at its recovery entry, in a view with what it had mapped */
	uint32_t reserved;
	uint64_t arg; /* recovered: what it registered with */
};
TWZ_SIZE(struct twz_start, 32);

/*
 * The boot archive, which the boot loader brings as the one module: this header, entries, then page
 * by page the images. The kernel makes an object of each, checks that its ID is that of its
 * identity, and makes the boot object: the header pages (READ), then one page with the command line.
 * The first entry is init.
 */
#define TWZ_BOOT_MAGIC 0x746f6f627a7774ull /* "twzboot" */
#define TWZ_BOOT_NAME 48u
struct twz_boot_entry {
	char name[TWZ_BOOT_NAME]; /* ends with a zero */
	struct twz_id id;
	struct twz_identity identity; /* sealed */
	uint64_t page, npages;        /* in the archive */
};
TWZ_SIZE(struct twz_boot_entry, 176);
struct twz_boot {
	uint64_t magic;
	uint32_t version; /* 1 */
	uint32_t count;
	uint32_t header_pages; /* up to the first image */
	uint32_t command_page; /* the kernel's: page of this object's data with the command line */
	uint64_t reserved[5];
	struct twz_boot_entry entry[];
};
TWZ_SIZE(struct twz_boot, 64);

/*
 * The command line: lines. The first is words for the kernel: `terminal` (a person is there),
 * `terse`. Every further one is a command that init has the prompt run; with none, the prompt
 * reads them from the console. Ends with a zero.
 */
#define TWZ_COMMAND_LINE_MAX 3500u

#endif
