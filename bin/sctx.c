/*
 * sctx.c - shows what a security context holds.
 */
#include "bin/common/right.h"

static const char help[] =
	"usage: sctx show CONTEXT...\n"
	"\n"
	"Shows what each security context holds, by PATH or ID: its key, its global mask, its "
	"capabilities\n"
	"(what each gives, on what, to whom, signed by whom, until when, and what it was "
	"delegated from), its\n"
	"masks, its gates (where threads of other contexts enter it). Whether a capability "
	"gives anything,\n"
	"access says.\n"
	"\n"
	"exit status: 0, 1 if a context could not be shown, 2 usage error\n";

static int show_item(const struct twz_context_item *item, void *arg)
{
	char id[TWZ_ID_TEXT], override[TWZ_PERMS_TEXT], mask[TWZ_PERMS_TEXT];

	(void)arg;
	if (item->chain) {
		twz_print("capability at 0x%llx\n", (unsigned long long)item->off);
		print_chain(item->chain, item->count);
		return 0;
	}
	twz_id_text(item->target, id);
	twz_perms_text(item->mask->override, override);
	twz_perms_text(item->mask->mask, mask);
	twz_print("mask at 0x%llx\n  object       %s\n  override     %s\n  mask         %s\n",
		  (unsigned long long)item->off, id, override, mask);
	return 0;
}

static int show_gates(const struct twz_obj *obj)
{
	char text[TWZ_CAP_TEXT];
	struct twz_gate gate;
	int error;

	for (uint64_t i = 0; !(error = twz_context_gate(obj, i, &gate)); i++) {
		twz_gate_text(&gate, "  ", text);
		twz_print("gate %llu\n%s", (unsigned long long)i, text);
	}
	return error == TWZ_E_NOTFOUND ? 0 : error;
}

static int show(const char *name)
{
	const struct twz_context *head;
	struct twz_rt_stat stat;
	char id[TWZ_ID_TEXT], perms[TWZ_PERMS_TEXT];
	struct twz_obj obj;
	int error, status = named_context(name, &obj);

	if (status)
		return status;
	error = twz_obj_stat(obj.id, &stat);
	if (error)
		return fail_error(name, error);
	head = twz_obj_data(&obj);
	twz_id_text(obj.id, id);
	twz_print("%-14s %s\n", "context", id);
	twz_id_text(stat.identity.key, id);
	twz_print("%-14s %s\n", "key", id);
	twz_perms_text(head->global_mask, perms);
	twz_print("%-14s %s\n", "global mask", perms);
	twz_print("%-14s %s\n", "undetachable", head->flags & 1 ? "yes" : "no");
	error = twz_context_each(&obj, show_item, NULL);
	if (!error)
		error = show_gates(&obj);
	twz_obj_recycle(&obj);
	return error ? fail_error(name, error) : STATUS_OK;
}

int main(int argc, char **argv)
{
	const struct option options[] = {{0}};
	int status = STATUS_OK;

	program_begin(help, options, 2, INT32_MAX, &argc, argv);
	if (strcmp(argv[0], "show"))
		fail_usage("show is what can be done, not ", argv[0]);
	for (int i = 1; i < argc; i++)
		status |= show(argv[i]);
	program_end(status);
}
