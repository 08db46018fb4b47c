/*
 * login.c - logs a user in: a prompt in the user's context.
 */
#include <twz/keyring.h>

#include "bin/common/right.h"

static const char help[] =
	"usage: login [--passphrase-file PATH] [--exec 'COMMAND']... [NAME]\n"
	"\n"
	"Asks for NAME, unless it is given, and the passphrase, and runs a prompt as that user: in "
	"the\n"
	"context /users/NAME, where what is made is the user's. When the prompt is left, the "
	"session is\n"
	"over: nothing is signed for the user any more. Users are made on the host (twz user).\n"
	"\n"
	"    --passphrase-file PATH  the passphrase is the first line of that object\n"
	"    --exec 'COMMAND'        runs COMMAND instead of reading commands; may be repeated\n"
	"\n"
	"exit status: that of the prompt; 2 usage error, 126 not logged in\n";

enum { STATUS_REFUSED = 126 };

struct passphrase {
	char text[TWZ_PASSPHRASE_MAX];
	uint64_t bytes;
};

/* The first line of an object. A status, printed. */
static int read_passphrase(const char *name, struct passphrase *passphrase)
{
	const char *end;
	struct twz_obj obj;
	int error = twz_name_open(name, &obj);

	if (error)
		return fail_error(name, error);
	if (need(name, obj.id, TWZ_READ))
		return STATUS_FAILED;
	passphrase->bytes = twz_obj_size(&obj);
	if (passphrase->bytes > sizeof(passphrase->text))
		passphrase->bytes = sizeof(passphrase->text);
	memcpy(passphrase->text, twz_obj_data(&obj), passphrase->bytes);
	end = memchr(passphrase->text, '\n', passphrase->bytes);
	if (end)
		passphrase->bytes = (uint64_t)(end - passphrase->text);
	return STATUS_OK;
}

static int ask_passphrase(struct passphrase *passphrase)
{
	int64_t n = twz_rt_line_hidden("passphrase: ", passphrase->text, sizeof(passphrase->text));

	if (n < 0)
		return fail(NULL, "a passphrase is needed");
	passphrase->bytes = (uint64_t)n;
	return STATUS_OK;
}

static int refuse(const char *name, int error)
{
	if (error == TWZ_E_RIGHT)
		fail(name, "there is no such user, or the passphrase is wrong");
	else if (error == TWZ_E_BUSY)
		fail(name, "too many wrong passphrases, or others log in: wait half a minute");
	else if (error == TWZ_E_NOTFOUND)
		fail(name, "no keyring serves here: this store has no users");
	else if (error == TWZ_E_ABSENT)
		fail(name, "users log in on the machine only");
	else
		fail(name, twz_error_text(error));
	return STATUS_REFUSED;
}

/*
 * The session's context may use the user's, and the caller's only that of the session: so the prompt is run by a
 * program in the session.
 */
static int run(const struct twz_session *session, int ncommands, const char *const commands[])
{
	const char *argv[2 * OPTION_VALUES + 4];
	const struct twz_rt_program program = {
		.argv = argv, .timeout_ns = ~0ull, .context = session->context};
	char user[TWZ_ID_TEXT];
	int n = 0, status = STATUS_REFUSED, error;

	twz_id_text(session->user, user);
	argv[n++] = "as";
	argv[n++] = user;
	argv[n++] = "prompt";
	for (int i = 0; i < ncommands; i++) {
		argv[n++] = "--exec";
		argv[n++] = commands[i];
	}
	argv[n] = NULL;
	error = twz_run_as(&program, &status);
	return error ? (fail("the session", twz_error_text(error)), STATUS_REFUSED) : status;
}

int main(int argc, char **argv)
{
	const char *file = NULL, *commands[OPTION_VALUES] = {NULL}, *asked;
	int ncommands = 0, status, error;
	const struct option options[] = {
		{.name = "--passphrase-file", .value = &file},
		{.name = "--exec", .value = commands, .nvalues = &ncommands},
		{0}};
	static struct passphrase passphrase;
	struct twz_session session;
	struct path name;

	program_begin(help, options, 0, 1, &argc, argv);
	asked = argc ? argv[0] : twz_rt_line("name: ");
	if (!asked || path_set(&name, asked)) /* a copy: the next line takes its place */
		program_end(STATUS_REFUSED);
	status = file ? read_passphrase(file, &passphrase) : ask_passphrase(&passphrase);
	if (status)
		program_end(STATUS_REFUSED);
	error = twz_keyring_login(name.text, passphrase.text, passphrase.bytes, &session);
	twz_wipe(&passphrase, sizeof(passphrase));
	if (error)
		program_end(refuse(name.text, error));
	status = run(&session, ncommands, commands);
	twz_keyring_logout(session.context);
	program_end(status);
}
