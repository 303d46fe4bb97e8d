package listener

import "slices"

// ClassRow has all words about one class, wherever they are shown.
type ClassRow struct {
	Class Class
	Means string // in a table
	// Acts is when such a listener may be acted on.
	Acts string
	// Sentence is what explain says of one listener.
	Sentence string
}

// Classes is the table of all classes, the best proven first.
func Classes() []ClassRow {
	return []ClassRow{
		{Class: Dead, Acts: "after --act-after",
			Means:    "it is inert at a dead end, shows no sign of life and no trace of service: no accepted connection, no entry in the listener's wait queue in any look, nobody ever seen to wait on it or to accept",
			Sentence: "Its class is dead: it is inert at a dead end, which nothing alive will end, without a sign of life and without a trace of service."},
		{Class: NeverServed, Acts: "after --act-after, once --startup-grace is over",
			Means:    "it was counted since a listen() that was seen, it accepted nothing, nobody was ever seen to wait on it, and it shows no sign of life",
			Sentence: "Its class is never-served: it was counted since its listen(), it accepted nothing, nobody was ever seen to wait on it, and it shows no sign of life."},
		{Class: ServedClass, Acts: "only with --allow-served, after --act-after-served, and while it shows no sign of life but that it runs",
			Means:    "everything else, and whatever is not proven",
			Sentence: "Its class is served: it has served before, or it is not proven that it is of no use. That takes --allow-served, --act-after-served, and that it shows no sign of life but that it runs."},
	}
}

// Row gives the row of a class, or that of the class served for one that only a later
// version has.
func (c Class) Row() ClassRow {
	all := Classes()
	if i := slices.IndexFunc(all, func(row ClassRow) bool { return row.Class == c }); i >= 0 {
		return all[i]
	}
	return all[len(all)-1]
}
