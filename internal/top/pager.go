package top

// pager is text that is scrolled.
type pager struct {
	lines []string
	top   int
	left  int // places cut off
}

// key scrolls; height is how many lines are in sight.
func (p *pager) key(name string, height int) {
	page := max(1, height-1)
	switch name {
	case "down", "j", "enter":
		p.top++
	case "up", "k":
		p.top--
	case "pgdown", "space", "ctrl+f", "ctrl+d":
		p.top += page
	case "pgup", "ctrl+b", "ctrl+u":
		p.top -= page
	case "home", "g":
		p.top = 0
	case "end", "G":
		p.top = len(p.lines)
	case "right", "l":
		p.left += 8
	case "left", "h":
		p.left = max(0, p.left-8)
	}
	p.clamp(height)
}

func (p *pager) clamp(height int) {
	p.top = max(0, min(p.top, len(p.lines)-height))
}

// inSight is at most height lines.
func (p *pager) inSight(height int) []string {
	p.clamp(height)
	return p.lines[p.top:min(len(p.lines), p.top+max(0, height))]
}
