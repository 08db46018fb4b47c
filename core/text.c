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

static const char *unresolved_text(int error)
{
	switch (error) {
	case TWZ_E_UNRESOLVED:
		return "a persistent pointer leads nowhere: its target is deleted or its name "
		       "unbound";
	case TWZ_E_NOTFOUND:
		return "what resolves a persistent pointer's name, or a namespace that it lists, "
		       "is "
		       "gone, or there is no right to it";
	case TWZ_E_TYPE:
		return "what resolves a persistent pointer's name is neither namespace nor search "
		       "list, or its path goes through what is no namespace";
	default:
		return error_text(error);
	}
}

/* For what is full, or may not be changed: what to do about it, too. */
static const char *refused_text(int error)
{
	switch (error) {
	case TWZ_E_RIGHT:
		return "it is mapped without that right, the page has a limit, or is stored to "
		       "outside of transactions";
	case TWZ_E_SEALED:
		return "the object is sealed and cannot change: copy it, and change the copy";
	case TWZ_E_FULL:
		return "the store is full: delete something, and run this again";
	case TWZ_E_NOMEM:
		return "out of memory: end something, and run this again";
	case TWZ_E_LIMIT:
		return "the limit of the key is reached: delete something, or have it raised";
	default:
		return error_text(error);
	}
}

const char *fault_text(const struct twz_fault *fault)
{
	switch (fault->kind) {
	case TWZ_FAULT_NULL:
		return "the first page of an object is never there: a pointer that was not set, or "
		       "an offset taken for an address";
	case TWZ_FAULT_OBJECT:
		return fault->object.lo | fault->object.hi
			       ? "the object is gone, or there is no right to it"
			       : "no object is mapped there";
	case TWZ_FAULT_RANGE:
		return "the address is past what the mapping shows";
	case TWZ_FAULT_UNRESOLVED:
		return unresolved_text(fault->error);
	case TWZ_FAULT_POINTER:
		return "a null pointer, a persistent pointer read outside of objects, or a "
		       "recycled slot";
	case TWZ_FAULT_MACHINE:
		return "the memory there is broken and its content lost (a machine error): bring "
		       "the object back from a copy";
	default:
		return refused_text(fault->error);
	}
}

const char *right_text(uint32_t why)
{
	static const char *const texts[] = {
		[RIGHT_NONE] = "nobody gives it",
		[RIGHT_DEFAULT] = "the object's default permissions give it",
		[RIGHT_CAP] = "a capability gives it",
		[RIGHT_GRANT] = "a grant gives it",
		[RIGHT_MASKED] = "the context's masks take it away",
		[RIGHT_LIMITED] = "the masks of an undetachable context take it away",
		[RIGHT_MALFORMED] = "the capability is damaged or incomplete",
		[RIGHT_STOLEN] = "the capability is for another context",
		[RIGHT_BROKEN] = "the chain of the capability does not hold together",
		[RIGHT_SIGNER] = "the capability is signed with a key that has no say here",
		[RIGHT_UNDELEGABLE] = "what the capability stems from may not be delegated",
		[RIGHT_WIDENED] = "the capability would give more than what it stems from",
		[RIGHT_EARLY] = "the capability does not count yet",
		[RIGHT_EXPIRED] = "the capability has expired",
		[RIGHT_FORGED] = "a signature of the capability is wrong",
		[RIGHT_UNVERIFIED] = "a signature of the capability was not checked yet",
	};

	return why < sizeof(texts) / sizeof(texts[0]) ? texts[why] : "unknown reason";
}
