# symbols.awk: from `nm -n` of a kernel the table that kernel/symbol.h describes, as assembly.
BEGIN {
	print "\t.section .symbols, \"a\", @progbits"
	print "\t.globl symbols, symbol_count, symbol_names"
	print "\t.balign 16"
	print "symbols:"
}
$2 ~ /^[tT]$/ {
	printf "\t.quad 0x%s\n\t.long %d, 0\n", $1, offset
	name[count++] = $3
	offset += length($3) + 1
}
END {
	printf "symbol_count:\n\t.quad %d\n", count
	print "symbol_names:"
	for (i = 0; i < count; i++)
		printf "\t.asciz \"%s\"\n", name[i]
	print "\t.section .note.GNU-stack, \"\", @progbits"
}
