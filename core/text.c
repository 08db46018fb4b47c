/* text.c - texts (text.h). */
#include "core/text.h"

const char *error_text(int error)
{
	switch (error) {
#define TEXT(name, number, text) \
	case TWZ_E_##name:       \
		return text;
		TWZ_ERRORS(TEXT)
#undef TEXT
	default:
		return "unknown error";
	}
}

const char *fault_text(const struct twz_fault *fault)
{
	switch (fault->kind) {
	case TWZ_FAULT_NULL:
		return "the first page of an object is never there";
	case TWZ_FAULT_OBJECT:
		return fault->error == TWZ_E_NOTFOUND ? "the object is gone"
						      : "no object is mapped there";
	case TWZ_FAULT_RIGHT:
		return fault->error == TWZ_E_RIGHT
			       ? "it is mapped without that right, the page has a limit, or is "
				 "stored to outside of transactions"
			       : error_text(fault->error);
	case TWZ_FAULT_RANGE:
		return "the address is past what the mapping shows";
	case TWZ_FAULT_UNRESOLVED:
		return fault->error == TWZ_E_UNRESOLVED
			       ? "a persistent pointer leads nowhere: its target is deleted or its "
				 "name unbound"
			       : error_text(fault->error);
	case TWZ_FAULT_POINTER:
		return "a null pointer, a persistent pointer read outside of objects, or a "
		       "recycled slot";
	default:
		return error_text(fault->error);
	}
}
