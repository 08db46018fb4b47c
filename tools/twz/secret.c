/*
 * secret.c - private keys in files of the host: struct twz_secret (abi/security.h), open or sealed
 * under a passphrase.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "tools/twz/twz.h"

#define PASSPHRASE_MAX 1024

/* ---- passphrases --------------------------------------------------------------------------------- */

/* A line of the input, without echo if a person types it. False: there is none. */
static bool ask(const char *what, char out[static PASSPHRASE_MAX])
{
	struct termios before, quiet;
	bool person = !tcgetattr(STDIN_FILENO, &before), got;

	if (person) {
		fprintf(stderr, "%s: ", what);
		quiet = before;
		quiet.c_lflag &= ~(tcflag_t)ECHO;
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
	}
	got = fgets(out, PASSPHRASE_MAX, stdin) && strchr(out, '\n');
	if (person) {
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
		fputc('\n', stderr);
	}
	if (got)
		*strchr(out, '\n') = 0;
	return got && *out;
}

/* Twice, if a person types it: nobody saw it. */
static int ask_new(const char *path, char out[static PASSPHRASE_MAX])
{
	char again[PASSPHRASE_MAX];
	int status = STATUS_OK;

	if (!ask("new passphrase", out))
		return fail(path, "a passphrase is needed, in a line of the input");
	if (isatty(STDIN_FILENO) && (!ask("once more", again) || strcmp(out, again)))
		status = fail(path, "the passphrases differ");
	twz_wipe(again, sizeof(again));
	return status;
}

/* The first line of the file. */
static int read_line(const char *path, char out[static PASSPHRASE_MAX])
{
	FILE *file = fopen(path, "re");
	bool got;

	if (!file)
		return fail(path, "%s", strerror(errno));
	setvbuf(file, NULL, _IONBF, 0);
	got = fgets(out, PASSPHRASE_MAX, file) && strchr(out, '\n');
	fclose(file);
	if (got)
		*strchr(out, '\n') = 0;
	return got && *out ? STATUS_OK : fail(path, "a passphrase is needed, in its first line");
}

int secret_seal(const char *where, struct twz_secret *secret, const char *file, uint64_t ops,
		uint64_t memory)
{
	char passphrase[PASSPHRASE_MAX];
	int error, status = file ? read_line(file, passphrase) : ask_new(where, passphrase);

	if (!status) {
		error = twz_secret_seal(secret, passphrase, strlen(passphrase), ops, memory);
		if (error)
			status = fail(where, "%s", twz_error_text(error));
	}
	twz_wipe(passphrase, sizeof(passphrase));
	return status;
}

static int unseal(const char *path, struct twz_secret *secret)
{
	char passphrase[PASSPHRASE_MAX], what[512];
	int error;

	snprintf(what, sizeof(what), "passphrase of %s", path);
	if (!ask(what, passphrase))
		return fail(path, "is sealed: its passphrase is needed, in a line of the input");
	error = twz_secret_unseal(secret, passphrase, strlen(passphrase));
	twz_wipe(passphrase, sizeof(passphrase));
	if (error == TWZ_E_RIGHT)
		return fail(path, "the passphrase is wrong, or the file is damaged");
	return error ? fail(path, "%s", twz_error_text(error)) : STATUS_OK;
}

/* ---- files --------------------------------------------------------------------------------------- */

int secret_load(const char *path, struct twz_secret *secret)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return fail(path, "%s", strerror(errno));
	n = read(fd, secret, sizeof(*secret));
	if (n < 0 || fstat(fd, &st)) {
		close(fd);
		return fail(path, "%s", strerror(errno));
	}
	close(fd);
	if (n != sizeof(*secret) || secret->magic != TWZ_SECRET_MAGIC)
		return fail(path, "is no private key");
	if (secret->version != 1 || secret->alg != TWZ_ALG_ED25519 ||
	    secret->sealing > TWZ_SECRET_PASSPHRASE)
		return fail(path, "%s", twz_error_text(TWZ_E_VERSION));
	if (secret->ops > TWZ_SECRET_OPS || secret->memory > TWZ_SECRET_MEMORY)
		return fail(path, "is damaged");
	if (st.st_mode & 077)
		return fail(path, "others can read this private key (mode %04o): chmod 600 it",
			    (unsigned)st.st_mode & 07777);
	return STATUS_OK;
}

int secret_read(const char *path, struct twz_secret *secret)
{
	int status = secret_load(path, secret);

	if (!status && secret->sealing)
		status = unseal(path, secret);
	if (!status && twz_secret_check(secret))
		status = fail(path, "is damaged: its two halves do not belong together");
	return status;
}

/* Under another name first: the file is whole or not there, and never takes another's place. */
static int write_new(const char *path, const char *making, const struct twz_secret *secret)
{
	int fd = open(making, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	int failed;

	if (fd < 0)
		return fail(path, "%s", strerror(errno));
	failed = write(fd, secret, sizeof(*secret)) != sizeof(*secret) || fsync(fd);
	failed |= close(fd);
	if (failed || link(making, path))
		failed = fail(path, "%s", strerror(errno));
	unlink(making);
	return failed;
}

int secret_write(const char *path, const struct twz_secret *secret, bool passphrase)
{
	struct twz_secret kept = *secret;
	char *making;
	int status = passphrase ? secret_seal(path, &kept, NULL, crypto_pwhash_OPSLIMIT_MODERATE,
					      crypto_pwhash_MEMLIMIT_MODERATE)
				: STATUS_OK;

	if (status)
		return status;
	if (asprintf(&making, "%s.making.%d", path, (int)getpid()) < 0)
		abort();
	status = write_new(path, making, &kept);
	free(making);
	twz_wipe(&kept, sizeof(kept));
	return status;
}
