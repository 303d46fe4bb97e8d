package top

// selectRow selects row i, or the nearest that is a listener: onwards in the
// direction of step, else back.
func (m *model) selectRow(i, step int) {
	if len(m.rows) == 0 {
		m.at, m.top, m.chosen = -1, 0, 0
		return
	}
	i = min(max(i, 0), len(m.rows)-1)
	for _, d := range []int{step, -step} {
		for k := i; k >= 0 && k < len(m.rows); k += d {
			if it := m.rows[k].item; it != nil {
				m.at, m.chosen = k, it.j.Cookie
				m.keepInSight()
				return
			}
		}
	}
}

// move is what a person does: from then on the selection stays on its listener.
func (m *model) move(to, step int) {
	m.follow = false
	m.hold = holdFrames
	m.selectRow(to, step)
}

// keepInSight scrolls as little as it must, and shows the group of the first
// member.
func (m *model) keepInSight() {
	n := m.listHeight()
	if m.at < 0 || n <= 0 {
		return
	}
	first := m.at
	if n > 1 && first > 0 && m.rows[first-1].item == nil {
		first--
	}
	m.top = min(m.top, first)
	m.top = max(m.top, m.at-n+1)
	m.top = max(0, min(m.top, len(m.rows)-n))
}
