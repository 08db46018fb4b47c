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
/* A file may ask for more work than a passphrase is worth, to keep who opens it busy. */
#define OPS_MAX 64
#define MEMORY_MAX ((uint64_t)1 << 30)

_Static_assert(sizeof(((struct twz_secret *)0)->salt) == crypto_pwhash_SALTBYTES, "salt");
_Static_assert(sizeof(((struct twz_secret *)0)->nonce) == crypto_secretbox_NONCEBYTES, "nonce");
_Static_assert(sizeof(((struct twz_secret *)0)->mac) == crypto_secretbox_MACBYTES, "mac");

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
	sodium_memzero(again, sizeof(again));
	return status;
}

static int box_key(const struct twz_secret *secret, const char *passphrase,
		   uint8_t key[static crypto_secretbox_KEYBYTES])
{
	return crypto_pwhash(key, crypto_secretbox_KEYBYTES, passphrase, strlen(passphrase),
			     secret->salt, secret->ops, secret->memory,
			     crypto_pwhash_ALG_ARGON2ID13);
}

static int seal(const char *path, struct twz_secret *secret)
{
	char passphrase[PASSPHRASE_MAX];
	uint8_t key[crypto_secretbox_KEYBYTES], seed[sizeof(secret->seed)];
	int status = ask_new(path, passphrase);

	if (!status) {
		secret->sealing = TWZ_SECRET_PASSPHRASE;
		secret->ops = crypto_pwhash_OPSLIMIT_MODERATE;
		secret->memory = crypto_pwhash_MEMLIMIT_MODERATE;
		randombytes_buf(secret->salt, sizeof(secret->salt));
		randombytes_buf(secret->nonce, sizeof(secret->nonce));
		memcpy(seed, secret->seed, sizeof(seed));
		if (box_key(secret, passphrase, key))
			status = fail(path, "no memory for the passphrase's key");
		else
			crypto_secretbox_detached(secret->seed, secret->mac, seed, sizeof(seed),
						  secret->nonce, key);
	}
	sodium_memzero(passphrase, sizeof(passphrase));
	sodium_memzero(seed, sizeof(seed));
	sodium_memzero(key, sizeof(key));
	return status;
}

static int unseal(const char *path, struct twz_secret *secret)
{
	char passphrase[PASSPHRASE_MAX], what[512];
	uint8_t key[crypto_secretbox_KEYBYTES];
	int status = STATUS_OK;

	snprintf(what, sizeof(what), "passphrase of %s", path);
	if (!ask(what, passphrase))
		return fail(path, "is sealed: its passphrase is needed, in a line of the input");
	if (box_key(secret, passphrase, key))
		status = fail(path, "no memory for the passphrase's key");
	else if (crypto_secretbox_open_detached(secret->seed, secret->seed, secret->mac,
						sizeof(secret->seed), secret->nonce, key))
		status = fail(path, "the passphrase is wrong, or the file is damaged");
	secret->sealing = TWZ_SECRET_OPEN;
	sodium_memzero(passphrase, sizeof(passphrase));
	sodium_memzero(key, sizeof(key));
	return status;
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
	if (secret->ops > OPS_MAX || secret->memory > MEMORY_MAX)
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
	int status = passphrase ? seal(path, &kept) : STATUS_OK;

	if (status)
		return status;
	if (asprintf(&making, "%s.making.%d", path, (int)getpid()) < 0)
		abort();
	status = write_new(path, making, &kept);
	free(making);
	sodium_memzero(&kept, sizeof(kept));
	return status;
}
