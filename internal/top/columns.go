package top

import "slices"

// columnID names a column.
type columnID int

const (
	colListener columnID = iota
	colVerdict
	colCause
	colQueue
	colBar
	colOldest
	colSYN
	colQueued
	colAccepted
	colShare
	colSpark
	colPID
	colCommand
	colUser
	colWhere
	colDecision
	colCookie
	colCmdline
)

// column is one of the list. Those of a low rank go last as the terminal gets
// narrow.
type column struct {
	id    columnID
	title string
	rank  int
	width int // the least, then what it gets
	right bool
}

// allColumns from left to right.
func allColumns() []column {
	return []column{
		{colListener, "LISTENER", 1, 15, false},
		{colVerdict, "VERDICT", 0, 9, false},
		{colCause, "CAUSE", 6, 14, false},
		{colQueue, "QUEUE", 2, 9, true},
		{colBar, "FILL", 7, 6, false},
		{colOldest, "OLDEST", 3, 6, true},
		{colSYN, "SYN/s", 11, 5, true},
		{colQueued, "QUEUED/s", 10, 8, true},
		{colAccepted, "ACC/s", 9, 5, true},
		{colShare, "SHARE", 12, 5, true},
		{colSpark, "LAST MINUTE", 13, 12, false},
		{colPID, "PID", 4, 7, true},
		{colCommand, "COMMAND", 5, 9, false},
		{colUser, "USER", 8, 8, false},
		{colWhere, "WHERE", 14, 10, false},
		{colDecision, "DECISION", 15, 20, false},
		{colCookie, "COOKIE", 16, 8, false},
		{colCmdline, "COMMAND LINE", 17, 30, false},
	}
}

// wants is how wide a column may get, in the order in which room is given out.
func wants(listener, where int) []struct {
	id    columnID
	width int
} {
	return []struct {
		id    columnID
		width int
	}{
		{colListener, min(listener, 23)},
		{colCommand, 15},
		{colBar, 10},
		{colWhere, min(where, 24)},
		{colDecision, 26},
		{colSpark, 30},
		{colListener, listener},
		{colQueue, 11},
		{colCmdline, 60},
		{colSpark, slots},
		{colBar, 16},
		{colUser, 12},
		{colCommand, 24},
		{colCmdline, 1 << 20},
	}
}

// lead is the room for the marks before the first column.
const lead = 2

// fitColumns chooses columns for width places and shares them out. listener and
// where are the widest texts that those columns hold. Width 0 is as wide as
// everything needs.
func fitColumns(width, listener, where int) []column {
	all := allColumns()
	needs := width == 0
	if needs {
		width = 1 << 19
	}
	byRank := slices.Clone(all)
	slices.SortFunc(byRank, func(a, b column) int { return a.rank - b.rank })
	left := width - lead + 1
	kept := make(map[columnID]bool, len(all))
	for _, c := range byRank {
		if left < c.width+1 {
			break
		}
		kept[c.id] = true
		left -= c.width + 1
	}
	out := slices.DeleteFunc(all, func(c column) bool { return !kept[c.id] })
	for _, w := range wants(listener, where) {
		if needs && w.width == slots {
			break // the rest is for whoever has room to fill
		}
		for i := range out {
			if c := &out[i]; c.id == w.id && w.width > c.width {
				more := min(left, w.width-c.width)
				c.width += more
				left -= more
			}
		}
	}
	return out
}

func has(columns []column, id columnID) bool {
	return slices.ContainsFunc(columns, func(c column) bool { return c.id == id })
}

// sortedBy says which column an order goes by.
func sortedBy(by Sort) columnID {
	switch by {
	case Queue:
		return colQueue
	case Oldest:
		return colOldest
	case Rate:
		return colQueued
	case Address:
		return colListener
	case PID:
		return colPID
	case Command:
		return colCommand
	default:
		return colVerdict
	}
}
