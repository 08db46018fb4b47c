# figures.awk: the medians as lines of `./twizzler bench`. Bounds are for counts only, and for libtwz only.

BEGIN {
	split("insert look_up look_up_held update", counted, " ")
	split("insert_many all_insert_many insert look_up look_up_held scan", timed, " ")
	name["insert"] = "insert"
	name["insert_many"] = "insert, 1,000 in a transaction"
	name["all_insert_many"] = "insert, all in a transaction"
	name["look_up"] = "look-up"
	name["look_up_held"] = "look-up, 1,000 of one state"
	name["scan"] = "scan"
	name["update"] = "update of 64 bytes"

	split("instructions flushes fences locked calls", of, " ")
	unit["instructions"] = "instructions"
	unit["flushes"] = "lines"
	unit["fences"] = "fences"
	unit["locked"] = "instructions"
	unit["calls"] = "calls"
	text["instructions"] = "instructions"
	text["flushes"] = "flushes"
	text["fences"] = "fences"
	text["locked"] = "locked"
	text["calls"] = "system calls"
	most["insert_instructions"] = 1100
	most["insert_fences"] = 2
	most["look_up_instructions"] = 260
}

# A line for each peer that has it; none if it is zero for all.
function lines(what, head, unit,    i, any, v, bound) {
	for (i = 1; i <= peers; i++)
		any += value[what, peer[i]]
	for (i = 1; i <= peers && any; i++) {
		v = value[what, peer[i]]
		if (v == "")
			continue
		bound = "-" OFS "-"
		if (what in most && peer[i] == "libtwz")
			bound = "<= " most[what] OFS (v <= most[what] ? "yes" : "no")
		print head ": " title[peer[i]], v, unit, bound
	}
}

END {
	for (c = 1; c in counted; c++)
		for (o = 1; o in of; o++)
			lines(counted[c] "_" of[o], name[counted[c]] ", " text[of[o]], unit[of[o]])
	for (t = 1; t in timed; t++)
		lines("random_" timed[t], name[timed[t]] ", random keys", "ns")
	for (t = 1; t in timed; t++)
		lines("rising_" timed[t], name[timed[t]] ", rising keys", "ns")
	lines("random_update", name["update"], "ns")
	lines("start", "start to the first look-up", "us")
	lines("start_beside", "start to the first look-up, another has the store", "us")
	lines("start_killed", "start to the first look-up, after a kill", "us")
	lines("two_look_up", "two threads to one, look-up", "times")
	lines("two_look_up_whole", "two threads to one, look-up, undisturbed rounds", "times")
	lines("two_look_up_share", "two threads to one, look-up, undisturbed rounds of all", "percent")
	lines("two_insert", "two threads to one, insert", "times")
	lines("two_insert_whole", "two threads to one, insert, undisturbed rounds", "times")
	lines("two_insert_share", "two threads to one, insert, undisturbed rounds of all", "percent")
}
