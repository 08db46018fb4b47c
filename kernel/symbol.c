/*
 * symbol.c - an address of the kernel's text as a name.
 */
#include "kernel/log.h"
#include "kernel/symbol.h"

const char *symbol_name(uint64_t address, uint64_t *offset)
{
	uint64_t low = 0, high = symbols ? symbol_count : 0;

	*offset = 0;
	/* symbols before low begin at or below the address, those from high on above it */
	while (low < high) {
		uint64_t middle = low + (high - low) / 2;

		if (symbols[middle].address <= address)
			low = middle + 1;
		else
			high = middle;
	}
	if (!low || address >= (uint64_t)kernel_end)
		return "?";
	*offset = address - symbols[low - 1].address;
	return &symbol_names[symbols[low - 1].name];
}
