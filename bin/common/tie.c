/*
 * tie.c - ties, printed (tie.h).
 */
#include "bin/common/tie.h"

/* What else it is than a plain one. */
static const char *kinds_text(uint32_t kinds)
{
	static const char *const texts[] = {"", "", "  hold", "  plain, hold"};

	return kinds & TWZ_TIE_SCOPED ? "  may be deleted before" : texts[kinds & TWZ_TIE_KINDS];
}

static void print(const struct twz_rt_tie *tie)
{
	char text[TWZ_ID_TEXT];

	twz_id_text(tie->other, text);
	twz_print("%-12s %s%s\n", tie->in ? "tied to it" : "tied to", text, kinds_text(tie->kinds));
}

int print_ties(const char *name, struct twz_id id, uint32_t max)
{
	struct twz_rt_tie tie = {{0, 0}, 0, 0};
	bool marked = false;
	uint32_t n = 0;
	int error;

	while (!(error = twz_ties(id, &tie)) && n++ < max) {
		print(&tie);
		marked |= tie.kinds & TWZ_TIE_MARKED;
	}
	if (marked)
		twz_print("%-12s with its last tie\n", "deleted");
	if (!error)
		twz_print("%-12s more (tie lists them)\n", "ties");
	return error && error != TWZ_E_NOTFOUND ? fail_error(name, error) : STATUS_OK;
}
