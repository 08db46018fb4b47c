/*
 * efi.h - what the stub uses of UEFI 2.10, with its names in this project's form. Tables are laid out
 * as there (sections 4.3, 7.2, 9.1, 12.4, 13.4, 13.5); what is not used is only kept room for.
 */
#ifndef TOOLS_UEFI_EFI_H
#define TOOLS_UEFI_EFI_H

#include "abi/base.h"

#define EFI __attribute__((ms_abi)) /* how the firmware is called, and calls */

typedef uint64_t efi_status; /* 0, or with the highest bit set an error */
typedef void *efi_handle;
typedef uint16_t efi_char;

struct efi_guid {
	uint32_t a;
	uint16_t b, c;
	uint8_t d[8];
};

#define EFI_LOADED_IMAGE                                               \
	{                                                              \
		0x5b1b31a1, 0x9562, 0x11d2,                            \
		{                                                      \
			0x8e, 0x3f, 0x00, 0xa0, 0xc9, 0x69, 0x72, 0x3b \
		}                                                      \
	}
#define EFI_FILE_SYSTEM                                                \
	{                                                              \
		0x964e5b22, 0x6459, 0x11d2,                            \
		{                                                      \
			0x8e, 0x39, 0x00, 0xa0, 0xc9, 0x69, 0x72, 0x3b \
		}                                                      \
	}
#define EFI_ACPI_20                                                    \
	{                                                              \
		0x8868e871, 0xe4f1, 0x11d3,                            \
		{                                                      \
			0xbc, 0x22, 0x00, 0x80, 0xc7, 0x3c, 0x88, 0x81 \
		}                                                      \
	}

enum efi_allocate { EFI_ANY, EFI_BELOW, EFI_AT };

enum efi_memory {
	EFI_LOADER_CODE = 1,
	EFI_LOADER_DATA = 2,
	EFI_BOOT_CODE = 3,
	EFI_BOOT_DATA = 4,
	EFI_FREE = 7,
	EFI_UNUSABLE = 8,
	EFI_ACPI_TABLES = 9,
	EFI_ACPI_NVS = 10,
	EFI_PERSISTENT = 14,
};

struct efi_range {
	uint32_t type; /* enum efi_memory */
	uint32_t pad;
	uint64_t start;
	uint64_t virtual;
	uint64_t pages;
	uint64_t attributes;
};

struct efi_boot {
	uint8_t header[24];
	void *priorities[2];
	efi_status(EFI *allocate)(enum efi_allocate how, enum efi_memory type, uint64_t pages,
				  uint64_t *address);
	void *free_pages;
	efi_status(EFI *memory_map)(uint64_t *bytes, struct efi_range *map, uint64_t *key,
				    uint64_t *step, uint32_t *version);
	void *pool_and_events[8];
	void *install[3];
	efi_status(EFI *protocol)(efi_handle handle, const struct efi_guid *guid, void **found);
	void *handles[7];
	void *exit;
	void *unload;
	efi_status(EFI *exit_boot)(efi_handle image, uint64_t key);
	/* and more */
};

struct efi_text {
	void *reset;
	efi_status(EFI *write)(struct efi_text *text, const efi_char *string);
	/* and more */
};

struct efi_entry {
	struct efi_guid guid;
	void *table;
};

struct efi_system {
	uint8_t header[24];
	efi_char *vendor;
	uint32_t revision;
	uint32_t pad;
	efi_handle in_handle;
	void *in;
	efi_handle out_handle;
	struct efi_text *out;
	efi_handle error_handle;
	void *error;
	void *runtime;
	struct efi_boot *boot;
	uint64_t nentries;
	struct efi_entry *entries;
};

struct efi_loaded_image {
	uint32_t revision;
	efi_handle parent;
	struct efi_system *system;
	efi_handle device;
	/* and more */
};

struct efi_file {
	uint64_t revision;
	efi_status(EFI *open)(struct efi_file *folder, struct efi_file **opened,
			      const efi_char *name, uint64_t mode, uint64_t attributes);
	void *close;
	void *delete;
	efi_status(EFI *read)(struct efi_file *file, uint64_t *bytes, void *data);
	void *write;
	efi_status(EFI *position)(struct efi_file *file, uint64_t *position);
	efi_status(EFI *set_position)(struct efi_file *file, uint64_t position);
	/* and more */
};
#define EFI_READ 1
#define EFI_END (~0ull) /* as a position: the file's end */

struct efi_volume {
	uint64_t revision;
	efi_status(EFI *open)(struct efi_volume *volume, struct efi_file **root);
};

_Static_assert(offsetof(struct efi_boot, memory_map) == 56, "UEFI: EFI_BOOT_SERVICES");
_Static_assert(offsetof(struct efi_boot, protocol) == 152, "UEFI: EFI_BOOT_SERVICES");
_Static_assert(offsetof(struct efi_boot, exit_boot) == 232, "UEFI: EFI_BOOT_SERVICES");
_Static_assert(offsetof(struct efi_system, boot) == 96, "UEFI: EFI_SYSTEM_TABLE");

#endif
