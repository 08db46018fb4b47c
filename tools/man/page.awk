# page.awk - a manual page of section 3 out of a public header: what stands there is the manual.
#
#   awk -v page=twz_tx -v header=twz/tx.h -f page.awk abi/errors.h docs/man/crashes HEADER...
#
# Of each header the comment at its head is the page's description; every later comment stands with the
# declarations that follow it, up to the next comment or empty line. Macros with arguments are functions to their
# users; names that end with '_' are internal. errors.h gives the texts of errors, docs/man/crashes what a crash
# leaves of each function: one that is not in it, or nowhere in a header, is an error.

# ---- text, as mdoc(7) wants it -------------------------------------------------------------------

function escaped(text)
{
	gsub(/\\/, "\\e", text)
	if (text ~ /^[.']/)
		text = "\\\\&" text
	return text
}

# New sentences on new lines, as mdoc has it.
function sentences(text)
{
	text = escaped(text)
	while (match(text, /[a-zA-Z0-9)_"`*][.!?] +[A-Z<]/))
		text = substr(text, 1, RSTART + 1) "\n" substr(text, RSTART + RLENGTH - 1)
	return text
}

function out(text)
{
	body = body text "\n"
}

function paragraph()
{
	if (body != "" && body !~ /\.(S[hs] [^\n]*|Pp)\n$/)
		out(".Pp")
}

# Ends what is open: a list or a literal block.
function close_block()
{
	if (block == "code")
		out(".Ed")
	if (block == "list")
		out(".El")
	block = ""
}

function open_block(what)
{
	if (block == what)
		return
	close_block()
	out(what == "code" ? ".Bd -literal -offset indent" : ".Bl -bullet")
	block = what
}

# The lines of a comment, without its stars.
function tell(lines, n,    i, text, gap)
{
	gap = 0
	for (i = 1; i <= n; i++) {
		text = lines[i]
		if (text == "") {
			gap = 1
		} else if (text ~ /^    / && (gap || block != "list")) {
			if (gap && block == "code")
				out("")
			open_block("code")
			out(escaped(substr(text, 5)))
			gap = 0
		} else if (text ~ /^  - /) {
			open_block("list")
			out(".It")
			out(sentences(substr(text, 5)))
			gap = 0
		} else if (text ~ /^  +/ && block == "list") {
			sub(/^ +/, "", text)
			out(sentences(text))
			gap = 0
		} else {
			close_block()
			if (gap)
				paragraph()
			sub(/^ +/, "", text)
			out(sentences(text))
			gap = 0
		}
	}
	close_block()
}

# ---- names ----------------------------------------------------------------------------------------

# Notes the functions that a declaration or macro is of.
function note(text,    name)
{
	if (!match(text, /(^|[ *])twz_[a-z0-9_]+\(/))
		return
	name = substr(text, RSTART, RLENGTH - 1)
	gsub(/[ *]/, "", name)
	if (name ~ /_$/ || crash[name] == "internal") {
		internal = 1
		return
	}
	public = 1
	if (name in known)
		return
	known[name] = 1
	names[++nnames] = name
}

function note_errors(text)
{
	while (match(text, /TWZ_E_[A-Z]+/)) {
		error_used[substr(text, RSTART + 6, RLENGTH - 6)] = 1
		text = substr(text, RSTART + RLENGTH)
	}
}

# ---- a comment and what follows it ------------------------------------------------------------------

# Prints what was gathered: declarations, then the comment on them.
function item(    i)
{
	if ((inner || internal) && !public) # of core's headers, what is libtwz's
		ncode = ncomment = 0
	if (ncode) {
		paragraph()
		out(".Bd -literal -compact")
		for (i = 1; i <= ncode; i++)
			out(escaped(code[i]))
		out(".Ed")
	}
	if (ncode && ncomment) {
		paragraph()
		tell(comment, ncomment)
	}
	ncode = ncomment = public = internal = 0
}

function end_comment(    i, title)
{
	if (!opened) { # the head of the file
		opened = 1
		if (++nheaders == 1) {
			about = comment[1]
			sub(/^[a-z_]+\.h - /, "", about)
			for (i = 2; i <= ncomment && comment[i] != ""; i++)
				about = about " " comment[i]
			sub(/[.;]( .*)?$/, "", about)
		}
		if (inner)
			out(".Ss Details")
		sub(/^[a-z_]+\.h - /, "", comment[1])
		comment[1] = toupper(substr(comment[1], 1, 1)) substr(comment[1], 2)
		tell(comment, ncomment)
		ncomment = 0
		return
	}
	if (ncomment == 1 && comment[1] ~ /^-+ .* -+$/) {
		title = comment[1]
		gsub(/^-+ | -+$/, "", title)
		if (!inner)
			out(".Ss " toupper(substr(title, 1, 1)) substr(title, 2))
		ncomment = 0
	}
}

function declare(text)
{
	note(text)
	code[++ncode] = text
}

FNR == 1 {
	file++
	opened = ncode = ncomment = public = 0
	inner = FILENAME ~ /^core\//
	state = ""
}

# abi/errors.h
file == 1 {
	if (match($0, /X\([A-Z]+, +[0-9]+, "/)) {
		name = substr($0, RSTART + 2)
		sub(/,.*/, "", name)
		text = substr($0, RSTART + RLENGTH)
		sub(/"\).*/, "", text)
		error_text[name] = text
		error_name[++nerrors] = name
	}
	next
}

# docs/man/crashes: classes "= NAME", then text; functions "NAME CLASS [more]".
file == 2 {
	if ($0 ~ /^#/ || $0 == "")
		next
	if ($1 == "=") {
		class = $2
		next
	}
	if (class != "" && $0 ~ /^\t/) {
		text = $0
		sub(/^\t/, "", text)
		class_text[class] = class_text[class] (class_text[class] == "" ? "" : "\n") text
		next
	}
	class = ""
	crash[$1] = $2
	text = $0
	sub(/^[^ ]+ +[^ ]+ */, "", text)
	crash_more[$1] = text
	next
}

{ note_errors($0) }

# As C has it (abi/base.h).
{
	sub(/\[TWZ_AT_LEAST /, "[static ")
	sub(/^__attribute__\(\(noreturn\)\)/, "_Noreturn")
}

# What only the checking build has.
/^#if TWZ_CHECK/ { checking = 1 }
checking {
	if (/^#if/)
		checked++
	if (/^#endif/ && !--checked)
		checking = 0
	next
}

state == "comment" {
	ends = $0 ~ /\*\//
	line = $0
	sub(/ *\*\/.*$/, "", line)
	sub(/^ \* ?/, "", line)
	if (!ends || line !~ /^ *$/)
		comment[++ncomment] = line
	if (ends) {
		state = ""
		end_comment()
	}
	next
}
state == "skip-macro" {
	if ($0 !~ /\\$/)
		state = ""
	next
}
state == "body" {
	if ($0 ~ /^}/)
		state = ""
	next
}
state == "type" {
	code[++ncode] = $0
	if ($0 ~ /^}/)
		state = ""
	next
}
state == "declaration" {
	if ($0 ~ /^{/) {
		code[ncode] = code[ncode] ";"
		state = "body"
	} else {
		code[++ncode] = $0
		if ($0 ~ /;( *\/\*.*\*\/)?$/)
			state = ""
	}
	next
}

/^$/ {
	item()
	next
}
/^\/\*/ {
	item()
	line = $0
	sub(/^\/\* ?/, "", line)
	if (line ~ /\*\//) {
		sub(/ *\*\/.*$/, "", line)
		comment[ncomment = 1] = line
		end_comment()
	} else {
		ncomment = 0
		if (line != "")
			comment[++ncomment] = line
		state = "comment"
	}
	next
}
/^#define twz_[a-z0-9_]*[a-z0-9]\(/ {
	line = $0
	sub(/^#define /, "", line)
	sub(/\).*/, ")", line)
	declare(line)
	if ($0 ~ /\\$/)
		state = "skip-macro"
	next
}
/^#define TWZ_[A-Z0-9_]*[A-Z0-9] / && !/\\$/ {
	code[++ncode] = $0
	next
}
/^#/ {
	if ($0 ~ /\\$/)
		state = "skip-macro"
	next
}
/^(TWZ_SIZE|TWZ_PIN|TWZ_AT|TWZ_CALLS|extern )/ { next }
/^(struct|enum|union) [a-z_]+ \{$/ {
	code[++ncode] = $0
	state = "type"
	next
}
/^[a-z_].*\(/ {
	line = $0
	if (line ~ /^static inline/)
		sub(/^static inline (__attribute__\(\([a-z_]+\)\) )?/, "", line)
	else if (line ~ /^static/)
		next
	declare(line)
	if ($0 !~ /;( *\/\*.*\*\/)?$/)
		state = "declaration"
	next
}

END {
	item()
	if (!nnames) {
		print page ": the headers declare no function" >"/dev/stderr"
		exit 1
	}
	print ".Dd November 22, 2026"
	print ".Dt " toupper(page) " 3"
	print ".Os Twizzler"
	print ".Sh NAME"
	for (i = 1; i <= nnames; i++)
		print ".Nm " names[i] (i < nnames ? " ," : "")
	print ".Nd " escaped(about)
	print ".Sh LIBRARY"
	print "libtwz: pkg-config twz"
	print ".Sh SYNOPSIS"
	print ".In " header
	print ".Sh DESCRIPTION"
	printf "%s", body
	print ".Sh RETURN VALUES"
	print "Unless it is said otherwise, functions that return a number return 0, or one of the errors"
	print "below, which are negative; twz_error_text (twz_io(3)) has the text for a person."
	print ".Sh ERRORS"
	for (i = 1; i <= nerrors; i++)
		if (error_name[i] in error_used) {
			if (!shown++)
				print ".Bl -tag -width TWZ_E_UNRESOLVED"
			print ".It Dv TWZ_E_" error_name[i]
			print escaped(error_text[error_name[i]])
		}
	print shown ? ".El" : "None."
	print ".Sh CRASHES"
	print "After a power cut, or when the process is killed, inside:"
	for (i = 1; i <= nnames; i++) {
		name = names[i]
		if (!(name in crash) || !(crash[name] in class_text)) {
			print page ": docs/man/crashes does not say what a crash leaves of " name >"/dev/stderr"
			bad = 1
			continue
		}
		text = sentences(class_text[crash[name]] (crash_more[name] == "" ? "" : "\n" crash_more[name]))
		if (!(text in left))
			lefts[++nlefts] = text
		left[text] = left[text] (left[text] == "" ? "" : ", ") name
	}
	print ".Bl -tag -width Ds"
	for (i = 1; i <= nlefts; i++)
		print ".It " left[lefts[i]] "\n" lefts[i]
	print ".El"
	print ".Sh SEE ALSO"
	print ".Xr twz 1"
	exit bad
}
