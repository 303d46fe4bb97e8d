package journal

import "slices"

// owed is what the log lacks of acts that this process began, or found unfinished.
type owed struct {
	begun map[key]bool
	lines []owedLine // outcomes that found no room; no act is begun before they have
}

type owedLine struct {
	of   key
	line []byte
}

// begins notes an act whose intent is in the log.
func (o *owed) begins(e *entry) {
	if o.begun == nil {
		o.begun = make(map[key]bool)
	}
	o.begun[e.key()] = true
}

// ends notes the outcome of an act, with why it is not in the log. What was never begun is
// told once, and owed by nobody.
func (o *owed) ends(e *entry, line []byte, err error) {
	if err != nil && o.begun[e.key()] {
		o.lines = append(o.lines, owedLine{e.key(), line})
	}
	delete(o.begun, e.key())
}

// pay appends what is owed, and was not settled by another meanwhile. Whoever calls it
// holds the mutex.
func (l *Log) pay() error {
	if len(l.owed.lines) == 0 {
		return nil
	}
	open, err := l.unfinished()
	if err != nil {
		return err
	}
	for len(l.owed.lines) > 0 {
		next := l.owed.lines[0]
		if slices.ContainsFunc(open, func(e entry) bool { return e.key() == next.of }) {
			if err := l.append(next.line, false); err != nil {
				return err
			}
		}
		l.owed.lines = l.owed.lines[1:]
	}
	return l.sync(l.file)
}
